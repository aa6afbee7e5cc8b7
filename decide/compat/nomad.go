package compat

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// Nomad is the Nomad Autoscaler with the target-value strategy: the last point
// over the target, times the count, when the two are more than a hundredth
// apart. Checks are combined by group; more beats none beats fewer.
//
// It reads the spec count, so that what is on its way is multiplied again; the
// cooldown after each change is what keeps it from running away. Metrics 0, 1, …
// are the checks' last points. Tick 10 s.
type Nomad struct {
	Checks []NomadCheck
	// Threshold of |factor − 1| below which nothing is done. Default 0.01.
	Threshold float64
	// MaxUp and MaxDown bound one change, in replicas. Default: no bound.
	MaxUp, MaxDown int64
	// Cooldown after a change, and UpCooldown after which it may go up. Default
	// 5 min, and the same; negative: none.
	Cooldown, UpCooldown time.Duration
}

// A NomadCheck is one target-value check.
type NomadCheck struct {
	// Target of the metric. With 0 the metric itself is the factor.
	Target float64
	// Group of checks that speak with one voice. Empty: a group of its own.
	Group string
}

// NomadState is what it remembers.
type NomadState struct {
	// Scaled is when the count was last changed.
	Scaled time.Time
}

// Facts implements [Rule].
func (n Nomad) Facts() Facts {
	return Facts{Name: "nomad-target-value", Reads: Spec, Shape: Ratio, Tick: 10 * time.Second, Delay: 10 * time.Second,
		Fails: "one point decides, and a change bars the next for minutes, up as well"}
}

// Validate implements [Rule].
func (n Nomad) Validate() error {
	var errs []error
	if len(n.Checks) == 0 {
		errs = append(errs, errors.New("evenkeel: compat.Nomad: Checks is empty: give it at least one"))
	}
	for i, c := range n.Checks {
		if !(c.Target >= 0) || !finite(c.Target) {
			errs = append(errs, fmt.Errorf("evenkeel: compat.Nomad: Checks[%d].Target is %v: it must not be negative", i, c.Target))
		}
	}
	if math.IsNaN(n.Threshold) || n.MaxUp < 0 || n.MaxDown < 0 {
		errs = append(errs, fmt.Errorf("evenkeel: compat.Nomad: Threshold, MaxUp and MaxDown are %v, %d and %d: none may be negative", n.Threshold, n.MaxUp, n.MaxDown))
	}
	return errors.Join(errs...)
}

// Want returns what one check asks for at count replicas.
func (n Nomad) Want(count int64, metric, target float64) int64 {
	factor := metric
	if target != 0 {
		factor = metric / target
	}
	if math.Abs(factor-1) <= or(n.Threshold, 0.01) {
		return count
	}
	if count == 0 {
		return ceil(factor)
	}
	want := ceil(float64(float64(count) * factor))
	if n.MaxUp > 0 {
		want = min(want, count+n.MaxUp)
	}
	if n.MaxDown > 0 {
		want = max(want, count-n.MaxDown)
	}
	return want
}

// Next implements [Rule].
func (n Nomad) Next(s NomadState, o Observation) (NomadState, Verdict) {
	o = o.clean()
	var groups []string
	votes := map[string][]int64{} // deltas; only looked up, never ranged over
	for i, c := range n.Checks {
		m := o.metric(i)
		if m.Failed {
			continue // on_error "ignore"
		}
		g := c.Group
		if g == "" {
			g = fmt.Sprintf("\x00%d", i)
		}
		if _, ok := votes[g]; !ok {
			groups = append(groups, g)
		}
		votes[g] = append(votes[g], o.bound(Verdict{Replicas: n.Want(o.Spec, m.Value, c.Target)}).Replicas-o.Spec)
	}
	if groups == nil {
		return s, held(o, decide.ReasonAbsent)
	}
	var of []int64
	for _, g := range groups {
		of = append(of, NomadGroup(votes[g]))
	}
	v := Verdict{Replicas: o.Spec + preempt(of), Reason: decide.ReasonSetpoint}
	wait := or(n.Cooldown, 5*time.Minute)
	if v.Replicas > o.Spec {
		wait = or(n.UpCooldown, wait)
	}
	switch {
	case v.Replicas == o.Spec:
		v.Reason = decide.ReasonTolerance
	case !s.Scaled.IsZero() && !o.Now.Before(s.Scaled) && o.Now.Sub(s.Scaled) < wait:
		return s, held(o, decide.ReasonCooldown)
	default:
		s.Scaled = o.Now
	}
	return s, v
}

// preempt takes the largest: up beats none beats down, and of two that go the
// same way the larger count is taken.
func preempt(deltas []int64) int64 {
	n := deltas[0]
	for _, d := range deltas[1:] {
		n = max(n, d)
	}
	return n
}

// NomadGroup returns what a group of checks asks for, as a change: those that
// want none are not heard unless all do.
func NomadGroup(deltas []int64) int64 {
	n, heard := int64(0), false
	for _, d := range deltas {
		if d != 0 && (!heard || d > n) {
			n, heard = d, true
		}
	}
	return n
}

// A NomadThreshold is the other strategy: a change while the metric lies in
// [Lower, Upper).
type NomadThreshold struct {
	Lower, Upper float64
	// Points within are needed. Default 5.
	Points int
	// One of the three: a change in replicas, in percent, or the count to have.
	Delta   int64
	Percent float64
	Value   *int64
}

// Want returns the count at count replicas, given the points of the query.
func (t NomadThreshold) Want(count int64, points []float64) int64 {
	need := t.Points
	if need == 0 {
		need = 5
	}
	in := 0
	for _, p := range points {
		if p >= t.Lower && p < t.Upper {
			in++
		}
	}
	switch {
	case in < need:
		return count
	case t.Value != nil:
		return *t.Value
	case t.Percent > 0:
		return ceil(float64(float64(count) * (1 + t.Percent/100)))
	case t.Percent < 0:
		return floor(float64(float64(count) * (1 + t.Percent/100)))
	}
	return max(count+t.Delta, 0)
}
