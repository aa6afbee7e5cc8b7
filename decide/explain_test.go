package decide_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

func TestExplain(t *testing.T) {
	policies := func(specs ...decide.NamedSpec) func(*decide.Config) {
		return func(c *decide.Config) { c.Policies = specs }
	}
	drain := decide.NamedSpec{Name: "backlog", Spec: decide.Backlog{Queue: queue, Rate: rate, Within: time.Minute}}
	offered := decide.NamedSpec{Name: "capacity", Spec: decide.Capacity{Demand: demand, Rate: rate, Headroom: -1}}
	busy := decide.NamedSpec{Name: "use", Spec: decide.Track{Signal: use, Setpoint: 0.7}}
	signals := func(values ...float64) []signal.Sample { // -1: absent
		s := make([]signal.Sample, len(values))
		for i, v := range values {
			if v >= 0 {
				s[i] = signal.Value(v)
			}
		}
		return s
	}
	for _, tc := range []struct {
		config []func(*decide.Config)
		in     decide.Input
		want   string
	}{
		{
			[]func(*decide.Config){policies(drain), func(c *decide.Config) { c.Up.Rate = decide.Rate{Count: 3, Period: 30 * time.Second} }},
			decide.Input{Fleet: decide.Fleet{Desired: 6, Ready: 6}, Signals: signals(0, 2000, 3.1)},
			"6 → 9: backlog wants 11: 2000 queued, drained in 60 s at 3.1/s each; +3 per 30 s binds; without it 11",
		}, {
			[]func(*decide.Config){policies(offered, drain)},
			decide.Input{Fleet: decide.Fleet{Desired: 2, Ready: 2}, Signals: signals(98.7, 0, 10)},
			"2 → 15: capacity wants 15: 98.7/s asked for, 7/s each",
		}, {
			[]func(*decide.Config){policies(offered, busy)},
			decide.Input{Fleet: decide.Fleet{Desired: 9, Ready: 9}, Signals: []signal.Sample{{Value: 3, Quality: signal.Stale, Age: 42 * time.Second}, {}, {}, signal.Value(0.35)}},
			"stays at 9: use wants 5: evenkeel.unit.utilization is 35 %, setpoint 70 %; capacity cannot tell: evenkeel.demand.requests is stale, 42 s old; nothing is taken away while a policy cannot tell; without it 5",
		}, {
			[]func(*decide.Config){policies(offered, busy)},
			decide.Input{Fleet: decide.Fleet{Desired: 9}, Signals: signals(-1, 0, 10, 0.4)},
			"stays at 9: capacity cannot tell: evenkeel.demand.requests is absent; use cannot tell: evenkeel.unit.utilization is 40 %, but no replica is ready",
		}, {
			[]func(*decide.Config){policies(offered)},
			decide.Input{Fleet: decide.Fleet{Desired: 9}, Signals: signals(5, 0, 0)},
			"stays at 9: capacity cannot tell: evenkeel.unit.rate is not known yet",
		}, {
			[]func(*decide.Config){policies(offered)},
			decide.Input{Fleet: decide.Fleet{Desired: 9}, Signals: []signal.Sample{signal.Value(-5)}},
			"stays at 9: capacity cannot tell: evenkeel.demand.requests cannot be -5/s",
		}, {
			[]func(*decide.Config){policies(offered)},
			decide.Input{Signals: signals(5)},
			"0 → 1: capacity wants 1: 5/s asked for and nothing to serve it",
		}, {
			[]func(*decide.Config){policies(offered), func(c *decide.Config) { c.Down.Window, c.Down.Idle = 0, 0 }},
			decide.Input{Fleet: decide.Fleet{Desired: 4, Ready: 4}, Signals: signals(0, 0, 10)},
			"stays at 4: capacity wants 0: no demand; the most wanted in the last 180 s is 4; without it 0",
		}, {
			[]func(*decide.Config){policies(offered), func(c *decide.Config) { c.Down.Idle = 0 }},
			decide.Input{Fleet: decide.Fleet{Desired: 4, Ready: 4}, Signals: signals(0, 0, 10)},
			"4 → 1: capacity wants 0: no demand; idle for 0 s of 15 min; without it 0",
		}, {
			[]func(*decide.Config){policies(busy), func(c *decide.Config) { c.Up.Tolerance = 0.1 }},
			decide.Input{Fleet: decide.Fleet{Desired: 20, Ready: 20}, Signals: signals(0, 0, 0, 0.75)},
			"stays at 20: use wants 22: evenkeel.unit.utilization is 75 %, setpoint 70 %; a change within 10 % of 20 is left out; without it 22",
		}, {
			nil,
			decide.Input{Fleet: decide.Fleet{Desired: 20, Ready: 20}, Signals: signals(12), Members: signal.Coverage{Expected: 10, Fresh: 7}},
			"stays at 20: demand wants 12: evenkeel.demand.requests is 12/s, setpoint 1/s; 7 of 10 members report; without it 12",
		}, {
			nil,
			decide.Input{Fleet: decide.Fleet{Desired: 8, Ready: 5, Starting: []decide.Cohort{{N: 2, Since: started}, {N: 1, Stuck: true}}}, Signals: signals(8)},
			"8 → 9: demand wants 8: evenkeel.demand.requests is 8/s, setpoint 1/s; 2 on their way and 1 stuck there, 1 asked for on top; without it 8",
		}, {
			nil,
			decide.Input{Fleet: decide.Fleet{Desired: 8, Ready: 8}, Signals: signals(8), Override: decide.Override{Replicas: 3, Until: started.Add(90 * time.Second)}},
			"8 → 3: demand wants 8: evenkeel.demand.requests is 8/s, setpoint 1/s; override to 3 for 90 s more binds; without it 8",
		}, {
			nil,
			decide.Input{Fleet: decide.Fleet{Desired: 90, Ready: 90}, Signals: signals(123456)},
			"90 → 100: demand wants 123456: evenkeel.demand.requests is 123k/s, setpoint 1/s; max 100 binds; without it 123456",
		},
	} {
		core := newCore(t, simple(func(c *decide.Config) {
			for _, change := range tc.config {
				change(c)
			}
		}))
		tc.in.Now, tc.in.Limits = started, decide.Limits{Max: 100}
		_, d := core.Next(decide.State{}, tc.in)
		if got := core.Explain(&tc.in, &d); got != tc.want {
			t.Errorf("Explain:\ngot  %s\nwant %s", got, tc.want)
		}
	}
}

// beyond is a condition that can be read.
type beyond struct {
	key   signal.Key
	bound float64
	at    int
}

func (a beyond) String() string { return fmt.Sprintf("%v > %v", a.key, a.bound) }

func (a beyond) Bind(s *signal.Schema) (decide.Test, error) {
	a.at, _ = s.Index(a.key)
	return a, nil
}

func (a beyond) Reads() []int { return []int{a.at} }

func (a beyond) Test(in *decide.Input) decide.Truth {
	switch s := in.Signals[a.at]; {
	case !s.OK():
		return decide.Unknown
	case s.Value > a.bound:
		return decide.True
	}
	return decide.False
}

func TestExplainRule(t *testing.T) {
	core := newCore(t, simple(func(c *decide.Config) {
		c.Policies = []decide.NamedSpec{{Name: "busy", Spec: decide.Rule{
			Up:   decide.Step{When: beyond{use, 0.7, 0}, For: 5 * time.Second, Count: 2},
			Down: decide.Step{When: beyond{demand, 99, 0}, Count: 3},
		}}}
		c.Down.Window = -1
	}))
	in := decide.Input{Now: started, Fleet: decide.Fleet{Desired: 6, Ready: 6}, Limits: decide.Limits{Max: 100}}
	var s decide.State
	for _, step := range []struct {
		demand, use signal.Sample
		want        string
	}{
		{signal.Value(1), signal.Value(0.9), "stays at 6: busy wants 6: evenkeel.unit.utilization > 0.7 has held for 0 s of 5 s"},
		{signal.Value(1), signal.Value(0.9), "6 → 8: busy wants 8: evenkeel.unit.utilization > 0.7 has held for 5 s, so 2 more"},
		{signal.Value(100), signal.Value(0.1), "6 → 3: busy wants 3: evenkeel.demand.requests > 99 holds, so 3 fewer"},
		{signal.Value(100), signal.Sample{Value: 1, Quality: signal.Fresh, Age: time.Minute}, "stays at 6: busy cannot tell: evenkeel.unit.utilization is stale, 60 s old"},
		{signal.Sample{}, signal.Value(0.1), "stays at 6: busy cannot tell: evenkeel.demand.requests is absent"},
	} {
		in.Signals = []signal.Sample{step.demand, {}, {}, step.use}
		var d decide.Decision
		s, d = core.Next(s, in)
		if got := core.Explain(&in, &d); got != step.want {
			t.Errorf("Explain:\ngot  %s\nwant %s", got, step.want)
		}
		in.Now = in.Now.Add(5 * time.Second)
	}
}

// Whatever a decision holds, there are words for it.
func TestTextOfEveryReason(t *testing.T) {
	for r := decide.ReasonSetpoint; r <= decide.ReasonMax; r++ {
		text := decide.Recommendation{Reason: r, A: 1, B: 2}.Text()
		if r >= decide.ReasonLargest {
			text = decide.Note{Reason: r, In: 1, Out: 2, A: 1, B: 2}.Text()
		}
		if text == r.String() || text == "" {
			t.Errorf("%v is put as %q", r, text)
		}
	}
	core := newCore(t, simple(nil))
	foreign := decide.Decision{Leader: 7, Recommendations: make([]decide.Recommendation, 9)}
	if got := core.Explain(&decide.Input{}, &foreign); got != "stays at 0: policy 7 wants 0: none" {
		t.Errorf("a decision of another core is put as %q", got)
	}
}

// What was decided is neither a policy's opinion nor a stage's doing: it is put as
// what it is.
func TestExplainCombined(t *testing.T) {
	for name, tc := range map[string]struct {
		combine      decide.Combination
		demand, busy float64
		line, end    string
	}{
		"all, and they differ": {decide.CombineAll, 12, 0.35,
			"stays at 8: demand wants 12: evenkeel.demand.requests is 12/s, setpoint 1/s; use wants 4: evenkeel.unit.utilization is 35 %, setpoint 70 %; opinions differ, so 8 stays",
			"The policies differ, so 8 stays."},
		"a weighted mean": {decide.CombineWeighted, 20, 0.7,
			"8 → 14: demand wants 20: evenkeel.demand.requests is 20/s, setpoint 1/s; the weighted mean of the opinions is 14",
			"14 is what the policies want."},
		"a weighted mean, and a bound": {decide.CombineWeighted, 90, 0.7,
			"8 → 40: demand wants 90: evenkeel.demand.requests is 90/s, setpoint 1/s; the weighted mean of the opinions is 49; max 40 binds; without it 49",
			"Without bounds it would be 49."},
		"nobody can tell": {decide.CombineAll, -1, -1,
			"stays at 8: demand cannot tell: evenkeel.demand.requests cannot be -1/s; use cannot tell: evenkeel.unit.utilization cannot be -100 %",
			"No policy can tell, so 8 stays."},
	} {
		core := newCore(t, simple(func(c *decide.Config) {
			c.Policies = append(c.Policies, decide.NamedSpec{Name: "use", Spec: decide.Track{Signal: use, Setpoint: 0.7}})
			c.Combine = decide.Combine{Up: tc.combine, Down: tc.combine}
		}))
		in := decide.Input{Now: started, Fleet: decide.Fleet{Desired: 8, Ready: 8}, Limits: decide.Limits{Max: 40},
			Signals: []signal.Sample{signal.Value(tc.demand), {}, {}, signal.Value(tc.busy)}}
		_, d := core.Next(decide.State{}, in)
		if got := core.Explain(&in, &d); got != tc.line {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, tc.line)
		}
		if got := core.Table(&in, &d); !strings.HasSuffix(got, "\n"+tc.end+"\n") {
			t.Errorf("%s: the table ends otherwise than with %q:\n%s", name, tc.end, got)
		}
	}
}

// Two guards say the same: without the one that is named, the other still stands.
func TestExplainTwoGuards(t *testing.T) {
	core := newCore(t, simple(func(c *decide.Config) { c.Down.Window = 30 * time.Second }))
	in := decide.Input{Now: started, Fleet: decide.Fleet{Desired: 8, Ready: 8}, Limits: decide.Limits{Max: 40},
		Signals: []signal.Sample{signal.Value(2)}, Members: signal.Coverage{Expected: 10, Fresh: 2}}
	_, d := core.Next(decide.State{}, in)
	want := "stays at 8: demand wants 2: evenkeel.demand.requests is 2/s, setpoint 1/s; the most wanted in the last 30 s is 8; without it still 8"
	if got := core.Explain(&in, &d); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := core.Table(&in, &d); !strings.HasSuffix(got, "\nWithout stabilise it would still be 8.\n") {
		t.Errorf("the table says otherwise:\n%s", got)
	}
}
