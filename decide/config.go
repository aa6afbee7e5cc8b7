package decide

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/signal"
)

// A Config says how to decide. It is taken by value and never changes
// afterwards. One convention holds for every field: zero is the documented
// default, a negative number switches off what the field does.
type Config struct {
	// Signals are all that may be read, in the order of Input.Signals. Required
	// as far as policies name them.
	Signals []signal.Def
	// Policies, at least one. The order is that of Decision.Recommendations and
	// settles ties.
	Policies []NamedSpec
	// Combine makes one opinion of several. Default: [CombineMax] both ways.
	Combine Combine
	// Up guards growth. Defaults: Tolerance 0.05, and no other guard: whoever
	// waits for a replica has waited long enough. From zero there is no guard at
	// all: what is needed is there in one step.
	Up Direction
	// Down guards shrinking. Defaults: Tolerance 0.1, Window 180 s, Idle 15 min.
	Down Direction
	// Burst says when a surge overrules the guards of Up. Default: never.
	Burst Burst
	// Warm is how many replicas to keep to spare. Default none.
	Warm Warm
	// Pending says what to make of replicas that do not get ready.
	Pending Pending
	// Hold says when data is too bad to scale down on, and what to do then.
	Hold Hold
	// Schedule are floors and ceilings by the clock, 32 at the most.
	Schedule []Window
	// Budget bounds what the fleet may cost. Default: no bound.
	Budget Budget
}

// A Direction guards changes one way.
type Direction struct {
	// Tolerance, as a share of the present count: a change no larger than that is
	// left out. Default 0.05 up, 0.1 down; negative: none. It never keeps back a
	// replica for which work is already queued, nor a step of a [Rule], which is as
	// small as it is set.
	Tolerance float64
	// Window is how long a change must have been wanted without a break: upwards
	// the smallest opinion of the window counts, downwards the largest. Default
	// none up, 180 s down; negative: none. Only observed time counts, at most a
	// minute a step, so that a gap in the record proves nothing.
	Window time.Duration
	// Rate bounds the change in a period. Default: no bound.
	Rate Rate
	// Rates are more of them, 8 at the most; of both directions together no more
	// than 4 periods may differ.
	Rates []Rate
	// Select says which of several rates binds, or that no policy changes the
	// count this way. Default [SelectMax].
	Select Select
	// Cooldown is the pause after a change before the next one in the same
	// direction. Default none.
	Cooldown time.Duration
	// Idle, only downwards, is how long all policies must have wanted zero before
	// the last replica is given up. Default 15 min; negative: Window decides alone.
	Idle time.Duration
}

// WithDefaults returns c with every zero field set to its default. What is
// switched off stays negative where zero means a default: [New] makes the same
// core of c and of c.WithDefaults(), and so does anybody who calls it twice.
func (c Config) WithDefaults() Config {
	ratio := func(p *float64, def float64) { *p = cmp.Or(max(*p, -1), def) }
	span := func(p *time.Duration, def time.Duration) { *p = cmp.Or(max(*p, -1), def) }

	ratio(&c.Up.Tolerance, 0.05)
	ratio(&c.Down.Tolerance, 0.1)
	c.Up.Window = max(c.Up.Window, 0)
	span(&c.Down.Window, 180*time.Second)
	span(&c.Down.Idle, 15*time.Minute)
	c.Up.Idle = 0
	for _, d := range []*Direction{&c.Up, &c.Down} {
		d.Cooldown = max(d.Cooldown, 0)
		d.Rate = d.Rate.withDefaults()
		d.Rates = slices.Clone(d.Rates)
		for i, r := range d.Rates {
			d.Rates[i] = r.withDefaults()
		}
	}
	c.Burst = c.Burst.withDefaults()
	c.Warm = c.Warm.withDefaults()
	span(&c.Pending.Timeout, 10*time.Minute)
	ratio(&c.Pending.Extra, 0.5)
	c.Hold = c.Hold.withDefaults()
	c.Schedule = slices.Clone(c.Schedule)
	c.Budget = c.Budget.withDefaults()
	return c
}

// inForce returns c with its defaults, and zero for all that is switched off.
func (c Config) inForce() Config {
	c = c.WithDefaults()
	for _, p := range []*float64{&c.Up.Tolerance, &c.Down.Tolerance, &c.Pending.Extra, &c.Hold.Coverage, &c.Budget.Pace} {
		*p = max(*p, 0)
	}
	for _, p := range []*time.Duration{&c.Down.Window, &c.Down.Idle, &c.Pending.Timeout, &c.Hold.After} {
		*p = max(*p, 0)
	}
	return c
}

// Bounds of what a State may hold, so that it stays within [MaxStateBytes].
const (
	maxPolicies = 16
	maxName     = 48
	maxWords    = 384
	longest     = 7 * 24 * time.Hour
)

func (c Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("evenkeel: decide.Config: "+format, args...))
	}
	if n := len(c.Policies); n == 0 || n > maxPolicies {
		bad("Policies has %d entries: give it 1 to %d", n, maxPolicies)
	}
	seen := make(map[string]int, len(c.Policies))
	for i, p := range c.Policies {
		if !validName(p.Name) {
			bad("Policies[%d].Name is %q: use 1 to %d letters, digits, '.', '_', '-' or '/'", i, p.Name, maxName)
		}
		if j, ok := seen[p.Name]; ok {
			bad("Policies[%d].Name is %q, as Policies[%d].Name is: names must differ", i, p.Name, j)
		}
		seen[p.Name] = i
		if p.Spec == nil {
			bad("Policies[%d].Spec is nil: give it one, such as decide.Capacity", i)
		}
	}
	c.Combine.validate(c.Policies, bad)
	c.Up.validate("Up", bad)
	c.Down.validate("Down", bad)
	if c.Up.Idle != 0 {
		bad("Up.Idle is %v: only Down has an Idle", c.Up.Idle)
	}
	if c.Pending.Timeout > longest {
		bad("Pending.Timeout is %v: at most %v", c.Pending.Timeout, longest)
	}
	if e := c.Pending.Extra; math.IsNaN(e) || e > 10 {
		bad("Pending.Extra is %v: at most 10", e)
	}
	if n := len(periods(append(c.Up.withRates(), c.Down.withRates()...)...)); n > maxPeriods {
		bad("the rates of Up and Down have %d different periods: at most %d", n, maxPeriods)
	}
	c.Burst.validate(bad)
	c.Warm.validate("Warm", bad)
	c.Hold.validate(bad)
	if len(c.Schedule) > maxWindows {
		bad("Schedule has %d windows: at most %d", len(c.Schedule), maxWindows)
	}
	for i, w := range c.Schedule {
		w.validate(i, bad)
	}
	c.Budget.validate(bad)
	return errors.Join(errs...)
}

func (d Direction) validate(name string, bad func(string, ...any)) {
	if math.IsNaN(d.Tolerance) || d.Tolerance > 1 {
		bad("%s.Tolerance is %v: it is a share, at most 1", name, d.Tolerance)
	}
	for _, f := range []struct {
		name string
		d    time.Duration
	}{{"Window", d.Window}, {"Cooldown", d.Cooldown}, {"Idle", d.Idle}} {
		if f.d > longest {
			bad("%s.%s is %v: at most %v", name, f.name, f.d, longest)
		}
	}
	d.validateRates(name, bad)
}

func isFinite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func validName(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for i := range len(s) {
		switch b := s[i]; {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9':
		case b == '.', b == '_', b == '-', b == '/':
		default:
			return false
		}
	}
	return true
}
