package backpressure

import (
	"errors"
	"math"
	"time"
)

// decodeShare is the part of the TPOT objective up to which sequences are added.
// At 1, half of the requests would end up above it; the less, the fewer run.
const decodeShare = 0.92

// extraShare is the part of what LongPrompt adds that may be predicted. The rest
// of the objective is for what changes ahead of a request; a long prompt's own time
// hardly changes.
const extraShare = 0.9

// maxSaturated bounds RetryAfter behind ready units, in seconds. How long a stall
// will last, the rate that falls in it cannot tell.
const maxSaturated = 30

// The two lines.
const (
	prompts = iota // streams, until their first token
	answers        // whole answers, until their end
)

// An Admission decides what is let in. It is the pure core of a [Gate]: it reads
// no clock, starts nothing, locks nothing and never blocks, so a simulation can
// run it in its own time. Not safe for concurrent use.
//
// The order of calls for one request: Offer; if that says Hold, wait until Next
// returns the request (run it) or Expire does (refuse it), or call Cancel; while
// it runs FirstToken and Tokens, if the caller sees them; at the end Done,
// exactly once. After every Offer, every call that can make room (FirstToken,
// Done, Cancel, Observe, Update), and from time to time, call Expire and Next
// until both return nil; where running work can be stopped, then [Admission.Preempt].
//
// A now that lies before an earlier one counts as no time passed.
type Admission struct {
	cfg     Config
	outlook Outlook
	units   float64

	start   time.Time
	started bool
	now     time.Duration // since start
	folded  time.Duration

	observed time.Duration // when outlook came

	firstToken float64 // seconds to the first token that may be predicted
	perPrompt  float64 // the same, more for each prompt token
	longFrom   float64 // beyond this many
	perToken   float64 // seconds per output token that may be predicted
	spare      float64 // wait in the queue that may be predicted, per budget

	lines      [2]line
	decode     decode
	whole      whole
	look       look
	comeback   comeback
	use        use
	window     window
	queue      queue
	spread     spread
	preempt    preempt
	streams    bool // a first token was reported, ever
	unstreamed bool // a request completed without one, before any did
	draining   bool

	routes    []*route // the highest From first
	inFlight  int
	elsewhere int // in flight on routes that lead elsewhere
	totals    totals
	top       top
}

// NewAdmission returns an empty Admission: one unit is ready, nothing is learned.
func NewAdmission(cfg Config) (*Admission, error) {
	a := &Admission{outlook: Outlook{Ready: 1, Members: 1}, units: 1, use: use{steady: steadyFor}, spread: newSpread(), look: look{turn: 1}}
	a.lines[prompts].one = true
	if err := a.Update(cfg); err != nil {
		return nil, err
	}
	return a, nil
}

// Update puts another configuration into force. What was learned and what waits
// stays; only another Window starts a new count. A bad one is refused whole, and
// Pool cannot change.
func (a *Admission) Update(cfg Config) error {
	old := a.cfg
	cfg = cfg.withDefaults()
	err := cfg.validate()
	if old.Window != 0 && cfg.Pool != old.Pool {
		err = errors.Join(err, errors.New("backpressure: Pool cannot change: make another gate"))
	}
	if err != nil {
		return err
	}
	a.cfg = cfg
	a.routes = newRoutes(cfg.Routes, a.routes)
	a.firstToken = cfg.Share * cfg.TTFT.Seconds()
	a.perPrompt = extraShare * cfg.LongPrompt.PerToken.Seconds()
	a.longFrom = float64(cfg.LongPrompt.Above)
	a.lines[prompts].long = cfg.LongPrompt.PerToken > 0
	a.spare = (1 - cfg.Share) / cfg.Share / 2
	a.perToken = decodeShare * cfg.TPOT.Seconds()
	if cfg.Window != old.Window {
		a.window = newWindow(cfg.Window)
	}
	return nil
}

// Observe takes in what is known of the fleet.
func (a *Admission) Observe(now time.Time, o Outlook) {
	a.advance(now)
	if units := o.units(); units != a.units {
		a.fold() // what was measured so far belongs to the old number
		a.units = units
		if a.inFlight > 0 { // what runs does not move to the new units
			a.use.steady = 0
		}
	}
	a.outlook, a.observed = o, a.now
}

// Drain stops admission, or with false starts it again. Expire returns what
// waits.
func (a *Admission) Drain(on bool) { a.draining = on }

// advance lets time pass until now.
func (a *Admission) advance(now time.Time) time.Duration {
	if !a.started {
		a.start, a.started = now, true
	}
	t := now.Sub(a.start)
	if t <= a.now {
		if t < a.now-time.Second { // the clock was set back: go on from here
			a.start = now.Add(-a.now)
		}
		return a.now
	}
	return a.pass(t)
}

// pass lets time pass until t after the start, if that is not past.
func (a *Admission) pass(t time.Duration) time.Duration {
	if t <= a.now {
		return a.now
	}
	dt := float64(t-a.now) * 1e-9 // Duration.Seconds is exact, and slow
	a.now = t
	a.lines[prompts].pass(dt, a.units)
	a.lines[answers].pass(dt, a.units)
	a.decode.pass(dt)
	if t-a.folded >= foldEvery {
		a.fold()
		if a.routes != nil {
			a.turnRoutes(t)
		}
	}
	return t
}

// fold lets everything that learns take in what was measured.
func (a *Admission) fold() {
	secs := (a.now - a.folded).Seconds()
	a.folded = a.now
	isFull := a.isFull()
	l := &a.lines[answers]
	wanted := !l.cold() && a.queue.n > 0 && a.queue.contended() && a.cfg.Mode == Enforce
	a.look.fold(a.now, wanted, l.requests, a.whole.mean)
	a.lines[prompts].fold(a.promptsOver())
	// Long answers that began together end together: look at more than one round.
	a.lines[answers].fold(max(learnOver, 2*a.whole.mean))
	a.queue.fold(a.now)
	tpot := a.decode.tpot
	seqTime, tokens := a.decode.fold()
	a.use.add(secs, a.units, seqTime, tokens, tpot, a.decode.sequences, isFull)
}

// isFull reports whether an average request would have to wait now.
func (a *Admission) isFull() bool {
	if a.queue.n > 0 || a.crowded() > 1 {
		return a.units > 0
	}
	mean := a.use.prompt.value
	return a.units > 0 && !a.lines[prompts].fits(mean, a.firstTokenOf(mean), a.units)
}

// Offer asks to let r in. It counts as demand, whatever the answer.
func (a *Admission) Offer(now time.Time, r *Request) Verdict {
	return a.offer(a.advance(now), r)
}

// offer is Offer at t after the start; time has passed until then.
func (a *Admission) offer(t time.Duration, r *Request) Verdict {
	a.arrive(t, r)
	if r.route != nil { // of an earlier use of r
		r.route, r.limit = nil, 0
	}
	if a.routes != nil && a.cfg.Mode == Enforce {
		a.cheapen(r)
	}
	v := a.judge(t, r)
	if v.Action != Admit && a.cfg.Mode != Enforce && v.Reason != Draining {
		if a.cfg.Mode == Shadow && v.Action == Shed {
			a.totals.shadowed[v.Reason]++
		}
		v = Verdict{}
	}
	switch v.Action {
	case Admit:
		if a.queue.fair {
			a.queue.charge(r)
		}
		a.admit(r)
	case Hold:
		a.totals.queued++
		a.queue.push(t, r)
	default:
		if a.divert(r, v.Reason) {
			return Verdict{}
		}
		r.state = idle
		v = a.refused(r, v)
	}
	return v
}

// judge decides without doing anything; for Hold it sets r.giveUp.
func (a *Admission) judge(t time.Duration, r *Request) Verdict {
	if a.draining {
		return Verdict{Shed, Draining, a.outlook.ReadyIn}
	}
	room, crowded, budget := holdBack[r.rank], a.crowded(), a.budget(r)
	free := crowded <= room && !a.queue.waits(int(r.rank)) && a.room(r, budget*room)
	if free && r.Deadline.IsZero() {
		return Verdict{} // the usual case, short
	}
	budget *= room
	l, wait := a.line(r), a.cfg.Queue.Wait
	left := time.Duration(math.MaxInt64)
	if !r.Deadline.IsZero() {
		until, service := r.Deadline.Sub(a.start)-t, a.service(r)
		if a.inFlight > 0 && float64(until)*1e-9 < service*a.spread.p50 {
			return Verdict{Shed, DeadlineTooShort, seconds(l.seconds(0, r.amount, a.units))}
		}
		if free {
			return Verdict{}
		}
		left = until - seconds(service*a.spread.p90)
	}
	if a.units == 0 {
		wait = min(wait, left)
		in := a.outlook.ReadyIn
		if in <= 0 || in > wait {
			return Verdict{Shed, NoCapacity, in}
		}
		if full, why := a.full(r, NoCapacity); full {
			return Verdict{Shed, why, in}
		}
		return a.hold(r, NoCapacity, wait, in)
	}

	reason, retry := Saturated, 0.0
	if crowded > room {
		reason, retry = DecodeSaturated, (crowded/room-1)*a.use.output.value*a.decode.tpot
	}
	spare := a.wait(r, budget)
	need := l.seconds(a.queue.ahead(r), r.amount, a.units) - budget
	if need > retry {
		retry = need
	}
	r.urgent = a.preempt.n > 0 && retry > spare/2 && int(r.rank) >= Critical.rank()
	if retry > maxSaturated {
		retry = maxSaturated
	}
	if need > spare && !r.urgent && !a.queue.due(r) {
		return Verdict{Shed, reason, seconds(retry)}
	}
	if need > float64(left)*1e-9 && !r.urgent {
		return Verdict{Shed, DeadlineTooShort, seconds(retry)}
	}
	if full, why := a.full(r, reason); full {
		return Verdict{Shed, why, seconds(retry)}
	}
	spare += budget - a.near(r, budget)
	return a.hold(r, reason, min(wait, left, seconds(spare)), seconds(retry))
}

// full reports whether the queue has no room for r, though others gave way to it
// where they had to, and why it is refused then.
func (a *Admission) full(r *Request, why Reason) (bool, Reason) {
	q := &a.cfg.Queue
	for a.queue.n >= q.Requests || a.queue.bytes+r.Cost.Bytes > q.Bytes {
		if q.Requests <= 0 {
			return true, why
		}
		why = QueueFull
		out := a.queue.excess(r)
		if out == nil || r.Cost.Bytes > q.Bytes {
			return true, why
		}
		a.queue.displace(a.now, out)
	}
	return false, why
}

// hold queues r for at most wait.
func (a *Admission) hold(r *Request, why Reason, wait, retry time.Duration) Verdict {
	r.giveUp = a.now + max(wait, 0)
	return Verdict{Hold, why, retry}
}

func lineOf(r *Request) int {
	if r.whole {
		return answers
	}
	return prompts
}

func (a *Admission) line(r *Request) *line { return &a.lines[lineOf(r)] }

// seconds turns s into a duration of at most an hour.
func seconds(s float64) time.Duration {
	switch { // min and max take care of NaN and -0 first, on a path that runs for each
	case !(s > 0):
		return 0
	case s >= 3600:
		return time.Hour
	}
	return time.Duration(s * float64(time.Second))
}

func (a *Admission) admit(r *Request) {
	r.state, r.admitted = waiting, a.now
	if r.route != nil {
		a.enterRoute(r)
	}
	l := a.line(r)
	if r.whole {
		r.predicted = l.seconds(0, r.amount, a.units)
		if a.look.most > 0 {
			a.look.enter(a.now, r)
		}
	}
	l.enter(r.amount)
	a.inFlight++
	a.use.full.given += r.work
	a.comeback.let += r.work
	a.window.at(a.now).admitted++
	a.totals.admitted++
	a.totals.classes[r.rank].Admitted++
}

// refused counts r as refused by v, and returns v with the time at which it may come
// back.
func (a *Admission) refused(r *Request, v Verdict) Verdict {
	why := v.Reason
	a.totals.shed[why]++
	a.totals.classes[r.rank].Shed++
	if r.Tenant != 0 {
		a.top.refuse(r.Tenant)
	}
	if why != Cancelled {
		a.window.at(a.now).shed++
	}
	return a.comeBack(r, v)
}
