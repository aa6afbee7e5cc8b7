package decide_test

import (
	"math"
	"time"

	"pgregory.net/rapid"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// The generators of the laws. Signals are those of defs: demand, queue, rate, use.

func pick[T any](values ...T) *rapid.Generator[T] { return rapid.SampledFrom(values) }

func anyDirection(t *rapid.T, name string) decide.Direction {
	window := pick(-1, 0, 7*time.Second, 30*time.Second, 2*time.Minute)
	d := decide.Direction{
		Tolerance: pick(-1.0, 0, 0.1, 0.3).Draw(t, name+" tolerance"),
		Window:    window.Draw(t, name+" window"),
		Cooldown:  pick(0, 10*time.Second, time.Minute).Draw(t, name+" cooldown"),
	}
	if rapid.Bool().Draw(t, name+" limited") {
		d.Rate = decide.Rate{
			Count:  rapid.Int64Range(0, 5).Draw(t, name+" rate count"),
			Share:  pick(0, 0.1, 0.5, 2).Draw(t, name+" rate share"),
			Period: pick(0, 15*time.Second, 90*time.Second).Draw(t, name+" rate period"),
		}
	}
	return d
}

// anyCombine draws a combination, upwards never bolder than downwards.
func anyCombine(t *rapid.T) decide.Combine {
	return pick(
		decide.Combine{},
		decide.Combine{Down: decide.CombineAll},
		decide.Combine{Up: decide.CombineMin, Down: decide.CombineMin},
		decide.Combine{Up: decide.CombineAll, Down: decide.CombineAll},
		decide.Combine{Up: decide.CombineAll, Down: decide.CombineWeighted},
		decide.Combine{Up: decide.CombineWeighted, Down: decide.CombineWeighted},
	).Draw(t, "combine")
}

// anyConfig draws a configuration with guards of every kind. All its policies
// are monotone in demand, queue and use.
func anyConfig(t *rapid.T) decide.Config {
	c := decide.Config{Signals: defs(), Up: anyDirection(t, "up"), Down: anyDirection(t, "down")}
	c.Down.Idle = pick(-1, 0, time.Minute).Draw(t, "idle")
	c.Pending.Timeout = pick(-1, 0, 5*time.Minute).Draw(t, "timeout")
	c.Hold.Coverage = pick(0, 0.7, 1).Draw(t, "coverage")
	all := []decide.NamedSpec{
		{Name: "capacity", Spec: decide.Capacity{Demand: demand, Rate: rate}},
		{Name: "constant", Spec: decide.Capacity{Demand: demand, PerReplica: 9, Headroom: -1}},
		{Name: "backlog", Spec: decide.Backlog{Queue: queue, Rate: rate, Demand: demand}},
		{Name: "use", Spec: decide.Track{Signal: use, Setpoint: 0.7}},
		{Name: "objective", Spec: decide.Objective{Demand: demand, Rate: rate, Goals: []decide.Goal{{Signal: use, Most: 0.9}}}},
		{Name: "blind", Spec: decide.Objective{Demand: demand, Utilization: 6, Goals: []decide.Goal{{Signal: queue, Per: demand, Most: 3}, {Signal: use, Most: 0.9}}}},
		{Name: "rule", Spec: decide.Rule{
			Up:       decide.Step{When: busy, For: 5 * time.Second},
			Down:     decide.Step{When: quiet, For: 30 * time.Second, Share: 0.1},
			Monotone: true,
		}},
		{Name: "total", Spec: decide.Track{Signal: demand, Setpoint: 7, Total: true}},
	}
	c.Combine = anyCombine(t)
	anyFixed(t, &c)
	for _, p := range all {
		if len(c.Policies) == 0 || rapid.Bool().Draw(t, p.Name) {
			c.Policies = append(c.Policies, p)
		}
	}
	return c
}

func anyCore(t *rapid.T) *decide.Core { return newCore(t, anyConfig(t)) }

// goodSignals are all fresh and sensible.
func goodSignals(t *rapid.T) []signal.Sample {
	value := func(name string, values ...float64) signal.Sample {
		return signal.Value(rapid.OneOf(pick(values...), rapid.Float64Range(0, values[len(values)-1])).Draw(t, name))
	}
	return []signal.Sample{
		value("demand", 0, 1, 50, 300), value("queue", 0, 1, 400),
		signal.Value(rapid.Float64Range(1, 20).Draw(t, "rate")), value("use", 0, 0.7, 1.5),
	}
}

// anySignals may be of any quality.
func anySignals(t *rapid.T) []signal.Sample {
	s := goodSignals(t)
	for i := range s {
		if rapid.IntRange(0, 4).Draw(t, "spoil") == 0 {
			s[i] = badSample(t)
		}
	}
	return s
}

func badSample(t *rapid.T) signal.Sample {
	return pick(
		signal.Sample{},
		signal.Sample{Value: 3, Quality: signal.Stale},
		signal.Sample{Value: 3, Quality: 77},
		signal.Sample{Value: 3, Quality: signal.Fresh, Age: time.Hour},
		signal.Value(math.NaN()), signal.Value(math.Inf(1)), signal.Value(math.Inf(-1)), signal.Value(-1),
	).Draw(t, "bad")
}

func anyFleet(t *rapid.T, now time.Time) decide.Fleet {
	f := decide.Fleet{Desired: rapid.Int64Range(0, 40).Draw(t, "desired")}
	f.Ready = rapid.Int64Range(0, f.Desired).Draw(t, "ready")
	for range rapid.IntRange(0, 2).Draw(t, "cohorts") {
		f.Starting = append(f.Starting, decide.Cohort{
			N:     rapid.Int64Range(0, 5).Draw(t, "n"),
			Since: now.Add(-time.Duration(rapid.IntRange(-100, 1000).Draw(t, "age")) * time.Second),
			Stuck: rapid.IntRange(0, 3).Draw(t, "stuck") == 0,
		})
	}
	return f
}

// fixed are the limits of the laws that hold under fixed limits.
var fixed = decide.Limits{Min: 0, Max: 1000}

// history is what a core went through before the step that a law is about:
// ordinary inputs, some of them bad, under fixed limits. The fleet follows what
// was decided, mostly.
func history(t *rapid.T, core *decide.Core) (decide.State, decide.Input) {
	var s decide.State
	in := decide.Input{Now: started, Limits: fixed, Members: signal.Coverage{Expected: 10, Fresh: 10}, Pause: anyPause(t, started)}
	for range rapid.IntRange(0, 12).Draw(t, "steps") {
		desired := in.Fleet.Desired
		in.Fleet = anyFleet(t, in.Now)
		if rapid.IntRange(0, 3).Draw(t, "foreign") > 0 {
			in.Fleet.Desired = desired
		}
		in.Signals = anySignals(t)
		in.Members.Fresh = rapid.IntRange(5, 10).Draw(t, "fresh")
		var d decide.Decision
		s, d = core.Next(s, in)
		in.Fleet.Desired = d.Desired
		in.Now = in.Now.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "gap")) * time.Second)
	}
	f := anyFleet(t, in.Now)
	f.Desired = in.Fleet.Desired
	in.Fleet, in.Signals, in.Members.Fresh = f, goodSignals(t), 10
	return s, in
}

// hostile is an input that nobody in his senses would send.
func hostile(t *rapid.T) decide.Input {
	count := rapid.OneOf(rapid.Int64Range(-5, 50), rapid.Int64(), pick[int64](math.MinInt64, math.MaxInt64))
	instant := rapid.Custom(func(t *rapid.T) time.Time {
		return pick(
			time.Time{}, started, started.AddDate(1, 0, 0), started.AddDate(-300, 0, 0), started.AddDate(300000, 0, 0),
			time.Unix(math.MaxInt64, 999999999), time.Unix(math.MinInt64, 0),
			started.Add(time.Duration(rapid.Int64().Draw(t, "offset"))),
		).Draw(t, "instant")
	})
	in := decide.Input{
		Now:      instant.Draw(t, "now"),
		Fleet:    decide.Fleet{Desired: count.Draw(t, "desired"), Ready: count.Draw(t, "ready"), Draining: count.Draw(t, "draining")},
		Members:  signal.Coverage{Expected: rapid.Int().Draw(t, "expected"), Fresh: rapid.Int().Draw(t, "fresh")},
		Limits:   decide.Limits{Min: count.Draw(t, "min"), Max: count.Draw(t, "max")},
		Override: decide.Override{Replicas: count.Draw(t, "override"), Until: instant.Draw(t, "until")},
		Pause:    decide.Pause{Up: rapid.Bool().Draw(t, "pause up"), Down: rapid.Bool().Draw(t, "pause down"), Until: instant.Draw(t, "paused until")},
	}
	for range rapid.IntRange(0, 3).Draw(t, "cohorts") {
		in.Fleet.Starting = append(in.Fleet.Starting, decide.Cohort{
			N: count.Draw(t, "n"), Since: instant.Draw(t, "since"), Stuck: rapid.Bool().Draw(t, "stuck"),
		})
	}
	for range rapid.IntRange(0, 6).Draw(t, "signals") {
		in.Signals = append(in.Signals, signal.Sample{
			Value:   rapid.OneOf(rapid.Float64(), pick(math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, 5e-324, 0)).Draw(t, "value"),
			Weight:  rapid.Float64().Draw(t, "weight"),
			Age:     time.Duration(rapid.Int64().Draw(t, "age")),
			Quality: signal.Quality(rapid.Uint8Range(0, 4).Draw(t, "quality")),
		})
	}
	return in
}
