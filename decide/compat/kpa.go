package compat

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// KPA is Knative's pod autoscaler: demand, in requests in flight or per second,
// divided by what a replica is meant to take, over a stable and a short window.
// When the short window asks for twice what is there it panics: for a whole
// stable window it goes by the larger of both and never down.
//
// It reads the ready count, and that only to bound the rate and to see a panic,
// so that pending replicas do not make it run away. Metric 0 is the fleet's
// total: Value over 60 s, Short over 6 s. Tick 2 s; scraped every second.
type KPA struct {
	// Target per replica. Default 100 requests in flight; of a request rate
	// Knative's own default is 200.
	Target float64
	// Utilization of the target that is aimed at. Default 0.7.
	Utilization float64
	// Stable and Panic windows. Default 60 s and a tenth of the stable one.
	Stable, Panic time.Duration
	// PanicThreshold, as a factor of the ready count. Default 2.
	PanicThreshold float64
	// MaxUp and MaxDown are the factors of the ready count by which one decision
	// may change it. Default 1000 and 2.
	MaxUp, MaxDown float64
	// Burst is the capacity kept back for bursts, in the unit of Target: with less
	// in reserve a buffering proxy is put into the path of requests. Default 211;
	// Unlimited keeps it there always, negative never.
	Burst     float64
	Unlimited bool
	// DownDelay is how long a lower count must have been enough. Default none.
	DownDelay time.Duration
	// Activation is the least count above zero. Default 1.
	Activation int64
	// Unreachable: no traffic is routed here, so that nothing holds the count up.
	Unreachable bool
	// Grace is how long after traffic ended, and the proxy took over, the last
	// replica stays; Retention the same by the user's choice. The longer counts.
	// Default 30 s and none.
	Grace, Retention time.Duration
}

// KPAState is what the KPA remembers.
type KPAState struct {
	// Begun is set at the first tick. With more than one replica ready it begins
	// in panic, so that a restart does not scale down.
	Begun bool
	// Panicking since PanicAt; MaxPanic is the largest count wanted meanwhile.
	Panicking bool
	PanicAt   time.Time
	MaxPanic  int64
	// Wanted in the down delay.
	Wanted []Past
	// Spare is the excess burst capacity at the last tick, and Proxied whether
	// the buffering proxy is in the path because there is none.
	Spare   float64
	Proxied bool
	// Active since, while traffic is served; Inactive since the last replica may
	// be given up.
	Active, Inactive time.Time
}

// Facts implements [Rule].
func (k KPA) Facts() Facts {
	k = k.withDefaults()
	return Facts{Name: "knative-kpa", Reads: Ready, Shape: Absolute, Tick: 2 * time.Second, Delay: time.Second,
		Window: k.Stable, Short: k.Panic,
		Fails: "panics while replicas start slowly, and pays for it a minute long"}
}

// Validate implements [Rule].
func (k KPA) Validate() error {
	var errs []error
	check := func(ok bool, field string, v any, want string) {
		if !ok {
			errs = append(errs, fmt.Errorf("evenkeel: compat.KPA: %s is %v: %s", field, v, want))
		}
	}
	d := k.withDefaults()
	check(d.Target > 0 && finite(d.Target), "Target", k.Target, "it must be above 0")
	check(d.Utilization > 0 && d.Utilization <= 1, "Utilization", k.Utilization, "it is a share, above 0 and at most 1")
	check(d.Stable >= 6*time.Second && d.Stable <= time.Hour, "Stable", k.Stable, "it must lie in 6 s to 1 h")
	check(d.Panic > 0 && d.Panic <= d.Stable, "Panic", k.Panic, "it must be above 0 and no longer than Stable")
	check(d.PanicThreshold >= 1.1 && d.PanicThreshold <= 10, "PanicThreshold", k.PanicThreshold, "it must lie in 1.1 to 10")
	check(d.MaxUp > 1 && finite(d.MaxUp), "MaxUp", k.MaxUp, "it must be above 1")
	check(d.MaxDown > 1 && finite(d.MaxDown), "MaxDown", k.MaxDown, "it must be above 1")
	check(!math.IsNaN(k.Burst), "Burst", k.Burst, "it must be a number")
	for _, f := range []struct {
		name string
		d    time.Duration
	}{{"DownDelay", k.DownDelay}, {"Grace", k.Grace}, {"Retention", k.Retention}} {
		check(f.name == "Grace" || f.d >= 0, f.name, f.d, "it must not be negative")
	}
	check(k.Activation >= 0, "Activation", k.Activation, "it must not be negative")
	return errors.Join(errs...)
}

func (k KPA) withDefaults() KPA {
	k.Target = or(k.Target, 100)
	k.Utilization = or(k.Utilization, 0.7)
	k.Stable = or(k.Stable, time.Minute)
	k.Panic = or(k.Panic, k.Stable/10)
	k.PanicThreshold = or(k.PanicThreshold, 2)
	k.MaxUp = or(k.MaxUp, 1000)
	k.MaxDown = or(k.MaxDown, 2)
	k.Burst = or(k.Burst, 211)
	k.Grace = or(k.Grace, 30*time.Second)
	return k
}

// Next implements [Rule]: what Scale wants, with the last replica given up only
// once that is safe, within the limits.
func (k KPA) Next(s KPAState, o Observation) (KPAState, Verdict) {
	o = o.clean()
	s, v := k.Scale(s, o)
	if v.Held {
		return s, v
	}
	s, v = k.withDefaults().zero(s, o, v)
	return s, o.bound(v)
}

// Scale returns what the windows ask for, before any limit and without the
// handshake on the way to zero.
func (k KPA) Scale(s KPAState, o Observation) (KPAState, Verdict) {
	k, o = k.withDefaults(), o.clean()
	if !s.Begun {
		s.Begun = true
		if o.Ready > 1 {
			s.Panicking, s.PanicAt, s.MaxPanic = true, o.Now, o.Ready
		}
	}
	m := o.metric(0)
	if m.Failed {
		return s, held(o, decide.ReasonAbsent)
	}
	ready := float64(max(o.Ready, 1))
	target := max(0.01, float64(k.Target*k.Utilization))
	least := int64(0)
	if !k.Unreachable {
		least = floor(ready / k.MaxDown)
	}
	most := max(ceil(float64(k.MaxUp*ready)), least)
	stable, short := ceil(m.Value/target), ceil(m.Short/target)
	s = s.panic(o.Now, k.Stable, float64(short)/ready >= k.PanicThreshold)

	settle := func(n int64) int64 {
		bounded := min(max(n, least), most)
		if n > 0 {
			bounded = max(bounded, k.Activation)
		}
		return bounded
	}
	v := Verdict{Replicas: settle(stable), Reason: decide.ReasonDemand}
	if s.Panicking {
		s.MaxPanic = max(s.MaxPanic, v.Replicas, settle(short))
		v = Verdict{Replicas: s.MaxPanic, Reason: decide.ReasonWindow}
	}
	if !k.Unreachable && k.DownDelay > 0 {
		s.Wanted = remember(s.Wanted, o.Now, k.DownDelay, v.Replicas)
		if n := largest(s.Wanted); n > v.Replicas {
			v.Replicas, v.Reason = n, decide.ReasonWindow
		}
	}
	s.Spare = k.spare(float64(o.Ready), m.Short)
	s.Proxied = s.Spare < 0
	return s, v
}

// panic moves the state in and out of panic. Out only a stable window after the
// load was last over the threshold.
func (s KPAState) panic(now time.Time, stable time.Duration, over bool) KPAState {
	switch {
	case over:
		s.Panicking, s.PanicAt = true, now
	case s.Panicking && s.PanicAt.Add(stable).Before(now):
		s.Panicking, s.MaxPanic = false, 0
	}
	return s
}

// spare is the excess burst capacity: what is left of the replicas' full targets
// above the load and the burst to be ready for.
func (k KPA) spare(ready, load float64) float64 {
	switch {
	case k.Unlimited:
		return -1
	case k.Burst == 0:
		return 0
	}
	return math.Floor(float64(ready*k.Target) - k.Burst - load)
}

// zero is the way down to none: the last replica serves for a stable window at
// least, then the proxy takes over, and after the grace period it goes.
func (k KPA) zero(s KPAState, o Observation, v Verdict) (KPAState, Verdict) {
	if v.Replicas > 0 {
		if s.Active.IsZero() {
			s.Active = o.Now
		}
		s.Inactive = time.Time{}
		return s, v
	}
	if o.Spec == 0 {
		s.Active = time.Time{}
		return s, v
	}
	if s.Active.IsZero() && s.Inactive.IsZero() {
		s.Active = o.Now // found running: how long already, nobody knows
	}
	if !s.Active.IsZero() && o.Now.Sub(s.Active) < k.Stable {
		return s, Verdict{Replicas: 1, Reason: decide.ReasonIdleWindow}
	}
	if s.Inactive.IsZero() {
		s.Active, s.Inactive = time.Time{}, o.Now
	}
	s.Proxied = true
	if o.Now.Sub(s.Inactive) < max(k.Grace, k.Retention) {
		return s, Verdict{Replicas: 1, Reason: decide.ReasonIdleWindow}
	}
	v.Reason = decide.ReasonIdle
	return s, v
}
