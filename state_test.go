package evenkeel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/actuatetest"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

func unmarshal(b []byte, v any) error { return json.Unmarshal(b, v) }

// slowDown gives a rig a window of two minutes and a Leader whose terms keep
// their state in s.
func slowDown(s *store, epoch uint64, log *logBuffer) func(*Config) {
	return func(c *Config) {
		c.Leader = leaderFunc(func(ctx context.Context) (actuate.Term, error) { return newSeat(s, epoch), ctx.Err() })
		c.Pools[0].Policy.Down.Window = 2 * time.Minute
		c.Logger = log.logger()
	}
}

// until returns how long it takes until the fleet wants another count than n, at
// most d.
func until(t *testing.T, f *actuatetest.Fleet, n int64, d time.Duration) time.Duration {
	t.Helper()
	for began := time.Now(); ; time.Sleep(time.Second) {
		st, err := f.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); st.Fleet.Desired != n || took >= d {
			return took
		}
	}
}

func TestRestartTakesOverTheWindow(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*store)
		cold   bool
		warn   string
	}{
		{"as saved", func(*store) {}, false, ""},
		{"after two failures", func(s *store) { s.broken = 2 }, false, ""},
		{"not readable", func(s *store) { s.broken = loadTries }, true, "store is away"},
		{"nothing", func(s *store) { s.saved = nil }, true, ""},
		{"garbage", func(s *store) { s.saved = []byte("}{") }, true, "invalid character"},
		{"other version", func(s *store) {
			s.saved = bytes.Replace(s.saved, []byte(`{"v":1,"pools"`), []byte(`{"v":2,"pools"`), 1)
		}, true, "version 2"},
		{"garbage in the pool", func(s *store) { s.saved = []byte(`{"v":1,"pools":{"p":[7]}}`) }, true, "state refused"},
		{"no pools", func(s *store) { s.saved = []byte(`{"v":1,"pools":null}`) }, true, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var kept store
				var log logBuffer
				one := newRig(t, slowDown(&kept, 1, &log))
				one.load.value.Store(45)
				one.run(t, func() {
					time.Sleep(time.Minute)
					one.load.value.Store(10)
					time.Sleep(30 * time.Second)
				})
				tc.change(&kept)
				time.Sleep(10 * time.Second)
				two := newRig(t, func(c *Config) {
					slowDown(&kept, 2, &log)(c)
					c.Pools[0].Target = targetOf(t, one.fleet)
				})
				two.load.value.Store(10)
				two.run(t, func() {
					took := until(t, one.fleet, 5, 5*time.Minute)
					// The window began 40 s before; a cold one begins now.
					low, high := 75*time.Second, 90*time.Second
					if tc.cold {
						low, high = 118*time.Second, 130*time.Second
					}
					if took < low || took > high {
						t.Errorf("scaled down %v after the restart, want %v to %v", took, low, high)
					}
				})
				if n := log.count("starting cold"); (n == 1) != (tc.warn != "") || n > 1 || log.count(tc.warn) == 0 && tc.warn != "" {
					t.Errorf("%d warnings, want one with %q if there is something to warn of:\n%s", n, tc.warn, log.b.String())
				}
			})
		})
	}
}

// What other pools saved, here one that this process does not have, stays.
func TestStateOfOtherPoolsIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := store{saved: []byte(`{"v":1,"pools":{"elsewhere":{"v":1,"observed":7}}}`)}
		var log logBuffer
		r := newRig(t, slowDown(&kept, 1, &log))
		r.load.value.Store(45)
		r.run(t, func() { time.Sleep(5 * time.Second) })
		for _, want := range []string{`"elsewhere":{"v":1,"observed":7}`, `"p":{"v":1,`} {
			if !strings.Contains(string(kept.get()), want) {
				t.Errorf("saved %s; want %s in it", kept.get(), want)
			}
		}
	})
}

// rated is a source of demand, and of the rate of one replica while that is known.
type rated struct {
	demand float64
	known  bool
}

var demandKey, rateKey = signal.Key{Name: "test.demand"}, signal.Key{Name: "test.rate"}

func (*rated) Defs() []signal.Def {
	return []signal.Def{{Key: demandKey, Unit: signal.RequestsPerSecond}, {Key: rateKey, Unit: signal.RequestsPerSecond, Merge: signal.MergeMean}}
}

func (s *rated) Collect(_ context.Context, into *signal.Snapshot) error {
	into.Set(0, signal.Value(s.demand))
	into.Set(1, signal.Sample{})
	if s.known {
		into.Set(1, signal.Value(10))
	}
	return nil
}

func TestRestartTakesOverWhatWasLearned(t *testing.T) {
	for _, forget := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var kept store
			var log logBuffer
			fleet := &actuatetest.Fleet{}
			run := func(epoch uint64, s *rated) {
				r := newRig(t, func(c *Config) {
					slowDown(&kept, epoch, &log)(c)
					c.Pools[0].Sources = []signal.Source{s}
					c.Pools[0].Policy.Signals = nil
					c.Pools[0].Policy.Policies = []decide.NamedSpec{{Name: "capacity", Spec: decide.Capacity{Demand: demandKey, Rate: rateKey, Utilization: 1, Headroom: -1}}}
					c.Pools[0].Target = targetOf(t, fleet)
				})
				r.run(t, func() { time.Sleep(10 * time.Second) })
			}
			run(1, &rated{demand: 40, known: true})
			want := int64(8)
			if forget {
				kept.saved, want = nil, 4
			}
			run(2, &rated{demand: 80})
			st, err := fleet.Status(t.Context())
			if err != nil || st.Fleet.Desired != want {
				t.Errorf("forget %v: twice the demand, rate known only to the last leader: %d replicas, %v; want %d", forget, st.Fleet.Desired, err, want)
			}
		})
	}
}

// A store that hangs delays neither a decision nor, for more than a moment, the
// end; and it is told of each change once it answers.
func TestSavingDoesNotHoldUpDecisions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := store{onSave: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		var log logBuffer
		r := newRig(t, slowDown(&kept, 1, &log))
		r.load.value.Store(20)
		r.run(t, func() {
			for _, n := range []int64{3, 4, 5, 6, 7} {
				r.load.value.Store(n * 10)
				time.Sleep(1500 * time.Millisecond)
				if st, err := r.fleet.Status(t.Context()); err != nil || st.Fleet.Desired != n {
					t.Errorf("a tick after a load of %d: %d replicas, %v, want %d", n*10, st.Fleet.Desired, err, n)
				}
			}
		})
		if log.count("state not saved") == 0 {
			t.Error("no warning of a state that could not be saved")
		}
	})
}

// What happened since the last save is saved when Run ends.
func TestEndOfRunSaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept store
		var log logBuffer
		r := newRig(t, slowDown(&kept, 1, &log))
		r.load.value.Store(45)
		r.run(t, func() { time.Sleep(20500 * time.Millisecond) })
		var s saved
		var st struct{ Observed int64 }
		if err := errors.Join(unmarshal(kept.get(), &s), unmarshal(s.Pools["p"], &st)); err != nil || st.Observed < 19_000 {
			t.Errorf("saved after %d ms of observation, %v; want 20 s", st.Observed, err)
		}
	})
}

// Each of several pools is saved, whichever steps first.
func TestEveryPoolIsSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept store
		var log logBuffer
		r := newRig(t, func(c *Config) {
			slowDown(&kept, 1, &log)(c)
			for range 2 {
				p := c.Pools[0]
				p.Name, p.Sources = p.Name+"+", []signal.Source{&load{}}
				p.Target = targetOf(t, &actuatetest.Fleet{})
				c.Pools = append(c.Pools, p)
				c.Pools[0], c.Pools[len(c.Pools)-1] = p, c.Pools[0]
			}
		})
		r.run(t, func() {
			time.Sleep(10 * time.Minute)
			var s saved
			b := kept.get()
			if err := unmarshal(b, &s); err != nil {
				t.Fatal(err)
			}
			if len(s.Pools) != 3 {
				t.Fatalf("%d pools saved, want 3: %s", len(s.Pools), b)
			}
			for name, raw := range s.Pools {
				var st struct{ Observed int64 }
				if err := unmarshal(raw, &st); err != nil || st.Observed < (9*time.Minute).Milliseconds() {
					t.Errorf("pool %q was saved after %d ms of observation, %v; want nearly ten minutes", name, st.Observed, err)
				}
			}
		})
		if kept.saves > 25 {
			t.Errorf("%d saves in ten minutes in which nothing changed", kept.saves)
		}
	})
}

// A step that ends after its term does not put its state in place of what the
// next term has loaded.
func TestStateOfAnEndedTermIsNotKept(t *testing.T) {
	r := newRig(t, nil)
	terms := [2]actuate.Term{newSeat(&store{}, 1), newSeat(&store{}, 2)}
	r.keel.leads.Store(&terms[1])
	r.keel.keepState(&terms[0], "p", &decide.State{}, nil, true)
	if len(r.keel.saved.Pools) != 0 || r.keel.unsaved {
		t.Errorf("kept %s", r.keel.saved.Pools["p"])
	}
	r.keel.keepState(&terms[1], "p", &decide.State{}, nil, true)
	if len(r.keel.saved.Pools) != 1 || !r.keel.unsaved {
		t.Error("the state of the present term is not kept")
	}
}
