package decide

import "slices"

// A SignalReader says which signals it rests on. Policies and Tests may
// implement it: the explanation then names their signals, with values, units
// and ages. Every policy of this package does.
type SignalReader interface {
	// Reads returns positions in Input.Signals, that of the figure A of its
	// opinions first. It returns the same every time.
	Reads() []int
}

// Reads implements [SignalReader].
func (t *track) Reads() []int { return []int{t.signal} }

// Reads implements [SignalReader].
func (c *capacity) Reads() []int { return append([]int{c.demand}, c.unit.reads()...) }

// Reads implements [SignalReader].
func (b *backlog) Reads() []int {
	out := append([]int{b.queue}, b.unit.reads()...)
	if b.demand >= 0 {
		out = append(out, b.demand)
	}
	return out
}

// reads returns the position of the rate, none if it is a constant.
func (u unit) reads() []int {
	if u.constant > 0 {
		return nil
	}
	return []int{u.signal}
}

// readsOf returns what p reads, without repetition and as far as the n signals
// go; nil if it does not say.
func readsOf(p any, n int) []int {
	r, ok := p.(SignalReader)
	if !ok {
		return nil
	}
	var out []int
	for _, i := range r.Reads() {
		if i >= 0 && i < n && !slices.Contains(out, i) {
			out = append(out, i)
		}
	}
	return out
}
