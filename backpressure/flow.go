package backpressure

import (
	"math"
	"time"
)

// A flow is one tenant in one class: what of it waits, and how far it has been
// served.
type flow struct {
	tenant uint64
	// start is the virtual time at which the flow's next request begins.
	start  float64
	weight float64

	first, last *Request // oldest and newest
	n           int
	work        float64
	since       time.Duration // somebody waits since
	running     int           // requests let in that will be settled

	pos        [2]int // in the band's heaps
	prev, next *flow  // in the ring of all flows
}

// tail is the virtual time at which all that waits of the flow would be done.
func (f *flow) tail() float64 { return f.start + f.work/f.weight }

func (f *flow) push(r *Request) {
	r.newer, r.older = nil, f.last
	if f.last == nil {
		f.first = r
	} else {
		f.last.newer = r
	}
	f.last = r
	f.n++
	f.work += r.work
}

func (f *flow) remove(r *Request) {
	if r.older == nil {
		f.first = r.newer
	} else {
		r.older.newer = r.newer
	}
	if r.newer == nil {
		f.last = r.older
	} else {
		r.newer.older = r.older
	}
	r.newer, r.older = nil, nil
	f.n--
	f.work -= r.work
	if f.n == 0 { // no rounding error stays
		f.work = 0
	}
}

// standing is the least time for which a queue must not have been empty to count
// as a standing one.
const standing = 100 * time.Millisecond

// turn is the request of f that goes first at t. While the queue takes up a burst
// that is the oldest. A queue that has not been empty for as long as its oldest
// may wait takes up nothing any more, it only makes everybody late; then the
// newest goes first, which has all of its time left, until the queue was empty.
// So does Facebook's adaptive LIFO with controlled delay (B. Maurer, Fail at
// Scale, ACM Queue 13(8), 2015), after CoDel (RFC 8289), with 100 ms for all.
func (f *flow) turn(t time.Duration) *Request {
	if t-f.since > max(standing, f.first.giveUp-f.first.arrived) {
		return f.last
	}
	return f.first
}

// The two orders in which a band keeps its flows.
const (
	byStart = iota // the smallest first: who goes next
	byTail         // the largest first: who is furthest above its share
)

// A heap is a binary heap of flows that know their places in it.
type heap struct {
	by    int
	flows []*flow
}

// before reports whether f goes before g. Ties are decided by who came first, and
// then by hash, so that the same calls give the same answers.
func (h *heap) before(f, g *flow) bool {
	a, b := f.start, g.start
	if h.by == byTail {
		a, b = -f.tail(), -g.tail()
	}
	switch {
	case a != b:
		return a < b
	case f.since != g.since:
		return f.since < g.since
	}
	return f.tenant < g.tenant
}

func (h *heap) push(f *flow) {
	f.pos[h.by] = len(h.flows)
	h.flows = append(h.flows, f)
	h.fix(f)
}

func (h *heap) remove(f *flow) {
	i, last := f.pos[h.by], len(h.flows)-1
	h.swap(i, last)
	h.flows[last] = nil
	h.flows = h.flows[:last]
	if i < last {
		h.fix(h.flows[i])
	}
}

// fix puts f where it belongs after its key has changed.
func (h *heap) fix(f *flow) {
	i := f.pos[h.by]
	for i > 0 && h.before(f, h.flows[(i-1)/2]) {
		h.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	for {
		c := 2*i + 1
		if c >= len(h.flows) {
			return
		}
		if c+1 < len(h.flows) && h.before(h.flows[c+1], h.flows[c]) {
			c++
		}
		if !h.before(h.flows[c], f) {
			return
		}
		h.swap(i, c)
		i = c
	}
}

func (h *heap) swap(i, j int) {
	h.flows[i], h.flows[j] = h.flows[j], h.flows[i]
	h.flows[i].pos[h.by], h.flows[j].pos[h.by] = i, j
}

// weightOf makes a usable weight of w.
func weightOf(w float64) float64 {
	if w == 0 || math.IsNaN(w) {
		return 1
	}
	return min(max(w, minWeight), maxWeight)
}
