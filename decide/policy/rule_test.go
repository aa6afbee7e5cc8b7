package policy

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/decide/simulate"
	"github.com/evenkeel/evenkeel/decide/simulate/llm"
	"github.com/evenkeel/evenkeel/decide/simulate/trace"
)

func TestUpAndDownMakeARule(t *testing.T) {
	p := parseText(t, `
max: 100
up: { when: "queue_depth > 50", for: 10s, count: 2, fast: true }
down: { when: "queue_depth < 5", for: 60s, share: 20%, period: 2m }
`)
	rule, ok := p.Config.Policies[0].Spec.(decide.Rule)
	if !ok || p.Config.Policies[0].Name != "rule" {
		t.Fatalf("%+v", p.Config.Policies)
	}
	if fmt.Sprint(rule.Up.When, rule.Down.When) != "queue_depth > 50 queue_depth < 5" {
		t.Errorf("conditions %v and %v", rule.Up.When, rule.Down.When)
	}
	rule.Up.When, rule.Down.When = nil, nil
	want := decide.Rule{
		Up:   decide.Step{For: 10 * time.Second, Count: 2, Fast: true},
		Down: decide.Step{For: time.Minute, Share: 0.2, Period: 2 * time.Minute},
	}
	if !reflect.DeepEqual(rule, want) {
		t.Errorf("%+v, want %+v", rule, want)
	}
	same(t, p)
}

func TestUpAndDownErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"max: 2\nup: { for: 3s }", "up.when: it is missing"},
		{"max: 2\nup: { when: \"queue_depth > 5\" }", "f.yaml:2:5: up: nothing says when to shrink"},
		{"max: 2\nup: { when: \"queue_depth > 5s\" }\ndown: { when: \"qeue_depth > 5\" }", "f.yaml:2:28: up.when: 5s is a time"},
		{"max: 2\nup: { when: \"queue_depth > 5s\" }\ndown: { when: \"qeue_depth > 5\" }", "f.yaml:3:16: down.when: no signal"},
		{"max: 2\nup: { when: queue_depth >> 5 }", "f.yaml:2:26: up.when: \">\" stands where"},
		{"max: 2\nup:\n  when: >\n    queue_depth >\n    5s\n", "up.when: at character 15: 5s is a time"},
		{"max: 2\nup: { when: \"queue_depth > 5\", share: 2000% }\ndown: { when: \"queue_depth < 5\" }", "f.yaml:2:39: up.share: it is 20"},
		{"extends: chat\nup: { when: \"queue_depth > 5\" }\ndown: { when: \"queue_depth < 5\" }\npolicies: { rule: { track: { signal: demand, setpoint: 2/s } } }", "call this one another"},
	} {
		if _, err := Parse("f.yaml", []byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\nwant %s", c.text, err, c.want)
		}
	}
}

// Conditions scale a fleet of slow starters without a cascade.
func TestRuleOnAFleet(t *testing.T) {
	b := benches(t)[0]
	p := parseText(t, fmt.Sprintf(`
max: 64
up:   { when: "demand / fleet.ready > %.3f/s" }
down: { when: "demand / fleet.ready < %.3f/s and queue_depth < 5", for: 1m }
`, 0.75*b.rate, 0.4*b.rate))
	tr := b.steady(1.6*b.rate, 2*time.Minute)
	for _, r := range b.steady(4.6*b.rate, 8*time.Minute) {
		r.At += 2 * time.Minute
		tr = append(tr, r)
	}
	tr = append(tr, func() (late trace.Trace) {
		for _, r := range b.steady(b.rate, 20*time.Minute) {
			r.At += 10 * time.Minute
			late = append(late, r)
		}
		return late
	}()...)
	r, err := simulate.Run(context.Background(), simulate.Config{
		Model: b.model, Startup: llm.Startup{Median: 100 * time.Second}, Arrivals: tr, Policy: p.Config, Limits: p.Limits,
		Initial: 4, Gate: &backpressure.Config{}, Patience: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Largest < 6 || r.Largest > 8 || r.Final > 4 || r.WithinAdmitted < 0.99 {
		t.Errorf("up to %d, then %d; %.2f %% of admitted within", r.Largest, r.Final, 100*r.WithinAdmitted)
	}
	t.Logf("up to %d, then %d, %d changes; %.2f %% of admitted within, %.2f %% shed", r.Largest, r.Final, r.Changes, 100*r.WithinAdmitted, 100*float64(r.Shed)/float64(r.Offered))
}
