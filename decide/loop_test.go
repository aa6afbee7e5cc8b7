package decide_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// A loop is a core that decides for a model of a fleet: every replica gets ready
// some time after it was asked for, and the newest go first.
type loop struct {
	t       fataler
	steps   int
	core    *decide.Core
	state   decide.State
	d       decide.Decision
	in      decide.Input
	startup time.Duration
	passed  time.Duration   // whatever the clock says
	begun   []time.Duration // when each of Fleet.Starting began, in those terms
}

func newLoop(t fataler, c decide.Config, n int64, startup time.Duration) *loop {
	core, err := decide.New(c)
	if err != nil {
		t.Fatal(err)
	}
	l := &loop{t: t, core: core, startup: startup}
	l.in = decide.Input{Now: started, Fleet: decide.Fleet{Desired: n, Ready: n}, Limits: decide.Limits{Max: 200}, Signals: make([]signal.Sample, 4)}
	return l
}

// load sets what arrives: so much per second, so much queued.
func (l *loop) load(perSecond, queued float64) {
	l.in.Signals[0], l.in.Signals[1], l.in.Signals[2] = signal.Value(perSecond), signal.Value(queued), signal.Value(10)
	l.in.Signals[3] = signal.Value(0)
	if l.in.Fleet.Ready > 0 {
		l.in.Signals[3] = signal.Value(perSecond / 10 / float64(l.in.Fleet.Ready))
	}
}

// decide steps in place, and now and then makes sure that Next says the same.
func (l *loop) decide() {
	if l.steps++; l.steps%8 != 1 {
		l.core.Step(&l.state, &l.state, &l.in, &l.d)
		return
	}
	next, d := l.core.Next(l.state, l.in)
	l.core.Step(&l.state, &l.state, &l.in, &l.d)
	if !l.state.Equal(&next) || !reflect.DeepEqual(l.d, d) {
		l.t.Fatal("Step gave", text(l.t, l.d), text(l.t, l.state), "and Next", text(l.t, d), text(l.t, next))
	}
}

// step decides once and lets the fleet follow for a while.
func (l *loop) step(gap time.Duration) int64 {
	l.decide()
	f := &l.in.Fleet
	if more := l.d.Desired - f.Desired; more > 0 {
		f.Starting = append(f.Starting, decide.Cohort{N: more, Since: l.in.Now})
		l.begun = append(l.begun, l.passed)
	} else {
		for less := -more; less > 0; {
			if k := len(f.Starting) - 1; k >= 0 {
				n := min(less, f.Starting[k].N)
				less -= n
				if f.Starting[k].N -= n; f.Starting[k].N == 0 {
					f.Starting, l.begun = f.Starting[:k], l.begun[:k]
				}
				continue
			}
			f.Ready, less = f.Ready-less, 0
		}
	}
	f.Desired = l.d.Desired
	l.in.Now, l.passed = l.in.Now.Add(gap), l.passed+gap
	for len(f.Starting) > 0 && l.passed-l.begun[0] >= l.startup {
		f.Ready += f.Starting[0].N
		f.Starting, l.begun = f.Starting[1:], l.begun[1:]
	}
	return l.d.Desired
}

// Law 5: no direction change faster than the stabilisation window, but for growth
// from zero and in a burst.
func TestLawNoFlapping(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyConfig(t)
		l := newLoop(t, c, 5, 30*time.Second)
		c = c.WithDefaults()
		var up, down, last time.Time
		before := int64(5)
		for range rapid.IntRange(10, 120).Draw(t, "steps") {
			l.load(rapid.Float64Range(0, 300).Draw(t, "demand"), pick(0, 0, 50.0).Draw(t, "queue"))
			last = l.in.Now
			n := l.step(time.Duration(rapid.IntRange(1, 40).Draw(t, "gap")) * time.Second)
			switch {
			case n > before:
				if d := last.Sub(down); !down.IsZero() && d < c.Up.Window && before > 0 && !noted(l.d, decide.ReasonBurst) {
					t.Fatalf("up %v after down: %s", d, text(t, l.d))
				}
				up = last
			case n < before:
				if d := last.Sub(up); !up.IsZero() && d < c.Down.Window {
					t.Fatalf("down %v after up: %s", d, text(t, l.d))
				}
				down = last
			}
			before = n
		}
	})
}

func noted(d decide.Decision, r decide.Reason) bool {
	return slices.ContainsFunc(d.Notes, func(n decide.Note) bool { return n.Reason == r })
}

// Law 5's neighbour: the count is never further from what it was a period ago
// than the rate allows.
func TestLawRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyConfig(t)
		c.Up.Rate = decide.Rate{Count: rapid.Int64Range(1, 6).Draw(t, "up"), Period: 30 * time.Second}
		c.Down.Rate = decide.Rate{Count: rapid.Int64Range(1, 6).Draw(t, "down"), Period: 45 * time.Second}
		c.Up.Rates, c.Down.Rates, c.Burst, c.Schedule, c.Budget = nil, nil, decide.Burst{}, nil, decide.Budget{}
		l := newLoop(t, c, 5, 30*time.Second)
		counts := []int64{5} // in force before the k-th step
		var times []time.Time
		ago := func(period time.Duration) int64 { // the count so long before now
			for k, at := range slices.Backward(times) {
				if l.in.Now.Sub(at) >= period {
					return counts[k+1]
				}
			}
			return counts[0]
		}
		for range rapid.IntRange(10, 120).Draw(t, "steps") {
			l.load(pick(0, 30, 150, 300.0).Draw(t, "demand"), 0)
			before, up, down := l.in.Fleet.Desired, ago(30*time.Second)+c.Up.Rate.Count, ago(45*time.Second)-c.Down.Rate.Count
			times = append(times, l.in.Now)
			n := l.step(time.Duration(rapid.IntRange(1, 20).Draw(t, "gap")) * time.Second)
			counts = append(counts, n)
			if n > before && n > up && before > 0 { // from zero nothing holds it back
				t.Fatalf("up to %d, %d allowed", n, up)
			}
			if n < before && n < down {
				t.Fatalf("down to %d, %d allowed", n, down)
			}
		}
	})
}

// Law 8: constant demand and limits settle, and stay.
func TestLawSettles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLoop(t, anyConfig(t), rapid.Int64Range(0, 60).Draw(t, "n"), time.Duration(rapid.IntRange(0, 200).Draw(t, "startup"))*time.Second)
		load, queued := rapid.Float64Range(0, 300).Draw(t, "demand"), pick(0, 0, 30.0).Draw(t, "queue")
		gap := time.Duration(rapid.IntRange(1, 60).Draw(t, "gap")) * time.Second
		for began := l.in.Now; l.in.Now.Sub(began) < 4*time.Hour; {
			l.load(load, queued)
			l.step(gap)
		}
		settled := l.d.Desired
		for range 300 {
			l.load(load, queued)
			if n := l.step(gap); n != settled {
				t.Fatalf("settled at %d, then %s", settled, text(t, l.d))
			}
		}
	})
}

// Law 9: a restart, a change of leader or the loss of 30 % of the members causes
// no scale-down.
func TestLawLossesScaleNothingDown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyConfig(t)
		c.Down.Window = 0 // the default
		l := newLoop(t, c, 10, 20*time.Second)
		l.in.Members = signal.Coverage{Expected: 10, Fresh: 10}
		load := rapid.Float64Range(20, 300).Draw(t, "demand")
		var earlier decide.State
		at := rapid.IntRange(0, 199).Draw(t, "earlier")
		for k := range 200 {
			l.load(load, 0)
			l.step(5 * time.Second)
			if k == at {
				earlier, _ = l.core.Next(l.state, l.in)
			}
		}
		before := l.d.Desired
		for range 200 {
			l.load(load, 0)
			if n := l.step(5 * time.Second); n < before {
				before = n // still shrinking towards what is needed
			}
		}
		seen := 1.0
		steps := 30 // of 5 s, within the window
		what := pick("restart", "leader", "members").Draw(t, "what")
		switch what {
		case "restart": // and counters begin low
			l.state, seen = decide.State{}, rapid.Float64Range(0, 1).Draw(t, "seen")
		case "leader": // with an old state
			l.state = earlier
		case "members": // for as long as it lasts
			least := 0.0 // whatever the lost ones had
			if c.Hold.Coverage == 0.7 {
				least = 0.7 // then only if they were as busy as the others
			}
			l.in.Members.Fresh, seen, steps = 7, rapid.Float64Range(least, 1).Draw(t, "seen"), 400
		}
		for range steps {
			l.load(load, 0)
			l.in.Signals[0].Value *= seen
			l.in.Signals[3].Value *= seen
			if n := l.step(5 * time.Second); n < before {
				t.Fatalf("%s: from %d to %s", what, before, text(t, l.d))
			}
		}
	})
}

// Law 9, a tenth of the members: what they had is taken to be as the mean.
func TestLawFewMembersMissing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		expected := rapid.IntRange(10, 2000).Draw(t, "expected")
		fresh := rapid.IntRange(expected-expected/10, expected).Draw(t, "fresh")
		load := rapid.Float64Range(1, 2000).Draw(t, "load")
		c := simple(func(c *decide.Config) { c.Down.Tolerance = pick(-1, 0.1, 0.3).Draw(t, "tolerance") })
		c.Policies = []decide.NamedSpec{{Name: "capacity", Spec: decide.Capacity{Demand: demand, PerReplica: 10}}}
		core := newCore(t, c)
		in := decide.Input{Now: started, Limits: fixed, Members: signal.Coverage{Expected: expected, Fresh: expected}, Signals: []signal.Sample{signal.Value(load)}}
		s, d := core.Next(decide.State{}, in)
		n := d.Desired
		if d.Desired += rapid.Int64Range(0, n/3).Draw(t, "more"); c.Down.Tolerance > 0 { // kept by tolerance
			in.Fleet = decide.Fleet{Desired: d.Desired, Ready: d.Desired}
			_, d = core.Next(s, in)
			n = d.Desired
		}
		in.Fleet = decide.Fleet{Desired: n, Ready: n}
		in.Members.Fresh = fresh
		in.Signals[0].Value = load * float64(fresh) / float64(expected)
		if _, d = core.Next(s, in); d.Desired < n {
			t.Fatalf("from %d to %s", n, text(t, d))
		}
	})
}

// Law 10: time may jump either way; no deadline ends up in next year. After any
// jumps, an hour and a half of ordinary time leads to what is needed.
func TestLawTimeJumps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := simple(func(c *decide.Config) { c.Up, c.Down = anyDirection(t, "up"), anyDirection(t, "down") })
		c.Policies = append(c.Policies, absolute(t)...)
		anyFixed(t, &c)
		c.Warm, c.Schedule, c.Budget.Price, c.Budget.PerMonth = decide.Warm{}, nil, 2, 1e9 // or 12 would not be what is needed
		c.Up.Tolerance, c.Down.Tolerance = -1, -1
		l := newLoop(t, c, 5, 10*time.Second)
		for range rapid.IntRange(1, 20).Draw(t, "jumps") {
			l.load(rapid.Float64Range(0, 20).Draw(t, "demand"), 0)
			l.step(time.Second)
			l.in.Now = l.in.Now.Add(pick(-200*365*24*time.Hour, -400*24*time.Hour, -time.Hour, -time.Second, 0, time.Second, time.Hour, 400*24*time.Hour, 200*365*24*time.Hour).Draw(t, "jump"))
		}
		if l.in.Now.Year() < 1 { // no time passes there: it cannot be written down
			l.in.Now = started
		}
		for range 5400 / 5 {
			l.load(12, 0)
			l.step(5 * time.Second)
		}
		if n := l.d.Desired; n != 12 { // the others need less
			t.Fatalf("still %d: %s", n, text(t, l.d))
		}
	})
}
