package decide_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/evenkeel/evenkeel/decide"
)

// Law 6: a slow start never causes a second scale-up for the same demand.
func TestLawSlowStart(t *testing.T) {
	for name, spec := range map[string]decide.Spec{
		"capacity":        decide.Capacity{Demand: demand, Rate: rate},
		"per replica":     decide.Track{Signal: use, Setpoint: 0.7},
		"fleet total":     decide.Track{Signal: demand, Setpoint: 7, Total: true},
		"arrivals, queue": decide.Backlog{Queue: queue, Demand: demand, Rate: rate},
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				startup := time.Duration(rapid.IntRange(1, 400).Draw(t, "startup")) * time.Second
				low, high := rapid.Float64Range(1, 100).Draw(t, "low"), rapid.Float64Range(100, 1000).Draw(t, "high")
				gap := time.Duration(rapid.IntRange(1, 30).Draw(t, "gap")) * time.Second
				c := decide.Config{Signals: defs(), Policies: []decide.NamedSpec{{Name: "p", Spec: spec}}}
				surges(t, &c)
				l := newLoop(t, c, 20, startup)
				for range 100 {
					l.load(low, 0)
					l.step(gap)
				}
				l.load(high, 0)
				asked := l.step(gap)
				most := asked
				for l.in.Fleet.Ready < l.in.Fleet.Desired || most == 0 {
					l.load(high, 0)
					most = max(most, l.step(gap))
				}
				for range 20 {
					l.load(high, 0)
					most = max(most, l.step(gap))
				}
				if most > asked+1 {
					t.Fatalf("asked for %d at once and for %d in the end", asked, most)
				}
			})
		})
	}
}

// Law 6 with every guard and several policies: however it is held back, growth
// never goes beyond what was needed at first.
func TestLawGuardedSlowStart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyConfig(t)
		if c.Policies = absolute(t); len(c.Policies) == 0 {
			c.Policies = []decide.NamedSpec{{Name: "capacity", Spec: decide.Capacity{Demand: demand, Rate: rate}}}
		}
		c.Pending.Timeout = 0 // longer than any start here
		gap := time.Duration(rapid.IntRange(1, 30).Draw(t, "gap")) * time.Second
		low, high := rapid.Float64Range(1, 100).Draw(t, "low"), rapid.Float64Range(100, 1000).Draw(t, "high")
		l := newLoop(t, c, 20, time.Duration(rapid.IntRange(1, 400).Draw(t, "startup"))*time.Second)
		for range 60 {
			l.load(low, 0)
			l.step(gap)
		}
		c.Up = decide.Direction{Tolerance: -1}
		l.load(high, 0)
		_, free := newCore(t, c).Next(l.state, l.in)
		most := max(free.Desired, l.in.Fleet.Desired) + 1
		for range 200 {
			l.load(high, 0)
			if n := l.step(gap); n > most {
				t.Fatalf("without a guard %s, and with them %s", text(t, free), text(t, l.d))
			}
		}
	})
}

// absolute draws some of the policies that have an opinion which is the same
// whatever the count is.
func absolute(t *rapid.T) []decide.NamedSpec {
	var out []decide.NamedSpec
	for _, p := range []decide.NamedSpec{
		{Name: "capacity", Spec: decide.Capacity{Demand: demand, Rate: rate}},
		{Name: "constant", Spec: decide.Capacity{Demand: demand, PerReplica: 9, Headroom: -1}},
		{Name: "backlog", Spec: decide.Backlog{Queue: queue, Rate: rate, Demand: demand}},
		{Name: "total", Spec: decide.Track{Signal: demand, Setpoint: 7, Total: true}},
	} {
		if rapid.Bool().Draw(t, p.Name) {
			out = append(out, p)
		}
	}
	return out
}

// Law 6, the other half: a stuck replica stops counting after its time, asks for
// no more than its bound, and never keeps the fleet from shrinking.
func TestLawStuckReplicas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := simple(func(c *decide.Config) { c.Pending.Timeout = 2 * time.Minute })
		if maybe(t, "burst") {
			c.Burst.Factor = rapid.Float64Range(1.1, 4).Draw(t, "burst factor")
		}
		l := newLoop(t, c, 4, 1000*time.Hour) // nothing ever gets ready
		need := rapid.Int64Range(5, 100).Draw(t, "need")
		bound := need + (need+1)/2
		for range 200 {
			l.load(float64(need), 0)
			n := l.step(10 * time.Second)
			if n > bound {
				t.Fatalf("asked for %d where %d are needed", n, need)
			}
			if passed := l.in.Now.Sub(started); passed > 3*time.Minute && n <= need {
				t.Fatalf("still %d after %v with none of the new ones ready", n, passed)
			}
		}
		fewer := rapid.Int64Range(0, 4).Draw(t, "fewer") // no more than are ready
		l.load(float64(fewer), 0)
		most := l.in.Fleet.Desired
		for range 7 { // a burst is over in a minute
			if n := l.step(10 * time.Second); n > most {
				t.Fatalf("a burst and stuck replicas lead from %d to %d", most, n)
			}
		}
		if n := l.step(time.Second); n != fewer {
			t.Fatalf("stuck replicas keep %d where %d are needed", n, fewer)
		}
	})
}
