package decide_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

func compile(t *testing.T, s decide.Spec) decide.Policy {
	t.Helper()
	schema, err := signal.NewSchema(defs()...)
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Compile(schema)
	if err != nil {
		t.Fatal(err)
	}
	if m, ok := p.(decide.Monotone); !ok || !m.Monotone() {
		t.Errorf("%T does not say that it is monotone", s)
	}
	return p
}

func TestPolicies(t *testing.T) {
	const absent = math.MaxFloat64 // in the tables: no sample
	offered := decide.Capacity{Demand: demand, PerReplica: 10}
	learned := decide.Capacity{Demand: demand, Rate: rate, Utilization: 1, Headroom: -1}
	drain := decide.Backlog{Queue: queue, Rate: rate, Demand: demand, Within: 10 * time.Second}
	type want = decide.Recommendation
	for name, tc := range map[string]struct {
		spec           decide.Spec
		ready, desired int64
		signals        [4]float64 // demand, queue, rate, use
		want           want
	}{
		"track":                  {decide.Track{Signal: use, Setpoint: 0.7}, 3, 9, [4]float64{0, 0, 0, 1.0}, want{Replicas: 5, Reason: decide.ReasonSetpoint, A: 1, B: 0.7}},
		"track exactly":          {decide.Track{Signal: use, Setpoint: 0.7}, 3, 3, [4]float64{0, 0, 0, 0.7}, want{Replicas: 3, Reason: decide.ReasonSetpoint, A: 0.7, B: 0.7}},
		"track but for rounding": {decide.Track{Signal: demand, Setpoint: 1, Total: true}, 0, 0, [4]float64{100000.00005}, want{Replicas: 100000, Reason: decide.ReasonSetpoint, A: 100000.00005, B: 1}},
		"track zero":             {decide.Track{Signal: use, Setpoint: 0.7}, 3, 3, [4]float64{}, want{Reason: decide.ReasonSetpoint, B: 0.7}},
		"track none ready":       {decide.Track{Signal: use, Setpoint: 0.7}, 0, 3, [4]float64{0, 0, 0, 0.4}, want{Held: true, Reason: decide.ReasonNoneReady, A: 0.4, B: 0.7}},
		"track total":            {decide.Track{Signal: demand, Setpoint: 4, Total: true}, 0, 0, [4]float64{9}, want{Replicas: 3, Reason: decide.ReasonSetpoint, A: 9, B: 4}},
		"track huge":             {decide.Track{Signal: demand, Setpoint: 1e-300, Total: true}, 0, 0, [4]float64{1e300}, want{Replicas: decide.MaxReplicas, Reason: decide.ReasonSetpoint, A: 1e300, B: 1e-300}},
		"track absent":           {decide.Track{Signal: use, Setpoint: 0.7}, 3, 3, [4]float64{0, 0, 0, absent}, want{Held: true, Reason: decide.ReasonAbsent, A: 3}},
		"track negative":         {decide.Track{Signal: use, Setpoint: 0.7}, 3, 3, [4]float64{0, 0, 0, -1}, want{Held: true, Reason: decide.ReasonInvalid, A: 3}},
		"capacity":               {offered, 1, 1, [4]float64{700}, want{Replicas: 105, Headroom: 5, Reason: decide.ReasonDemand, A: 700, B: 7}}, // 100 + 0.5 × 10
		"capacity reserve":       {decide.Capacity{Demand: demand, PerReplica: 10, Reserve: 0.2}, 1, 1, [4]float64{700}, want{Replicas: 120, Headroom: 20, Reason: decide.ReasonDemand, A: 700, B: 7}},
		"capacity both":          {decide.Capacity{Demand: demand, PerReplica: 10, Reserve: 0.2, Headroom: 1}, 1, 1, [4]float64{700}, want{Replicas: 130, Headroom: 30, Reason: decide.ReasonDemand, A: 700, B: 7}},
		"capacity small":         {offered, 1, 1, [4]float64{0.001}, want{Replicas: 1, Reason: decide.ReasonDemand, A: 0.001, B: 7}},
		"capacity huge":          {decide.Capacity{Demand: demand, PerReplica: 1e-300, Headroom: -1}, 1, 1, [4]float64{1e300}, want{Replicas: decide.MaxReplicas, Reason: decide.ReasonDemand, A: 1e300, B: 7e-301}},
		"capacity idle":          {offered, 1, 1, [4]float64{}, want{Reason: decide.ReasonIdle}},
		"capacity learned":       {learned, 4, 4, [4]float64{30, 0, 10}, want{Replicas: 3, Reason: decide.ReasonDemand, A: 30, B: 10}},
		"capacity unknown":       {learned, 4, 4, [4]float64{30, 0, 0}, want{Held: true, Reason: decide.ReasonUnknown, A: 2}},
		"capacity no rate":       {learned, 4, 4, [4]float64{30, 0, absent}, want{Held: true, Reason: decide.ReasonAbsent, A: 2}},
		"capacity starting":      {learned, 0, 4, [4]float64{30, 0, absent}, want{Held: true, Reason: decide.ReasonAbsent, A: 2}},
		"capacity first":         {learned, 0, 0, [4]float64{30, 0, absent}, want{Replicas: 1, Reason: decide.ReasonFirst, A: 30}},
		"capacity idle cold":     {learned, 0, 0, [4]float64{0, 0, absent}, want{Reason: decide.ReasonIdle}},
		"capacity no demand":     {learned, 4, 4, [4]float64{absent, 0, 10}, want{Held: true, Reason: decide.ReasonAbsent}},
		"backlog":                {drain, 2, 2, [4]float64{30, 205, 10}, want{Replicas: 6, Backlogged: true, Reason: decide.ReasonBacklog, A: 205, B: 10}}, // (30 + 20.5) ÷ 10
		"backlog empty":          {drain, 2, 2, [4]float64{30, 0, 10}, want{Replicas: 3, Reason: decide.ReasonBacklog, B: 10}},
		"backlog idle":           {drain, 2, 2, [4]float64{0, 0, 10}, want{Reason: decide.ReasonIdle}},
		"backlog first":          {drain, 0, 0, [4]float64{0, 5, absent}, want{Replicas: 1, Backlogged: true, Reason: decide.ReasonFirst, A: 5}},
		"backlog no queue":       {drain, 2, 2, [4]float64{30, absent, 10}, want{Held: true, Reason: decide.ReasonAbsent, A: 1}},
		"backlog no demand":      {drain, 2, 2, [4]float64{absent, 5, 10}, want{Held: true, Reason: decide.ReasonAbsent}},
		"backlog default":        {decide.Backlog{Queue: queue, PerReplica: 2}, 2, 2, [4]float64{absent, 600}, want{Replicas: 10, Backlogged: true, Reason: decide.ReasonBacklog, A: 600, B: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			p := compile(t, tc.spec)
			in := decide.Input{Fleet: decide.Fleet{Desired: tc.desired, Ready: tc.ready}}
			for _, v := range tc.signals {
				s := signal.Value(v)
				if v == absent {
					s = signal.Sample{}
				}
				in.Signals = append(in.Signals, s)
			}
			if got := p.Recommend(make([]float64, p.Words()), &in); got != tc.want {
				t.Errorf("got  %+v\nwant %+v", got, tc.want)
			}
		})
	}
}

// A rate that was known before is good enough to ask for more, and never for
// less: a fleet that comes back from zero is not started one by one.
func TestCapacityRemembersTheRate(t *testing.T) {
	p := compile(t, decide.Capacity{Demand: demand, Rate: rate, Utilization: 1, Headroom: -1})
	mem := make([]float64, p.Words())
	ask := func(perSecond float64, known signal.Sample, desired int64) decide.Recommendation {
		return p.Recommend(mem, &decide.Input{
			Fleet:   decide.Fleet{Desired: desired, Ready: desired},
			Signals: []signal.Sample{signal.Value(perSecond), {}, known},
		})
	}
	ask(10, signal.Value(5), 2)
	if r := ask(40, signal.Sample{}, 0); r.Held || r.Replicas != 8 || r.Reason != decide.ReasonRemembered {
		t.Errorf("from zero: %+v, want 8", r)
	}
	if r := ask(40, signal.Sample{Value: 1, Quality: signal.Stale}, 8); !r.Held || r.Reason != decide.ReasonStale {
		t.Errorf("with 8 of 8: %+v, want held", r)
	}
	if r := ask(5, signal.Sample{}, 8); !r.Held {
		t.Errorf("with 8 where 1 would do: %+v, want held", r)
	}
	mem[0] = -5 // somebody else wrote the state
	if r := ask(40, signal.Sample{}, 0); r.Replicas != 1 || r.Reason != decide.ReasonFirst || r.B != 0 {
		t.Errorf("with a negative rate remembered: %+v, want one to begin with", r)
	}
}

func TestNewRefuses(t *testing.T) {
	track := decide.Track{Signal: use, Setpoint: 0.7}
	one := func(s decide.Spec) []decide.NamedSpec { return []decide.NamedSpec{{Name: "p", Spec: s}} }
	for want, change := range map[string]func(*decide.Config){
		"Policies has 0 entries":    func(c *decide.Config) { c.Policies = nil },
		"Policies has 17 entries":   func(c *decide.Config) { c.Policies = make([]decide.NamedSpec, 17) },
		`Policies[0].Name is ""`:    func(c *decide.Config) { c.Policies = []decide.NamedSpec{{Spec: track}} },
		`Policies[0].Name is "a b"`: func(c *decide.Config) { c.Policies = []decide.NamedSpec{{Name: "a b", Spec: track}} },
		`Policies[1].Name is "a"`: func(c *decide.Config) {
			c.Policies = []decide.NamedSpec{{Name: "a", Spec: track}, {Name: "a", Spec: track}}
		},
		"Policies[0].Spec is nil":           func(c *decide.Config) { c.Policies = one(nil) },
		"Combine.Up is combine(9)":          func(c *decide.Config) { c.Combine.Up = 9 },
		"Combine.Down is combine(8)":        func(c *decide.Config) { c.Combine.Down = 8 },
		"Combine.Up is max and Down is min": func(c *decide.Config) { c.Combine.Down = decide.CombineMin },
		"Policies[0].Weight is -1":          func(c *decide.Config) { c.Policies[0].Weight = -1 },
		"Up.Tolerance is 2":                 func(c *decide.Config) { c.Up.Tolerance = 2 },
		"Down.Tolerance is NaN":             func(c *decide.Config) { c.Down.Tolerance = math.NaN() },
		"Down.Window is 1000h0m0s":          func(c *decide.Config) { c.Down.Window = 1000 * time.Hour },
		"Up.Cooldown is 1000h0m0s":          func(c *decide.Config) { c.Up.Cooldown = 1000 * time.Hour },
		"Up.Idle is 1m0s":                   func(c *decide.Config) { c.Up.Idle = time.Minute },
		"Up.Rate.Period is -1s":             func(c *decide.Config) { c.Up.Rate.Period = -time.Second },
		"Down.Rate.Share is +Inf":           func(c *decide.Config) { c.Down.Rate.Share = math.Inf(1) },
		"Pending.Timeout is 1000h0m0s":      func(c *decide.Config) { c.Pending.Timeout = 1000 * time.Hour },
		"Pending.Extra is 11":               func(c *decide.Config) { c.Pending.Extra = 11 },
		"Hold.Coverage is 90":               func(c *decide.Config) { c.Hold.Coverage = 90 },
		"defined twice":                     func(c *decide.Config) { c.Signals = append(c.Signals, c.Signals[0]) },
		`Track.Signal is "nowhere", which is not among`: func(c *decide.Config) {
			c.Policies = one(decide.Track{Signal: signal.Key{Name: "nowhere"}, Setpoint: 1})
		},
		"Track.Signal is empty":                          func(c *decide.Config) { c.Policies = one(decide.Track{Setpoint: 1}) },
		"Track.Setpoint is 0":                            func(c *decide.Config) { c.Policies = one(decide.Track{Signal: use}) },
		"Track.Setpoint is NaN":                          func(c *decide.Config) { c.Policies = one(decide.Track{Signal: use, Setpoint: math.NaN()}) },
		`Capacity.Rate is "" and Capacity.PerReplica is`: func(c *decide.Config) { c.Policies = one(decide.Capacity{Demand: demand}) },
		"give exactly one":                               func(c *decide.Config) { c.Policies = one(decide.Capacity{Demand: demand, Rate: rate, PerReplica: 1}) },
		"Capacity.PerReplica is -1":                      func(c *decide.Config) { c.Policies = one(decide.Capacity{Demand: demand, PerReplica: -1}) },
		"Capacity.Utilization is 70":                     func(c *decide.Config) { c.Policies = one(decide.Capacity{Demand: demand, Rate: rate, Utilization: 70}) },
		"Capacity.Headroom is 200":                       func(c *decide.Config) { c.Policies = one(decide.Capacity{Demand: demand, Rate: rate, Headroom: 200}) },
		"Capacity.Reserve is -1":                         func(c *decide.Config) { c.Policies = one(decide.Capacity{Demand: demand, Rate: rate, Reserve: -1}) },
		"Backlog.Queue is empty":                         func(c *decide.Config) { c.Policies = one(decide.Backlog{Rate: rate}) },
		`Backlog.Demand is "x"`: func(c *decide.Config) {
			c.Policies = one(decide.Backlog{Queue: queue, Rate: rate, Demand: signal.Key{Name: "x"}})
		},
		"Backlog.Within is -1s": func(c *decide.Config) {
			c.Policies = one(decide.Backlog{Queue: queue, Rate: rate, Within: -time.Second})
		},
		"Words is 400":       func(c *decide.Config) { c.Policies = one(custom{words: 400}) },
		"returned no policy": func(c *decide.Config) { c.Policies = one(custom{none: true}) },
	} {
		c := simple(change)
		if _, err := decide.New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
	both := simple(func(c *decide.Config) { c.Up.Tolerance, c.Hold.Coverage = 7, 7 })
	if _, err := decide.New(both); err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("two mistakes give %v, want both of them", err)
	}
}

// custom is a policy of a user's own, and not a good one.
type custom struct {
	words     int
	none      bool
	recommend func(mem []float64, in *decide.Input) decide.Recommendation
}

func (c custom) Compile(*signal.Schema) (decide.Policy, error) {
	if c.none {
		return nil, nil
	}
	return c, nil
}

func (c custom) Words() int { return c.words }

func (c custom) Recommend(mem []float64, in *decide.Input) decide.Recommendation {
	return c.recommend(mem, in)
}

func TestPoliciesAreKeptInRange(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		testPolicyIsKeptInRange(t, bad)
	}
}

// testPolicyIsKeptInRange has a policy that writes a number into its memory that
// cannot be written down.
func testPolicyIsKeptInRange(t *testing.T, bad float64) {
	t.Helper()
	core := newCore(t, simple(func(c *decide.Config) {
		c.Policies = []decide.NamedSpec{
			{Name: "wild", Spec: custom{words: 2, recommend: func(mem []float64, in *decide.Input) decide.Recommendation {
				for i := range in.Signals {
					if v := in.Signals[i]; v.Quality == signal.Fresh && math.IsNaN(v.Value) {
						t.Error("a policy was shown NaN")
					}
				}
				if len(in.Signals) != 4 || mem[1] != 0 {
					t.Errorf("a policy was shown %d signals and memory %v", len(in.Signals), mem)
				}
				mem[0], mem[1] = bad, 1
				return decide.Recommendation{Replicas: math.MaxInt64, A: math.NaN(), B: math.Inf(-1)}
			}}},
			{Name: "held", Spec: custom{recommend: func([]float64, *decide.Input) decide.Recommendation {
				return decide.Recommendation{Replicas: -5, Held: true, Backlogged: true}
			}}},
		}
	}))
	var s decide.State
	var d decide.Decision
	for range 2 {
		in := decide.Input{Now: started, Limits: fixed, Signals: []signal.Sample{signal.Value(math.NaN())}}
		s, d = core.Next(s, in)
		text(t, s)
		text(t, d)
		if d.Desired != 1000 || d.Recommendations[0].Replicas != decide.MaxReplicas || d.Recommendations[1].Replicas != 0 {
			t.Errorf("got %s", text(t, d))
		}
	}
}

// A policy remembers no more than it has to: a rate that is learned, a knee, the
// steps of a rule.
func TestWordsOfPolicies(t *testing.T) {
	goals := []decide.Goal{{Signal: use, Most: 1}}
	for _, tc := range []struct {
		spec decide.Spec
		want int
	}{
		{decide.Track{Signal: use, Setpoint: 0.7}, 0},
		{decide.Capacity{Demand: demand, PerReplica: 0.5}, 0},
		{decide.Capacity{Demand: demand, Rate: rate}, 1},
		{decide.Backlog{Queue: queue, PerReplica: 0.5}, 0},
		{decide.Backlog{Queue: queue, Rate: rate}, 1},
		{decide.Objective{Demand: demand, PerReplica: 0.5, Goals: goals}, 13},
		{decide.Objective{Demand: demand, Rate: rate, Goals: goals}, 14},
		{decide.Rule{Up: decide.Step{When: busy}, Monotone: true}, 11},
	} {
		if got := compile(t, tc.spec).Words(); got != tc.want {
			t.Errorf("%+v has %d words, want %d", tc.spec, got, tc.want)
		}
	}
}

// What Config returns is a copy.
func TestConfigIsACopy(t *testing.T) {
	core := newCore(t, full())
	before := text(t, core.Config().Schedule) + text(t, core.Config().Up) + core.Config().Policies[0].Name + core.Config().Signals[0].Name
	given := full()
	core = newCore(t, given)
	given.Signals[0].Name, given.Policies[0].Name, given.Schedule[0].Min, given.Up.Rates[0].Count = "x", "x", 99, 99
	c := core.Config()
	c.Signals[0].Name, c.Policies[0].Name, c.Schedule[0].Min, c.Up.Rates[0].Count = "x", "x", 99, 99
	if after := text(t, core.Config().Schedule) + text(t, core.Config().Up) + core.Config().Policies[0].Name + core.Config().Signals[0].Name; after != before {
		t.Errorf("became %s, was %s", after, before)
	}
}

// What a policy says is to spare lies within what it asks for.
func TestHeadroomIsPartOfTheOpinion(t *testing.T) {
	for given, want := range map[int64]int64{-3: 0, 0: 0, 5: 5, 6: 5} {
		core := newCore(t, simple(func(c *decide.Config) {
			c.Policies = only(custom{recommend: func([]float64, *decide.Input) decide.Recommendation {
				return decide.Recommendation{Replicas: 5, Headroom: given}
			}})
		}))
		if _, d := core.Next(decide.State{}, decide.Input{Now: started, Limits: fixed}); d.Recommendations[0].Headroom != want {
			t.Errorf("headroom of %d becomes %s", given, text(t, d))
		}
	}
}

// Whatever a core decides by is in its hash.
func TestHashOfEverySetting(t *testing.T) {
	seen := map[uint64]int{newCore(t, full()).Hash(): -1}
	for i, change := range []func(*decide.Config){
		func(c *decide.Config) { c.Combine.Down = decide.CombineAll },
		func(c *decide.Config) { c.Up.Cooldown++ },
		func(c *decide.Config) { c.Up.Rates[0].Count++ },
		func(c *decide.Config) { c.Down.Select = decide.SelectMax },
		func(c *decide.Config) { c.Burst.Factor++ },
		func(c *decide.Config) { c.Warm.Replicas++ },
		func(c *decide.Config) { c.Pending.Extra = 1 },
		func(c *decide.Config) { c.Hold.After = time.Hour },
		func(c *decide.Config) { c.Schedule[0].Ramp++ },
		func(c *decide.Config) { c.Schedule = c.Schedule[:2] },
		func(c *decide.Config) { c.Budget.PerHour++ },
		func(c *decide.Config) { c.Signals[3].MaxAge = time.Hour },
		func(c *decide.Config) { c.Policies[0].Name = "other" },
		func(c *decide.Config) { c.Policies[2].Weight = 2 },
		func(c *decide.Config) { c.Policies[0], c.Policies[1] = c.Policies[1], c.Policies[0] },
	} {
		c := full()
		change(&c)
		h := newCore(t, c).Hash()
		if other, ok := seen[h]; ok {
			t.Errorf("change %d has the hash of %d", i, other)
		}
		seen[h] = i
	}
}

func TestHashTellsConfigurationsApart(t *testing.T) {
	a, b := newCore(t, full()), newCore(t, full())
	if a.Hash() != b.Hash() {
		t.Error("equal configurations have different hashes")
	}
	c := full()
	c.Policies[1].Spec = decide.Backlog{Queue: signal.Key{Name: signal.NameQueuedWork, Pool: "chat"}, PerReplica: 8}
	if newCore(t, c).Hash() == a.Hash() {
		t.Error("another setting of a policy has the same hash")
	}
	c = full()
	c.Down.Window = time.Hour
	if newCore(t, c).Hash() == a.Hash() {
		t.Error("another window has the same hash")
	}
	c = full()
	c.Signals[0].MaxAge += time.Second
	if newCore(t, c).Hash() == a.Hash() {
		t.Error("samples that are fresh for longer have the same hash")
	}
	if got := a.PolicyNames(); len(got) != 4 || got[1] != "backlog" || a.Signals().Len() != 8 {
		t.Errorf("PolicyNames is %q, Signals has %d", got, a.Signals().Len())
	}
	if got := newCore(t, decide.Config{Policies: []decide.NamedSpec{{Name: "x", Spec: custom{}}}}).Config(); got.Down.Window != 3*time.Minute || got.Down.Idle != 15*time.Minute || got.Up.Tolerance != 0.05 {
		t.Errorf("defaults are %+v", got)
	}
}
