package decide_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

func text(t fataler, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A guard that holds nothing back says nothing.
func TestGuardsAreQuiet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		core := newCore(t, anything(t))
		s, in := history(t, core)
		_, d := core.Next(s, in)
		for _, n := range d.Notes {
			switch n.Stage {
			case decide.StageStabilise, decide.StageRate, decide.StageCooldown, decide.StageSchedule, decide.StagePause, decide.StageBudget, decide.StageBounds:
				if n.In == n.Out {
					t.Fatalf("%v speaks, and %d stays: %s", n.Stage, n.In, text(t, d))
				}
			}
		}
	})
}

// Law 1: bounds always hold, whatever the signals say. And whatever comes in,
// what comes out can be written down.
func TestLawBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		core := newCore(t, anything(t))
		var s decide.State
		for range rapid.IntRange(1, 6).Draw(t, "steps") {
			in := hostile(t)
			var d decide.Decision
			s, d = core.Next(s, in)
			l := in.Limits.Normal()
			for _, n := range []int64{d.Desired, d.Without} {
				if n < 0 || n > decide.MaxReplicas {
					t.Fatalf("%d is no count", n)
				}
			}
			if d.Desired < l.Min || d.Desired > l.Max {
				t.Fatalf("Desired is %d, outside %+v", d.Desired, l)
			}
			text(t, d)
			text(t, in.Clean())
			if n := len(text(t, s)); n > decide.MaxStateBytes {
				t.Fatalf("the state has %d bytes", n)
			}
		}
	})
}

// Law 2: under fixed limits, bad, stale or absent data never scales down.
func TestLawBadDataHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		core := anyCore(t)
		s, in := history(t, core)
		switch pick("signals", "members", "both").Draw(t, "what is bad") {
		case "signals":
			for i := range in.Signals {
				in.Signals[i] = badSample(t)
			}
		case "members":
			in.Members = pick(signal.Coverage{Expected: 10, Fresh: 6}, signal.Coverage{Expected: 1}, signal.Coverage{Expected: -1, Fresh: 5}).Draw(t, "coverage")
		default:
			in.Signals, in.Members = nil, signal.Coverage{Expected: 3}
		}
		if _, d := core.Next(s, in); d.Desired < in.Fleet.Desired {
			t.Fatalf("bad data scaled down: %s", text(t, d))
		}
	})
}

// Law 2, one policy at a time: a policy that cannot tell vetoes a scale-down.
func TestLawHeldPolicyVetoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		core := anyCore(t)
		s, in := history(t, core)
		in.Signals = anySignals(t)
		_, d := core.Next(s, in)
		held := false
		for _, r := range d.Recommendations {
			held = held || r.Held
		}
		if held && d.Desired < in.Fleet.Desired {
			t.Fatalf("scaled down though a policy could not tell: %s", text(t, d))
		}
	})
}

// Law 3: more demand never yields fewer replicas from the same state.
func TestLawMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		core := newCore(t, anything(t))
		s, in := history(t, core)
		if rapid.Bool().Draw(t, "rate unknown") {
			in.Signals[2] = signal.Sample{}
		}
		_, less := core.Next(s, in)
		more := in
		more.Signals = append([]signal.Sample(nil), in.Signals...)
		for _, i := range []int{0, 1, 3} {
			more.Signals[i].Value += rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(0, 100)).Draw(t, "more")
		}
		_, d := core.Next(s, more)
		if !core.Monotone() && !slices.EqualFunc(d.Recommendations, less.Recommendations, func(a, b decide.Recommendation) bool { return a.Held == b.Held }) {
			return // then an opinion more may make a smallest or a mean smaller
		}
		if d.Desired < less.Desired {
			t.Fatalf("more demand, fewer replicas: %s, then %s", text(t, less), text(t, d))
		}
	})
}

// Law 4: the same state and input give the same bits, by Next or by Step, with
// the state and the input carried through JSON or not; and Step leaves alone
// what it does not own.
func TestLawReplay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		core := newCore(t, anything(t))
		var s decide.State
		var buffers [2]decide.State
		var buffered decide.Decision
		for k := range rapid.IntRange(1, 8).Draw(t, "steps") {
			in := hostile(t)
			if rapid.IntRange(0, 3).Draw(t, "sane") > 0 {
				in = decide.Input{Now: started.Add(time.Duration(rapid.IntRange(0, 1000).Draw(t, "now")) * time.Second), Limits: fixed}
				in.Fleet, in.Signals = anyFleet(t, in.Now), anySignals(t)
			}
			next, d := core.Next(s, in)

			before := text(t, &buffers[k%2])
			core.Step(&buffers[(k+1)%2], &buffers[k%2], &in, &buffered)
			if after := text(t, &buffers[k%2]); after != before {
				t.Fatalf("Step changed prev from %s to %s", before, after)
			}
			if !buffers[(k+1)%2].Equal(&next) || !reflect.DeepEqual(buffered, d) {
				t.Fatalf("Step gave %s and %s, Next %s and %s", text(t, buffered), text(t, &buffers[(k+1)%2]), text(t, d), text(t, next))
			}

			var read decide.State
			if err := json.Unmarshal([]byte(text(t, s)), &read); err != nil {
				t.Fatal(err)
			}
			var journal decide.Input
			if err := json.Unmarshal([]byte(text(t, in.Clean())), &journal); err != nil {
				t.Fatal(err)
			}
			replayed, again := core.Next(read, journal)
			if !replayed.Equal(&next) || !reflect.DeepEqual(again, d) {
				t.Fatalf("replay gave %s and %s, not %s and %s", text(t, again), text(t, replayed), text(t, d), text(t, next))
			}
			s = next
		}
	})
}

// Law 7: tolerance never strands queued work. With no guard but tolerance, what
// the queue needs is what there will be.
func TestLawQueueIsNotStranded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := decide.Config{
			Signals: defs(),
			Policies: []decide.NamedSpec{
				{Name: "backlog", Spec: decide.Backlog{Queue: queue, PerReplica: 1}},
				{Name: "total", Spec: decide.Track{Signal: demand, Setpoint: 7, Total: true}},
			},
			Up: decide.Direction{Tolerance: rapid.Float64Range(0.01, 1).Draw(t, "tolerance")},
		}
		surges(t, &c)
		core := newCore(t, c)
		in := decide.Input{Now: started, Limits: fixed, Signals: goodSignals(t)}
		in.Fleet = anyFleet(t, started)
		if rapid.Bool().Draw(t, "nearly enough") {
			in.Fleet.Desired = int64(in.Signals[1].Value/30) - rapid.Int64Range(0, 3).Draw(t, "short by")
		}
		_, d := core.Next(decide.State{}, in)
		if need := d.Recommendations[0]; in.Signals[1].Value > 0 && d.Desired < need.Replicas {
			t.Fatalf("work is queued that needs %d: %s", need.Replicas, text(t, d))
		}
	})
}

// Law 7 with every stage: whatever else holds growth back, tolerance keeps back
// nothing of what the queue needs.
func TestLawToleranceAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anything(t)
		c.Policies[0] = decide.NamedSpec{Name: "queue", Spec: decide.Backlog{Queue: queue, PerReplica: 1}}
		c.Up.Tolerance = rapid.Float64Range(0.01, 1).Draw(t, "tolerance")
		core := newCore(t, c)
		s, in := history(t, core)
		_, d := core.Next(s, in)
		c.Up.Tolerance = -1
		_, free := newCore(t, c).Next(s, in)
		need := d.Recommendations[0]
		if need.Backlogged && d.Desired < min(need.Replicas, free.Desired) {
			t.Fatalf("work is queued that needs %d: %s, and without tolerance %s", need.Replicas, text(t, d), text(t, free))
		}
	})
}

// Without is the truth: it is what a core decides, from the same state, that has
// not got the binding stage.
func TestWithoutIsTrue(t *testing.T) {
	seen := map[decide.Stage]int{}
	rapid.Check(t, func(t *rapid.T) {
		c := anything(t)
		core := newCore(t, c)
		s, in := history(t, core)
		if rapid.IntRange(0, 3).Draw(t, "overridden") == 0 {
			in.Override = decide.Override{Replicas: rapid.Int64Range(0, 40).Draw(t, "override"), Until: in.Now.Add(time.Hour)}
		}
		_, d := core.Next(s, in)
		switch d.Binding {
		case decide.StageRecommend, decide.StageCombine:
			if d.Without != d.Desired {
				t.Fatalf("nothing bound, and yet: %s", text(t, d))
			}
			return
		case decide.StageBurst:
			c.Burst = decide.Burst{}
		case decide.StageWarm:
			c.Warm = decide.Warm{}
			for i := range c.Schedule {
				c.Schedule[i].Warm = decide.Warm{}
			}
		case decide.StagePending:
			c.Pending.Extra = -1
		case decide.StageTolerance:
			c.Up.Tolerance, c.Down.Tolerance = -1, -1
		case decide.StageStabilise:
			c.Up.Window, c.Down.Window, c.Down.Idle = -1, -1, -1
		case decide.StageRate:
			for _, dir := range []*decide.Direction{&c.Up, &c.Down} {
				dir.Rate, dir.Rates, dir.Select = decide.Rate{}, nil, 0
			}
		case decide.StageCooldown:
			c.Up.Cooldown, c.Down.Cooldown = 0, 0
		case decide.StageSchedule:
			for _, w := range c.Schedule {
				if w.Warm != (decide.Warm{}) {
					return // what it keeps warm would go with it
				}
			}
			c.Schedule = nil
		case decide.StagePause:
			in.Pause = decide.Pause{}
		case decide.StageOverride:
			in.Override = decide.Override{}
		case decide.StageBudget:
			c.Budget = decide.Budget{}
		default: // hold and bounds cannot be switched off
			return
		}
		seen[d.Binding]++
		if _, other := newCore(t, c).Next(s, in); other.Desired != d.Without {
			t.Fatalf("without %v it is %s, and not as in %s", d.Binding, text(t, other), text(t, d))
		}
	})
	if len(seen) < 8 {
		t.Errorf("only these stages were ever binding: %v", seen)
	}
}
