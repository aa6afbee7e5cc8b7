package decide_test

import (
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// full has eight signals, four policies and every stage switched on.
func full() decide.Config {
	key := func(name string) signal.Key { return signal.Key{Name: name, Pool: "chat"} }
	work, learned, waiting := key(signal.NameDemandWork), key(signal.NameUnitRate), key(signal.NameQueuedWork)
	return decide.Config{
		Signals: []signal.Def{
			{Key: work, Unit: signal.TokensPerSecond},
			{Key: learned, Unit: signal.TokensPerSecond, Merge: signal.MergeMean},
			{Key: waiting, Unit: signal.Tokens},
			{Key: key(signal.NameUnitUse), Unit: signal.Ratio},
			{Key: key(signal.NameInFlight), Unit: signal.Requests},
			{Key: key(signal.NameTTFT), Unit: signal.Seconds, Quantile: 0.95},
			{Key: key(signal.NameTPOT), Unit: signal.Seconds, Quantile: 0.95},
			{Key: key(signal.NameErrors), Unit: signal.Ratio},
		},
		Policies: []decide.NamedSpec{
			{Name: "capacity", Spec: decide.Capacity{Demand: work, Rate: learned}},
			{Name: "backlog", Spec: decide.Backlog{Queue: waiting, Rate: learned, Demand: work, Within: time.Minute}},
			{Name: "use", Spec: decide.Track{Signal: key(signal.NameUnitUse), Setpoint: 0.7}},
			{Name: "in-flight", Spec: decide.Track{Signal: key(signal.NameInFlight), Setpoint: 32, Total: true}},
		},
		Up: decide.Direction{
			Window: 10 * time.Second, Cooldown: 5 * time.Second,
			Rate:  decide.Rate{Count: 4, Share: 0.5, Period: 30 * time.Second},
			Rates: []decide.Rate{{Count: 8, Period: 2 * time.Minute}},
		},
		Down: decide.Direction{
			Cooldown: 30 * time.Second, Select: decide.SelectMin,
			Rate:  decide.Rate{Share: 0.5},
			Rates: []decide.Rate{{Count: 20, Period: 10 * time.Minute}},
		},
		Burst: decide.Burst{Factor: 2.5, Window: 5 * time.Second},
		Warm:  decide.Warm{Replicas: 1, Share: 0.05},
		Hold:  decide.Hold{Fallback: decide.FallbackLastGood},
		Schedule: []decide.Window{
			{Name: "day", Days: decide.EveryDay, From: 8 * time.Hour, To: 20 * time.Hour, Zone: "Europe/Berlin", Min: 8, Ramp: 30 * time.Minute},
			{Name: "noon", From: 11 * time.Hour, To: 14 * time.Hour, Zone: "Europe/Berlin", Warm: decide.Warm{Replicas: 2}},
			{Name: "night", From: 23 * time.Hour, To: 5 * time.Hour, Zone: "America/New_York", Max: 40},
		},
		Budget: decide.Budget{Price: 2.5, PerHour: 125, PerMonth: 60000},
	}
}

// fullInput is the k-th of a series in which every stage has something to do.
func fullInput(in *decide.Input, k int, desired int64) {
	wave := float64((k*7)%40) / 40
	in.Now = started.Add(time.Duration(k) * 5 * time.Second)
	in.Fleet.Desired, in.Fleet.Ready = desired, max(desired-3, 0)
	in.Fleet.Starting = append(in.Fleet.Starting[:0],
		decide.Cohort{N: 2, Since: in.Now.Add(-30 * time.Second)},
		decide.Cohort{N: 1, Since: in.Now.Add(-20 * time.Minute)})
	in.Members = signal.Coverage{Expected: 20, Fresh: 20 - k%3/2}
	in.Limits = decide.Limits{Min: 1, Max: 64}
	in.Signals = append(in.Signals[:0],
		signal.Value(20000+20000*wave), signal.Value(1500), signal.Value(9000*wave), signal.Value(0.5+0.4*wave),
		signal.Value(300+400*wave), signal.Value(0.8), signal.Value(0.04), signal.Value(0.001))
	in.Override = decide.Override{}
	in.Pause = decide.Pause{Up: k%60 == 59}
	if k%50 == 49 {
		in.Override = decide.Override{Replicas: 12, Until: in.Now.Add(time.Minute)}
	}
}

func BenchmarkStep(b *testing.B) {
	core := newCore(b, full())
	var in decide.Input
	var s decide.State
	var d decide.Decision
	b.ReportAllocs()
	for k := 0; b.Loop(); k++ {
		fullInput(&in, k, d.Desired)
		core.Step(&s, &s, &in, &d)
	}
}

// The days around the one on which clocks are set take a longer way.
func BenchmarkStepWhereClocksAreSet(b *testing.B) {
	core := newCore(b, full())
	var in decide.Input
	var s decide.State
	var d decide.Decision
	b.ReportAllocs()
	for k := 0; b.Loop(); k++ {
		fullInput(&in, k, d.Desired)
		in.Now = in.Now.AddDate(0, 0, 28).Add(time.Duration(-k/720) * time.Hour) // 29 March, always the same hour
		core.Step(&s, &s, &in, &d)
	}
}

func BenchmarkStepKeepingPrevious(b *testing.B) {
	core := newCore(b, full())
	var in decide.Input
	var next, prev decide.State
	var d decide.Decision
	fullInput(&in, 0, 20)
	core.Step(&prev, &prev, &in, &d)
	fullInput(&in, 1, 20)
	b.ReportAllocs()
	for b.Loop() {
		core.Step(&next, &prev, &in, &d)
	}
}

func TestStepAllocatesNothing(t *testing.T) {
	core := newCore(t, full())
	var in decide.Input
	var states [2]decide.State
	var d decide.Decision
	k := 0
	one := func() {
		fullInput(&in, k, d.Desired)
		core.Step(&states[(k+1)%2], &states[k%2], &in, &d)
		k++
	}
	for range 100 { // every stage has had its say by then
		one()
	}
	if n := testing.AllocsPerRun(500, one); n != 0 {
		t.Errorf("Step allocates %v times, want 0", n)
	}
}
