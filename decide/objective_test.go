package decide_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

var latency = signal.Key{Name: signal.NameTTFT}

// A knee is an Objective with its memory, on replicas that do 10 requests/s at
// full use, and the knee as it shows in the figures of the opinion.
type knee struct {
	policy decide.Policy
	mem    []float64
	in     decide.Input
	each   float64 // rate at full use
}

func newKnee(t fataler, o decide.Objective) *knee {
	t.Helper()
	schema, err := signal.NewSchema(append(defs(), signal.Def{Key: latency, Unit: signal.Seconds, Quantile: 0.95})...)
	if err != nil {
		t.Fatal(err)
	}
	o.Demand = demand
	if o.Goals == nil {
		o.Goals = []decide.Goal{{Signal: latency, Most: 2}}
	}
	p, err := o.Compile(schema)
	if err != nil {
		t.Fatal(err)
	}
	return &knee{p, make([]float64, p.Words()), decide.Input{
		Now: started, Fleet: decide.Fleet{Desired: 4, Ready: 4}, Limits: fixed, Signals: make([]signal.Sample, 5)}, 10}
}

// see shows the policy a load per replica, as a share, and a latency. It returns
// its opinion.
func (k *knee) see(load, latency float64) decide.Recommendation {
	k.in.Signals[0] = signal.Value(load * k.each * float64(k.in.Fleet.Ready))
	k.in.Signals[2] = signal.Value(k.each)
	k.in.Signals[4] = signal.Sample{Value: latency, Weight: 100, Quality: signal.Fresh}
	k.in.Now = k.in.Now.Add(5 * time.Second)
	return k.policy.Recommend(k.mem, &k.in)
}

func (k *knee) now(t fataler, load float64) float64 {
	t.Helper()
	saved := append([]float64(nil), k.mem...)
	r := k.policy.Recommend(saved, &k.in)
	if r.Reason != decide.ReasonObjective {
		t.Fatal(fmt.Sprintf("%+v", r))
	}
	return r.B / k.each
}

func near(t *testing.T, what string, got, least, most float64) {
	t.Helper()
	if got < least || got > most {
		t.Errorf("%s: %v, want %v to %v", what, got, least, most)
	}
}

func TestObjectiveLearns(t *testing.T) {
	learned := decide.Objective{Rate: rate}
	for name, tc := range map[string]struct {
		o             decide.Objective
		load, latency float64
		least, most   float64 // after ten minutes
	}{
		"kept above the knee":     {learned, 0.9, 1.9, 0.9, 0.91},
		"missed below the knee":   {learned, 0.6, 2.5, 0.58, 0.59},
		"missed above the knee":   {learned, 0.9, 2.5, 0.7, 0.7},
		"kept with ease":          {learned, 0.6, 0.4, 0.8, 0.9},
		"kept with much ease":     {learned, 0.6, 0.02, 0.8, 0.9}, // no further than 1.5 × 0.6
		"nearly missed":           {learned, 0.68, 1.9, 0.69, 0.7},
		"a little load, kept":     {learned, 0.2, 1.2, 0.7, 0.7},
		"never below the floor":   {learned, 0.1, 30, 0.3, 0.3},
		"never above the ceiling": {learned, 1.4, 0.1, 1, 1},
		"a constant":              {decide.Objective{PerReplica: 10}, 0.68, 0.2, 0.74, 0.75},
		"zero is no latency":      {learned, 0.9, 0, 0.7, 0.7},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKnee(t, tc.o)
			for range 120 {
				k.see(tc.load, tc.latency)
			}
			near(t, "the knee", k.now(t, tc.load), tc.least-1e-9, tc.most+1e-9)
		})
	}
}

func TestObjectiveWithoutRate(t *testing.T) {
	k := newKnee(t, decide.Objective{Headroom: -1})
	for range 60 {
		if r := k.see(0.5, 1); !r.Held || r.Reason != decide.ReasonUnlearned {
			t.Fatalf("nothing came near its limit, and yet %+v", r)
		}
	}
	for range 60 {
		k.see(0.8, 1.9)
	}
	r := k.see(0.8, 1.9)
	near(t, "load per replica", r.B, 7.9, 8.01)
	if r.Replicas < 4 || r.Replicas > 5 {
		t.Errorf("%+v", r)
	}
	k.in.Fleet = decide.Fleet{}
	k = newKnee(t, decide.Objective{})
	k.in.Fleet = decide.Fleet{}
	k.in.Signals[0] = signal.Value(3)
	if r := k.policy.Recommend(k.mem, &k.in); r.Replicas != 1 || r.Reason != decide.ReasonFirst {
		t.Errorf("from zero: %+v", r)
	}
}

// What is cold, too little, unreadable or left behind by an overload teaches
// nothing.
func TestObjectiveLeavesOut(t *testing.T) {
	for name, spoil := range map[string]func(k *knee, step int){
		"a replica that began to start": func(k *knee, _ int) { k.in.Fleet.Starting = []decide.Cohort{{N: 1, Since: k.in.Now}} },
		"a replica that became ready":   func(k *knee, step int) { k.in.Fleet.Ready = int64(5 + step/4) },
		"too few values":                func(k *knee, _ int) { k.in.Signals[4].Weight = 19 },
		"stale":                         func(k *knee, _ int) { k.in.Signals[4].Quality = signal.Stale },
		"absent":                        func(k *knee, _ int) { k.in.Signals[4] = signal.Sample{} },
		"no demand":                     func(k *knee, _ int) { k.in.Signals[0] = signal.Value(0) },
		"rate unknown":                  func(k *knee, _ int) { k.in.Signals[2] = signal.Sample{} },
		"none ready":                    func(k *knee, _ int) { k.in.Fleet.Ready = 0 },
		"clock that stands":             func(k *knee, _ int) { k.in.Now = started },
	} {
		t.Run(name, func(t *testing.T) {
			k := newKnee(t, decide.Objective{Rate: rate})
			for range 20 {
				k.see(0.65, 1.5)
			}
			k.in.Now = started
			before := k.now(t, 0.65)
			for step := range 100 {
				k.in.Signals[0], k.in.Signals[2] = signal.Value(0.65*10*4), signal.Value(10)
				k.in.Signals[4] = signal.Sample{Value: 5, Weight: 100, Quality: signal.Fresh}
				k.in.Now = k.in.Now.Add(5 * time.Second)
				spoil(k, step)
				k.policy.Recommend(k.mem, &k.in)
			}
			k.in.Fleet, k.in.Signals[0], k.in.Signals[2] = decide.Fleet{Desired: 4, Ready: 4}, signal.Value(26), signal.Value(10)
			if after := k.now(t, 0.65); after != before {
				t.Errorf("the knee went from %v to %v", before, after)
			}
		})
	}
	k := newKnee(t, decide.Objective{Rate: rate})
	for range 20 {
		k.see(0.65, 1.5)
	}
	before := k.now(t, 0.65)
	for range 20 {
		k.see(1.3, 8) // the load explains it
	}
	for range 30 {
		k.see(0.5, 4) // and what is queued has to be worked off
	}
	if after := k.now(t, 0.5); after < before {
		t.Errorf("an overload took the knee from %v to %v", before, after)
	}
}

// A rate that collapses in an overload is not believed until it is over, or has
// lasted for minutes.
func TestObjectiveDoubtsTheRate(t *testing.T) {
	k := newKnee(t, decide.Objective{Rate: rate, Headroom: -1})
	for range 20 {
		k.see(0.65, 1.9)
	}
	k.see(1.4, 5)
	asked := k.see(1.4, 5).Replicas
	k.each = 2
	for step := range 70 {
		r := k.see(7, 5) // the same demand, by that rate
		switch {
		case step < 50 && r.Replicas > asked+1:
			t.Fatalf("step %d: %+v, and before the rate fell %d", step, r, asked)
		case step == 69 && r.Replicas < 3*asked:
			t.Fatalf("after six minutes: %+v, and before the rate fell %d", r, asked)
		}
	}
	for range 10 {
		k.see(0.65, 1.9)
	}
	if r := k.see(0.65, 1.9); r.B > 2 {
		t.Errorf("without an overload a rate of 2/s gives %+v", r)
	}
}

// Not from the first moment of the overload on.
func TestObjectiveDoubtsTheRateAtOnce(t *testing.T) {
	k := newKnee(t, decide.Objective{Rate: rate, Headroom: -1})
	for range 20 {
		k.see(0.65, 1.9)
	}
	asked := k.see(1.4, 5).Replicas
	k.each = 2
	if r := k.see(7, 5); r.Replicas > asked { // the same demand, by that rate
		t.Errorf("%+v, and before the rate fell %d", r, asked)
	}
}

// No sample moves the knee by more than 2 %, none leaves its bounds, and the
// count is never fewer for more demand.
func TestLawObjective(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := decide.Objective{Rate: rate, Floor: 0.4, Ceiling: 0.95, Utilization: rapid.Float64Range(0.4, 0.95).Draw(t, "guess")}
		k := newKnee(t, o)
		before := k.see(0.5, 1).B / 10
		for range rapid.IntRange(10, 100).Draw(t, "samples") {
			k.in.Fleet.Ready = pick[int64](0, 3, 4, 4, 4, 4, 4).Draw(t, "ready")
			k.in.Fleet.Desired = max(k.in.Fleet.Ready, 1)
			k.in.Now = k.in.Now.Add(time.Duration(rapid.IntRange(-200, 200).Draw(t, "gap")) * time.Second)
			r := k.see(rapid.Float64Range(0.01, 3).Draw(t, "load"), rapid.OneOf(rapid.Float64Range(0, 5), rapid.Float64()).Draw(t, "latency"))
			if r.Reason != decide.ReasonObjective {
				continue
			}
			now := r.B / 10
			if math.Abs(now/before-1) > 0.02+1e-9 || now < 0.4-1e-9 || now > 0.95+1e-9 {
				t.Fatalf("the knee went from %v to %v", before, now)
			}
			before = now
			more := k.in
			more.Signals = append([]signal.Sample(nil), k.in.Signals...)
			mem := append([]float64(nil), k.mem...)
			less := k.policy.Recommend(append([]float64(nil), mem...), &k.in)
			more.Signals[0].Value += rapid.Float64Range(0, 1000).Draw(t, "more")
			if r := k.policy.Recommend(mem, &more); r.Replicas < less.Replicas {
				t.Fatalf("more demand: %d, then %d", less.Replicas, r.Replicas)
			}
		}
		for _, w := range k.mem {
			if math.IsNaN(w) || math.IsInf(w, 0) {
				t.Fatalf("memory is %v", k.mem)
			}
		}
	})
}

func TestObjectiveRefuses(t *testing.T) {
	schema, err := signal.NewSchema(defs()...)
	if err != nil {
		t.Fatal(err)
	}
	goals := []decide.Goal{{Signal: use, Most: 0.9}}
	for want, o := range map[string]decide.Objective{
		"Objective.Demand is empty":          {Goals: goals},
		"Objective.Goals has 0 entries":      {Demand: demand},
		"Objective.Goals has 9 entries":      {Demand: demand, Goals: make([]decide.Goal, 9)},
		"Objective.Goals[0].Signal is empty": {Demand: demand, Goals: make([]decide.Goal, 1)},
		"Objective.Goals[0].Most is -1":      {Demand: demand, Goals: []decide.Goal{{Signal: use, Most: -1}}},
		`Objective.Goals[0].Per is "x"`:      {Demand: demand, Goals: []decide.Goal{{Signal: use, Most: 1, Per: signal.Key{Name: "x"}}}},
		"give exactly one":                   {Demand: demand, Goals: goals, Rate: rate, PerReplica: 3},
		"Objective.Utilization is 2":         {Demand: demand, Goals: goals, Rate: rate, Utilization: 2},
		"Objective.Floor is 2 and Ceiling":   {Demand: demand, Goals: goals, Rate: rate, Floor: 2},
		"Objective.Ceiling is NaN":           {Demand: demand, Goals: goals, Ceiling: math.NaN()},
		"Objective.Interval is -1s":          {Demand: demand, Goals: goals, Interval: -time.Second},
		"Objective.Warmup is -1s":            {Demand: demand, Goals: goals, Warmup: -time.Second},
		"Objective.Reserve is -1":            {Demand: demand, Goals: goals, Reserve: -1},
	} {
		if _, err := o.Compile(schema); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
}

// What lasts for less than the clocks here can tell lasts for no time.
func TestObjectiveWithoutWarmup(t *testing.T) {
	k := newKnee(t, decide.Objective{Rate: rate, Warmup: 1})
	k.see(0.9, 1)
	near(t, "after the first sample", k.now(t, 0.9), 0.714-1e-9, 0.714+1e-9)
}

// Find out how much a replica takes while the p95 of the time to first token
// stays within two seconds.
func ExampleObjective() {
	core, err := decide.New(decide.Config{
		Signals: append(defs(), signal.Def{Key: latency, Unit: signal.Seconds, Quantile: 0.95}),
		Policies: []decide.NamedSpec{{Name: "objective", Spec: decide.Objective{
			Demand: demand,
			Rate:   rate,
			Goals:  []decide.Goal{{Signal: latency, Most: 2}},
		}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	var s decide.State
	for k := range 121 {
		in := decide.Input{
			Now:   started.Add(time.Duration(k) * 5 * time.Second),
			Fleet: decide.Fleet{Desired: 10, Ready: 10}, Limits: decide.Limits{Min: 1, Max: 40},
			// 65 of 10 × 10 requests/s take 1.3 s of the 2 s.
			Signals: []signal.Sample{signal.Value(65), {}, signal.Value(10), {}, {Value: 1.3, Weight: 500, Quality: signal.Fresh}},
		}
		var d decide.Decision
		if s, d = core.Next(s, in); k%60 == 0 {
			r := d.Recommendations[0]
			fmt.Printf("after %d min: %d replicas, %.1f/s each\n", k/12, r.Replicas, r.B)
		}
	}
	// Output:
	// after 0 min: 11 replicas, 7.0/s each
	// after 5 min: 10 replicas, 7.7/s each
	// after 10 min: 10 replicas, 7.7/s each
}
