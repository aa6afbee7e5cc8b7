package compat

import (
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// KEDA is two loops: every 30 s its own, between zero and one, and an [HPA]
// between one and many. Triggers may fall back to a count, and one formula may
// make a single metric of all of them.
//
// It reads the spec count for zero and one, and what the HPA reads for the rest.
// Metrics are totals, one per trigger. Tick 15 s, the HPA's; triggers are asked
// directly, so that the delay is that of one HPA tick at most.
type KEDA struct {
	Triggers []KEDATrigger
	// Polling is the time between looks at the triggers. Default 30 s.
	Polling time.Duration
	// Cooldown is how long no trigger must have been active before the count goes
	// to zero, Initial the same after creation. Default 300 s and none.
	Cooldown, Initial time.Duration
	// Idle is the count while no trigger is active, where it is below the minimum.
	// Nil: none of its own.
	Idle *int64
	// Fallback when triggers cannot be read. Nil: none.
	Fallback *KEDAFallback
	// Formula makes one metric of the triggers' values; ok is false for those that
	// could not be read. Nil: each trigger is a metric of its own.
	Formula func(values []float64, ok []bool) (value float64, okay bool)
	// Composite is the Formula's target and activation.
	Composite KEDATrigger
	// Pause is an operator's switch.
	Pause KEDAPause
	// Behavior and tolerances of the HPA.
	Behavior                   *HPABehavior
	UpTolerance, DownTolerance float64
}

// A KEDATrigger is one source of demand.
type KEDATrigger struct {
	// Target per replica; with Value, of the metric itself.
	Target float64
	// Activation is what the value must exceed for the trigger to be active.
	Activation float64
	Value      bool
}

// KEDAPause holds some or all of what KEDA does.
type KEDAPause struct {
	// All holds everything, at Replicas if that is not nil.
	All      bool
	Replicas *int64
	// In and Out hold one direction.
	In, Out bool
	// Active makes every trigger count as active.
	Active bool
}

// KEDAState is what KEDA remembers.
type KEDAState struct {
	Created, Polled, Active time.Time
	// Failures in a row, by trigger.
	Failures []int
	HPA      HPAState
}

// Facts implements [Rule].
func (k KEDA) Facts() Facts {
	return Facts{Name: "keda", Reads: Spec | Status | Ready, Shape: Ratio, Tick: 15 * time.Second, Delay: 7500 * time.Millisecond,
		Fails: "from many to zero in one step; a fallback of 0 turns an error into an outage"}
}

// Validate implements [Rule].
func (k KEDA) Validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("evenkeel: compat.KEDA: "+format, args...))
	}
	if len(k.Triggers) == 0 {
		bad("Triggers is empty: give it at least one")
	}
	check := func(field string, t KEDATrigger) {
		if !(t.Target > 0) || !finite(t.Target) {
			bad("%s.Target is %v: it must be above 0", field, t.Target)
		}
		if !finite(t.Activation) {
			bad("%s.Activation is %v: it must be a number", field, t.Activation)
		}
	}
	for i, t := range k.Triggers {
		if k.Formula == nil {
			check(fmt.Sprintf("Triggers[%d]", i), t)
		}
	}
	if k.Formula != nil {
		check("Composite", k.Composite)
	}
	if k.Polling < 0 {
		bad("Polling is %v: it must be above 0, or 0 for 30 s", k.Polling)
	}
	if f := k.Fallback; f != nil && (f.Replicas < 0 || f.After < 0 || f.Behavior > FallbackIfLower) {
		bad("Fallback is %+v: nothing may be negative, and Behavior one of the constants", *f)
	}
	if k.Behavior != nil {
		k.Behavior.Up.validate("Up", bad)
		k.Behavior.Down.validate("Down", bad)
	}
	return errors.Join(errs...)
}

// Next implements [Rule].
func (k KEDA) Next(s KEDAState, o Observation) (KEDAState, Verdict) {
	o = o.clean()
	switch {
	case k.Pause.Replicas != nil:
		return s, o.bound(Verdict{Replicas: *k.Pause.Replicas, Reason: decide.ReasonOverride})
	case k.Pause.All:
		return s, held(o, decide.ReasonOverride)
	}
	if s.Created.IsZero() {
		s.Created = o.Now
	}
	v, polled := Verdict{Replicas: o.Spec}, false
	if s.Polled.IsZero() || o.Now.Sub(s.Polled) >= or(k.Polling, 30*time.Second) || o.Now.Before(s.Polled) {
		var mine Verdict
		if s, mine, polled = k.poll(s, o); polled {
			v = mine
		}
	}
	if !polled && o.Spec > 0 && (k.Idle == nil || o.Spec != *k.Idle || o.Spec >= o.Limits.Min) {
		hpa, below := k.underneath(s, o)
		s.HPA, v = hpa.Next(s.HPA, below)
	}
	if (k.Pause.In && v.Replicas < o.Spec) || (k.Pause.Out && v.Replicas > o.Spec) {
		return s, held(o, decide.ReasonOverride)
	}
	return s, v
}

// underneath returns the HPA that KEDA makes, and what it sees. Its minimum is
// one at least, its maximum 100 if none is given.
func (k KEDA) underneath(s KEDAState, o Observation) (HPA, Observation) {
	h := HPA{Behavior: k.Behavior, UpTolerance: k.UpTolerance, DownTolerance: k.DownTolerance}
	below := o
	below.Limits.Min = max(o.Limits.Min, 1)
	if below.Limits.Max <= 0 {
		below.Limits.Max = 100
	}
	below.Metrics = nil
	triggers, metrics := k.metrics(s, o)
	for i, t := range triggers {
		m := HPAMetric{Source: HPAExternal, Type: HPAAverageValue, Target: t.Target}
		if t.Value {
			m.Type = HPAValue
		}
		h.Metrics = append(h.Metrics, m)
		below.Metrics = append(below.Metrics, metrics[i])
	}
	return h, below
}
