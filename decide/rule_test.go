package decide_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// above is the condition that a signal is above a number, or not above it.
type above struct {
	Signal signal.Key
	Most   float64
	Not    bool
}

func (a above) Bind(s *signal.Schema) (decide.Test, error) {
	i, ok := s.Index(a.Signal)
	if !ok {
		return nil, fmt.Errorf("%v is not among the signals", a.Signal)
	}
	return aboveTest{i, a}, nil
}

type aboveTest struct {
	signal int
	above
}

func (t aboveTest) Test(in *decide.Input) decide.Truth {
	s := in.Signals[t.signal]
	switch {
	case !s.OK():
		return decide.Unknown
	case s.Value > t.Most != t.Not:
		return decide.True
	}
	return decide.False
}

func (t aboveTest) Reads() []int { return []int{t.signal} }

var (
	busy  = above{Signal: use, Most: 0.7}
	quiet = above{Signal: use, Most: 0.3, Not: true}
)

func TestRule(t *testing.T) {
	const unknown, none = -1.0, -1
	type seen struct {
		at   int // seconds
		use  float64
		n    int64 // desired
		want int64 // none: held
	}
	for name, tc := range map[string]struct {
		rule  decide.Rule
		steps []seen
	}{
		"up at once, then each period": {decide.Rule{Up: decide.Step{When: busy}},
			[]seen{{0, 0.9, 4, 5}, {30, 0.9, 5, 5}, {60, 0.9, 5, 6}, {90, 0.9, 6, 6}, {120, 0.5, 6, 6}, {121, 0.9, 6, 7}}},
		"up stays wanted until it is there": {decide.Rule{Up: decide.Step{When: busy, Count: 3}},
			[]seen{{0, 0.9, 4, 7}, {60, 0.9, 4, 7}, {120, 0.9, 5, 7}, {121, 0.9, 7, 10}}},
		"up after a while": {decide.Rule{Up: decide.Step{When: busy, For: time.Minute}},
			[]seen{{0, 0.9, 4, 4}, {59, 0.9, 4, 4}, {60, 0.9, 4, 5}}},
		"up, with a break": {decide.Rule{Up: decide.Step{When: busy, For: time.Minute}},
			[]seen{{0, 0.9, 4, 4}, {50, 0.5, 4, 4}, {60, 0.9, 4, 4}, {119, 0.9, 4, 4}, {120, 0.9, 4, 5}}},
		"up, unknown between": {decide.Rule{Up: decide.Step{When: busy, For: time.Minute}},
			[]seen{{0, 0.9, 4, 4}, {40, 0.9, 4, 4}, {50, unknown, 4, none}, {80, 0.9, 4, 4}, {99, 0.9, 4, 4}, {100, 0.9, 4, 5}}},
		"a gap proves a minute": {decide.Rule{Up: decide.Step{When: busy, For: 2 * time.Minute}},
			[]seen{{0, 0.9, 4, 4}, {3600, 0.9, 4, 4}, {3660, 0.9, 4, 5}}},
		"the clock is set back": {decide.Rule{Up: decide.Step{When: busy, For: time.Minute}},
			[]seen{{0, 0.9, 4, 4}, {-9000, 0.9, 4, 4}, {-8970, 0.9, 4, 4}, {-8940, 0.9, 4, 5}}},
		"up by a share": {decide.Rule{Up: decide.Step{When: busy, Share: 0.5}},
			[]seen{{0, 0.9, 5, 8}, {60, 0.9, 8, 12}}},
		"fast": {decide.Rule{Up: decide.Step{When: busy, Fast: true, Period: 10 * time.Second}},
			[]seen{{0, 0.9, 4, 5}, {10, 0.9, 5, 7}, {20, 0.9, 7, 11}, {30, 0.9, 11, 19}, {40, 0.5, 19, 19}, {50, 0.9, 19, 20}}},
		"down": {decide.Rule{Down: decide.Step{When: quiet, For: time.Minute, Count: 2}},
			[]seen{{0, 0.1, 9, 9}, {60, 0.1, 9, 7}, {61, 0.1, 7, 7}, {120, 0.1, 7, 5}, {180, 0.5, 5, 5}}},
		"down, unknown between": {decide.Rule{Down: decide.Step{When: quiet, For: time.Minute}},
			[]seen{{0, 0.1, 9, 9}, {50, unknown, 9, none}, {60, 0.1, 9, 9}, {119, 0.1, 9, 9}, {120, 0.1, 9, 8}}},
		"down, unknown after a while": {decide.Rule{Down: decide.Step{When: quiet, For: time.Minute}},
			[]seen{{0, 0.1, 9, 9}, {40, 0.1, 9, 9}, {50, unknown, 9, none}, {60, 0.1, 9, 9}, {100, 0.1, 9, 9}, {120, 0.1, 9, 8}}},
		"never below zero": {decide.Rule{Down: decide.Step{When: quiet, Count: 20}}, []seen{{0, 0.1, 9, 0}}},
		"both":             {decide.Rule{Up: decide.Step{When: quiet}, Down: decide.Step{When: quiet}}, []seen{{0, 0.1, 9, 10}}},
	} {
		t.Run(name, func(t *testing.T) {
			schema, err := signal.NewSchema(defs()...)
			if err != nil {
				t.Fatal(err)
			}
			p, err := tc.rule.Compile(schema)
			if err != nil {
				t.Fatal(err)
			}
			mem := make([]float64, p.Words())
			for _, s := range tc.steps {
				in := decide.Input{Now: started.Add(time.Duration(s.at) * time.Second), Fleet: decide.Fleet{Desired: s.n, Ready: s.n}}
				in.Signals = make([]signal.Sample, 4)
				if s.use >= 0 {
					in.Signals[3] = signal.Value(s.use)
				}
				r := p.Recommend(mem, &in)
				if r.Held != (s.want == none) || !r.Held && r.Replicas != s.want {
					t.Fatalf("at %d s with %d: %+v, want %d", s.at, s.n, r, s.want)
				}
			}
		})
	}
}

// A step up waits for what is starting, unless it is fast or that is stuck.
func TestRuleWaitsForStarts(t *testing.T) {
	for name, tc := range map[string]struct {
		fast, stuck bool
		after       time.Duration
		want        int64
	}{
		"starting":          {false, false, 2 * time.Minute, 5},
		"for too long":      {false, false, 11 * time.Minute, 6},
		"stuck":             {false, true, 2 * time.Minute, 6},
		"fast, so it won't": {true, false, 2 * time.Minute, 7},
	} {
		p := compileRule(t, decide.Rule{Up: decide.Step{When: busy, Fast: tc.fast}})
		mem := make([]float64, p.Words())
		in := decide.Input{Now: started, Fleet: decide.Fleet{Desired: 4, Ready: 4}, Signals: []signal.Sample{{}, {}, {}, signal.Value(1)}}
		p.Recommend(mem, &in)
		in.Fleet.Desired, in.Fleet.Starting = 5, []decide.Cohort{{N: 1, Since: started, Stuck: tc.stuck}}
		var r decide.Recommendation
		for in.Now.Sub(started) < tc.after && r.Replicas <= 5 {
			in.Now = in.Now.Add(20 * time.Second)
			r = p.Recommend(mem, &in)
		}
		if r.Replicas != tc.want {
			t.Errorf("%s: %+v, want %d", name, r, tc.want)
		}
	}
}

func compileRule(t fataler, r decide.Rule) decide.Policy {
	t.Helper()
	schema, err := signal.NewSchema(defs()...)
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.Compile(schema)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRuleRefuses(t *testing.T) {
	schema, err := signal.NewSchema(defs()...)
	if err != nil {
		t.Fatal(err)
	}
	up := decide.Step{When: busy}
	for want, r := range map[string]decide.Rule{
		"give at least one a condition": {},
		"Rule.Up.When: nowhere is not":  {Up: decide.Step{When: above{Signal: signal.Key{Name: "nowhere"}}}},
		"Rule.Up.For is -1s":            {Up: decide.Step{When: busy, For: -time.Second}},
		"Rule.Down.Period is 1000h":     {Up: up, Down: decide.Step{Period: 1000 * time.Hour}},
		"Rule.Down.Count is -2":         {Up: up, Down: decide.Step{Count: -2}},
		"Rule.Up.Share is 11":           {Up: decide.Step{When: busy, Share: 11}},
	} {
		if _, err := r.Compile(schema); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
	}
}

// Whatever is seen: unknown never scales down, an opinion is a count, the memory
// can be written down, and where it is declared, more is never fewer.
func TestLawRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		step := func(name string, c decide.Condition) decide.Step {
			return decide.Step{When: c, For: pick(0, 10*time.Second, time.Minute).Draw(t, name+" for"), Fast: rapid.Bool().Draw(t, name+" fast"),
				Count: rapid.Int64Range(0, 5).Draw(t, name+" count"), Share: pick(0, 0.3, 2).Draw(t, name+" share"), Period: pick(0, 5*time.Second).Draw(t, name+" period")}
		}
		p := compileRule(t, decide.Rule{Up: step("up", busy), Down: step("down", quiet), Monotone: true})
		mem := make([]float64, p.Words())
		in := decide.Input{Now: started, Limits: fixed}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			in.Fleet, in.Signals = anyFleet(t, in.Now), anySignals(t)
			in = in.Clean()
			more := in
			more.Signals = append([]signal.Sample(nil), in.Signals...)
			more.Signals[3].Value += rapid.Float64Range(0, 1).Draw(t, "more")
			other := append([]float64(nil), mem...)
			r := p.Recommend(mem, &in)
			if r.Replicas < 0 || r.Replicas > decide.MaxReplicas || (!in.Signals[3].OK() && !r.Held) {
				t.Fatalf("%+v on %+v", r, in.Signals[3])
			}
			if m := p.Recommend(other, &more); !r.Held && !m.Held && m.Replicas < r.Replicas {
				t.Fatalf("more use: %+v, then %+v", r, m)
			}
			in.Now = in.Now.Add(time.Duration(rapid.IntRange(-20, 90).Draw(t, "gap")) * time.Second)
		}
	})
}

// A rule of one's own: more while replicas are busy, fewer after five quiet
// minutes.
func ExampleRule() {
	core, err := decide.New(decide.Config{
		Signals: defs(),
		Policies: []decide.NamedSpec{{Name: "mine", Spec: decide.Rule{
			Up:   decide.Step{When: above{Signal: use, Most: 0.7}, Share: 0.5},
			Down: decide.Step{When: above{Signal: use, Most: 0.35, Not: true}, For: 5 * time.Minute},
		}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	in := decide.Input{Now: started, Fleet: decide.Fleet{Desired: 4, Ready: 4}, Limits: decide.Limits{Min: 1, Max: 20},
		Signals: []signal.Sample{{}, {}, {}, signal.Value(0.82)}}
	_, d := core.Next(decide.State{}, in)
	fmt.Println(core.Explain(&in, &d))
	in.Signals[3] = signal.Value(0.5)
	_, d = core.Next(decide.State{}, in)
	fmt.Println(core.Explain(&in, &d))
	// Output:
	// 4 → 6: mine wants 6: its condition holds, so 2 more
	// stays at 4: mine wants 4: none of its conditions holds
}
