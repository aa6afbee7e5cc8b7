package decide_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// Faults, each as it reaches the core: a source that fails gives no sample, one
// that repeats itself gives one that grows old.
var faults = map[string]func(in *decide.Input, since time.Duration){
	"zero where that cannot be": func(in *decide.Input, _ time.Duration) { in.Signals[2] = signal.Value(0) },
	"NaN":                       func(in *decide.Input, _ time.Duration) { setAll(in, signal.Value(math.NaN())) },
	"+Inf":                      func(in *decide.Input, _ time.Duration) { setAll(in, signal.Value(math.Inf(1))) },
	"-Inf":                      func(in *decide.Input, _ time.Duration) { setAll(in, signal.Value(math.Inf(-1))) },
	"negative":                  func(in *decide.Input, _ time.Duration) { setAll(in, signal.Value(-1)) },
	"error":                     func(in *decide.Input, _ time.Duration) { setAll(in, signal.Sample{}) },
	"no signal":                 func(in *decide.Input, _ time.Duration) { in.Signals = nil },
	"stale":                     func(in *decide.Input, _ time.Duration) { setAll(in, signal.Sample{Quality: signal.Stale}) },
	"frozen": func(in *decide.Input, since time.Duration) {
		for i := range in.Signals {
			in.Signals[i].Age = 16*time.Second + since
		}
	},
	"unreachable": func(in *decide.Input, _ time.Duration) {
		in.Members.Fresh = 0
		setAll(in, signal.Sample{})
	},
	"most unreachable": func(in *decide.Input, _ time.Duration) {
		in.Members.Fresh = 3
		for _, i := range []int{0, 1} { // sums of what is left
			in.Signals[i].Value *= 0.3
		}
	},
	"members unknown": func(in *decide.Input, _ time.Duration) {
		in.Members = signal.Coverage{Expected: -1, Fresh: -1}
		in.Signals[0].Value = 0
	},
	"clock": func(in *decide.Input, since time.Duration) {
		in.Now = in.Now.AddDate(5-int(since/time.Second)%11, 0, 0)
		setAll(in, signal.Sample{})
	},
}

func setAll(in *decide.Input, s signal.Sample) {
	for i := range in.Signals {
		in.Signals[i] = s
	}
}

// The fault matrix: every fault, met while demand rises and while it falls, with
// plain and with all settings, for an hour. Nothing is taken away while it lasts.
func TestFaultMatrix(t *testing.T) {
	plain := decide.Config{Signals: defs(), Policies: []decide.NamedSpec{
		{Name: "capacity", Spec: decide.Capacity{Demand: demand, Rate: rate}},
		{Name: "backlog", Spec: decide.Backlog{Queue: queue, Rate: rate, Demand: demand}},
		{Name: "use", Spec: decide.Track{Signal: use, Setpoint: 0.7}},
	}}
	bare := plain
	bare.Up, bare.Down = decide.Direction{Tolerance: -1}, decide.Direction{Tolerance: -1, Window: -1, Idle: -1}
	set := bare
	set.Up.Rates = []decide.Rate{{Count: 4, Period: 15 * time.Second}, {Share: 1, Period: time.Minute}}
	set.Down.Rates = []decide.Rate{{Share: 0.5, Period: 30 * time.Second}}
	set.Burst, set.Warm = decide.Burst{Factor: 2}, decide.Warm{Replicas: 2}
	set.Schedule = []decide.Window{{Min: 2, Max: 90}}
	set.Budget = decide.Budget{Price: 1, PerHour: 80}
	configs := map[string]decide.Config{"plain": plain, "no guards": bare, "all": set}
	for f := decide.FallbackFloor; f <= decide.FallbackFixed; f++ {
		c := bare
		if c.Hold.Fallback = f; f != decide.FallbackLastGood {
			c.Hold.Replicas = 6
		}
		configs["falls back to "+f.String()] = c
	}
	downs := 0
	for name, config := range configs {
		for fault, spoil := range faults {
			for direction, slope := range map[string]float64{"up": 1, "down": -1} {
				t.Run(fmt.Sprintf("%s/%s/%s", name, fault, direction), func(t *testing.T) {
					l := newLoop(t, config, 20, 30*time.Second)
					l.in.Members = signal.Coverage{Expected: 10, Fresh: 10}
					load := func(k int) { l.load(max(0, 120+slope*float64(k)), 10) }
					for k := range 60 {
						load(k)
						l.step(5 * time.Second)
					}
					before := l.d.Desired
					for k := range 720 {
						l.in.Members.Fresh = 10
						load(60 + k)
						now, passed := l.in.Now, time.Duration(k)*5*time.Second
						spoil(&l.in, passed)
						n := l.step(5 * time.Second)
						l.in.Now, l.in.Signals = now.Add(5*time.Second), make([]signal.Sample, 4)
						if n < before {
							downs++
							t.Fatalf("after %v: from %d to %s", passed, before, text(t, l.d))
						}
						before = n
					}
				})
			}
		}
	}
	t.Logf("%d scale-downs on bad data", downs)
}

// A spike is one sample that is fresh and wrong. Nobody can tell it from a surge:
// it may raise the count, but the one downwards, a sample of nothing, takes
// nothing away before it has lasted for the window.
func TestSpikes(t *testing.T) {
	c := decide.Config{Signals: defs(), Policies: []decide.NamedSpec{{Name: "capacity", Spec: decide.Capacity{Demand: demand, PerReplica: 10}}}}
	for _, value := range []float64{0, 1e-300, 1e300} {
		l := newLoop(t, c, 20, 30*time.Second)
		for range 100 {
			l.load(120, 0)
			l.step(5 * time.Second)
		}
		settled := l.d.Desired
		for k := range 200 {
			if l.load(120, 0); k%10 == 0 {
				l.in.Signals[0].Value = value
			}
			if n := l.step(5 * time.Second); n < settled || n > l.in.Limits.Max {
				t.Fatalf("a spike to %v: %s", value, text(t, l.d))
			}
		}
	}
}

// In the transcript every stage has its say.
func TestEveryStageSpeaks(t *testing.T) {
	core := newCore(t, full())
	g := day{seed: 0x9e3779b97f4a7c15, now: started}
	var in decide.Input
	var s decide.State
	var d decide.Decision
	seen := map[decide.Stage]int{}
	for range 4000 {
		g.next(&in, d.Desired)
		core.Step(&s, &s, &in, &d)
		for _, n := range d.Notes {
			seen[n.Stage]++
		}
	}
	for stage := decide.StageCombine; stage <= decide.StageBounds; stage++ {
		if seen[stage] == 0 {
			t.Errorf("%v never had anything to say: %v", stage, seen)
		}
	}
}
