package compat

import (
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// A KEDAFallback is what to scale to when a trigger cannot be read.
type KEDAFallback struct {
	// After so many failures in a row; the next one makes it count.
	After    int
	Replicas int64
	Behavior KEDAFallbackBehavior
}

// KEDAFallbackBehavior says what the fallback's count is compared with.
type KEDAFallbackBehavior uint8

// The behaviours.
const (
	FallbackStatic   KEDAFallbackBehavior = iota // the count given
	FallbackCurrent                              // the count as it is
	FallbackIfHigher                             // the larger of both
	FallbackIfLower                              // the smaller of both
)

// count returns the count to fall back to.
func (f KEDAFallback) count(current int64) int64 {
	switch f.Behavior {
	case FallbackCurrent:
		return current
	case FallbackIfHigher:
		return max(current, f.Replicas)
	case FallbackIfLower:
		return min(current, f.Replicas)
	}
	return f.Replicas
}

// metric is the value that makes the HPA arrive at the fallback's count. It has
// none for a Value target while nothing is ready.
func (f KEDAFallback) metric(t KEDATrigger, o Observation) Metric {
	value := float64(t.Target * float64(f.count(o.Spec)))
	if t.Value {
		if o.Ready == 0 {
			return Metric{Failed: true}
		}
		value /= float64(o.Ready)
	}
	return Metric{Value: value}
}

// poll is KEDA's own loop: it counts failures and moves between zero and one. It
// reports false where the HPA decides.
func (k KEDA) poll(s KEDAState, o Observation) (KEDAState, Verdict, bool) {
	s.Polled = o.Now
	failures := make([]int, len(k.Triggers))
	copy(failures, s.Failures)
	s.Failures = failures
	active, failed := k.Pause.Active, false
	values, ok := make([]float64, len(k.Triggers)), make([]bool, len(k.Triggers))
	for i, t := range k.Triggers {
		m := o.metric(i)
		if m.Failed {
			failures[i]++
			failed = true
			continue
		}
		failures[i], values[i], ok[i] = 0, m.Value, true
		active = active || (k.Formula == nil && m.Value > t.Activation)
	}
	if k.Formula != nil {
		if value, okay := k.Formula(values, ok); okay {
			active = active || value > k.Composite.Activation
		}
	}
	least := o.Limits.Min
	if active {
		s.Active = o.Now
		switch {
		case o.Spec == 0:
			return s, Verdict{Replicas: max(least, 1), Reason: decide.ReasonFirst}, true
		case k.Idle != nil && o.Spec < least:
			return s, Verdict{Replicas: least, Reason: decide.ReasonMin}, true
		}
		return s, Verdict{}, false
	}
	// Without a fallback an error holds the count; with one the HPA gets the
	// fallback's metric. Only a fallback of 0 lets an error go on to zero.
	if failed && (k.Fallback == nil || k.Fallback.Replicas != 0) {
		return s, Verdict{}, false
	}
	idle, since, wait := int64(0), s.Active, or(k.Cooldown, 300*time.Second)
	if k.Idle != nil {
		idle = *k.Idle
	}
	if since.IsZero() {
		since, wait = s.Created, max(k.Initial, 0)
	}
	if (least <= 0 || k.Idle != nil) && o.Spec > idle && since.Add(wait).Before(o.Now) {
		return s, Verdict{Replicas: idle, Reason: decide.ReasonIdle}, true
	}
	return s, Verdict{}, false
}

// metrics returns what the HPA is given: one metric per trigger, or the composite
// of all. A fallback anywhere replaces the composite.
func (k KEDA) metrics(s KEDAState, o Observation) ([]KEDATrigger, []Metric) {
	values, ok := make([]float64, len(k.Triggers)), make([]bool, len(k.Triggers))
	got := make([]Metric, len(k.Triggers))
	fallback := false
	for i, t := range k.Triggers {
		got[i] = o.metric(i)
		values[i], ok[i] = got[i].Value, !got[i].Failed
		if got[i].Failed && k.Fallback != nil && i < len(s.Failures) && s.Failures[i] > k.Fallback.After {
			fallback = true
			got[i] = k.Fallback.metric(t, o)
		}
	}
	if k.Formula == nil {
		return slices.Clone(k.Triggers), got
	}
	composite := []KEDATrigger{k.Composite}
	if fallback {
		return composite, []Metric{k.Fallback.metric(k.Composite, o)}
	}
	value, okay := k.Formula(values, ok)
	return composite, []Metric{{Value: value, Failed: !okay || !finite(value)}}
}

// KEDAJobs is how KEDA's ScaledJob counts the jobs to create.
type KEDAJobs uint8

// The strategies.
const (
	JobsDefault  KEDAJobs = iota // what is wanted less what runs
	JobsAccurate                 // pending jobs have not taken their work yet
	JobsEager                    // as many as there is room for
)

// Create returns how many jobs to create when wanted is asked for, running and
// pending are there (pending jobs count as running too), and most is the limit.
func (j KEDAJobs) Create(wanted, running, pending, most int64) int64 {
	switch j {
	case JobsAccurate:
		if wanted+running-pending > most {
			return most - running
		}
		return wanted - pending
	case JobsEager:
		return min(most-running-pending, wanted)
	}
	return wanted - running
}

// CreateCustom is the strategy with settings of its own: a fixed number of jobs
// less, and a share of those that run.
func CreateCustom(wanted, running, most, deduction int64, share float64) int64 {
	return min(wanted-deduction-inRange(float64(running)*share), most)
}
