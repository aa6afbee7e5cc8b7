package backpressure

import "time"

// Next returns the request that has waited longest, if it may run now, and takes
// it out of the queue; otherwise nil.
func (a *Admission) Next(now time.Time) *Request {
	r := a.queue.first
	if r == nil || a.draining {
		return nil
	}
	a.advance(now)
	if a.cfg.Mode == Enforce && !a.fits(r) {
		return nil
	}
	a.queue.remove(r)
	a.admit(r)
	return r
}

// Expire returns a request that has waited as long as was useful, and takes it
// out of the queue; otherwise nil. When draining it returns all that wait. If the
// verdict is to admit it, run it: it has found a route that leads elsewhere.
func (a *Admission) Expire(now time.Time) (*Request, Verdict) {
	t := a.advance(now)
	r, why := a.queue.first, Draining
	if r == nil {
		return nil, Verdict{}
	}
	if !a.draining {
		if r, why = a.queue.overdue(t), QueueTimeout; r == nil {
			return nil, Verdict{}
		}
	}
	return r, a.evict(r, why)
}

// evict takes r out of the queue.
func (a *Admission) evict(r *Request, why Reason) Verdict {
	a.queue.remove(r)
	retry := a.outlook.ReadyIn
	switch {
	case why == QueueTimeout && a.units == 0:
		why = NoCapacity
	case why == QueueTimeout:
		retry = seconds(min(a.line(r).seconds(0, r.amount, a.units)-a.budget(r), maxSaturated))
	}
	if why != DeadlineTooShort && a.divert(r, why) { // too short in the queue: it has passed
		return Verdict{}
	}
	a.refused(why)
	return Verdict{Shed, why, retry}
}

// WakeAt returns when Expire may have something to return next, if ever.
func (a *Admission) WakeAt() (time.Time, bool) {
	if a.queue.first == nil {
		return time.Time{}, false
	}
	return a.start.Add(a.queue.soonest), true
}

// Cancel takes r out of the queue because its caller has left. If it was let in
// meanwhile, it ends as Abandoned.
func (a *Admission) Cancel(now time.Time, r *Request) {
	if r.state != queued {
		a.Done(now, r, Abandoned)
		return
	}
	a.advance(now)
	a.evict(r, Cancelled)
}

// FirstToken says that r's first token was made. Its prompt leaves the line.
// Repeated calls do nothing, nor do calls for a request whose Cost is Whole.
func (a *Admission) FirstToken(now time.Time, r *Request) {
	t := a.advance(now)
	if r.state != waiting || r.Cost.Whole {
		return
	}
	if r.whole { // so this server streams after all
		a.lines[answers].leave(r.amount, false)
		r.whole, r.amount = false, r.prompt
		a.lines[prompts].enter(r.amount)
	}
	r.state, r.first, r.output = running, t, 1
	a.streams = true
	a.window.at(t).output++
	a.lines[prompts].leave(r.amount, true)
	a.use.prefill(r.prompt, (t - r.admitted).Seconds(), (a.now - a.folded).Seconds())
}

// Tokens says that r has made n more output tokens, after the one that
// FirstToken stands for. If FirstToken was not called, the first of them is that
// one.
func (a *Admission) Tokens(now time.Time, r *Request, n int64) {
	t := a.advance(now)
	if n <= 0 || (r.state != waiting && r.state != running) {
		return
	}
	if r.Cost.Whole {
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
		a.decode.newTime += (t - r.first).Seconds()
	}
	r.output += n
	a.made(n)
}

// output counts tokens of r that say nothing about speed.
func (a *Admission) output(r *Request, n int64) {
	if r.state == elsewhere {
		return
	}
	r.output += n
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
	case queued:
		a.Cancel(now, r)
		return
	case elsewhere:
		a.advance(now)
		a.leaveRoute(r, o)
		r.state = idle
		return
	}
	t := a.advance(now)
	full := r.route == nil // what is served in part teaches nothing about full service
	if !full {
		a.leaveRoute(r, o)
	}
	if r.whole {
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
	default:
		a.totals.completed++
		if full {
			a.use.finished(r.output)
		}
	}
	w.finished++
}
