package backpressure

import (
	"context"
	"sync/atomic"
	"time"
)

// A lease is the gate's memory of one request. Leases are reused; a generation
// tells the present holder from those before.
type lease struct {
	req  Request
	gate *Gate

	// word is the generation (high half) and, once the request decodes, its output
	// tokens (low half). One word, so that counting a token and checking whose it
	// is are one step without a lock.
	word atomic.Uint64

	outcome Outcome                 // guarded by gate.mu
	quota   Reservation             // guarded by gate.mu
	used    int64                   // output by Permit.Used, and 1; guarded by gate.mu
	cancel  context.CancelCauseFunc // stops the work; guarded by gate.mu
	verdict Verdict                 // why it was evicted; guarded by gate.mu
	wake    chan struct{}
	timer   *time.Timer
	free    *lease // next in the gate's list of free leases
}

const tokenMask = 1<<32 - 1

func (l *lease) generation() uint32 { return uint32(l.word.Load() >> 32) }

// lease takes one from the list, or makes one. g.mu is held.
func (g *Gate) take() *lease {
	l := g.free
	if l == nil {
		l = &lease{gate: g}
		l.req.lease = l
		l.word.Store(1 << 32) // generation 0 is the zero Permit's
		return l
	}
	g.free, l.free = l.free, nil
	return l
}

// put gives l back; its permits die. g.mu is held.
func (g *Gate) put(l *lease) {
	gen := l.generation() + 1
	if gen == 0 {
		gen = 1
	}
	l.word.Store(uint64(gen) << 32)
	l.outcome, l.cancel, l.used = Completed, nil, 0
	g.putBack(l)
}

// putBack gives l back, of which nobody has a permit. g.mu is held.
func (g *Gate) putBack(l *lease) {
	if l.quota.bucket != nil { // it never ran
		l.quota.Refund()
	}
	l.free, g.free = g.free, l
}
