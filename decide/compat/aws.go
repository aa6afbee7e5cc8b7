package compat

import (
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// AWS is target tracking of AWS Auto Scaling: out at once and in proportion, in
// gradually and only when all policies agree. Instances that still warm up are
// not in the metric.
//
// It reads the ready count to multiply by, and the spec count never to ask again
// for what is on its way. Metrics 0, 1, … are means per ready replica, one per
// policy. Tick 60 s, the grain of its metrics; 10 s with high-resolution ones.
//
// The service does not say how gradual "gradually" is. Here it is a tenth of the
// count in one step, and one at least. The alarms are those that it is known to
// create: three points above the setpoint, fifteen below nine tenths of it.
type AWS struct {
	// Setpoints of the metrics, each above 0. Required.
	Setpoints []float64
	// OutPoints and InPoints are how many points in a row must be over, or under.
	// Default 3 and 15.
	OutPoints, InPoints int
	// InShare of the setpoint below which a policy agrees to scale in. Default 0.9.
	InShare float64
	// InStep is the largest part of the count to take away at once. Default 0.1.
	InStep float64
	// OutCooldown and InCooldown. Default none (what is on its way is counted) and
	// 300 s; negative: none.
	OutCooldown, InCooldown time.Duration
	// NoScaleIn never takes anything away.
	NoScaleIn bool
	// Period of the metrics. Default 60 s.
	Period time.Duration
}

// AWSState is what it remembers.
type AWSState struct {
	// Over and Under count points in a row, by policy.
	Over, Under []int
	Out, In     time.Time // of the last change
}

// Facts implements [Rule].
func (a AWS) Facts() Facts {
	period := or(a.Period, time.Minute)
	return Facts{Name: "aws-target-tracking", Reads: Spec | Ready, Shape: Ratio, Tick: period, Delay: period / 2, Window: period,
		Fails: "three minutes until it notices; cannot leave zero"}
}

// Validate implements [Rule].
func (a AWS) Validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("evenkeel: compat.AWS: "+format, args...))
	}
	if len(a.Setpoints) == 0 {
		bad("Setpoints is empty: give it at least one")
	}
	for i, x := range a.Setpoints {
		if !(x > 0) || !finite(x) {
			bad("Setpoints[%d] is %v: it must be above 0", i, x)
		}
	}
	if a.OutPoints < 0 || a.InPoints < 0 {
		bad("OutPoints and InPoints are %d and %d: neither may be negative", a.OutPoints, a.InPoints)
	}
	if !(a.InShare >= 0 && a.InShare <= 1) || !(a.InStep >= 0 && a.InStep <= 1) {
		bad("InShare and InStep are %v and %v: they are shares, 0 to 1", a.InShare, a.InStep)
	}
	if a.Period < 0 {
		bad("Period is %v: it must be above 0, or 0 for 60 s", a.Period)
	}
	return errors.Join(errs...)
}

// Next implements [Rule].
func (a AWS) Next(s AWSState, o Observation) (AWSState, Verdict) {
	o = o.clean()
	over, under := make([]int, len(a.Setpoints)), make([]int, len(a.Setpoints))
	copy(over, s.Over)
	copy(under, s.Under)
	s.Over, s.Under = over, under
	out, in, agreed := o.Spec, int64(0), len(a.Setpoints) > 0
	for i, setpoint := range a.Setpoints {
		m := o.metric(i)
		if m.Failed || !(setpoint > 0) { // no data: an alarm that never goes off
			over[i], under[i], agreed = 0, 0, false
			continue
		}
		over[i], under[i] = streak(over[i], m.Value > setpoint), streak(under[i], m.Value < setpoint*or(a.InShare, 0.9))
		want := ceil(float64(float64(o.Ready)*m.Value) / setpoint)
		if over[i] >= points(a.OutPoints, 3) {
			out = max(out, want)
		}
		agreed = agreed && under[i] >= points(a.InPoints, 15)
		in = max(in, want)
	}
	switch {
	case out > o.Spec:
		if cooling(s.Out, o.Now, or(a.OutCooldown, 0)) {
			return s, held(o, decide.ReasonCooldown)
		}
		v := o.bound(Verdict{Replicas: out, Reason: decide.ReasonSetpoint})
		s.Out, s.In = o.Now, time.Time{} // growing ends the pause after shrinking
		return s, v
	case agreed && !a.NoScaleIn && in < o.Spec && o.Ready > 0:
		if wait := or(a.InCooldown, 300*time.Second); cooling(s.In, o.Now, wait) || cooling(s.Out, o.Now, wait) {
			return s, held(o, decide.ReasonCooldown)
		}
		v := Verdict{Replicas: in, Reason: decide.ReasonSetpoint}
		if least := o.Spec - max(floor(float64(float64(o.Spec)*or(a.InStep, 0.1))), 1); in < least {
			v = Verdict{Replicas: least, Reason: decide.ReasonRate}
		}
		if v = o.bound(v); v.Replicas < o.Spec {
			s.In = o.Now
		}
		return s, v
	}
	return s, o.bound(Verdict{Replicas: o.Spec, Reason: decide.ReasonTolerance})
}

func streak(n int, again bool) int {
	if !again {
		return 0
	}
	return min(n+1, 1<<20)
}

func points(n, def int) int {
	if n == 0 {
		return def
	}
	return n
}

func cooling(at, now time.Time, wait time.Duration) bool {
	return !at.IsZero() && !now.Before(at) && now.Sub(at) < wait
}
