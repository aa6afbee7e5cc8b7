package simulate

import (
	"math"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// A Report is what came of a run.
//
// Every request ends in exactly one way: Offered is the sum of Completed, Shed,
// Abandoned and Aborted.
type Report struct {
	// Offered is all requests of the trace.
	Offered int64 `json:"offered"`
	// Admitted is those that were let in, at once or after a wait.
	Admitted int64 `json:"admitted"`
	// Queued is those that had to wait at the gate, whatever came of it.
	Queued int64 `json:"queued"`
	// Completed is those that got their last token.
	Completed int64 `json:"completed"`
	// Shed is those that the gate refused, at once or after a wait; ShedBy counts
	// them by reason.
	Shed   int64            `json:"shed"`
	ShedBy map[string]int64 `json:"shed_by,omitempty"`
	// Abandoned is those whose client lost patience before the first token.
	Abandoned int64 `json:"abandoned"`
	// Aborted is those whose unit was killed, or that no engine could ever hold.
	Aborted int64 `json:"aborted"`

	// TTFT is the time from arrival to the first token, the wait at the gate
	// included; TPOT the mean time per token after the first, for each request
	// with more than one; Duration the time from arrival to the last token. All of
	// completed requests.
	TTFT     Quantiles `json:"ttft"`
	TPOT     Quantiles `json:"tpot"`
	Duration Quantiles `json:"duration"`

	// WithinAdmitted and WithinOffered are the shares, 0 to 1, of the admitted and
	// of all requests that were served within the objective.
	WithinAdmitted float64 `json:"within_admitted"`
	WithinOffered  float64 `json:"within_offered"`
	// Goodput is requests per second served within the objective, over Length.
	Goodput float64 `json:"goodput"`

	// Length is how long the fleet was decided on and paid for.
	Length time.Duration `json:"length"`
	// ReplicaSeconds is what was paid for: the time of every replica from the
	// moment it was asked for until it was gone, start-up and drain included.
	ReplicaSeconds float64 `json:"replica_seconds"`
	// Smallest and Largest are the least and most replicas desired, Final the
	// last.
	Smallest int64 `json:"smallest"`
	Largest  int64 `json:"largest"`
	Final    int64 `json:"final"`
	// Changes is how many times the desired count changed.
	Changes int64 `json:"changes"`
	// Needed is what a fleet that knew the trace would have at its busiest ten
	// seconds, see [ReplicasNeeded]; Overshoot is how far Largest was above it.
	Needed    int64 `json:"needed"`
	Overshoot int64 `json:"overshoot"`

	// Decisions is the log, one a tick, if Config.Log was set.
	Decisions []Tick `json:"decisions,omitempty"`
}

// A Tick is one decision and what it was made from.
type Tick struct {
	At       time.Duration   `json:"at"`
	Input    decide.Input    `json:"input"`
	Decision decide.Decision `json:"decision"`
}

// Quantiles sums up a latency. All are 0 if nothing was measured.
type Quantiles struct {
	P50 time.Duration `json:"p50"`
	P95 time.Duration `json:"p95"`
	P99 time.Duration `json:"p99"`
}

// quantiles sorts v and takes nearest-rank quantiles.
func quantiles(v []time.Duration) Quantiles {
	if len(v) == 0 {
		return Quantiles{}
	}
	slices.Sort(v)
	at := func(q float64) time.Duration { return v[int(math.Ceil(q*float64(len(v))))-1] }
	return Quantiles{P50: at(0.50), P95: at(0.95), P99: at(0.99)}
}

// tally collects what the report is made from.
type tally struct {
	Report
	ttft, tpot, duration []time.Duration
	within               int64
}

// complete books a request that got its last token now.
func (t *tally) complete(r *request, now time.Duration, o Objective) {
	t.Completed++
	ttft := r.first - r.rec.At
	t.ttft = append(t.ttft, ttft)
	t.duration = append(t.duration, now-r.rec.At)
	good := ttft-o.LongPrompt.Extra(r.rec.Input) <= o.TTFT
	if r.made > 1 {
		tpot := (now - r.first) / time.Duration(r.made-1)
		t.tpot = append(t.tpot, tpot)
		good = good && tpot <= o.TPOT
	}
	if good {
		t.within++
	}
}

// desire books the count that the fleet works towards.
func (t *tally) desire(n int64) {
	if n != t.Final {
		t.Changes++
	}
	t.Final = n
	t.Smallest, t.Largest = min(t.Smallest, n), max(t.Largest, n)
}

// report closes the books.
func (t *tally) report(f *fleet, length time.Duration, needed int64) Report {
	r := t.Report
	r.TTFT, r.TPOT, r.Duration = quantiles(t.ttft), quantiles(t.tpot), quantiles(t.duration)
	share := func(n int64) float64 {
		if n == 0 {
			return 0
		}
		return float64(t.within) / float64(n)
	}
	r.WithinAdmitted, r.WithinOffered = share(r.Admitted), share(r.Offered)
	r.Length = length
	if s := length.Seconds(); s > 0 {
		r.Goodput = float64(t.within) / s
	}
	r.ReplicaSeconds = f.billed.Seconds()
	r.Needed, r.Overshoot = needed, max(r.Largest-needed, 0)
	return r
}
