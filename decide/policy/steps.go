package policy

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// Steps is the policy of the fields up and down: it grows the fleet by a step
// while one condition holds and shrinks it by a step while another does, and
// otherwise wants it as it is.
//
// A step is an absolute count, asked for until it is reached or its condition no
// longer holds, so that replicas that start slowly never make it ask again. The
// next step comes once all replicas are ready and the condition has held on for
// its For, or half a minute if that is longer: what is measured has to show the
// step before.
//
// If both conditions hold, it grows. While either is not known, and the first is
// not true, Steps holds.
type Steps struct {
	// Up is when to grow. Its default Share is 0.25.
	Up Step
	// Down is when to shrink. Its default Share is 0.1. Without a condition, Steps
	// only ever has an opinion on growing and leaves the rest to other policies.
	Down Step
}

// A Step is when to change the count one way, and by how much.
type Step struct {
	// When is the condition; the zero Expression never holds.
	When Expression
	// For is how long it must have held without a break. Default none.
	For time.Duration
	// Share of the count, rounded up, and at least one.
	Share float64
}

// Compile implements [decide.Spec].
func (s Steps) Compile(signals *signal.Schema) (decide.Policy, error) {
	up, err := s.Up.compile("Up", 0.25, signals)
	down, err2 := s.Down.compile("Down", 0.1, signals)
	if s.Up.When.root == nil && s.Down.When.root == nil {
		err = errors.Join(err, errors.New("Steps.Up.When and Steps.Down.When are empty: give it a condition"))
	}
	if err := errors.Join(err, err2); err != nil {
		return nil, err
	}
	return &steps{up, down}, nil
}

func (s Step) compile(field string, share float64, signals *signal.Schema) (step, error) {
	out := step{hold: max(s.For, 0).Seconds(), share: cmp.Or(s.Share, share)}
	var err error
	if !(out.share > 0 && out.share <= 10) {
		err = fmt.Errorf("Steps.%s.Share is %v: it is a share, above 0 and at most 10", field, s.Share)
	}
	if s.When.root == nil {
		return out, err
	}
	var err2 error
	if out.test, err2 = compile(s.When.root, signals); err2 != nil {
		err = errors.Join(err, fmt.Errorf("Steps.%s.When: %w", field, err2))
	}
	return out, err
}

// settling is how long what is measured takes to show a step.
const settling = 30.0

// youngEnough is how long a replica that starts is waited for.
const youngEnough = 10 * time.Minute

type step struct {
	test  *program // nil: never
	hold  float64  // seconds
	share float64
}

func (s *step) ask(in *decide.Input) decide.Truth {
	if s.test == nil {
		return decide.False
	}
	return s.test.Test(in)
}

type steps struct{ up, down step }

// Words of memory: which way the fleet goes, 1 or -1, since when the condition
// for it has held, the count that is asked for or 0, and whether there was a step
// before this one.
const (
	wordWay = iota
	wordSince
	wordGoal
	wordAgain
	stepWords
)

func (*steps) Words() int { return stepWords }

// Reads implements [decide.SignalReader].
func (s *steps) Reads() []int {
	var out []int
	for _, p := range []*program{s.up.test, s.down.test} {
		if p != nil {
			out = append(out, p.reads...)
		}
	}
	return out
}

func (s *steps) Recommend(mem []float64, in *decide.Input) decide.Recommendation {
	up, down := s.up.ask(in), s.down.ask(in)
	cur := in.Fleet.Desired
	still := decide.Recommendation{Replicas: cur, Reason: decide.ReasonRule}
	way, st := 0.0, &s.up
	switch {
	case up == decide.True:
		way = 1
	case up == decide.Unknown || down == decide.Unknown:
		clear(mem)
		return decide.Recommendation{Held: true, Reason: decide.ReasonUnknown}
	case down == decide.True:
		way, st = -1, &s.down
	default:
		clear(mem)
		if s.down.test == nil {
			still.Replicas = 0
		}
		return still
	}
	now := float64(in.Now.UnixMilli()) / 1000
	if mem[wordWay] != way {
		clear(mem)
		mem[wordWay], mem[wordSince] = way, now
	}
	mem[wordSince] = min(mem[wordSince], now) // the clock may have been set back
	goal := int64(mem[wordGoal])
	reached := way > 0 && cur >= goal || way < 0 && cur <= goal
	switch {
	case goal != 0 && !reached:
	case goal != 0 || mem[wordAgain] != 0 && busy(in):
		// There, or nearly so: the next step is counted from here.
		mem[wordGoal], mem[wordSince], mem[wordAgain] = 0, now, 1
		return still
	default:
		wait := st.hold
		if mem[wordAgain] != 0 {
			wait = max(wait, settling)
		}
		if now-mem[wordSince] < wait || way > 0 && busy(in) {
			return still
		}
		n := int64(max(math.Ceil(float64(st.share*float64(cur))-1e-9), 1))
		goal = cur + int64(way)*n
		if goal < 1 { // to zero: 0 is no goal, and there is nothing below it
			return decide.Recommendation{Reason: decide.ReasonRule}
		}
		mem[wordGoal] = float64(goal)
	}
	return decide.Recommendation{Replicas: min(goal, decide.MaxReplicas), Reason: decide.ReasonRule}
}

// busy reports whether replicas are on their way that may still get ready.
func busy(in *decide.Input) bool {
	for _, c := range in.Fleet.Starting {
		if age := in.Now.Sub(c.Since); !c.Stuck && c.N > 0 && age < youngEnough {
			return true
		}
	}
	return false
}
