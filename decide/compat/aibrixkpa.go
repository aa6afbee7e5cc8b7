package compat

import (
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// AIBrixKPA is AIBrix's version of Knative's autoscaler. As shipped it divides
// the mean per replica, not the total, by the setpoint, so that no load can make
// it ask for more than a full replica is worth: of a share with a setpoint of
// 0.5, two. Its panic is never remembered, and its windows are those of [APA].
//
// It reads the spec count. Metric 0 is the mean per replica: Value over 180 s,
// Short over 60 s. Tick 10 s.
type AIBrixKPA struct {
	// Setpoint of the metric. Required.
	Setpoint float64
	// PanicThreshold of the short mean over the stable one. Default 2.
	PanicThreshold float64
	// MaxUp and MaxDown are the factors of one decision. Default 2.
	MaxUp, MaxDown float64
	// Stable is how long a panic lasts, repaired. Default 180 s.
	Stable time.Duration
	// UpWindow and DownWindow are the cooldown windows. Default none and 300 s;
	// negative: none.
	UpWindow, DownWindow time.Duration
	// Repaired: it divides the total of the ready replicas, remembers its panic,
	// and the windows hold back as they should.
	Repaired bool
}

// Facts implements [Rule].
func (k AIBrixKPA) Facts() Facts {
	f := Facts{Name: "aibrix-kpa@as-shipped", Reads: Spec, Shape: Absolute,
		Tick: 10 * time.Second, Delay: 5 * time.Second, Window: 180 * time.Second, Short: 60 * time.Second,
		Fails: "takes the mean for the total and shrinks a full fleet; panic never holds"}
	if k.Repaired {
		f.Name, f.Reads = "aibrix-kpa@repaired", Spec|Ready
		f.Fails = "panics on a ratio of means, so also on little load"
	}
	return f
}

// Validate implements [Rule].
func (k AIBrixKPA) Validate() error {
	err := validateAIBrix("AIBrixKPA", []float64{k.Setpoint}, k.MaxUp, k.MaxDown, 0, 0)
	if !(k.PanicThreshold >= 0) || k.Stable < 0 {
		err = errors.Join(err, fmt.Errorf("evenkeel: compat.AIBrixKPA: PanicThreshold and Stable are %v and %v: neither may be negative", k.PanicThreshold, k.Stable))
	}
	return err
}

// Next implements [Rule].
func (k AIBrixKPA) Next(s AIBrixState, o Observation) (AIBrixState, Verdict) {
	o = o.clean()
	m := o.metric(0)
	if m.Failed || !(k.Setpoint > 0) {
		return s, held(o, decide.ReasonAbsent)
	}
	count, share := o.Spec, 1.0
	if k.Repaired {
		count, share = max(o.Ready, 1), float64(o.Ready)
		if o.Ready == 0 && o.Spec > 0 {
			return s, held(o, decide.ReasonNoneReady)
		}
	}
	most, least := ceil(float64(or(k.MaxUp, 2)*float64(count))), floor(float64(count)/or(k.MaxDown, 2))
	want := func(mean float64) int64 {
		return min(max(ceil(float64(share*mean)/k.Setpoint), least), max(most, least))
	}
	stable, short := want(m.Value), want(m.Short)
	over := m.Value <= 0 || m.Short/m.Value > or(k.PanicThreshold, 2)
	v := Verdict{Replicas: stable, Reason: decide.ReasonSetpoint}
	switch {
	case !k.Repaired && over:
		v.Replicas = max(stable, short)
	case k.Repaired:
		s = s.panic(o.Now, or(k.Stable, 180*time.Second), over && m.Short > 0)
		if s.Panicking {
			s.MaxPanic = max(s.MaxPanic, stable, short)
			v = Verdict{Replicas: s.MaxPanic, Reason: decide.ReasonWindow}
		}
	}
	return cooldown(s, o, o.bound(v), or(k.UpWindow, 0), or(k.DownWindow, 300*time.Second), k.Repaired)
}

// panic moves the state in and out of panic, as Knative does.
func (s AIBrixState) panic(now time.Time, stable time.Duration, over bool) AIBrixState {
	switch {
	case over:
		s.Panicking, s.PanicAt = true, now
	case s.Panicking && s.PanicAt.Add(stable).Before(now):
		s.Panicking, s.MaxPanic = false, 0
	}
	return s
}
