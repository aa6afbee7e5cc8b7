package decide

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/evenkeel/evenkeel/signal"
)

// Rule steps up while one condition holds and down while another does. It has no
// notion of need: it takes a step, waits for it to show, and takes the next. Where
// it is known what a replica can take, [Capacity] and [Objective] are at the right
// count in one step.
//
// Conditions have three values. Unknown, because a signal that matters is stale or
// absent, never scales down: it ends the wait of Down, and unless Up acts anyway
// the rule is held. The wait of Up it only interrupts: time that was not seen
// counts neither way. False ends either wait. If both hold, Up wins.
//
// While neither acts the rule wants the present count. So a Rule without Down
// never agrees to less, and one without Up never asks for more.
//
// Times are observed, at most a minute a step of the core; a clock that jumps
// makes nothing happen. A Rule is [Monotone] only if it says so.
type Rule struct {
	// Up and Down; at least one needs a condition.
	Up, Down Step
	// Monotone declares that more demand, with all else equal, never makes the
	// condition of Up untrue nor that of Down true. [Core.Monotone] believes it.
	Monotone bool
}

// A Step is what a [Rule] does one way.
type Step struct {
	// When to act. Nil: never.
	When Condition
	// For how long When must have held without a break. Default: at once.
	For time.Duration
	// Count of replicas to add or take away, or a Share of the present count,
	// rounded up, whichever is more; always at least 1.
	Count int64
	Share float64
	// Period is the pause between two steps while When goes on holding. Default
	// 60 s. A step up waits besides for what is starting, 10 min at the most.
	Period time.Duration
	// Fast doubles each further step and does not wait for what is starting: 1, 2,
	// 4 more, up to 1024 times the first. For demand that comes at once; it will
	// overshoot.
	Fast bool
}

// Compile implements [Spec].
func (r Rule) Compile(signals *signal.Schema) (Policy, error) {
	up, err := r.Up.compile("Rule.Up", signals)
	down, err2 := r.Down.compile("Rule.Down", signals)
	errs := []error{err, err2}
	if r.Up.When == nil && r.Down.When == nil {
		errs = append(errs, errors.New("Rule.Up.When and Rule.Down.When are nil: give at least one a condition"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &rule{up, down, r.Monotone}, nil
}

func (s Step) compile(field string, signals *signal.Schema) (side, error) {
	var errs []error
	c := side{wait: float64(s.For.Milliseconds()), period: float64(cmp.Or(s.Period, time.Minute).Milliseconds()),
		count: max(s.Count, 1), share: s.Share, fast: s.Fast}
	if s.When != nil {
		t, err := s.When.Bind(signals)
		if err == nil && t == nil {
			err = fmt.Errorf("no test came from Bind of %T", s.When)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s.When: %w", field, err))
		}
		c.test = t
	}
	for _, f := range []struct {
		name string
		d    time.Duration
	}{{"For", s.For}, {"Period", s.Period}} {
		if f.d < 0 || f.d > longest {
			errs = append(errs, fmt.Errorf("%s.%s is %v: it must lie in 0 to %v", field, f.name, f.d, longest))
		}
	}
	if s.Count < 0 || s.Count > MaxReplicas {
		errs = append(errs, fmt.Errorf("%s.Count is %d: it must lie in 0 to %d", field, s.Count, MaxReplicas))
	}
	if !(s.Share >= 0 && s.Share <= 10) {
		errs = append(errs, fmt.Errorf("%s.Share is %v: it must lie in 0 to 10", field, s.Share))
	}
	return c, errors.Join(errs...)
}

type rule struct {
	up, down side
	monotone bool
}

// A side is a Step, bound.
type side struct {
	test         Test // nil: never
	wait, period float64
	count        int64
	share        float64
	fast         bool
}

// What a rule remembers of each side, by position, and then the time of the last
// step of the core.
const (
	sideHeld  = iota // observed ms for which the condition has held
	sideTrue         // 1: it held at the last step
	sideGoal         // the count that the step leads to, plus 1; 0: no step
	sideSince        // observed ms since the step
	sideSteps        // steps in a row
	sideWords
	ruleLast  = 2 * sideWords
	ruleWords = ruleLast + 1
)

const (
	patience   = 600e3 // ms to wait for what is starting
	mostDouble = 10    // times that a step is doubled
)

// Words implements [Policy].
func (*rule) Words() int { return ruleWords }

// Monotone implements [Monotone].
func (r *rule) Monotone() bool { return r.monotone }

// Reads implements [SignalReader], as far as the conditions do.
func (r *rule) Reads() []int {
	var out []int
	for _, t := range []Test{r.up.test, r.down.test} {
		if s, ok := t.(SignalReader); ok {
			out = append(out, s.Reads()...)
		}
	}
	return out
}

func (r *rule) Recommend(mem []float64, in *Input) Recommendation {
	now := float64(instantOf(in.Now))
	dt := min(max(now-mem[ruleLast], 0), float64(longestGap.Milliseconds()))
	mem[ruleLast] = now
	out := r.recommend(mem, in, dt)
	out.Headroom = out.Replicas // for all it knows: what is kept warm is not added to that
	return out
}

func (r *rule) recommend(mem []float64, in *Input, dt float64) Recommendation {
	upMem, downMem := mem[:sideWords], mem[sideWords:ruleLast]
	up, down := r.up.ask(in), r.down.ask(in)
	acts := r.up.observe(upMem, up, true, dt)
	shrinks := r.down.observe(downMem, down, false, dt)
	n := in.Fleet.Desired
	switch {
	case acts:
		clear(downMem[sideGoal:])
		return step(upMem, n, r.up.goal(upMem, in, n, true), 1)
	case up == Unknown || down == Unknown:
		return Recommendation{Held: true, Reason: ReasonRuleUnknown}
	case shrinks:
		return step(downMem, n, r.down.goal(downMem, in, n, false), -1)
	case up == True:
		return Recommendation{Replicas: n, Reason: ReasonRuleWaits, A: upMem[sideHeld] / 1000, B: r.up.wait / 1000}
	case down == True:
		return Recommendation{Replicas: n, Reason: ReasonRuleWaits, A: downMem[sideHeld] / 1000, B: -r.down.wait / 1000}
	}
	return Recommendation{Replicas: n, Reason: ReasonRule}
}

// step is the opinion of a side that acts: to go to its goal, or to wait until
// another step is due. The sign of B is the way.
func step(mem []float64, n, goal int64, way float64) Recommendation {
	if goal == n {
		return Recommendation{Replicas: n, Reason: ReasonRulePaced, A: mem[sideSince] / 1000, B: way}
	}
	return Recommendation{Replicas: goal, Reason: ReasonRule, A: mem[sideHeld] / 1000, B: float64(goal - n)}
}

// ask returns whether the condition holds. One that is not there never does.
func (s *side) ask(in *Input) Truth {
	if s.test == nil {
		return False
	}
	return s.test.Test(in)
}

// observe notes what the condition is and reports whether it has held for long
// enough.
func (s *side) observe(mem []float64, t Truth, up bool, dt float64) bool {
	switch {
	case t == True:
		if mem[sideTrue] > 0 {
			mem[sideHeld] = min(mem[sideHeld]+dt, float64(longest.Milliseconds()))
		}
		mem[sideTrue] = 1
	case t == Unknown && up:
		mem[sideTrue] = 0
	default:
		clear(mem)
	}
	mem[sideSince] = min(mem[sideSince]+dt, float64(longest.Milliseconds()))
	return t == True && mem[sideHeld] >= s.wait
}

// goal returns the count that the side wants: that of the step it is taking, or of
// the next one if that is due. A goal stays until it is reached, so that guards
// see an opinion that lasts.
func (s *side) goal(mem []float64, in *Input, n int64, up bool) int64 {
	goal := int64(mem[sideGoal]) - 1
	reached := up && n >= goal || !up && n <= goal
	waits := up && !s.fast && mem[sideSince] < patience && underWay(in)
	switch {
	case mem[sideGoal] > 0 && !reached:
		return goal
	case mem[sideGoal] > 0 && (mem[sideSince] < s.period || waits):
		return n
	}
	step := float64(max(s.count, roundUp(float64(s.share*float64(n)))))
	if s.fast {
		step *= float64(int64(1) << int64(min(mem[sideSteps], mostDouble)))
	}
	if goal = cleanCount(n - int64(step)); up {
		goal = cleanCount(n + int64(min(step, MaxReplicas)))
	}
	mem[sideGoal], mem[sideSince] = float64(goal+1), 0
	mem[sideSteps] = math.Min(mem[sideSteps]+1, mostDouble)
	return goal
}

// underWay reports whether replicas are on their way that are not stuck there.
func underWay(in *Input) bool {
	for _, c := range in.Fleet.Starting {
		if !c.Stuck {
			return true
		}
	}
	return false
}
