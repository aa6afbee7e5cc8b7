package compat

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// Ray is the autoscaler of Ray Serve: requests in flight divided by what a
// replica should have, the change smoothed by a factor, and applied only once it
// has been wanted at every tick for as long as the delay.
//
// It reads the ready count to smooth from and the spec count to see which way a
// change goes. Metric 0 is the total of requests under way and queued, over 30 s.
// Tick 0.1 s; replicas push every 10 s.
type Ray struct {
	// Target is the requests per replica. Default 2.
	Target float64
	// UpFactor and DownFactor multiply the change. Default 1.
	UpFactor, DownFactor float64
	// UpDelay and DownDelay are how long a change must have been wanted. Default
	// 30 s and 600 s; negative: none.
	UpDelay, DownDelay time.Duration
	// ToZeroDelay is the same for the last replica. Default DownDelay.
	ToZeroDelay time.Duration
	// Interval is the control loop's. Default 0.1 s.
	Interval time.Duration
}

// RayState is what Ray Serve remembers.
type RayState struct {
	// Direction wanted at the last tick, +1, -1 or 0, and for how many Ticks.
	Direction int
	Ticks     int64
	Last      time.Time
}

func (r Ray) withDefaults() Ray {
	r.Target = or(r.Target, 2)
	r.UpFactor, r.DownFactor = or(r.UpFactor, 1), or(r.DownFactor, 1)
	r.ToZeroDelay = or(r.ToZeroDelay, or(r.DownDelay, 600*time.Second))
	r.UpDelay, r.DownDelay = or(r.UpDelay, 30*time.Second), or(r.DownDelay, 600*time.Second)
	if r.Interval <= 0 {
		r.Interval = 100 * time.Millisecond
	}
	return r
}

// Facts implements [Rule].
func (r Ray) Facts() Facts {
	return Facts{Name: "ray-serve", Reads: Spec | Ready, Shape: Absolute, Tick: r.withDefaults().Interval,
		Delay: 5 * time.Second, Window: 30 * time.Second,
		Fails: "half a minute late on the way up, and later still through its averages"}
}

// Validate implements [Rule].
func (r Ray) Validate() error {
	var errs []error
	for _, f := range []struct {
		name string
		v    float64
	}{{"Target", r.Target}, {"UpFactor", r.UpFactor}, {"DownFactor", r.DownFactor}} {
		if f.v < 0 || !finite(f.v) {
			errs = append(errs, fmt.Errorf("evenkeel: compat.Ray: %s is %v: it must be above 0, or 0 for its default", f.name, f.v))
		}
	}
	if r.Interval < 0 {
		errs = append(errs, fmt.Errorf("evenkeel: compat.Ray: Interval is %v: it must be above 0, or 0 for 0.1 s", r.Interval))
	}
	return errors.Join(errs...)
}

// Want returns the count that total requests ask for when cur replicas run,
// before limits and delays.
func (r Ray) Want(cur int64, total float64) int64 {
	r = r.withDefaults()
	wish := total / r.Target
	factor := r.UpFactor
	if wish < float64(cur) {
		factor = r.DownFactor
	}
	n := ceil(float64(cur) + float64(factor*(wish-float64(cur))))
	// Rounding up must not keep a smoothed fleet from ever getting smaller.
	if math.Ceil(wish) < float64(cur) && n == cur {
		n--
	}
	return n
}

// Next implements [Rule]. Ticks that a slower loop has left out count as if they
// had wanted the same.
func (r Ray) Next(s RayState, o Observation) (RayState, Verdict) {
	r, o = r.withDefaults(), o.clean()
	m := o.metric(0)
	if m.Failed {
		return RayState{Last: o.Now}, held(o, decide.ReasonAbsent)
	}
	if o.Ready == 0 && m.Value > 0 { // nothing serves: no time to lose
		n := max(ceil(r.UpFactor), o.Spec, 1)
		return RayState{Last: o.Now}, o.bound(Verdict{Replicas: n, Reason: decide.ReasonFirst})
	}
	v := o.bound(Verdict{Replicas: r.Want(o.Ready, m.Value), Reason: decide.ReasonDemand})
	if v.Replicas == 0 && o.Spec > 1 {
		v.Replicas = 1 // the last one goes by itself
	}
	elapsed := max(int64((o.Now.Sub(s.Last)+r.Interval/2)/r.Interval), 1)
	direction, delay := 0, r.UpDelay
	switch {
	case v.Replicas > o.Spec:
		direction = 1
	case v.Replicas < o.Spec:
		direction, delay = -1, r.DownDelay
		if v.Replicas == 0 {
			delay = r.ToZeroDelay
		}
	}
	if direction != s.Direction {
		s.Ticks, elapsed = 0, 1
	}
	s = RayState{Direction: direction, Ticks: s.Ticks + elapsed, Last: o.Now}
	switch {
	case direction == 0:
		return s, v
	case s.Ticks <= int64(delay/r.Interval):
		return s, Verdict{Replicas: o.Spec, Reason: decide.ReasonWindow}
	}
	return RayState{Last: o.Now}, v
}
