package backpressure

import (
	"context"
	"time"
)

// maxPreempted requests at most are told to stop and have not yet: each one that
// ends makes room for one that waits, and work that is thrown away is lost.
const maxPreempted = 2

// preempted is how Done counts a request that was told to stop.
const preempted = Outcome(255)

// A preempt knows the running requests that may be stopped: of the two sheddable
// classes, and able to be.
type preempt struct {
	last    [classes]*Request // newest of each class, linked by prev
	n       int
	stopped int // told so, and not ended
}

// Preemptible says that r, which runs, can be stopped, if it is of a sheddable
// class. Others never are.
func (a *Admission) Preemptible(r *Request) {
	p := &a.preempt
	if int(r.rank) >= Critical.rank() || r.state != waiting && r.state != running || r.victim || r.stoppable {
		return
	}
	r.stoppable = true
	r.prev, r.next = p.last[r.rank], nil
	if r.prev != nil {
		r.prev.next = r
	}
	p.last[r.rank] = r
	p.n++
}

// Preempt returns a running request that is to be stopped so that one of class
// [Critical] or above, which would wait for too long, may run instead; otherwise
// nil. Call it when Next has returned nil, until it does as well. The lowest class
// is stopped first and of that the newest, which has the least work to lose, no
// more than two at a time. The request runs on until Done, whose outcome then
// does not count.
func (a *Admission) Preempt(now time.Time) (*Request, Verdict) {
	p := &a.preempt
	if p.n == 0 || p.stopped >= maxPreempted || a.queue.n <= p.stopped || a.draining || a.cfg.Mode != Enforce || a.units == 0 {
		return nil, Verdict{}
	}
	t := a.advance(now)
	first, rank := a.queue.candidate(t)
	if int(first.rank) < Critical.rank() || !first.urgent && t < first.halfway() || a.fits(first, rank) {
		return nil, Verdict{}
	}
	for _, r := range p.last {
		if r != nil {
			p.remove(r)
			r.victim = true
			p.stopped++
			a.totals.preempted++
			a.totals.classes[r.rank].Preempted++
			return r, a.comeBack(r, Verdict{Shed, Preempted, a.back(r)})
		}
	}
	return nil, Verdict{}
}

// halfway is when r, which waits, has waited for half as long as it may: too long
// while work runs that matters less.
func (r *Request) halfway() time.Duration { return r.arrived + (r.giveUp-r.arrived)/2 }

func (p *preempt) remove(r *Request) {
	if r.next == nil {
		p.last[r.rank] = r.prev
	} else {
		r.next.prev = r.prev
	}
	if r.prev != nil {
		r.prev.next = r.next
	}
	r.prev, r.next, r.stoppable = nil, nil, false
	p.n--
}

// ended takes r out, which has ended, and reports whether it was told to stop.
func (p *preempt) ended(r *Request) bool {
	if r.stoppable {
		p.remove(r)
	}
	if r.victim {
		p.stopped--
	}
	return r.victim
}

// A victim is a running request that has to stop, and why.
type victim struct {
	cancel context.CancelCauseFunc
	why    *Rejected
}

// OnPreempt hands the gate the function that stops the work of p, as it comes
// from [context.WithCancelCause]. If the request is [Sheddable] or
// [SheddablePlus], and one of class [Critical] or above would have to be refused
// or wait for long, the gate may call it, once, with a *[Rejected] as the cause:
// its reason is [Preempted]. The work should end soon then, and p be released as
// always. Without OnPreempt nothing is ever stopped. [Gate.Handler] does this by
// itself.
func (p Permit) OnPreempt(cancel context.CancelCauseFunc) {
	if p.lease == nil || cancel == nil {
		return
	}
	g := p.lease.gate
	now := g.now()
	g.lock()
	if p.lease.generation() == p.gen {
		p.lease.cancel = cancel
		g.adm.Preemptible(&p.lease.req)
		g.pump(now)
	}
	g.unlock()
}

// stop finds out who has to stop. g.mu is held.
func (g *Gate) stop(now time.Time) {
	for g.adm.preempt.n > 0 {
		r, v := g.adm.Preempt(now)
		if r == nil {
			return
		}
		g.victims = append(g.victims, victim{r.lease.cancel, g.rejected.pick(v, true)})
	}
}

// unlock lets go of g.mu and then stops whoever has to stop, since what is called
// there is not the gate's.
func (g *Gate) unlock() {
	if len(g.victims) == 0 {
		g.mu.Unlock()
		return
	}
	victims := g.victims
	g.victims = nil
	g.mu.Unlock()
	for _, v := range victims {
		v.cancel(v.why)
	}
}
