package backpressure

import "time"

// totals count since the beginning.
type totals struct {
	offered, admitted, queued    uint64
	completed, failed, abandoned uint64
	degraded, elsewhere          uint64
	preempted                    uint64
	shed, shadowed               [reasons]uint64
	classes                      [classes]ClassStats
}

// ClassStats count the requests of one [Class] since the beginning, and those
// that wait now.
type ClassStats struct {
	Offered, Admitted, Shed, Preempted uint64
	Waiting                            int
}

// Counts holds one number per [Reason]; Counts[Saturated] is an example.
type Counts [reasons]uint64

// Total adds them up.
func (c Counts) Total() uint64 {
	var n uint64
	for _, v := range c {
		n += v
	}
	return n
}

// Stats are the figures of a gate at one instant, for pages and tests.
type Stats struct {
	// Since the beginning, in requests. Queued ones are admitted or shed later,
	// and counted there too. Shed holds all refusals, before the queue and after.
	Offered, Admitted, Queued uint64
	Shed                      Counts
	// Shadowed is what would have been shed, in mode Shadow. That mode admits
	// everything, so the gate is fuller than it would let itself become.
	Shadowed                     Counts
	Completed, Failed, Abandoned uint64
	// Degraded is what took a route instead of full service; Elsewhere those of
	// them that took none of the gate's units. Those are neither in Admitted nor
	// in what was completed, failed or abandoned.
	Degraded, Elsewhere uint64
	// Routes in the order of the Config.
	Routes []RouteStats
	// Preempted ones were let in and told to stop. When they end they are neither
	// completed nor failed nor abandoned.
	Preempted uint64
	// Classes of all four, the lowest first; see [Stats.Class].
	Classes [classes]ClassStats
	// Tenants that ask for most, at most 16. Requests without a tenant do not count.
	Tenants []TenantStats

	// Now.
	InFlight, Waiting int     // admitted and not done; in the queue
	WaitingBytes      int64   // in the queue
	WaitingWork       float64 // in the queue, weighted tokens
	Oldest            time.Duration
	Decoding          int // sequences that report tokens
	Mode              Mode
	Outlook           Outlook
	Draining          bool

	// PromptsAhead is the prompt tokens admitted whose first token is not seen.
	PromptsAhead float64
	// PredictedTTFT of an average request that came now, behind the gate. 0 while
	// nothing is learned.
	PredictedTTFT time.Duration
	// DrainRate is the learned prompt tokens per second and unit.
	DrainRate float64
	// TPOT is the mean time per output token over the last seconds, 0 if unknown.
	TPOT time.Duration
	// MeanPrompt and MeanOutput are the learned tokens per request.
	MeanPrompt, MeanOutput float64

	// UnitRate is the learned work, in weighted tokens per second, of one unit at
	// full use, UnitRateConfidence (0 to 1) how much it rests on. 0 if unknown.
	UnitRate, UnitRateConfidence float64
	// UnitUse is the share of time that the units are busy; meaningful if
	// UnitUseKnown. IdleTPOT is the learned time per output token of an idle unit.
	UnitUse      float64
	UnitUseKnown bool
	IdleTPOT     time.Duration

	// Per second, over the window: what was offered, in requests, prompt tokens
	// and work; what was shed; the tokens made; and what finished.
	DemandRequests, DemandInput, DemandWork float64
	ShedRate, OutputRate, FinishRate        float64
	// DegradedRate is what took a route, per second.
	DegradedRate float64
	// ErrorRatio of what finished in the window, 0 to 1.
	ErrorRatio float64
	// Saturation: see [Gate.Saturation].
	Saturation float64
}

// Class returns the counts of class c.
func (s *Stats) Class(c Class) ClassStats { return s.Classes[c.rank()] }

// Stats returns the figures at now.
func (a *Admission) Stats(now time.Time) Stats {
	t := a.advance(now)
	sum, secs := a.window.sum(t)
	s := Stats{
		Offered: a.totals.offered, Admitted: a.totals.admitted, Queued: a.totals.queued,
		Shed: Counts(a.totals.shed), Shadowed: Counts(a.totals.shadowed),
		Degraded: a.totals.degraded, Elsewhere: a.totals.elsewhere, Routes: a.routeStats(),
		Completed: a.totals.completed, Failed: a.totals.failed, Abandoned: a.totals.abandoned,

		Preempted: a.totals.preempted, Classes: a.totals.classes, Tenants: a.top.list(),

		InFlight: a.inFlight, Waiting: a.queue.n,
		WaitingBytes: a.queue.bytes, WaitingWork: a.queue.work,
		Decoding: a.decode.sequences, Mode: a.cfg.Mode, Outlook: a.outlook, Draining: a.draining,

		PromptsAhead:  a.lines[prompts].amount,
		PredictedTTFT: seconds(a.lines[prompts].seconds(0, a.use.prompt.value, a.units)),
		DrainRate:     a.lines[prompts].rate,
		TPOT:          seconds(a.decode.tpot),
		MeanPrompt:    a.use.prompt.value, MeanOutput: a.use.output.value,
		IdleTPOT: seconds(a.use.step.base),

		DemandRequests: float64(sum.offered) / secs,
		DemandInput:    sum.prompt / secs,
		DemandWork:     sum.work / secs,
		ShedRate:       float64(sum.shed) / secs,
		DegradedRate:   float64(sum.degraded) / secs,
		OutputRate:     float64(sum.output) / secs,
		FinishRate:     float64(sum.finished) / secs,
		ErrorRatio:     float64(sum.failed) / float64(max(sum.finished, 1)),
		Saturation:     a.saturation(sum),
	}
	for i := range s.Classes {
		s.Classes[i].Waiting = a.queue.bands[i].n
	}
	if a.queue.first != nil {
		s.Oldest = t - a.queue.first.arrived
	}
	s.UnitUse, s.UnitUseKnown = a.use.value()
	s.UnitRate, s.UnitRateConfidence, _ = a.use.unitRate(s.DemandWork, a.units)
	return s
}

// Saturation returns 0 idle, 1 full, above 1 how many times more is asked than
// could be let in; see [Gate.Saturation].
func (a *Admission) Saturation(now time.Time) float64 {
	sum, _ := a.window.sum(a.advance(now))
	return a.saturation(sum)
}

func (a *Admission) saturation(sum tally) float64 {
	full := a.fullness(sum)
	if a.units > 0 && sum.shed+sum.elsewhere > 0 {
		// The gate keeps itself at about 1; what it turned away is the rest.
		full = sum.asked(max(full, 1))
	}
	return full
}

// asked is full times demand over what the units were given.
func (s *tally) asked(full float64) float64 {
	return full * float64(s.admitted+s.shed+s.elsewhere) / float64(max(s.admitted, 1))
}

// fullness is how full the units are: 1 is what the objectives allow.
func (a *Admission) fullness(sum tally) float64 {
	if a.units == 0 {
		if sum.offered > 0 || a.queue.n > 0 {
			return 1
		}
		return 0
	}
	full, budget := 0.0, a.firstTokenOf(a.use.prompt.value) // of an average request
	if l := &a.lines[prompts]; l.requests > 0 || a.queue.n > 0 {
		full = l.seconds(a.queue.amount[prompts], 0, a.units) / budget
	}
	if l := &a.lines[answers]; l.requests > 0 || a.queue.n > 0 {
		full = max(full, l.seconds(a.queue.amount[answers], 0, a.units)/a.whole.budget(budget))
	}
	return max(full, a.crowded())
}
