package evenkeel

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/actuatetest"
	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

func unmarshal(b []byte, v any) error { return json.Unmarshal(b, v) }

// A pool whose platform does not answer holds up no other.
func TestPoolThatHangsDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := &actuatetest.Fleet{OnStatus: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		r := newRig(t, func(c *Config) {
			p := c.Pools[0]
			p.Name, p.Sources, p.Target = "hung", []signal.Source{&load{}}, targetOf(t, hung)
			c.Pools = append([]Pool{p}, c.Pools...)
		})
		r.run(t, func() {
			for n := range int64(7) {
				r.load.value.Store(n*10 + 10)
				time.Sleep(time.Second + 50*time.Millisecond)
				if st, err := r.fleet.Status(t.Context()); err != nil || st.Fleet.Desired != n+1 {
					t.Errorf("a tick after a load of %d: %d replicas, %v", n*10+10, st.Fleet.Desired, err)
				}
			}
		})
		if hung.Reads() < 3 || len(hung.Requests()) != 0 {
			t.Errorf("the pool that hangs: %d readings, %d requests; want some and none", hung.Reads(), len(hung.Requests()))
		}
	})
}

// A source that waits for its context costs half a tick, and the gate hears of
// the fleet all the same.
func TestSourceThatHangsDelaysHalfATick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) {
			c.Pools[0].Policy.Signals = nil
			c.Pools[0].Sources = append(c.Pools[0].Sources, &stuck{})
		})
		r.load.value.Store(45)
		r.run(t, func() {
			time.Sleep(2 * time.Second)
			if st, err := r.fleet.Status(t.Context()); err != nil || st.Fleet.Desired != 5 {
				t.Errorf("2 s after a load of 45: %d replicas, %v, want 5", st.Fleet.Desired, err)
			}
		})
		if n := strings.Count(r.journal.String(), `"what":"source"`); n != 1 {
			t.Errorf("%d events of sources, want one: the end of Run is none", n)
		}
	})
}

// The end of Run in the middle of a collection is no failure of the source.
func TestEndOfRunIsNoEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) {
			c.Pools[0].Policy.Signals, c.Pools[0].Sources = nil, append(c.Pools[0].Sources, &slow{})
		})
		r.run(t, func() { time.Sleep(3050 * time.Millisecond) })
		if strings.Contains(r.journal.String(), `"what":"source"`) {
			t.Errorf("an event of a source that works:\n%s", &r.journal)
		}
	})
}

// slow takes 200 ms to answer.
type slow struct{ other }

func (*slow) Collect(ctx context.Context, into *signal.Snapshot) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(200 * time.Millisecond):
		into.Set(0, signal.Value(1))
		return nil
	}
}

type stuck struct{ other }

func (*stuck) Collect(ctx context.Context, _ *signal.Snapshot) error { <-ctx.Done(); return ctx.Err() }

// The end of the context ends everything within a moment, also what waits:
// synctest fails if a goroutine is left.
func TestEndOfContextStopsAll(t *testing.T) {
	waits := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	for name, change := range map[string]func(*testing.T, *Config){
		"idle":     func(*testing.T, *Config) {},
		"election": func(_ *testing.T, c *Config) { c.Leader = make(chair) },
		"target":   func(t *testing.T, c *Config) { c.Pools[0].Target = targetOf(t, &actuatetest.Fleet{OnStatus: waits}) },
		"scale": func(t *testing.T, c *Config) {
			c.Pools[0].Target = targetOf(t, &actuatetest.Fleet{OnScale: func(ctx context.Context, _ actuate.Request) error { return waits(ctx) }})
		},
		"source": func(_ *testing.T, c *Config) {
			c.Pools[0].Policy.Signals, c.Pools[0].Sources = nil, append(c.Pools[0].Sources, &stuck{})
		},
		"runner": func(_ *testing.T, c *Config) { c.Pools[0].Runners = []signal.Runner{runnerFunc(waits)} },
		"runner that fails at the end": func(_ *testing.T, c *Config) {
			c.Pools[0].Runners = []signal.Runner{runnerFunc(func(ctx context.Context) error { <-ctx.Done(); return errors.New("a child lives") })}
		},
		"store": func(_ *testing.T, c *Config) {
			s := &store{onSave: waits}
			c.Leader = leaderFunc(func(ctx context.Context) (actuate.Term, error) { return newSeat(s, 1), ctx.Err() })
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(c *Config) { change(t, c) })
				r.load.value.Store(45)
				var ended time.Time
				r.run(t, func() { time.Sleep(3100 * time.Millisecond); ended = time.Now() })
				if took := time.Since(ended); took > lastSave {
					t.Errorf("Run took %v to end", took)
				}
			})
		})
	}
}

func TestPokeBeforeRunIsHarmless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.load.value.Store(45)
		for range 100 {
			r.keel.Poke()
		}
		r.run(t, func() { time.Sleep(5500 * time.Millisecond) })
		r.keel.Poke()
		if n := strings.Count(r.journal.String(), `"kind":"decision"`); n < 5 || n > 8 {
			t.Errorf("%d decisions in 5.5 ticks", n)
		}
	})
}

func TestShutdownBeforeRunAndTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var started atomic.Bool
		gate, err := backpressure.New(backpressure.Config{})
		if err != nil {
			t.Fatal(err)
		}
		r := newRig(t, func(c *Config) {
			c.Pools[0].Gate, c.Pools[0].Policy.Signals = gate, nil
			c.Pools[0].Runners = []signal.Runner{runnerFunc(func(context.Context) error { started.Store(true); return nil })}
		})
		for range 2 {
			if err := r.keel.Shutdown(t.Context()); err != nil {
				t.Errorf("Shutdown before Run: %v", err)
			}
		}
		began := time.Now()
		if err := r.keel.Run(t.Context()); err != nil {
			t.Errorf("Run after Shutdown: %v, want nil", err)
		}
		if started.Load() || r.fleet.Reads() != 0 || time.Since(began) != 0 {
			t.Error("Run after Shutdown started something")
		}
		if err := r.keel.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown after Run: %v", err)
		}
		if err := r.keel.Run(t.Context()); !errors.Is(err, ErrRunning) {
			t.Errorf("second Run: %v, want ErrRunning", err)
		}
	})
}

func TestOutlookFollowsTheFleetWithinOneObserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, err := backpressure.New(backpressure.Config{})
		if err != nil {
			t.Fatal(err)
		}
		r := newRig(t, func(c *Config) {
			c.Pools[0].Gate, c.Pools[0].Policy.Signals = gate, nil
			c.Tick, c.Observe = time.Hour, time.Second
		})
		r.load.value.Store(60)
		r.run(t, func() {
			time.Sleep(1500 * time.Millisecond)
			want := backpressure.Outlook{Starting: 6, Members: 1}
			if got := gate.Stats().Outlook; got != want {
				t.Errorf("while six start: %+v, want %+v", got, want)
			}
			time.Sleep(5 * time.Second)
			want = backpressure.Outlook{Ready: 6, Members: 1, ReadyIn: 4 * time.Second} // as measured
			if got := gate.Stats().Outlook; got != want {
				t.Errorf("with six ready: %+v, want %+v", got, want)
			}
			st, err := r.fleet.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, in := range st.Instances[:3] {
				if err := r.fleet.Kill(in.ID); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Second)
			want = backpressure.Outlook{Ready: 3, Starting: 3, Members: 1, ReadyIn: 4 * time.Second}
			got := gate.Stats().Outlook
			if got.ReadyIn < 3*time.Second || got.ReadyIn > 4*time.Second {
				t.Errorf("three of six begin to start again: ready in %v, want nearly 4 s", got.ReadyIn)
			}
			if got.ReadyIn = want.ReadyIn; got != want {
				t.Errorf("a second after three of six died: %+v, want %+v", got, want)
			}
			if err := r.fleet.Scale(t.Context(), actuate.Request{Desired: 3, Epoch: 1 << 62}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if got := gate.Stats().Outlook; got.Ready+got.Starting != 3 {
				t.Errorf("a second after somebody else scaled to 3: %+v", got)
			}
		})
	})
}

// far is a platform with strange figures.
type far struct{}

func (far) Status(context.Context) (actuate.Status, error) {
	return actuate.Status{Fleet: decide.Fleet{Desired: 2, Ready: -1, Starting: []decide.Cohort{
		{N: 1, Since: time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC)}, {N: -3}, {N: 1, Since: time.Now().Local()},
	}}, Instances: []actuate.Instance{{ID: "a", Since: time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC)}}}, nil
}
func (far) Scale(context.Context, actuate.Request) error { return nil }

// What a platform says may be nonsense; the journal is read all the same, and
// the page goes on.
func TestStrangeFiguresReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logBuffer
		r := newRig(t, func(c *Config) { c.Pools[0].Target, c.Logger = targetOf(t, far{}), log.logger() })
		r.load.value.Store(10)
		r.run(t, func() {
			if err := r.keel.Override("p", 3, time.Date(54321, 1, 1, 0, 0, 0, 0, time.UTC)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		})
		got, err := Replay(&r.journal, map[string]*decide.Core{"p": r.core})
		if err != nil || got.Decisions < 10 || got.Differ != 0 || got.Segments != 1 {
			t.Errorf("replay: %+v, %v", got, err)
		}
		if log.count("level=ERROR") != 0 || log.count("page not updated") != 0 {
			t.Errorf("log:\n%s", log.b.String())
		}
	})
}
