package page

import (
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/decide"
)

// Replicas counts a fleet by life-cycle. The zero Replicas is a fleet that could
// not be read.
type Replicas struct {
	// Known: the counts were read. Unless it is set they are shown as dashes.
	Known    bool  `json:"known"`
	Desired  int64 `json:"desired"`
	Ready    int64 `json:"ready"`
	Starting int64 `json:"starting"` // without the stuck ones
	Stuck    int64 `json:"stuck"`    // cannot start as things are
	Draining int64 `json:"draining"`
	Min      int64 `json:"min"`
	Max      int64 `json:"max"` // 0: not shown
	// Cohorts of starting and stuck replicas, for platforms that list no instances.
	Cohorts []Cohort `json:"cohorts,omitempty"`
	// StartUp is the measured time from asking for a replica to its first work,
	// in seconds.
	StartUp Value `json:"start_up_s"`
}

// A Cohort is N replicas that began to start at the same time.
type Cohort struct {
	N     int64     `json:"n"`
	Since time.Time `json:"since"`
	Stuck bool      `json:"stuck,omitempty"`
}

// ReplicasOf returns the counts of f within l.
func ReplicasOf(f decide.Fleet, l decide.Limits) Replicas {
	r := Replicas{
		Known: true, Desired: f.Desired, Ready: f.Ready, Draining: f.Draining,
		Min: l.Min, Max: max(l.Min, l.Max),
	}
	for _, c := range f.Starting {
		r.Cohorts = append(r.Cohorts, Cohort(c))
		if c.Stuck {
			r.Stuck += c.N
		} else {
			r.Starting += c.N
		}
	}
	return r
}

// An Instance is one replica.
type Instance struct {
	ID string `json:"id"`
	// Phase is "starting", "ready", "draining", "stopping" or "stuck".
	Phase string    `json:"phase"`
	Since time.Time `json:"since,omitzero"` // when it entered the phase
	// InFlight requests at this instance.
	InFlight Value `json:"in_flight"`
	// Restarts counts how often it was started again after it ended by itself.
	Restarts int64 `json:"restarts"`
	// Detail says in a few words what is wrong with it; empty if nothing is.
	Detail string `json:"detail,omitempty"`
}

// InstancesOf returns a platform's instances as the page shows them.
func InstancesOf(in []actuate.Instance) []Instance {
	out := make([]Instance, len(in))
	for i, v := range in {
		out[i] = Instance{ID: v.ID, Phase: v.Phase.String(), Since: v.Since, Restarts: v.Restarts, Detail: v.Detail}
		if v.InFlight >= 0 {
			out[i].InFlight = Of(float64(v.InFlight))
		}
	}
	return out
}

// Demand is offered work: admitted, queued or shed; never completions.
type Demand struct {
	Requests Value `json:"requests"` // offered requests per second
	Work     Value `json:"work"`     // offered work per second, in WorkUnit
	// UnitRate is the learned work per second that one ready replica does at full
	// use, in WorkUnit.
	UnitRate Value `json:"unit_rate"`
	// WorkUnit names the unit of work. Default "tokens/s".
	WorkUnit string `json:"work_unit"`
	// Replicas is demand in replicas at full use. Where absent, the page takes
	// Work / UnitRate.
	Replicas Value `json:"replicas"`
	// Output is the generated tokens per second.
	Output Value `json:"output"`
}

// Queue is what waits for admission.
type Queue struct {
	Requests Value `json:"requests"` // waiting now
	Age      Value `json:"age_s"`    // of the oldest, in seconds
	Bound    int64 `json:"bound"`    // requests that may wait; 0: not shown
}

// Shed is what was turned away for one reason.
type Shed struct {
	// Reason in words, from a small fixed set.
	Reason string `json:"reason"`
	Rate   Value  `json:"rate"`  // requests per second, now
	Total  int64  `json:"total"` // requests since StartedAt
	// Quota: the caller was over its own allowance, which says nothing of the
	// fleet. Such refusals are shown, and not called an overload.
	Quota bool `json:"quota,omitempty"`
}

// Latencies of the fleet, each from the merged distribution. A kind that is all
// absent is not shown.
type Latencies struct {
	TTFT     Latency `json:"ttft"`     // time to first token
	TPOT     Latency `json:"tpot"`     // time per output token after the first
	Duration Latency `json:"duration"` // arrival to end
}

// A Latency is two quantiles and what the second should stay under, in seconds.
type Latency struct {
	P50       Value `json:"p50_s"`
	P95       Value `json:"p95_s"`
	Objective Value `json:"objective_s"`
}

// missed reports whether the p95 is known to be over its objective.
func (l Latency) missed() bool { return l.Objective.Known && l.P95.above(l.Objective.Num) }
