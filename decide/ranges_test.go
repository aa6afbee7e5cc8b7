package decide_test

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/evenkeel/evenkeel/decide"
)

const (
	week    = 7 * 24 * hour
	anyMost = decide.MaxReplicas
)

// A span is the range of a setting: both ends are accepted, and what is just
// beyond them is refused by name. Without one end, nothing is refused there.
type span[T any] struct {
	field       string
	least, most *T
	set         func(c *decide.Config, x T)
}

func (s span[T]) check(t *testing.T, below, above func(T) T) {
	t.Helper()
	try := func(x T, refused bool) {
		t.Helper()
		_, err := decide.New(simple(func(c *decide.Config) { s.set(c, x) }))
		if refused != (err != nil) || refused && !strings.Contains(err.Error(), s.field) {
			t.Errorf("%s of %v: error is %v, want one: %v", s.field, x, err, refused)
		}
	}
	if s.least != nil {
		try(*s.least, false)
		try(below(*s.least), true)
	}
	if s.most != nil {
		try(*s.most, false)
		try(above(*s.most), true)
	}
}

func only(s decide.Spec) []decide.NamedSpec { return []decide.NamedSpec{{Name: "p", Spec: s}} }

func TestDurationsOfSettings(t *testing.T) {
	type d = time.Duration
	objective := func(change func(*decide.Objective, d)) func(*decide.Config, d) {
		return func(c *decide.Config, x d) {
			o := decide.Objective{Demand: demand, Goals: []decide.Goal{{Signal: use, Most: 1}}}
			change(&o, x)
			c.Policies = only(o)
		}
	}
	rule := func(change func(*decide.Step, d)) func(*decide.Config, d) {
		return func(c *decide.Config, x d) {
			s := decide.Step{When: busy}
			change(&s, x)
			c.Policies = only(decide.Rule{Up: s})
		}
	}
	window := func(change func(*decide.Window, d)) func(*decide.Config, d) {
		return func(c *decide.Config, x d) {
			w := decide.Window{}
			change(&w, x)
			c.Schedule = []decide.Window{w}
		}
	}
	next, none := func(x d) d { return x + 1 }, (*d)(nil)
	for _, s := range []span[d]{
		{"Up.Window", none, new(week), func(c *decide.Config, x d) { c.Up.Window = x }},
		{"Down.Window", none, new(week), func(c *decide.Config, x d) { c.Down.Window = x }},
		{"Down.Cooldown", none, new(week), func(c *decide.Config, x d) { c.Down.Cooldown = x }},
		{"Down.Idle", none, new(week), func(c *decide.Config, x d) { c.Down.Idle = x }},
		{"Up.Rate.Period", new(d(0)), new(24 * hour), func(c *decide.Config, x d) { c.Up.Rate.Period = x }},
		{"Burst.For", new(d(0)), nil, func(c *decide.Config, x d) { c.Burst = decide.Burst{Factor: 2, For: x} }},
		{"Burst.For", nil, new(week), func(c *decide.Config, x d) { c.Burst.For = x }},
		{"Burst.For is 0s and Burst.Window", nil, new(week), func(c *decide.Config, x d) { c.Burst.Window = x }},
		{"Pending.Timeout", none, new(week), func(c *decide.Config, x d) { c.Pending.Timeout = x }},
		{"Hold.After", none, new(week), func(c *decide.Config, x d) { c.Hold.After = x }},
		{"Schedule[0].From", new(d(0)), new(24*hour - 1), window(func(w *decide.Window, x d) { w.From = x })},
		{"Schedule[0].From is 0s and To", new(d(0)), new(24 * hour), window(func(w *decide.Window, x d) { w.To = x })},
		{"Schedule[0].Ramp", new(d(0)), new(12 * hour), window(func(w *decide.Window, x d) { w.Ramp = x })},
		{"Backlog.Within", new(d(0)), nil, func(c *decide.Config, x d) {
			c.Policies = only(decide.Backlog{Queue: queue, PerReplica: 1, Within: x})
		}},
		{"Objective.Interval", new(time.Millisecond), new(week), objective(func(o *decide.Objective, x d) { o.Interval = x })},
		{"Objective.Warmup", nil, new(week), objective(func(o *decide.Objective, x d) { o.Warmup = x })},
		{"Rule.Up.For", new(d(0)), new(week), rule(func(s *decide.Step, x d) { s.For = x })},
		{"Rule.Up.Period", new(d(0)), new(week), rule(func(s *decide.Step, x d) { s.Period = x })},
	} {
		s.check(t, func(x d) d { return x - 1 }, next)
	}
}

func TestRatiosOfSettings(t *testing.T) {
	type f = float64
	capacity := func(change func(*decide.Capacity, f)) func(*decide.Config, f) {
		return func(c *decide.Config, x f) {
			p := decide.Capacity{Demand: demand, PerReplica: 1}
			change(&p, x)
			c.Policies = only(p)
		}
	}
	objective := func(change func(*decide.Objective, f)) func(*decide.Config, f) {
		return func(c *decide.Config, x f) {
			o := decide.Objective{Demand: demand, Rate: rate, Goals: []decide.Goal{{Signal: use, Most: 1}}}
			change(&o, x)
			c.Policies = only(o)
		}
	}
	tiny := math.SmallestNonzeroFloat64
	for _, s := range []span[f]{
		{"Up.Tolerance", nil, new(1.0), func(c *decide.Config, x f) { c.Up.Tolerance = x }},
		{"Down.Tolerance", nil, new(1.0), func(c *decide.Config, x f) { c.Down.Tolerance = x }},
		{"Pending.Extra", nil, new(10.0), func(c *decide.Config, x f) { c.Pending.Extra = x }},
		{"Hold.Coverage", nil, new(1.0), func(c *decide.Config, x f) { c.Hold.Coverage = x }},
		{"Burst.Factor", new(math.Nextafter(1, 2)), new(math.MaxFloat64), func(c *decide.Config, x f) { c.Burst.Factor = x }},
		{"Warm.Share", nil, new(10.0), func(c *decide.Config, x f) { c.Warm.Share = x }},
		{"Up.Rate.Share", new(-math.MaxFloat64), new(math.MaxFloat64), func(c *decide.Config, x f) { c.Up.Rate.Share = x }},
		{"Budget.Price", new(tiny), new(math.MaxFloat64), func(c *decide.Config, x f) { c.Budget = decide.Budget{PerHour: 1, Price: x} }},
		{"Budget.PerHour", nil, new(math.MaxFloat64), func(c *decide.Config, x f) { c.Budget = decide.Budget{Price: 1, PerHour: x} }},
		{"Budget.PerMonth", nil, new(math.MaxFloat64), func(c *decide.Config, x f) { c.Budget = decide.Budget{Price: 1, PerMonth: x} }},
		{"Budget.Pace", new(1.0), new(math.MaxFloat64), func(c *decide.Config, x f) { c.Budget = decide.Budget{Price: 1, PerMonth: 1, Pace: x} }},
		{"Policies[0].Weight", new(0.0), new(1e6), func(c *decide.Config, x f) { c.Policies[0].Weight = x }},
		{"Track.Setpoint", new(tiny), new(math.MaxFloat64), func(c *decide.Config, x f) { c.Policies = only(decide.Track{Signal: use, Setpoint: x}) }},
		{"Capacity.Utilization", new(tiny), new(1.0), capacity(func(p *decide.Capacity, x f) { p.Utilization = x })},
		{"Capacity.PerReplica", nil, new(math.MaxFloat64), capacity(func(p *decide.Capacity, x f) { p.PerReplica = x })},
		{"Capacity.Headroom", nil, new(100.0), capacity(func(p *decide.Capacity, x f) { p.Headroom = x })},
		{"Capacity.Reserve", new(0.0), new(10.0), capacity(func(p *decide.Capacity, x f) { p.Reserve = x })},
		{"Objective.Utilization", new(0.3), new(1.0), objective(func(o *decide.Objective, x f) { o.Utilization = x })},
		{"Objective.Floor", new(tiny), nil, objective(func(o *decide.Objective, x f) { o.Floor = x })},
		{"Rule.Up.Share", new(0.0), new(10.0), func(c *decide.Config, x f) { c.Policies = only(decide.Rule{Up: decide.Step{When: busy, Share: x}}) }},
	} {
		// Zero is the default of what has to be above zero: below that is beyond.
		s.check(t, func(x f) f {
			if x == tiny {
				return -tiny
			}
			return math.Nextafter(x, math.Inf(-1))
		}, func(x f) f { return math.Nextafter(x, math.Inf(1)) })
	}
	for field, set := range map[string]func(*decide.Config){
		"Pending.Extra":      func(c *decide.Config) { c.Pending.Extra = math.NaN() },
		"Hold.Coverage":      func(c *decide.Config) { c.Hold.Coverage = math.NaN() },
		"Burst.Factor":       func(c *decide.Config) { c.Burst.Factor = math.NaN() },
		"Warm.Share":         func(c *decide.Config) { c.Warm.Share = math.NaN() },
		"Budget.Pace":        func(c *decide.Config) { c.Budget.Pace = math.NaN() },
		"Policies[0].Weight": func(c *decide.Config) { c.Policies[0].Weight = math.NaN() },
		"Capacity.Headroom":  func(c *decide.Config) { capacity(func(p *decide.Capacity, x f) { p.Headroom = x })(c, math.NaN()) },
		"Objective.Floor":    func(c *decide.Config) { objective(func(o *decide.Objective, x f) { o.Floor = x })(c, math.NaN()) },
	} {
		if _, err := decide.New(simple(set)); err == nil || !strings.Contains(err.Error(), field+" is NaN") {
			t.Errorf("%s of NaN: error is %v", field, err)
		}
	}
}

func TestCountsOfSettings(t *testing.T) {
	type n = int64
	lengths := func(make func(c *decide.Config, k int)) func(*decide.Config, n) {
		return func(c *decide.Config, x n) { make(c, int(x)) }
	}
	for _, s := range []span[n]{
		{"Warm.Replicas", nil, new(n(anyMost)), func(c *decide.Config, x n) { c.Warm.Replicas = x }},
		{"Hold.Replicas", new(n(1)), new(n(anyMost)), func(c *decide.Config, x n) { c.Hold.Fallback, c.Hold.Replicas = decide.FallbackFloor, x }},
		{"Hold.Replicas", new(n(0)), new(n(0)), func(c *decide.Config, x n) { c.Hold.Fallback, c.Hold.Replicas = decide.FallbackLastGood, x }},
		{"Schedule[0].Min", new(n(0)), new(n(anyMost)), func(c *decide.Config, x n) { c.Schedule = []decide.Window{{Min: x}} }},
		{"Schedule[0].Min is 0 and Max", new(n(0)), new(n(anyMost)), func(c *decide.Config, x n) { c.Schedule = []decide.Window{{Max: x}} }},
		{"Schedule[0].Max", new(n(2)), nil, func(c *decide.Config, x n) { c.Schedule = []decide.Window{{Min: 2, Max: x}} }},
		{"Schedule[0].Days", nil, new(n(decide.EveryDay)), func(c *decide.Config, x n) { c.Schedule = []decide.Window{{Days: decide.Days(x)}} }},
		{"Up.Select", nil, new(n(decide.SelectDisabled)), func(c *decide.Config, x n) { c.Up.Select = decide.Select(x) }},
		{"Hold.Fallback", nil, new(n(decide.FallbackFixed)), func(c *decide.Config, x n) {
			c.Hold.Fallback, c.Hold.Replicas = decide.Fallback(x), 1
		}},
		{"Combine.Down", nil, new(n(decide.CombineWeighted)), func(c *decide.Config, x n) {
			c.Combine = decide.Combine{Up: decide.CombineMin, Down: decide.Combination(x)}
		}},
		{"Rule.Up.Count", new(n(0)), new(n(anyMost)), func(c *decide.Config, x n) { c.Policies = only(decide.Rule{Up: decide.Step{When: busy, Count: x}}) }},
		{"Words", new(n(0)), new(n(384)), lengths(func(c *decide.Config, k int) { c.Policies = only(custom{words: k}) })},
	} {
		s.check(t, func(x n) n { return x - 1 }, func(x n) n { return x + 1 })
	}
	for _, s := range []struct {
		says  string
		most  int
		apply func(c *decide.Config, k int)
	}{
		{"Policies has 17 entries", 16, func(c *decide.Config, k int) {
			for i := range k - 1 {
				c.Policies = append(c.Policies, decide.NamedSpec{Name: string(rune('a' + i)), Spec: c.Policies[0].Spec})
			}
		}},
		{"Policies[0].Name is", 48, func(c *decide.Config, k int) { c.Policies[0].Name = strings.Repeat("x", k) }},
		{"Schedule[0].Name has 49 bytes", 48, func(c *decide.Config, k int) { c.Schedule = []decide.Window{{Name: strings.Repeat("x", k)}} }},
		{"Schedule has 33 windows", 32, func(c *decide.Config, k int) { c.Schedule = make([]decide.Window, k) }},
		{"Up.Rates has 9 entries", 8, func(c *decide.Config, k int) {
			for range k {
				c.Up.Rates = append(c.Up.Rates, decide.Rate{Count: 1})
			}
		}},
		{"have 5 different periods", 4, func(c *decide.Config, k int) { c.Down.Rates = fivePeriods()[:k] }},
		{"Objective.Goals has 9 entries", 8, func(c *decide.Config, k int) {
			o := decide.Objective{Demand: demand}
			for range k {
				o.Goals = append(o.Goals, decide.Goal{Signal: use, Most: 1})
			}
			c.Policies = only(o)
		}},
		{"Words is 193", 192, func(c *decide.Config, k int) { // of all policies together
			c.Policies = append(only(custom{words: 192}), decide.NamedSpec{Name: "q", Spec: custom{words: k}})
		}},
	} {
		if _, err := decide.New(simple(func(c *decide.Config) { s.apply(c, s.most) })); err != nil {
			t.Errorf("%d: %v", s.most, err)
		}
		if _, err := decide.New(simple(func(c *decide.Config) { s.apply(c, s.most+1) })); err == nil || !strings.Contains(err.Error(), s.says) {
			t.Errorf("%d: error is %v, want one with %q", s.most+1, err, s.says)
		}
	}
}

// A name may have the letters, digits and marks that it says, and no others.
func TestNamesOfPolicies(t *testing.T) {
	for name, want := range map[string]bool{
		"azAZ09._-/": true, "é": false, "`": false, "{": false, "@": false, "[": false, ":": false, ",": false, " ": false,
	} {
		_, err := decide.New(simple(func(c *decide.Config) { c.Policies[0].Name = name }))
		if (err == nil) != want {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// What is zero has its default, and what is negative has no effect.
func TestDefaults(t *testing.T) {
	rates := decide.Rate{Count: -1, Share: -1}
	off := decide.Config{
		Up:      decide.Direction{Tolerance: -1, Window: -1, Cooldown: -1, Rate: rates},
		Down:    decide.Direction{Tolerance: -1, Window: -1, Cooldown: -1, Idle: -1, Rate: rates},
		Burst:   decide.Burst{Factor: -1, For: time.Second},
		Warm:    decide.Warm{Replicas: -1, Share: -1},
		Pending: decide.Pending{Timeout: -1, Extra: -1},
		Hold:    decide.Hold{Coverage: -1, After: -1},
		Budget:  decide.Budget{Price: -1, PerHour: -1, PerMonth: -1, Pace: -1},
	}.WithDefaults()
	minute := decide.Rate{Period: time.Minute}
	want := decide.Config{
		Up:      decide.Direction{Tolerance: -1, Rate: minute},
		Down:    decide.Direction{Tolerance: -1, Window: -1, Idle: -1, Rate: minute},
		Pending: decide.Pending{Timeout: -1, Extra: -1},
		Hold:    decide.Hold{Coverage: -1, After: -1},
		Budget:  decide.Budget{Pace: -1},
	}
	if text(t, off) != text(t, want) {
		t.Errorf("switched off: %s, want %s", text(t, off), text(t, want))
	}
	want = decide.Config{
		Up:      decide.Direction{Tolerance: 0.05, Rate: minute},
		Down:    decide.Direction{Tolerance: 0.1, Window: 180 * time.Second, Idle: 15 * time.Minute, Rate: minute},
		Pending: decide.Pending{Timeout: 10 * time.Minute, Extra: 0.5},
		Hold:    decide.Hold{Coverage: 0.9, After: 30 * time.Second},
		Budget:  decide.Budget{Pace: 2},
	}
	if got := (decide.Config{}).WithDefaults(); text(t, got) != text(t, want) {
		t.Errorf("defaults are %s, want %s", text(t, got), text(t, want))
	}
	// Half a Burst has the other half.
	for given, want := range map[decide.Burst]decide.Burst{
		{Factor: 3}:                         {Factor: 3, For: time.Minute},
		{For: time.Second}:                  {Factor: 2, For: time.Second},
		{Window: time.Second}:               {Factor: 2, Window: time.Second, For: time.Minute},
		{Factor: 2, Window: -time.Second}:   {Factor: 2, For: time.Minute},
		{Factor: -0.5, Window: time.Second}: {},
	} {
		if got := (decide.Config{Burst: given}).WithDefaults().Burst; got != want {
			t.Errorf("%+v becomes %+v, want %+v", given, got, want)
		}
	}
}

// Defaults filled in are defaults no more: whoever fills them in twice, or hands
// New what has them already, gets the same.
func TestDefaultsTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anything(t)
		once := c.WithDefaults()
		if twice := once.WithDefaults(); !reflect.DeepEqual(once, twice) {
			t.Fatalf("%s\nand again %s", text(t, once), text(t, twice))
		}
		core, filled := newCore(t, c), newCore(t, once)
		s, in := history(t, core)
		next, d := core.Next(s, in)
		if n, got := filled.Next(s, in); !n.Equal(&next) || !reflect.DeepEqual(got, d) {
			t.Fatalf("%s\nand with the defaults filled in %s", text(t, d), text(t, got))
		}
	})
}
