package compat

import (
	"math"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// HPABehavior is the behavior of a manifest.
type HPABehavior struct {
	Up, Down HPAScaling
}

// HPAScaling are the rules of one direction.
type HPAScaling struct {
	// Window of stabilisation. Default none up, 300 s down; negative: none.
	Window time.Duration
	// Policies bound the change. Default up 4 pods and 100 % in 15 s, down 100 %
	// in 15 s.
	Policies []HPAPolicy
	// Select says which policy counts. Default [HPAMost].
	Select HPASelect
}

// An HPAPolicy allows Value replicas, or percent of the count, in a Period.
type HPAPolicy struct {
	Percent bool
	Value   int64
	Period  time.Duration
}

// HPASelect says which of several policies counts.
type HPASelect uint8

// The choices.
const (
	HPAMost     HPASelect = iota // the one that allows the most change: Max
	HPALeast                     // the one that allows the least: Min
	HPADisabled                  // no change in this direction
)

func (s HPAScaling) validate(name string, bad func(string, ...any)) {
	for i, p := range s.Policies {
		if p.Value <= 0 || p.Value > math.MaxInt32 {
			bad("Behavior.%s.Policies[%d].Value is %d: it must be above 0", name, i, p.Value)
		}
		if p.Period <= 0 {
			bad("Behavior.%s.Policies[%d].Period is %v: it must be above 0", name, i, p.Period)
		}
	}
	if s.Select > HPADisabled {
		bad("Behavior.%s.Select is %d: use one of the HPASelect constants", name, s.Select)
	}
}

func (b HPABehavior) withDefaults() HPABehavior {
	const period = 15 * time.Second
	b.Up.Window = or(b.Up.Window, 0)
	b.Down.Window = or(b.Down.Window, 300*time.Second)
	if len(b.Up.Policies) == 0 {
		b.Up.Policies = []HPAPolicy{{Value: 4, Period: period}, {Percent: true, Value: 100, Period: period}}
	}
	if len(b.Down.Policies) == 0 {
		b.Down.Policies = []HPAPolicy{{Percent: true, Value: 100, Period: period}}
	}
	return b
}

// apply stabilises first and bounds the rate then.
func (b HPABehavior) apply(s HPAState, o Observation, v Verdict) (HPAState, Verdict) {
	b = b.withDefaults()
	s.Recommended = remember(s.Recommended, o.Now, max(b.Up.Window, b.Down.Window), v.Replicas)
	up, down := v.Replicas, v.Replicas
	for _, p := range s.Recommended {
		// Younger than the window: without one only the present wish counts.
		if age := o.Now.Sub(p.At); age >= 0 && age < b.Up.Window {
			up = min(up, p.Replicas)
		}
		if age := o.Now.Sub(p.At); age >= 0 && age < b.Down.Window {
			down = max(down, p.Replicas)
		}
	}
	wanted := v.Replicas
	v.Replicas = min(max(o.Spec, up), down)
	if v.Replicas != wanted {
		v.Reason = decide.ReasonWindow
	}
	wanted = v.Replicas
	switch {
	case v.Replicas > o.Spec:
		v.Replicas = min(v.Replicas, max(b.Up.limit(s, o, true), o.Spec))
	case v.Replicas < o.Spec:
		v.Replicas = max(v.Replicas, min(b.Down.limit(s, o, false), o.Spec))
	}
	if v.Replicas != wanted {
		v.Reason = decide.ReasonRate
	}
	return s, v
}

// limit is the count that the policies let the fleet go to.
func (s HPAScaling) limit(state HPAState, o Observation, up bool) int64 {
	if s.Select == HPADisabled {
		return o.Spec
	}
	var limit int64
	for i, p := range s.Policies {
		// What it was when the period began.
		start := o.Spec - sum(state.Added, o.Now, p.Period) + sum(state.Removed, o.Now, p.Period)
		n := p.allow(max(start, 0), up)
		// Most means the largest count going up and the smallest going down.
		if larger := (s.Select == HPAMost) == up; i == 0 || (larger && n > limit) || (!larger && n < limit) {
			limit = n
		}
	}
	return limit
}

func (p HPAPolicy) allow(start int64, up bool) int64 {
	value := min(p.Value, math.MaxInt32)
	switch share := float64(value) / 100; {
	case up && p.Percent:
		return ceil(float64(float64(start) * (1 + share)))
	case up:
		return start + value
	case p.Percent:
		return floor(float64(float64(start) * (1 - share)))
	}
	return start - value // below zero it binds nothing
}

// sum is what was added or removed in the period before now.
func sum(past []Past, now time.Time, period time.Duration) int64 {
	n := int64(0)
	for _, p := range past {
		if !p.At.After(now) && now.Sub(p.At) < period {
			n += p.Replicas
		}
	}
	return n
}

// changed records the step from o.Spec to n, for the longest of the periods.
func (s HPAState) changed(o Observation, b *HPABehavior, n int64) HPAState {
	if b == nil || n == o.Spec {
		return s
	}
	longest := time.Duration(0)
	c := b.withDefaults()
	for _, p := range append(slices.Clip(c.Up.Policies), c.Down.Policies...) {
		longest = max(longest, p.Period)
	}
	if n > o.Spec {
		s.Added = remember(s.Added, o.Now, longest, n-o.Spec)
	} else {
		s.Removed = remember(s.Removed, o.Now, longest, o.Spec-n)
	}
	return s
}
