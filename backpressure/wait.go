package backpressure

import (
	"context"
	"time"
)

// wait waits for l to be admitted or evicted.
func (g *Gate) wait(ctx context.Context, l *lease, limit time.Duration) (Permit, error) {
	if l.timer == nil {
		l.timer = time.NewTimer(limit)
	} else {
		l.timer.Reset(limit)
	}
	r, why, woken := &l.req, QueueTimeout, false
	var now time.Time
	for {
		select {
		case <-l.wake:
			woken = true
		case <-l.timer.C:
		case <-ctx.Done():
			why = Cancelled
			if ctx.Err() == context.DeadlineExceeded {
				why = DeadlineTooShort
			}
		}
		l.timer.Stop()
		now = g.now()
		g.lock()
		if woken || why != QueueTimeout || r.state != queued || g.adm.advance(now) >= r.giveUp {
			break
		}
		l.timer.Reset(r.giveUp - g.adm.now)
		g.pump(now) // it may stop others by now
		g.unlock()
	}
	defer g.unlock()
	if r.state == queued {
		g.adm.advance(now)
		v := g.adm.evict(r, why)
		if v.Action == Admit { // by a route that leads elsewhere
			return Permit{l, l.generation()}, nil
		}
		g.put(l)
		g.pump(now) // the next in line may be smaller
		return Permit{}, g.rejected.pick(v, true)
	}
	// Its state changed under the lock, and with it one wake-up was sent.
	if !woken {
		<-l.wake
	}
	if r.state == idle {
		v := l.verdict
		g.put(l)
		return Permit{}, g.rejected.pick(v, true)
	}
	if !woken && why != QueueTimeout { // let in, but the caller has left
		l.quota.Refund()
		g.end(now, l, Abandoned)
		return Permit{}, g.rejected.pick(Verdict{Shed, why, 0}, true)
	}
	return Permit{l, l.generation()}, nil
}

// pump wakes whoever may run now, or has waited too long, and finds out who is to
// be stopped. g.mu is held; let go of it by unlock. A wake-up is sent exactly once
// per change of state and the channel holds one, so none is lost and the send
// never blocks.
func (g *Gate) pump(now time.Time) {
	if g.adm.queue.first == nil && g.adm.queue.displaced == nil {
		return
	}
	for {
		r, v := g.adm.Expire(now)
		if r != nil {
			r.lease.verdict = v
		} else if r = g.adm.Next(now); r == nil {
			break
		}
		r.lease.wake <- struct{}{}
	}
	g.stop(now)
}
