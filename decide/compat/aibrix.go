package compat

import (
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// APA is AIBrix's pod autoscaler: the mean per replica over three minutes,
// divided by its setpoint, times the count, at most doubled or halved.
//
// As shipped it reads the spec count. While new replicas start, the mean of the
// ready ones stays high, and every tick doubles what is on its way. Its window
// is the wrong way round: going down it takes the lowest count wanted in it, so
// that the window speeds up what it should hold back.
//
// Metrics 0, 1, … are means per replica over 180 s; the largest count of those
// that could be read is taken. Tick 10 s.
type APA struct {
	// Setpoints of the metrics, each above 0. Required.
	Setpoints []float64
	// UpTolerance and DownTolerance of the ratio. Default 0.1; negative: none.
	UpTolerance, DownTolerance float64
	// MaxUp and MaxDown are the factors of one decision. Default 2.
	MaxUp, MaxDown float64
	// UpWindow and DownWindow are the cooldown windows. Default none and 300 s;
	// negative: none.
	UpWindow, DownWindow time.Duration
	// Repaired: it counts from the ready replicas, never goes down on a ratio above
	// 1 or up on one below, and the windows hold back as they should.
	Repaired bool
}

// AIBrixState is what AIBrix's autoscalers remember.
type AIBrixState struct {
	// Recommended counts of the cooldown windows.
	Recommended []Past
	// Panicking since PanicAt, and the largest count wanted meanwhile. Only the
	// repaired KPA ever sets them.
	Panicking bool
	PanicAt   time.Time
	MaxPanic  int64
}

// Facts implements [Rule].
func (a APA) Facts() Facts {
	f := Facts{Name: "aibrix-apa@as-shipped", Reads: Spec, Shape: Ratio,
		Tick: 10 * time.Second, Delay: 5 * time.Second, Window: 180 * time.Second,
		Fails: "doubles at every tick while replicas start; its window speeds up shrinking"}
	if a.Repaired {
		f.Name, f.Reads = "aibrix-apa@repaired", Spec|Ready
		f.Fails = "late by its three-minute mean"
	}
	return f
}

// Validate implements [Rule].
func (a APA) Validate() error {
	return validateAIBrix("APA", a.Setpoints, a.MaxUp, a.MaxDown, a.UpTolerance, a.DownTolerance)
}

func validateAIBrix(rule string, setpoints []float64, up, down, upTolerance, downTolerance float64) error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("evenkeel: compat."+rule+": "+format, args...))
	}
	if len(setpoints) == 0 {
		bad("Setpoints is empty: give it at least one")
	}
	for i, x := range setpoints {
		if !(x > 0) || !finite(x) {
			bad("Setpoints[%d] is %v: it must be above 0", i, x)
		}
	}
	for _, f := range []struct {
		name string
		v    float64
	}{{"MaxUp", up}, {"MaxDown", down}} {
		if f.v != 0 && !(f.v > 1 && finite(f.v)) {
			bad("%s is %v: it must be above 1, or 0 for 2", f.name, f.v)
		}
	}
	if !finite(upTolerance) || !(downTolerance <= 1) {
		bad("tolerances are %v and %v: they are shares", upTolerance, downTolerance)
	}
	return errors.Join(errs...)
}

// Propose returns what one metric asks for at cur replicas, before windows and
// limits.
func (a APA) Propose(cur int64, mean, setpoint float64) (n int64, why decide.Reason) {
	if !(setpoint > 0) {
		return cur, decide.ReasonInvalid
	}
	ratio, count := mean/setpoint, float64(cur)
	wish := ceil(float64(count * ratio))
	switch {
	case ratio > 1+or(a.UpTolerance, 0.1):
		most := ceil(float64(or(a.MaxUp, 2) * count))
		if wish > most {
			return most, decide.ReasonRate
		}
		return wish, decide.ReasonSetpoint
	case ratio < 1-or(a.DownTolerance, 0.1):
		least := floor(count / or(a.MaxDown, 2))
		if wish < least {
			return least, decide.ReasonRate
		}
		return wish, decide.ReasonSetpoint
	}
	return cur, decide.ReasonTolerance
}

// Next implements [Rule].
func (a APA) Next(s AIBrixState, o Observation) (AIBrixState, Verdict) {
	o = o.clean()
	v := Verdict{Replicas: -1}
	for i, setpoint := range a.Setpoints {
		m := o.metric(i)
		if m.Failed {
			continue
		}
		n, why := a.propose(o, m.Value, setpoint)
		if n > v.Replicas {
			v.Replicas, v.Reason = n, why
		}
	}
	if v.Replicas < 0 {
		return s, held(o, decide.ReasonAbsent)
	}
	return cooldown(s, o, o.bound(v), or(a.UpWindow, 0), or(a.DownWindow, 300*time.Second), a.Repaired)
}

// propose counts from what the variant counts from.
func (a APA) propose(o Observation, mean, setpoint float64) (int64, decide.Reason) {
	if !a.Repaired {
		return a.Propose(o.Spec, mean, setpoint)
	}
	if o.Ready == 0 {
		return o.Spec, decide.ReasonNoneReady
	}
	n, why := a.Propose(o.Ready, mean, setpoint)
	switch {
	case why == decide.ReasonTolerance:
		return o.Spec, why
	case mean > setpoint:
		return max(n, o.Spec), why
	}
	return min(n, o.Spec), why
}

// cooldown applies the controller's windows. As shipped, the lowest count of the
// window is taken on the way down and the highest on the way up.
func cooldown(s AIBrixState, o Observation, v Verdict, up, down time.Duration, repaired bool) (AIBrixState, Verdict) {
	s.Recommended = remember(s.Recommended, o.Now, max(up, down), v.Replicas)
	window, pick := up, largest
	switch {
	case v.Replicas == o.Spec:
		return s, v
	case v.Replicas < o.Spec:
		window, pick = down, smallest
	}
	if repaired {
		if v.Replicas < o.Spec {
			pick = largest
		} else {
			pick = smallest
		}
	}
	n := pick(remember(s.Recommended, o.Now, window, v.Replicas))
	if repaired { // a window may hold a change back, never turn it round
		if v.Replicas < o.Spec {
			n = min(n, o.Spec)
		} else {
			n = max(n, o.Spec)
		}
	}
	if n != v.Replicas {
		v.Replicas, v.Reason = n, decide.ReasonWindow
	}
	return s, o.bound(v)
}
