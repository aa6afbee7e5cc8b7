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
		Up:   decide.Direction{Window: 10 * time.Second, Rate: decide.Rate{Count: 4, Share: 0.5, Period: 30 * time.Second}, Cooldown: 5 * time.Second},
		Down: decide.Direction{Rate: decide.Rate{Share: 0.5}, Cooldown: 30 * time.Second},
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
