package decide_test

import (
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// The steps of a rule, one look at a time, where the table of TestRule does not
// go: with what is starting, up to the largest step, and the figures told.
func TestRuleSteps(t *testing.T) {
	type look struct {
		at       time.Duration
		use      float64
		desired  int64
		starting int64
		want     int64
		held, by float64 // seconds for which it has held, and the step
	}
	minutes := func(n int) time.Duration { return time.Duration(n) * time.Minute }
	for name, tc := range map[string]struct {
		rule  decide.Rule
		looks []look
	}{
		"down stays wanted until it is there, none too": {decide.Rule{Down: decide.Step{When: quiet, Count: 9}}, []look{
			{0, 0.1, 9, 0, 0, 0, -9}, {minutes(1), 0.1, 12, 0, 0, 60, -12}, {minutes(2), 0.1, 9, 0, 0, 120, -9},
		}},
		"down does not wait for what is starting": {decide.Rule{Down: decide.Step{When: quiet}}, []look{
			{0, 0.1, 9, 1, 8, 0, -1}, {minutes(1), 0.1, 8, 1, 7, 60, -1},
		}},
		"up is the end of a step down": {decide.Rule{Up: decide.Step{When: busy}, Down: decide.Step{When: quiet}}, []look{
			{0, 0.1, 9, 0, 8, 0, -1}, {time.Second, 0.9, 8, 0, 9, 0, 1}, {2 * time.Second, 0.1, 9, 0, 8, 0, -1},
		}},
		"down has a break": {decide.Rule{Down: decide.Step{When: quiet}}, []look{
			{0, 0.1, 9, 0, 8, 0, -1}, {time.Second, 0.5, 8, 0, 8, 0, 0}, {2 * time.Second, 0.1, 8, 0, 7, 0, -1},
		}},
		"one more while the last is starting, ten minutes at the most": {decide.Rule{Up: decide.Step{When: busy}}, []look{
			{0, 0.9, 4, 0, 5, 0, 1}, {minutes(1), 0.9, 5, 1, 5, 60, 0}, {minutes(2), 0.9, 5, 1, 5, 120, 0}, {minutes(3), 0.9, 5, 1, 5, 180, 0},
			{minutes(4), 0.9, 5, 1, 5, 240, 0}, {minutes(5), 0.9, 5, 1, 5, 300, 0}, {minutes(6), 0.9, 5, 1, 5, 360, 0}, {minutes(7), 0.9, 5, 1, 5, 420, 0},
			{minutes(8), 0.9, 5, 1, 5, 480, 0}, {minutes(9), 0.9, 5, 1, 5, 540, 0}, {minutes(10), 0.9, 5, 1, 6, 600, 1},
		}},
		"a share, rounded up, or a count, whichever is more": {decide.Rule{Up: decide.Step{When: busy, Count: 3, Share: 0.3}}, []look{
			{0, 0.9, 5, 0, 8, 0, 3}, {minutes(1), 0.9, 11, 0, 15, 60, 4},
		}},
		"no further than there can be": {decide.Rule{Up: decide.Step{When: busy, Share: 10}}, []look{
			{0, 0.9, decide.MaxReplicas - 1, 0, decide.MaxReplicas, 0, 1},
		}},
	} {
		p := compileRule(t, tc.rule)
		mem := make([]float64, p.Words())
		for i, l := range tc.looks {
			in := decide.Input{Now: started.Add(l.at), Fleet: decide.Fleet{Desired: l.desired, Ready: l.desired - l.starting}, Signals: []signal.Sample{{}, {}, {}, signal.Value(l.use)}}
			if l.starting > 0 {
				in.Fleet.Starting = []decide.Cohort{{N: l.starting, Since: started}}
			}
			r := p.Recommend(mem, &in)
			told := l.want == l.desired || r.A == l.held && r.B == l.by && r.Reason == decide.ReasonRule // figures of a step
			if r.Replicas != l.want || r.Held || r.Headroom != r.Replicas || !told {
				t.Errorf("%s, look %d: %+v, want %d, held for %v s, by %v", name, i, r, l.want, l.held, l.by)
			}
		}
	}
}

// A rule tells for how long a condition has held, and how long it has to: less
// than zero on the way down.
func TestRuleTellsWhatItWaitsFor(t *testing.T) {
	p := compileRule(t, decide.Rule{Up: decide.Step{When: busy, For: time.Minute}, Down: decide.Step{When: quiet, For: 5 * time.Minute}})
	mem := make([]float64, p.Words())
	for i, l := range []struct {
		at, use, held, of float64
	}{{0, 0.9, 0, 60}, {40, 0.9, 40, 60}, {50, 0.1, 0, -300}, {100, 0.1, 50, -300}} {
		in := decide.Input{Now: started.Add(time.Duration(l.at) * time.Second), Fleet: decide.Fleet{Desired: 4}, Signals: []signal.Sample{{}, {}, {}, signal.Value(l.use)}}
		if r := p.Recommend(mem, &in); r.Reason != decide.ReasonRuleWaits || r.Replicas != 4 || r.A != l.held || r.B != l.of {
			t.Errorf("look %d: %+v, want held for %v s of %v", i, r, l.held, l.of)
		}
	}
}

// A step is as small as it is set: tolerance, which is for what is measured, lets
// it through, but downwards only where what others measured goes as far.
func TestRuleStepsPassTolerance(t *testing.T) {
	rule := decide.NamedSpec{Name: "rule", Spec: decide.Rule{Up: decide.Step{When: busy}, Down: decide.Step{When: quiet}}}
	total := decide.NamedSpec{Name: "total", Spec: decide.Track{Signal: demand, Setpoint: 1, Total: true}}
	both := []decide.NamedSpec{total, rule}
	for name, tc := range map[string]struct {
		policies   []decide.NamedSpec
		use, total float64
		stuck      int64
		tolerance  float64
		want       int64
	}{
		"up":                                {both[1:], 0.9, 0, 0, 0.3, 21},
		"down":                              {both[1:], 0.1, 0, 0, 0.3, 19},
		"neither":                           {both[1:], 0.5, 0, 0, 0.3, 20},
		"down, whatever the tolerance":      {both[1:], 0.1, 0, 0, 1, 19},
		"up, and a little more is measured": {both, 0.9, 22, 0, 0.3, 22},
		"down, and a little less is needed": {both, 0.1, 18, 0, 0.3, 20},
		"down, as far as tolerance goes":    {both, 0.1, 14, 0, 0.3, 20},
		"down, and far less is needed":      {both, 0.1, 13, 0, 0.3, 19},
		"no step, and a little more":        {both, 0.5, 22, 0, 0.3, 20},
		"without a rule":                    {both[:1], 0.1, 18, 0, 0.3, 20},
		"without a rule, made up for":       {both[:1], 0.1, 12, 4, 0.3, 20},
	} {
		core := newCore(t, simple(func(c *decide.Config) {
			c.Policies, c.Up.Tolerance, c.Down.Tolerance = tc.policies, tc.tolerance, tc.tolerance
		}))
		in := decide.Input{Now: started, Limits: fixed, Signals: []signal.Sample{signal.Value(tc.total), {}, {}, signal.Value(tc.use)}}
		in.Fleet = decide.Fleet{Desired: 20, Ready: 20}
		if tc.stuck > 0 {
			in.Fleet.Ready, in.Fleet.Starting = 8, []decide.Cohort{{N: tc.stuck, Stuck: true}}
		}
		if _, d := core.Next(decide.State{}, in); d.Desired != tc.want {
			t.Errorf("%s: %s, want %d", name, text(t, d), tc.want)
		}
	}
}

// Looking often makes no time pass: what is seen again at the same instant holds
// for no longer, and teaches nothing more.
func TestLookingOftenIsNotTime(t *testing.T) {
	k := newKnee(t, decide.Objective{Rate: rate})
	for range 9 {
		k.see(0.9, 1)
	}
	p := compileRule(t, decide.Rule{Up: decide.Step{When: busy, For: time.Second}})
	mem := make([]float64, p.Words())
	k.in.Signals[3] = signal.Value(0.9)
	before := k.now(t, 0.9)
	for range 12000 {
		k.policy.Recommend(k.mem, &k.in)
		if r := p.Recommend(mem, &k.in); r.Replicas != k.in.Fleet.Desired {
			t.Fatalf("a condition that was seen at one instant has held for a second: %+v", r)
		}
	}
	if after := k.now(t, 0.9); after != before {
		t.Errorf("the knee went from %v to %v", before, after)
	}
}

// Fast doubles ten times and then no more.
func TestRuleFastEnds(t *testing.T) {
	p := compileRule(t, decide.Rule{Up: decide.Step{When: busy, Fast: true}})
	mem := make([]float64, p.Words())
	in := decide.Input{Now: started, Fleet: decide.Fleet{Desired: 1}, Signals: []signal.Sample{{}, {}, {}, signal.Value(1)}}
	for k := range 14 {
		r := p.Recommend(mem, &in)
		if want := int64(1) << min(k, 10); r.Replicas-in.Fleet.Desired != want {
			t.Errorf("step %d is by %d, want %d", k, r.Replicas-in.Fleet.Desired, want)
		}
		in.Fleet.Desired, in.Now = r.Replicas, in.Now.Add(time.Minute)
	}
}
