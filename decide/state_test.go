package decide_test

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// The memory of a policy is found by its name, wherever it stands, and kept when
// the policy is not there.
func TestStateOutlivesConfigurations(t *testing.T) {
	counting := func(names ...string) decide.Config {
		return simple(func(c *decide.Config) {
			c.Policies = nil
			for _, name := range names {
				c.Policies = append(c.Policies, decide.NamedSpec{Name: name, Spec: custom{words: 1, recommend: func(mem []float64, _ *decide.Input) decide.Recommendation {
					mem[0]++
					return decide.Recommendation{Replicas: int64(mem[0])}
				}}})
			}
		})
	}
	in := decide.Input{Now: started, Limits: fixed}
	var s decide.State
	var d decide.Decision
	for _, tc := range []struct {
		policies []string
		want     []int64
	}{
		{[]string{"a", "b"}, []int64{1, 1}},
		{[]string{"a", "b"}, []int64{2, 2}},
		{[]string{"b"}, []int64{3}},
		{[]string{"c", "b"}, []int64{1, 4}},
		{[]string{"b", "a", "c"}, []int64{5, 3, 2}},
	} {
		core := newCore(t, counting(tc.policies...))
		var read decide.State
		if err := json.Unmarshal([]byte(text(t, s)), &read); err != nil {
			t.Fatal(err)
		}
		var again decide.State
		core.Step(&again, &read, &in, &decide.Decision{})
		s, d = core.Next(s, in)
		if !again.Equal(&s) {
			t.Errorf("%q: the state differs after JSON: %s, %s", tc.policies, text(t, &again), text(t, s))
		}
		for i, r := range d.Recommendations {
			if r.Replicas != tc.want[i] {
				t.Errorf("%q: %s counts %d, want %d", tc.policies, tc.policies[i], r.Replicas, tc.want[i])
			}
		}
	}
}

func TestStateFitsWhenFull(t *testing.T) {
	spec := custom{words: 12, recommend: func(mem []float64, _ *decide.Input) decide.Recommendation {
		for i := range mem {
			mem[i] = -math.SmallestNonzeroFloat64 * 1.2345678901234e+300
			mem[i] = -1.2345678901234567e-300
		}
		return decide.Recommendation{Replicas: decide.MaxReplicas - 7}
	}}
	config := func(letter string) decide.Config {
		return simple(func(c *decide.Config) {
			c.Up.Window, c.Down.Window = 7*24*time.Hour, 7*24*time.Hour
			c.Up.Rates = []decide.Rate{{Count: 1, Period: 24 * time.Hour}, {Count: 1, Period: 24*time.Hour - time.Millisecond}}
			c.Down.Rates = []decide.Rate{{Count: 1, Period: 24*time.Hour - 2*time.Millisecond}, {Count: 1, Period: 24*time.Hour - 3*time.Millisecond}}
			c.Burst, c.Hold.Fallback = decide.Burst{Factor: 1.5}, decide.FallbackLastGood
			c.Budget = decide.Budget{Price: 1.2345678901234567e280, PerMonth: 1e300}
			c.Policies = nil
			for i := range 16 {
				c.Policies = append(c.Policies, decide.NamedSpec{Name: strings.Repeat(letter, 46) + string(rune('a'+i)), Spec: spec})
			}
		})
	}
	var s decide.State
	in := decide.Input{Now: time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC), Limits: decide.Limits{Max: decide.MaxReplicas}}
	for _, core := range []*decide.Core{newCore(t, config("x")), newCore(t, config("y")), newCore(t, config("z"))} {
		for k := range 20000 {
			in.Now = in.Now.Add(30 * time.Second)
			in.Fleet.Desired = decide.MaxReplicas - int64(k%5000)
			if k%2 == 0 {
				in.Fleet.Desired = 7
			}
			in.Fleet.Ready = in.Fleet.Desired
			core.Step(&s, &s, &in, &decide.Decision{})
		}
	}
	got := text(t, s)
	t.Logf("a full state has %d bytes", len(got))
	if len(got) > decide.MaxStateBytes || len(got) < 10000 {
		t.Errorf("a full state has %d bytes, want 10,000 to %d", len(got), decide.MaxStateBytes)
	}
	var read decide.State
	if err := json.Unmarshal([]byte(got), &read); err != nil || !read.Equal(&s) {
		t.Errorf("a full state does not come back: %v", err)
	}
}

func TestStateRefuses(t *testing.T) {
	good := `{"v":1,"started":true,"last":5000,"observed":100,"down":{"width":10,"head":10,"cells":[3,0,4]},"ups":[[1,2,3]]}`
	var kept decide.State
	if err := json.Unmarshal([]byte(good), &kept); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		`{}`, `[]`, `{"v":0}`, `{"v":2}`, `{"v":-1}`, `{"v":1,"last":-1}`, `{"v":1,"last":9223372036854775807}`,
		`{"v":1,"last":5,"last_up":6}`, `{"v":1,"last_down":-1}`, `{"v":1,"observed":-5}`, `{"v":1,"busy":1}`, `{"v":1,"unaged":2}`,
		`{"v":1,"from":-1}`, `{"v":1,"decided":1048577}`, `{"v":1,"down":{"width":-1,"head":0,"cells":[]}}`,
		`{"v":1,"down":{"width":0,"head":0,"cells":[1]}}`, `{"v":1,"down":{"width":5,"head":1,"cells":[1]}}`,
		`{"v":1,"down":{"width":5,"head":0,"cells":[-1]}}`, `{"v":1,"up":{"width":5,"head":0,"cells":[` + strings.Repeat("1,", 64) + `1]}}`,
		`{"v":1,"ups":[[1,2,3]]}`, `{"v":1,"last":9,"ups":[[2,1,3]]}`, `{"v":1,"last":9,"ups":[[1,2,0]]}`, `{"v":1,"last":9,"ups":[[5,6,1],[1,2,1]]}`,
		`{"v":1,"last":9,"downs":[` + strings.Repeat("[1,1,1],", 16) + `[1,1,1]]}`,
		`{"v":1,"policies":{"":[1]}}`, `{"v":1,"policies":{"a b":[1]}}`, `{"v":1,"policies":{"a":[1e999]}}`, `{"v":1,"policies":{"a":["NaN"]}}`,
		`{"v":1,"policies":{"a":[` + strings.Repeat("0,", 384) + `0]}}`, `{"v":1,"policies":{"a":[` + strings.Repeat("0,", 9000) + `0]}}`,
	} {
		s := kept
		err := json.Unmarshal([]byte(bad), &s)
		if err == nil || !errors.Is(err, decide.ErrState) {
			t.Errorf("%.60s: error is %v, want ErrState", bad, err)
		}
		if !s.Equal(&kept) {
			t.Errorf("%.60s: changed the state", bad)
		}
	}
}

// A plain copy of a State shares memory with it; Step must not write into prev
// even then.
func TestStepLeavesACopyOfPrevAlone(t *testing.T) {
	core := newCore(t, full())
	var in decide.Input
	var prev decide.State
	var d decide.Decision
	fullInput(&in, 0, 5)
	core.Step(&prev, &prev, &in, &d)
	before := text(t, prev)
	next := prev
	for k := range 5 {
		fullInput(&in, k, 5)
		in.Signals[1] = signal.Value(7777)
		core.Step(&next, &prev, &in, &d)
	}
	if after := text(t, prev); after != before {
		t.Errorf("prev changed from %s to %s", before, after)
	}
}

// The same with a single policy and a single word.
func TestStepLeavesACopyOfPrevAloneWithOnePolicy(t *testing.T) {
	core := newCore(t, simple(func(c *decide.Config) {
		c.Policies = only(custom{words: 1, recommend: func(mem []float64, _ *decide.Input) decide.Recommendation {
			mem[0]++
			return decide.Recommendation{Held: true}
		}})
	}))
	var prev decide.State
	var d decide.Decision
	in := decide.Input{Now: started}
	core.Step(&prev, &prev, &in, &d)
	before := text(t, prev)
	next := prev
	core.Step(&next, &prev, &in, &d)
	if after := text(t, prev); after != before {
		t.Errorf("prev changed from %s to %s", before, after)
	}
}

// What a journal holds: an Input and a Decision come back from JSON as they were.
func TestJournalLines(t *testing.T) {
	core := newCore(t, full())
	in := decide.Input{
		Now:      time.Now(), // with a monotonic reading and a zone
		Fleet:    decide.Fleet{Desired: 5, Ready: 3, Draining: 1, Starting: []decide.Cohort{{N: 2, Since: time.Now().Add(-time.Minute), Stuck: true}}},
		Members:  signal.Coverage{Expected: 3, Fresh: 2},
		Signals:  []signal.Sample{signal.Value(0.1), {}, {Value: 2, Weight: 3, Age: time.Second, Quality: signal.Stale}, signal.Value(math.NaN())},
		Limits:   decide.Limits{Min: 1, Max: 9},
		Override: decide.Override{Replicas: 4, Until: time.Now().Add(time.Hour)},
	}
	clean := in.Clean()
	var read decide.Input
	if err := json.Unmarshal([]byte(text(t, clean)), &read); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(read, clean) {
		t.Errorf("Input came back as\n%+v, was\n%+v", read, clean)
	}
	if again := clean.Clean(); !reflect.DeepEqual(again, clean) {
		t.Errorf("cleaning twice gives\n%+v, once\n%+v", again, clean)
	}
	if !clean.Now.Equal(in.Now) || clean.Now.Location() != time.UTC {
		t.Errorf("Now became %v from %v", clean.Now, in.Now)
	}
	_, d := core.Next(decide.State{}, in)
	_, cleaned := core.Next(decide.State{}, clean)
	var readDecision decide.Decision
	if err := json.Unmarshal([]byte(text(t, d)), &readDecision); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(readDecision, d) || !reflect.DeepEqual(cleaned, d) {
		t.Errorf("Decision came back as %+v, by the clean Input as %+v, was %+v", readDecision, cleaned, d)
	}
	if n := len(text(t, d)); n > 1024 {
		t.Errorf("a decision of four policies takes %d bytes, want at most 1 KiB", n)
	}
}

// A State remembers 32 policies and 384 words; what the present policies do not
// take is left for others, in the order of their names.
func TestStateHasRoomForOthers(t *testing.T) {
	words := func(n int) []float64 { return slices.Repeat([]float64{7}, n) }
	remembered := func(state map[string][]float64, own int) (names []string) {
		var s decide.State
		if err := json.Unmarshal([]byte(text(t, map[string]any{"v": 1, "policies": state})), &s); err != nil {
			t.Fatal(err)
		}
		core := newCore(t, simple(func(c *decide.Config) {
			c.Policies = []decide.NamedSpec{{Name: "own", Spec: custom{words: own, recommend: func(mem []float64, _ *decide.Input) decide.Recommendation {
				mem[0]++
				return decide.Recommendation{Held: true}
			}}}}
		}))
		s, _ = core.Next(s, decide.Input{Now: started})
		var read struct{ Policies map[string][]float64 }
		if err := json.Unmarshal([]byte(text(t, s)), &read); err != nil {
			t.Fatal(err)
		}
		return slices.Sorted(maps.Keys(read.Policies))
	}
	for _, tc := range []struct {
		state map[string][]float64
		own   int
		want  []string
	}{
		{map[string][]float64{"a": words(10)}, 374, []string{"a", "own"}},
		{map[string][]float64{"a": words(10)}, 375, []string{"own"}},
		{map[string][]float64{"a": words(10), "b": words(9), "c": words(1)}, 374, []string{"a", "own"}},
		{map[string][]float64{"a": words(10), "b": words(9), "c": words(1)}, 375, []string{"b", "own"}},
		{map[string][]float64{"b": words(100), "a": words(100), "own": words(100)}, 200, []string{"a", "own"}},
	} {
		if got := remembered(tc.state, tc.own); !slices.Equal(got, tc.want) {
			t.Errorf("with %d words of its own: %q remembered, want %q", tc.own, got, tc.want)
		}
	}
	many := map[string][]float64{}
	for i := range 32 {
		many[string(rune('A'+i%26))+string(rune('a'+i/26))] = words(1)
	}
	if got := remembered(many, 1); len(got) != 32 || !slices.Contains(got, "own") || slices.Contains(got, "Zz") {
		t.Errorf("of 33 policies %d are remembered: %q", len(got), got)
	}
}

func TestNames(t *testing.T) {
	for s := decide.StageRecommend; s <= decide.StageBounds; s++ {
		var got decide.Stage
		if b, err := s.MarshalText(); err != nil || got.UnmarshalText(b) != nil || got != s || strings.ToLower(string(b)) != string(b) {
			t.Errorf("stage %d is %q and comes back as %v", s, b, got)
		}
	}
	seen := map[string]bool{}
	for r := decide.ReasonNone; r <= decide.ReasonMax; r++ {
		var got decide.Reason
		if b, err := r.MarshalText(); err != nil || got.UnmarshalText(b) != nil || got != r || seen[string(b)] {
			t.Errorf("reason %d is %q and comes back as %v", r, b, got)
		}
		seen[r.String()] = true
	}
	s := decide.StageHold
	if err := s.UnmarshalText([]byte("Bounds")); !errors.Is(err, decide.ErrUnknownName) || s != decide.StageHold {
		t.Errorf("an unknown stage gives %v and %v", err, s)
	}
	r := decide.ReasonHeld
	if err := r.UnmarshalText([]byte("Max")); !errors.Is(err, decide.ErrUnknownName) || r != decide.ReasonHeld {
		t.Errorf("an unknown reason gives %v and %v", err, r)
	}
	for i := range 4 {
		f, c := decide.Fallback(i), decide.Combination(i)
		var readF decide.Fallback
		var readC decide.Combination
		if readF.UnmarshalText([]byte(f.String())) != nil || readF != f || readC.UnmarshalText([]byte(c.String())) != nil || readC != c {
			t.Errorf("%v comes back as %v, and %v as %v", f, readF, c, readC)
		}
	}
	for sel := decide.SelectMax; sel <= decide.SelectDisabled; sel++ {
		var got decide.Select
		if b, err := sel.MarshalText(); err != nil || got.UnmarshalText(b) != nil || got != sel {
			t.Errorf("%v comes back as %v", sel, got)
		}
	}
	f, sel := decide.FallbackFloor, decide.SelectMin
	if f.UnmarshalText([]byte("none")) == nil || sel.UnmarshalText([]byte("none")) == nil || f != decide.FallbackFloor || sel != decide.SelectMin {
		t.Errorf("unknown names give %v and %v", f, sel)
	}
	if got := decide.Unknown.String() + decide.False.String() + decide.True.String(); got != "unknownfalsetrue" {
		t.Errorf("truth is put as %q", got)
	}
	// The first that has no name.
	if got := (decide.ReasonMax + 1).String() + (decide.StageBounds + 1).String() + decide.Fallback(4).String() + decide.Select(3).String() + decide.Combination(4).String(); strings.Count(got, "(") != 5 {
		t.Errorf("got %q", got)
	}
	if got := decide.Reason(200).String() + decide.Stage(99).String(); got != "reason(200)stage(99)" {
		t.Errorf("got %q", got)
	}
}
