package backpressure

import "time"

// refusesAny reports whether r would be refused however small it is, and whether its
// answer comes as a stream or whole, and why. It changes nothing. In doubt it says
// no: then the body tells more.
func (a *Admission) refusesAny(t time.Duration, r *Request) (Verdict, bool) {
	if a.draining {
		return Verdict{Shed, Draining, a.outlook.ReadyIn}, true
	}
	if a.cfg.Mode != Enforce || len(a.routes) > 0 {
		return Verdict{}, false
	}
	if a.units == 0 {
		in := a.outlook.ReadyIn
		wait := a.cfg.Queue.Wait
		if !r.Deadline.IsZero() {
			wait = min(wait, r.Deadline.Sub(a.start)-t)
		}
		return Verdict{Shed, NoCapacity, in}, in <= 0 || in > wait
	}
	if a.preempt.n > 0 {
		return Verdict{}, false
	}
	room, least := holdBack[r.rank], maxSaturated*time.Second
	for line := range a.lines {
		if line == prompts && a.unstreamed && !a.streams {
			continue // nobody streams here
		}
		r.whole = line == answers
		r.prompt, r.work, r.amount = 1, 1, 1
		budget := a.budget(r) * room
		spare := a.wait(r, budget)
		l := &a.lines[line]
		need := l.seconds(a.queue.ahead(r), r.amount, a.units) - budget
		if need <= spare || a.queue.due(r) {
			return Verdict{}, false
		}
		least = min(least, seconds(need))
	}
	return Verdict{Shed, Saturated, least}, true
}

// turnAway refuses r if any would be refused. It counts as demand then, by the mean of
// all requests, since nobody has looked at it.
func (a *Admission) turnAway(t time.Duration, r *Request) (Verdict, bool) {
	r.rank, r.flow = uint8(r.Class.rank()), nil
	v, sure := a.refusesAny(t, r)
	if sure {
		a.arrive(t, r)
		r.state = idle
		v = a.refused(r, v)
	}
	return v, sure
}

// maxBytes bounds what a request may claim to occupy, so that sums do not overflow.
const maxBytes = 1 << 50

// arrive counts r as demand, and works out what it takes. A claim beyond reason is
// cut, lest one request spoils the means that all are judged by.
func (a *Admission) arrive(t time.Duration, r *Request) {
	r.Cost.Prompt = min(r.Cost.Prompt, maxTokens)
	r.Cost.Bytes = min(max(r.Cost.Bytes, 0), maxBytes)
	prompt, work := a.use.arrived(r.Cost, r.Class.rank())
	r.prompt, r.work = prompt, work
	r.arrived, r.output, r.decodes = t, 0, false
	r.rank, r.urgent, r.victim, r.flow, r.looked = uint8(r.Class.rank()), false, false, nil, 0
	r.whole = r.Cost.Whole || (a.unstreamed && !a.streams)
	r.amount = prompt
	if r.whole {
		r.amount = r.work
	}
	w := a.window.at(t)
	w.offered++
	w.prompt += prompt
	w.work += r.work
	a.comeback.came += r.work
	a.totals.offered++
	a.totals.classes[r.rank].Offered++
	if r.Tenant != 0 {
		a.top.offer(r.Tenant, r.work)
	}
}
