package policy

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// What is written is read as what it was: each kind of value, at its edges and at
// many points between.
func TestScalarsGoToAndFro(t *testing.T) {
	again := func(s scalar, into scalar) {
		t.Helper()
		text, ok := s.write("")
		if !ok {
			return
		}
		if err := into.read(text, place{}, `off:"-"`); err != nil {
			t.Fatalf("%v is written %s: %v", s, text, err)
		}
		if got, want := reflect.ValueOf(into).Elem().Interface(), reflect.ValueOf(s).Elem().Interface(); got != want {
			t.Fatalf("%v is written %s, which reads as %v", want, text, got)
		}
	}
	for d := days(0); d < 128; d++ {
		again(&d, new(days))
	}
	for m := range 24*60 + 1 {
		c := clock(m) * clock(time.Minute)
		again(&c, new(clock))
	}
	r := dice(7)
	for k := range 3000 {
		s := span(r.below(1 << (k % 40)))
		again(&s, new(span))
		p := ratio(float64(r.below(50000)) / []float64{1e3, 1e4, 1e5, 1e7, 3e4}[k%5] / 10)
		again(&p, new(ratio))
		n := number(float64(r.below(1<<30)) / []float64{1, 10, 7, 1e6}[k%4])
		again(&n, new(number))
	}
	year := span(365 * 24 * time.Hour)
	again(&year, new(span))
	for x, want := range map[float64]string{0.5: "50%", 0.123456: "12.3456%", 0.1234567: "0.1234567", 1: "100%", 2.5: "250%", 0.07: "7%", 1500: "150000%", 1.0 / 3: "0.3333333333333333"} {
		if got := percentText(x); got != want {
			t.Errorf("%v is written %s, want %s", x, got, want)
		}
	}
}

func TestTimesOfTheDay(t *testing.T) {
	for text, want := range map[string]time.Duration{"00:00": 0, "8:05": 8*time.Hour + 5*time.Minute, "08:59": 8*time.Hour + 59*time.Minute, "24:00": 24 * time.Hour} {
		var c clock
		if err := c.read(text, place{}, ""); err != nil || time.Duration(c) != want {
			t.Errorf("%s is %v, %v", text, time.Duration(c), err)
		}
	}
	for _, text := range []string{"", "8", ":", "8:", ":30", "08:60", "24:01", "25:00", "008:00", "08:000", "08:5", "x:00", "08:xx", "-8:00", "08:-1", "08:00:00"} {
		var c clock
		if err := c.read(text, place{}, ""); err == nil {
			t.Errorf("%q is %v", text, time.Duration(c))
		}
	}
}

// A value in the unit of a signal is written so that the same number is read.
func TestValuesGoToAndFro(t *testing.T) {
	r := dice(11)
	for _, unit := range []signal.Unit{"1", "%", "s", "ms", "us", "min", "h", "By", "kBy", "MBy", "KiBy", "MiBy", "GiBy", "By/s", "MBy/s", "{request}/s", "{token}", "{job}"} {
		_, scale := dimensionOf(unit)
		for k := range 400 {
			x := float64(1+r.below(1000000)) / []float64{1, 10, 1000, 7, 1 << 10}[k%5]
			if k < 20 {
				x = float64(k + 1)
			}
			text := valueText(x, unit)
			q, err := parseQuantity(text)
			if err != nil {
				t.Fatalf("%v %q is written %s: %v", x, unit, text, err)
			}
			if got := inUnit(q.value, scale); got != x && math.Abs(got/x-1) > 1e-15 {
				t.Fatalf("%v %q is written %s, which is %v", x, unit, text, got)
			}
		}
	}
}

// Words that look like something else stay words, a rule that up and down cannot
// say is written as a policy, and what is half set comes back in full.
func TestOddPoliciesGoToAndFro(t *testing.T) {
	p := parseText(t, minimal)
	for _, name := range []string{"123", "1.5", "true", "null", "~", "on", "2026-01-01", "- x", "a: b", "#", "ü", "off", "'", `"`, "0x10"} {
		p.Name = name
		same(t, p)
	}
	p = parseText(t, minimal)
	for _, b := range []decide.Burst{{Factor: 3}, {For: time.Second}, {Window: time.Second}, {Factor: -1, For: time.Minute}, {Factor: 1.5, Window: time.Second, For: time.Hour}} {
		p.Config.Burst = b
		same(t, p)
	}
	p.Config.Burst = decide.Burst{}
	for _, b := range []decide.Budget{{Price: 2, PerHour: 9}, {Price: 2, PerMonth: 900}, {Price: 2, PerHour: 9, PerMonth: 900, Pace: -1}} {
		p.Config.Budget = b
		same(t, p)
		full, err := Effective(p)
		if err != nil || !strings.Contains(string(full), "\nbudget:") {
			t.Errorf("%+v is written in full as\n%s%v", b, full, err)
		}
	}
	p = parseText(t, "max: 9\nup: { when: \"queue_depth > 5\" }\ndown: { when: \"queue_depth < 2\" }\n")
	rule, ok := p.Config.Policies[0].Spec.(decide.Rule)
	if !ok {
		t.Fatal(p.Config.Policies)
	}
	for _, c := range []struct {
		change func(s *decide.NamedSpec, r *decide.Rule)
		short  bool
	}{
		{func(*decide.NamedSpec, *decide.Rule) {}, true},
		{func(s *decide.NamedSpec, _ *decide.Rule) { s.Weight = 1 }, true},
		{func(s *decide.NamedSpec, _ *decide.Rule) { s.Weight = 2 }, false},
		{func(s *decide.NamedSpec, _ *decide.Rule) { s.Name = "other" }, false},
		{func(_ *decide.NamedSpec, r *decide.Rule) { r.Monotone = true }, false},
		{func(_ *decide.NamedSpec, r *decide.Rule) { r.Down = decide.Step{} }, false},
		{func(_ *decide.NamedSpec, r *decide.Rule) { r.Up = decide.Step{} }, false},
	} {
		r, s := rule, p.Config.Policies[0]
		c.change(&s, &r)
		s.Spec = r
		odd := p
		odd.Config.Policies = []decide.NamedSpec{s}
		text, err := Format(odd)
		if err != nil || strings.Contains(string(text), "policies:") == c.short {
			t.Errorf("%+v is written\n%s%v", s, text, err)
		}
		same(t, odd)
	}
}

// What cannot be written is refused, and said.
func TestFormatRefuses(t *testing.T) {
	for want, change := range map[string]func(c *decide.Config){
		"not among Config.Signals":    func(c *decide.Config) { c.Signals = nil },
		"two policies are called":     func(c *decide.Config) { c.Policies = append(c.Policies, c.Policies[0]) },
		"has odd characters":          func(c *decide.Config) { odd(c, "a b") },
		"for which a file has no":     func(c *decide.Config) { c.Policies[0].Spec = &decide.Track{} },
		"a condition is a policy.odd": func(c *decide.Config) { c.Policies[0].Spec = decide.Rule{Up: decide.Step{When: oddly{}}} },
	} {
		p := parseText(t, minimal)
		change(&p.Config)
		for _, write := range []func(Policy) ([]byte, error){Format, Effective} {
			if text, err := write(p); err == nil || !strings.Contains(err.Error(), want) || text != nil {
				t.Errorf("%v\n%s\nwant an error with %q", err, text, want)
			}
		}
	}
}

func odd(c *decide.Config, name string) {
	key := signal.Key{Name: name}
	c.Signals[0].Key = key
	c.Policies[0].Spec = decide.Track{Signal: key, Setpoint: 3}
}

type oddly struct{}

func (oddly) Bind(*signal.Schema) (decide.Test, error) { return nil, nil }
