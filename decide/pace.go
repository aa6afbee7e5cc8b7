package decide

import "time"

// paceSize is the number of changes that a pace keeps apart. Changes closer
// together than a part in paceSize-2 of the period are added up.
const paceSize = 16

// A pace remembers the changes in one direction over a period, in bounded
// memory and never for less than the period. The zero pace is empty.
type pace struct {
	Moves [paceSize]move // oldest first, the empty ones at the end
}

type move struct {
	First, Last instant // of the changes added up here
	N           int64   // 0: empty
}

func (p *pace) len() int {
	for i, m := range p.Moves {
		if m.N == 0 {
			return i
		}
	}
	return paceSize
}

// expire forgets the changes that are a whole period old.
func (p *pace) expire(now instant, period time.Duration) {
	n, k := p.len(), 0
	for k < n && now-p.Moves[k].Last >= period.Milliseconds() {
		k++
	}
	if k > 0 {
		copy(p.Moves[:], p.Moves[k:n])
		clear(p.Moves[n-k:])
	}
}

// add notes a change of n at an instant no earlier than those noted before.
func (p *pace) add(at instant, n int64, period time.Duration) {
	k := p.len()
	if k > 0 {
		m := &p.Moves[k-1]
		if k == paceSize || at-m.First < period.Milliseconds()/(paceSize-2) {
			m.Last, m.N = max(at, m.Last), cleanCount(m.N+n)
			return
		}
	}
	p.Moves[k] = move{at, at, n}
}

// sum returns what has changed in the period that ends at now. What was added
// up across the beginning of the period counts in full if generous, else not at
// all.
func (p *pace) sum(now instant, period time.Duration, generous bool) int64 {
	var n int64
	for _, m := range p.Moves {
		at := m.First
		if generous {
			at = m.Last
		}
		if m.N != 0 && now-at < period.Milliseconds() {
			n += m.N
		}
	}
	return n
}

// shift moves every change back by d: the clock was set back.
func (p *pace) shift(d int64) {
	for i := range p.Moves {
		if m := &p.Moves[i]; m.N != 0 {
			m.First, m.Last = max(m.First-d, 0), max(m.Last-d, 0)
		}
	}
}
