package backpressure

import "time"

// Next takes the request that goes first out of the queue and returns it, if it
// may run now; otherwise nil. The highest class goes first, in it the tenant
// furthest below its share, of that one the oldest request, or the newest if they
// have been waiting for too long. If the first one does not fit, none overtakes it.
func (a *Admission) Next(now time.Time) *Request {
	if a.queue.n == 0 || a.draining {
		return nil
	}
	t := a.advance(now)
	r, rank := a.queue.candidate(t)
	if a.cfg.Mode == Enforce && (!a.fits(r, rank) || a.hopeless(r)) {
		return nil
	}
	if b := &a.queue.bands[r.rank]; int(r.rank) < rank {
		b.credit -= r.work
	}
	a.queue.remove(t, r, true)
	a.queue.earn(int(r.rank), r.work, a.use.work.value)
	a.admit(r)
	return r
}

// Expire returns a request that has waited as long as was useful, or gave way to
// another, and takes it out of the queue; otherwise nil. When draining it returns
// all that wait. If the verdict is to admit it, run it: it has found a route that
// leads elsewhere.
func (a *Admission) Expire(now time.Time) (*Request, Verdict) {
	t := a.advance(now)
	if r := a.queue.takeDisplaced(); r != nil {
		return r, a.evicted(r, QueueFull)
	}
	r, why := a.queue.first, Draining
	if r == nil {
		return nil, Verdict{}
	}
	if !a.draining {
		if r, why = a.queue.overdue(t), QueueTimeout; r == nil {
			// Whoever would run now with too little time left had better not begin.
			next, rank := a.queue.candidate(t)
			if !a.hopeless(next) || a.cfg.Mode != Enforce || !a.fits(next, rank) {
				return nil, Verdict{}
			}
			r, why = next, DeadlineTooShort
		}
	}
	return r, a.evict(r, why)
}

// evict takes r out of the queue.
func (a *Admission) evict(r *Request, why Reason) Verdict {
	a.queue.remove(a.now, r, false)
	return a.evicted(r, why)
}

// evicted counts r, which is out of the queue, as refused.
func (a *Admission) evicted(r *Request, why Reason) Verdict {
	retry := a.outlook.ReadyIn
	switch {
	case why == QueueTimeout && a.units == 0:
		why = NoCapacity
	case why == QueueTimeout, why == QueueFull && a.units > 0:
		retry = a.back(r)
	}
	over := why == DeadlineTooShort && !a.start.Add(a.now).Before(r.Deadline)
	if !over && a.divert(r, why) {
		return Verdict{}
	}
	return a.refused(r, Verdict{Shed, why, retry})
}

// back is when a caller whose request was thrown out may find room.
func (a *Admission) back(r *Request) time.Duration {
	return seconds(min(a.line(r).seconds(0, r.amount, a.units)-a.budget(r), maxSaturated))
}

// WakeAt returns when Expire may have something to return next, if ever.
func (a *Admission) WakeAt() (time.Time, bool) {
	if a.queue.displaced != nil {
		return a.start.Add(a.now), true
	}
	if a.queue.first == nil {
		return time.Time{}, false
	}
	return a.start.Add(a.queue.soonest), true
}

// Cancel takes r out of the queue because its caller has left. If it was let in
// meanwhile, it ends as Abandoned.
func (a *Admission) Cancel(now time.Time, r *Request) {
	switch r.state {
	case queued:
		a.advance(now)
		a.evict(r, Cancelled)
	case displaced:
		a.advance(now)
		a.queue.undisplace(r)
		a.evicted(r, Cancelled)
	default:
		a.Done(now, r, Abandoned)
	}
}

// FirstToken says that r's first token was made. Its prompt leaves the line.
// Repeated calls do nothing, nor do calls for a request whose Cost is Whole.
func (a *Admission) FirstToken(now time.Time, r *Request) {
	t := a.advance(now)
	if r.state == elsewhere {
		r.output = max(r.output, 1)
	}
	if r.state != waiting || r.Cost.Whole {
		return
	}
	if r.whole { // so this server streams after all
		a.lines[answers].leave(r.amount, false)
		a.look.leave(r, 0, false)
		r.whole, r.amount = false, r.prompt
		a.lines[prompts].enter(r.amount)
	}
	r.state, r.first, r.output = running, t, 1
	a.streams = true
	a.window.at(t).output++
	a.lines[prompts].leave(r.amount, true)
	a.use.prefill(r.prompt, float64(t-r.admitted)*1e-9, float64(a.now-a.folded)*1e-9)
}

// Tokens says that r has made n more output tokens, after the one that
// FirstToken stands for. If FirstToken was not called, the first of them is that
// one.
func (a *Admission) Tokens(now time.Time, r *Request, n int64) {
	t := a.advance(now)
	if n <= 0 || (r.state != waiting && r.state != running && r.state != elsewhere) {
		return
	}
	if r.Cost.Whole || r.state == elsewhere {
		a.output(r, n)
		return
	}
	if r.state == waiting {
		a.FirstToken(now, r)
		n--
	}
	if n > 0 && !r.decodes {
		// Only requests that report tokens count as decoding sequences, and this
		// is one since its first token.
		r.decodes = true
		a.decode.sequences++
		a.decode.newTime += float64(t-r.first) * 1e-9
	}
	r.output += n
	a.made(n)
}

// output counts tokens of r that say nothing about speed.
func (a *Admission) output(r *Request, n int64) {
	r.output += n
	if r.state == elsewhere { // for the quota alone
		return
	}
	a.window.at(a.now).output += n
}

// made counts tokens of sequences that are known to decode.
func (a *Admission) made(n int64) {
	a.decode.newTokens += float64(n)
	a.window.at(a.now).output += n
}

// Done says that r has ended. A request that completed without a first token had
// it now. Repeated calls do nothing; a request that still waits is taken out of
// the queue.
func (a *Admission) Done(now time.Time, r *Request, o Outcome) {
	switch r.state {
	case idle:
		return
	case queued, displaced:
		a.Cancel(now, r)
		return
	case elsewhere:
		a.advance(now)
		a.leaveRoute(r, o)
		r.state = idle
		return
	}
	t := a.advance(now)
	if r.flow != nil {
		a.settle(r)
	}
	if a.preempt.ended(r) {
		o = preempted
	}
	full := r.route == nil // what is served in part teaches nothing about full service
	if !full {
		a.leaveRoute(r, o)
	} else if o == Completed && a.spread.wants() {
		a.spread.add(float64(t-r.admitted)*1e-9, a.service(r))
	}
	if r.looked > 0 {
		a.look.leave(r, (t - r.admitted).Seconds(), o == Completed && full)
	}
	if r.whole {
		if o != Failed && full && r.predicted > 0 {
			a.whole.ended((t-r.admitted).Seconds()-r.predicted, o == Abandoned)
		}
		if o == Completed && full {
			a.whole.finished(t-r.admitted, a.lines[answers].requests, a.units)
		}
		a.lines[answers].leave(r.amount, o == Completed)
	} else if r.state == waiting {
		a.lines[prompts].leave(r.amount, o == Completed)
		a.unstreamed = a.unstreamed || o == Completed
	}
	if r.decodes {
		a.decode.sequences--
	}
	r.state, r.decodes = idle, false
	a.inFlight--

	w := a.window.at(t)
	switch o {
	case Failed:
		a.totals.failed++
		w.failed++
	case Abandoned:
		a.totals.abandoned++
		return
	case preempted:
		return
	default:
		a.totals.completed++
		if full {
			a.use.finished(r.output, r.Cost, int(r.rank))
		}
	}
	w.finished++
}

// settle corrects what r's tenant was charged by the tokens that were made. Where
// they are not known, the estimate stands.
func (a *Admission) settle(r *Request) {
	work := r.work
	if r.output > 0 && r.route == nil {
		work = r.prompt + OutputWeight*float64(r.output)
	}
	a.queue.bands[r.rank].settle(r, work)
}
