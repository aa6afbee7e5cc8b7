package compat

import (
	"math"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// An Observation is what an autoscaler sees at one tick. Each rule reads the
// part of it that its [Facts] name.
type Observation struct {
	Now time.Time
	// Spec is the count asked for, Status the replicas that exist, Ready those
	// that serve.
	Spec, Status, Ready int64
	// Limits of the count. A Max of 0 is no maximum.
	Limits decide.Limits
	// Metrics in the order in which the rule wants them.
	Metrics []Metric
}

// A Metric is one signal as a metrics pipeline hands it over.
type Metric struct {
	// Value over the rule's window. Each rule says whether it takes the fleet's
	// total or the mean of the replicas.
	Value float64
	// Short is the same over the rule's short window.
	Short float64
	// Failed: it could not be read. A value that is no number counts as that.
	Failed bool
	// Pods has the value by replica, for rules that look at each.
	Pods []Pod
}

// A Pod is one replica's part of a metric.
type Pod struct {
	Value float64
	// Request is what the replica has reserved of the resource, in the same unit.
	// Only a utilisation needs it.
	Request float64
	State   PodState
}

// PodState is what a replica's value counts for.
type PodState uint8

// The states, as the Kubernetes HPA tells them apart.
const (
	PodReady   PodState = iota // serves, and its value is known
	PodMissing                 // is there, but has no value
	PodUnready                 // does not serve yet: its value means nothing
	PodIgnored                 // on its way out, or failed
)

// metric returns the i-th metric. One that is not there has failed.
func (o *Observation) metric(i int) Metric {
	if i >= len(o.Metrics) {
		return Metric{Failed: true}
	}
	m := o.Metrics[i]
	if !finite(m.Value) || !finite(m.Short) {
		m.Failed = true
	}
	return m
}

// limits returns the bounds in order and in range.
func (o *Observation) limits() (lo, hi int64) {
	lo = min(max(o.Limits.Min, 0), decide.MaxReplicas)
	if o.Limits.Max <= 0 {
		return lo, decide.MaxReplicas
	}
	return lo, max(min(o.Limits.Max, decide.MaxReplicas), lo)
}

// bound keeps v within the limits of o.
func (o *Observation) bound(v Verdict) Verdict {
	lo, hi := o.limits()
	if v.Replicas < lo {
		v.Replicas, v.Reason = lo, decide.ReasonMin
	}
	if v.Replicas > hi {
		v.Replicas, v.Reason = hi, decide.ReasonMax
	}
	return v
}

// clean returns o with its counts in range, so that no arithmetic overflows.
func (o Observation) clean() Observation {
	for _, n := range []*int64{&o.Spec, &o.Status, &o.Ready} {
		*n = min(max(*n, 0), decide.MaxReplicas)
	}
	return o
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// ceil and floor round to a count, and keep it in range. Both are exact: these
// rules have no allowance for rounding errors.
func ceil(x float64) int64  { return inRange(math.Ceil(x)) }
func floor(x float64) int64 { return inRange(math.Floor(x)) }

func inRange(x float64) int64 {
	switch {
	case !(x > 0): // also NaN
		return 0
	case x >= decide.MaxReplicas:
		return decide.MaxReplicas
	}
	return int64(x)
}

// A Past is a count with its time: what was recommended or changed then.
type Past struct {
	At       time.Time
	Replicas int64
}

// remember returns those of past that are younger than the window or just as
// old, with n at now. It never writes to past.
func remember(past []Past, now time.Time, window time.Duration, n int64) []Past {
	kept := make([]Past, 0, len(past)+1)
	for _, p := range past {
		if within(p.At, now, window) {
			kept = append(kept, p)
		}
	}
	return append(kept, Past{now, n})
}

func within(at, now time.Time, window time.Duration) bool {
	return !at.After(now) && now.Sub(at) <= window
}

func largest(past []Past) int64 {
	n := past[0].Replicas
	for _, p := range past[1:] {
		n = max(n, p.Replicas)
	}
	return n
}

func smallest(past []Past) int64 {
	n := past[0].Replicas
	for _, p := range past[1:] {
		n = min(n, p.Replicas)
	}
	return n
}

// or returns v, the default if it is zero, and zero if it is negative: the
// convention of every setting that can be switched off.
func or[T ~int64 | ~float64](v, def T) T {
	switch {
	case v == 0:
		return def
	case v < 0:
		return 0
	}
	return v
}
