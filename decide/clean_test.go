package decide_test

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// What the core makes of what comes in: good values stay, at both ends of their
// ranges too, and what is beyond becomes the nearest or none.
func TestClean(t *testing.T) {
	utc := func(year int, month time.Month, day, h, m, s, ns int) time.Time {
		return time.Date(year, month, day, h, m, s, ns, time.UTC)
	}
	first, last := time.Time{}, utc(9999, 12, 31, 23, 59, 59, 999999999)
	lastSecond := utc(9999, 12, 31, 23, 59, 59, 0)
	later := started.Add(time.Hour)
	for name, tc := range map[string]struct{ in, want decide.Input }{
		"counts": {
			decide.Input{Fleet: decide.Fleet{Desired: -1, Ready: decide.MaxReplicas, Draining: decide.MaxReplicas + 1}},
			decide.Input{Fleet: decide.Fleet{Ready: decide.MaxReplicas, Draining: decide.MaxReplicas}}},
		"cohorts": {
			decide.Input{Fleet: decide.Fleet{Starting: []decide.Cohort{{N: -1}, {N: 0, Stuck: true}, {N: 1, Since: later}, {N: math.MaxInt64, Stuck: true}}}},
			decide.Input{Fleet: decide.Fleet{Starting: []decide.Cohort{{N: 1, Since: later}, {N: decide.MaxReplicas, Stuck: true}}}}},
		"members": {
			decide.Input{Members: signal.Coverage{Expected: 3, Fresh: 0}},
			decide.Input{Members: signal.Coverage{Expected: 3, Fresh: 0}}},
		"fewer than no members": {
			decide.Input{Members: signal.Coverage{Expected: -1, Fresh: 0}},
			decide.Input{Members: signal.Coverage{Expected: 1}}},
		"fewer than none report": {
			decide.Input{Members: signal.Coverage{Expected: 3, Fresh: -1}},
			decide.Input{Members: signal.Coverage{Expected: 1}}},
		"limits": {
			decide.Input{Limits: decide.Limits{Min: -1, Max: math.MaxInt64}},
			decide.Input{Limits: decide.Limits{Min: 0, Max: decide.MaxReplicas}}},
		"limits the wrong way round": {
			decide.Input{Limits: decide.Limits{Min: 7, Max: 2}},
			decide.Input{Limits: decide.Limits{Min: 7, Max: 7}}},
		"override to none":             {decide.Input{Override: decide.Override{Until: later}}, decide.Input{Override: decide.Override{Until: later}}},
		"override to fewer than none":  {decide.Input{Override: decide.Override{Replicas: -1, Until: later}}, decide.Input{}},
		"override without an end":      {decide.Input{Override: decide.Override{Replicas: 3}}, decide.Input{}},
		"override to far too many":     {decide.Input{Override: decide.Override{Replicas: math.MaxInt64, Until: later}}, decide.Input{Override: decide.Override{Replicas: decide.MaxReplicas, Until: later}}},
		"pause up":                     {decide.Input{Pause: decide.Pause{Up: true}}, decide.Input{Pause: decide.Pause{Up: true}}},
		"pause down":                   {decide.Input{Pause: decide.Pause{Down: true, Until: later}}, decide.Input{Pause: decide.Pause{Down: true, Until: later}}},
		"pause of nothing":             {decide.Input{Pause: decide.Pause{Until: later}}, decide.Input{}},
		"the last second":              {decide.Input{Now: last}, decide.Input{Now: last}},
		"after the last second":        {decide.Input{Now: last.Add(1)}, decide.Input{Now: lastSecond}},
		"half a second after nothing":  {decide.Input{Now: first.Add(time.Second / 2)}, decide.Input{Now: first.Add(time.Second / 2)}},
		"before the first second":      {decide.Input{Now: first.Add(-1)}, decide.Input{}},
		"another zone":                 {decide.Input{Now: started.In(time.FixedZone("x", 3600))}, decide.Input{Now: started}},
		"to the nanosecond":            {decide.Input{Now: started.Add(1)}, decide.Input{Now: started.Add(1)}},
		"a sample":                     {sampled(signal.Sample{Value: 1, Weight: 2, Age: 3, Quality: signal.Fresh}), sampled(signal.Sample{Value: 1, Weight: 2, Age: 3, Quality: signal.Fresh})},
		"a stale one":                  {sampled(signal.Sample{Value: -1, Quality: signal.Stale}), sampled(signal.Sample{Value: -1, Quality: signal.Stale})},
		"an absent one with a value":   {sampled(signal.Sample{Value: 1, Weight: 2, Age: 3}), sampled(signal.Sample{})},
		"of a quality nobody knows":    {sampled(signal.Sample{Value: 1, Quality: signal.Fresh + 1}), sampled(signal.Sample{})},
		"not a number":                 {sampled(signal.Sample{Value: math.NaN(), Quality: signal.Fresh}), sampled(signal.Sample{})},
		"infinite":                     {sampled(signal.Sample{Value: math.Inf(-1), Quality: signal.Fresh}), sampled(signal.Sample{})},
		"of negative weight":           {sampled(signal.Sample{Weight: -1, Quality: signal.Fresh}), sampled(signal.Sample{Quality: signal.Fresh})},
		"of no weight":                 {sampled(signal.Sample{Weight: math.NaN(), Quality: signal.Fresh}), sampled(signal.Sample{Quality: signal.Fresh})},
		"of infinite weight":           {sampled(signal.Sample{Weight: math.Inf(1), Quality: signal.Fresh}), sampled(signal.Sample{Quality: signal.Fresh})},
		"of some weight":               {sampled(signal.Sample{Weight: 0.5, Quality: signal.Fresh}), sampled(signal.Sample{Weight: 0.5, Quality: signal.Fresh})},
		"from the future":              {sampled(signal.Sample{Age: -1, Quality: signal.Fresh}), sampled(signal.Sample{Quality: signal.Fresh})},
		"of the future by a long time": {sampled(signal.Sample{Age: math.MinInt64, Quality: signal.Fresh}), sampled(signal.Sample{Quality: signal.Fresh})},
	} {
		got := tc.in.Clean()
		if len(got.Fleet.Starting) == 0 {
			got.Fleet.Starting = nil
		}
		if len(got.Signals) == 0 {
			got.Signals = nil
		}
		if !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", name, got, tc.want)
		}
	}
}

func sampled(s signal.Sample) decide.Input { return decide.Input{Signals: []signal.Sample{s}} }

// A quality is fresh for as long as its signal says, to the last nanosecond, and
// a sample that is missing is absent.
func TestAgeOfSignals(t *testing.T) {
	var seen []signal.Sample
	core := newCore(t, simple(func(c *decide.Config) {
		c.Signals = defs()[:3]
		c.Signals[0].MaxAge = time.Minute
		c.Policies = only(custom{recommend: func(_ []float64, in *decide.Input) decide.Recommendation {
			seen = append(seen[:0], in.Signals...)
			return decide.Recommendation{Held: true}
		}})
	}))
	at := func(age time.Duration) signal.Sample {
		return signal.Sample{Value: 1, Age: age, Quality: signal.Fresh}
	}
	core.Next(decide.State{}, decide.Input{Now: started, Signals: []signal.Sample{at(time.Minute), at(time.Minute)}})
	if len(seen) != 3 || seen[0].Quality != signal.Fresh || seen[1].Quality != signal.Stale || seen[2] != (signal.Sample{}) {
		t.Errorf("a minute old: %+v", seen)
	}
	core.Next(decide.State{}, decide.Input{Now: started, Signals: []signal.Sample{at(time.Minute + 1), at(15 * time.Second), at(0), at(0)}})
	if len(seen) != 3 || seen[0].Quality != signal.Stale || seen[1].Quality != signal.Fresh || seen[2] != at(0) {
		t.Errorf("a nanosecond older: %+v", seen)
	}
}

func TestLimits(t *testing.T) {
	for _, tc := range []struct {
		limits  decide.Limits
		n, want int64
	}{
		{decide.Limits{Min: 2, Max: 5}, 1, 2}, {decide.Limits{Min: 2, Max: 5}, 2, 2}, {decide.Limits{Min: 2, Max: 5}, 6, 5}, {decide.Limits{Min: 2, Max: 5}, 4, 4},
		{decide.Limits{Min: 5, Max: 2}, 1, 5}, {decide.Limits{Min: 5, Max: 2}, 9, 5}, {decide.Limits{Min: -3, Max: -2}, 4, 0}, {decide.Limits{}, -1, 0},
		{decide.Limits{Max: math.MaxInt64}, math.MaxInt64, decide.MaxReplicas}, {decide.Limits{Min: math.MaxInt64}, 1, decide.MaxReplicas},
	} {
		if got := tc.limits.Clamp(tc.n); got != tc.want {
			t.Errorf("%+v makes %d of %d, want %d", tc.limits, got, tc.n, tc.want)
		}
	}
}
