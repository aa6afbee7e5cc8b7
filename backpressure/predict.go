package backpressure

import "time"

const (
	// pressureFrom is the pressure from which on less is let in; at 1 it is
	// pressureLeast of what it was.
	pressureFrom, pressureLeast = 0.9, 0.01
	// pressureStale is how old a pressure may be.
	pressureStale = 5 * time.Second
)

// eased is the part of a budget that the pressure on the units' memory leaves.
func (a *Admission) eased() float64 {
	p := a.outlook.Pressure
	if !(p > pressureFrom) || a.outlook.PressureAge+a.now-a.observed > pressureStale {
		return 1
	}
	return max((1-p)/(1-pressureFrom), pressureLeast)
}

// budget is how many seconds r may be predicted to take behind the gate: to its
// first token, or as a whole.
func (a *Admission) budget(r *Request) float64 {
	budget := a.firstTokenOf(r.prompt)
	if r.whole {
		budget = a.whole.budget(budget)
	}
	budget *= a.eased()
	if !r.whole {
		return budget
	}
	if !r.Deadline.IsZero() {
		left := (r.Deadline.Sub(a.start) - a.now).Seconds()
		budget = min(budget, a.whole.within(left, a.cfg.Share))
	}
	return budget
}

// wait is how many seconds r may be predicted to wait in the queue: what the
// objective leaves beside the engine's share, less half of it for what the
// prediction gets wrong.
func (a *Admission) wait(r *Request, budget float64) float64 {
	switch {
	case a.line(r).cold():
		return budget / a.cfg.Share
	case r.whole:
		return budget * wholeWait
	}
	return budget * a.spare
}

// crowded is the predicted time per output token with one more sequence, over
// what is allowed.
func (a *Admission) crowded() float64 {
	if a.decode.sequences == 0 {
		return 0
	}
	ahead := float64(a.lines[prompts].requests + 1)
	return a.decode.predict(ahead, a.units) / a.perToken
}

// near is what of r's budget may be used behind the gate. Where callers of several
// kinds wait, it matters who goes next, and the server asks nobody: then the line is
// kept in the gate's queue, and behind it is what keeps the server busy. Alone, a
// longer line there costs nobody his turn.
func (a *Admission) near(r *Request, budget float64) float64 {
	if r.whole && a.queue.contended() {
		return min(budget, a.look.near())
	}
	return budget
}

// room reports whether r's line has room for it within that budget.
func (a *Admission) room(r *Request, budget float64) bool {
	l := a.line(r)
	if a.units == 0 || r.whole && a.look.holds(l.requests) {
		return false
	}
	return l.fits(r.amount, a.near(r, budget), a.units)
}

// fits reports whether r may run now, in the room of a class.
func (a *Admission) fits(r *Request, rank int) bool {
	room := holdBack[rank]
	return a.crowded() <= room && a.room(r, a.budget(r)*room)
}

// service is how many seconds r will take on the average, once it runs with
// nothing ahead.
func (a *Admission) service(r *Request) float64 {
	if r.whole {
		return a.whole.mean
	}
	s := a.use.expectOutput(r.Cost, int(r.rank)) * a.decode.tpot
	if l := &a.lines[prompts]; !l.cold() && a.units > 0 {
		s += r.amount / max(l.rate*min(a.units, 1), 1e-9)
	}
	return s
}

// hopeless reports whether r, let in now, would probably end after its deadline.
func (a *Admission) hopeless(r *Request) bool {
	return !r.Deadline.IsZero() && a.inFlight > 0 &&
		r.Deadline.Sub(a.start)-a.now < seconds(a.service(r)*a.spread.p50)
}
