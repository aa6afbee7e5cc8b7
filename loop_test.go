package evenkeel

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/actuatetest"
	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/signal"
)

func TestLoopFollowsDemandUpFastAndDownSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.load.value.Store(45)
		r.run(t, func() {
			time.Sleep(7 * time.Second) // a tick, a start-up, a tick
			if n := r.ready(t); n != 5 {
				t.Errorf("7 s after a load of 45: %d ready, want 5", n)
			}
			r.load.value.Store(10)
			time.Sleep(8 * time.Second)
			if n := r.ready(t); n != 5 {
				t.Errorf("8 s after the load fell: %d ready, want still 5: the window is 10 s", n)
			}
			time.Sleep(5 * time.Second)
			if n := r.ready(t); n != 1 {
				t.Errorf("13 s after the load fell: %d ready, want 1", n)
			}
		})
	})
}

func TestLoopHoldsOnBadData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.load.value.Store(45)
		r.run(t, func() {
			time.Sleep(8 * time.Second)
			r.load.failed.Store(true)
			r.load.value.Store(0)
			time.Sleep(10 * time.Minute)
			if n := r.ready(t); n != 5 {
				t.Errorf("with its only source failing the fleet went from 5 to %d", n)
			}
			r.load.failed.Store(false)
			time.Sleep(time.Minute)
			if n := r.ready(t); n != 1 {
				t.Errorf("a minute after the source came back: %d ready, want 1", n)
			}
		})
		text := r.journal.String()
		for _, want := range []string{`"source","instance":"test.load","detail":"no answer"`, `"detail":"works again"`} {
			if n := strings.Count(text, want); n != 1 {
				t.Errorf("journal has %q %d times, want once", want, n)
			}
		}
	})
}

func TestLoopHoldsWhenTheFleetCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		r := newRig(t, nil)
		r.fleet.OnStatus = func(context.Context) error {
			if broken.Load() {
				return errors.New("gone fishing")
			}
			return nil
		}
		r.load.value.Store(45)
		r.run(t, func() {
			time.Sleep(8 * time.Second)
			writes := len(r.fleet.Requests())
			broken.Store(true)
			r.load.value.Store(0)
			time.Sleep(5 * time.Minute)
			if n := len(r.fleet.Requests()); n != writes {
				t.Errorf("%d writes to a fleet whose state is not known", n-writes)
			}
			broken.Store(false)
			time.Sleep(2 * time.Minute)
			if n := r.ready(t); n != 1 {
				t.Errorf("after the state could be read again: %d ready, want 1", n)
			}
		})
	})
}

func TestPokeDecidesAtOnceAndNotTooOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.Tick = time.Hour; c.Observe = time.Hour })
		r.load.value.Store(10)
		r.run(t, func() {
			time.Sleep(time.Second)
			r.load.value.Store(80)
			began := r.fleet.Reads()
			for range 1000 {
				r.keel.Poke()
				time.Sleep(time.Millisecond)
			}
			reqs := r.fleet.Requests()
			if len(reqs) == 0 || reqs[len(reqs)-1].Desired != 8 {
				t.Errorf("requests after a poke: %+v, want one for 8", reqs)
			}
			if n := r.fleet.Reads() - began; n > 40 {
				t.Errorf("%d readings of the fleet in the second of 1,000 pokes", n)
			}
		})
		if n := strings.Count(r.journal.String(), `"kind":"decision"`); n > 15 {
			t.Errorf("%d decisions with 1,000 pokes in a second, want about 10", n)
		}
	})
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

func TestGateLearnsOfTheFleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, gate := newGatedRig(t, backpressure.Config{}, func(c *Config) { c.Pools[0].Startup = 4 * time.Second })
		r.load.value.Store(10)
		r.run(t, func() {
			time.Sleep(100 * time.Millisecond)
			// Nothing is ready yet, help is 4 s away: the request waits for it.
			began := time.Now()
			p, err := gate.Acquire(t.Context(), backpressure.Cost{Prompt: 10})
			if err != nil {
				t.Fatalf("held for a replica on its way: %v", err)
			}
			if took := time.Since(began); took < 3*time.Second || took > 6*time.Second {
				t.Errorf("waited %v for a replica that starts in 4 s", took)
			}
			p.FirstToken()
			p.Release()
		})
	})
}

func TestOutlookFollowsTheFleetWithinOneObserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, gate := newGatedRig(t, backpressure.Config{}, func(c *Config) { c.Tick, c.Observe = time.Hour, time.Second })
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

// What a source of the pool says of the engines' KV cache reaches the gate, with its
// age.
func TestGateIsToldOfTheCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var full atomic.Bool
		cache := signal.Func{
			Def: signal.Def{Key: signal.Key{Name: signal.NameKVCache, Pool: "chat"}, Unit: signal.Ratio, Merge: signal.MergeP90},
			Read: func(context.Context) (float64, error) {
				if full.Load() {
					return 0.97, nil
				}
				return 0, errors.New("the engine does not answer")
			},
		}
		r, gate := newGatedRig(t, backpressure.Config{Pool: "chat"}, func(c *Config) {
			c.Observe = 250 * time.Millisecond
			c.Pools[0].Sources = append(c.Pools[0].Sources, cache)
		})
		r.run(t, func() {
			time.Sleep(2600 * time.Millisecond)
			if got := gate.Stats().Outlook; got.Pressure != 0 {
				t.Errorf("nobody has told of a cache yet: %+v", got)
			}
			full.Store(true)
			time.Sleep(time.Second)
			if got := gate.Stats().Outlook; got.Pressure != 0.97 || got.PressureAge > time.Second {
				t.Errorf("the cache is 97 %% full: %+v", got)
			}
			full.Store(false)
			time.Sleep(3 * time.Second)
			if got := gate.Stats().Outlook; got.Pressure != 0.97 || got.PressureAge < 2*time.Second {
				t.Errorf("the cache was 97 %% full three seconds ago: %+v", got)
			}
		})
	})
}
