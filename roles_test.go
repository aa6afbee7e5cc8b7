package evenkeel

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/decide"
)

// Another policy acts from the next tick on; a bad one changes nothing; the
// journal replays across the change.
func TestSetPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.load.value.Store(20)
		r.run(t, func() {
			time.Sleep(10500 * time.Millisecond)
			if err := r.keel.SetPolicy("p", perReplica(-1)); err == nil || !strings.Contains(err.Error(), `SetPolicy of pool "p"`) || !strings.Contains(err.Error(), "Setpoint") {
				t.Errorf("a bad policy: %v", err)
			}
			if err := r.keel.SetPolicy("p", decide.Config{}); err == nil || !strings.Contains(err.Error(), "no policies") {
				t.Errorf("an empty policy: %v", err)
			}
			time.Sleep(10 * time.Second)
			if n := r.ready(t); n != 2 {
				t.Errorf("%d ready, want 2: what is refused changes nothing", n)
			}
			if err := r.keel.SetPolicy("p", perReplica(5)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(500 * time.Millisecond) // it does not wait for the tick
			if st, err := r.fleet.Status(t.Context()); err != nil || st.Fleet.Desired != 4 {
				t.Errorf("%d wanted, %v; want 4 at once", st.Fleet.Desired, err)
			}
			time.Sleep(10 * time.Second)
			// The window is the pool's: it outlives the change.
			if err := r.keel.SetPolicy("p", perReplica(20)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Second)
			if n := r.ready(t); n != 4 {
				t.Errorf("%d ready 5 s after a policy that wants 1, want still 4", n)
			}
			time.Sleep(10 * time.Second)
			if n := r.ready(t); n != 1 {
				t.Errorf("%d ready 15 s after it, want 1", n)
			}
		})
		segments := linesOf(t, r.journal.Bytes(), KindSegment)
		if len(segments) != 3 || segments[0].Segment.Hash == segments[1].Segment.Hash {
			t.Fatalf("%d segments, want one for each policy", len(segments))
		}
		if n := strings.Count(r.journal.String(), `"what":"policy"`); n != 2 {
			t.Errorf("%d events of policies, want 2", n)
		}
		_, err := Replay(bytes.NewReader(r.journal.Bytes()), map[string]*decide.Core{"p": r.core})
		if err == nil || !strings.Contains(err.Error(), segments[1].Segment.Hash) || !strings.Contains(err.Error(), "ReplayFunc") {
			t.Errorf("replay with the first policy only: %v", err)
		}
		cores := map[string]*decide.Core{}
		for _, n := range []float64{10, 5, 20} {
			core := coreOf(t, perReplica(n))
			cores[policyHash(core)] = core
		}
		got, err := ReplayFunc(bytes.NewReader(r.journal.Bytes()), func(_, hash string) *decide.Core { return cores[hash] })
		if err != nil || got.Segments != 3 || got.Differ != 0 || got.Decisions < 30 {
			t.Errorf("replay: %+v, %v", got, err)
		}
		delete(cores, segments[1].Segment.Hash)
		some, err := ReplayFunc(bytes.NewReader(r.journal.Bytes()), func(_, hash string) *decide.Core { return cores[hash] })
		if err != nil || some.Segments != 2 || some.Differ != 0 || some.Decisions >= got.Decisions {
			t.Errorf("replay without the second: %+v, %v", some, err)
		}
	})
}

// A shadow comes and goes while the pool runs, and sees at once what the other has
// seen. Neither disturbs the one that acts.
func TestSetShadow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.load.value.Store(40)
		tally := func() decide.Tally {
			got, err := r.keel.Shadow("p")
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		r.run(t, func() {
			time.Sleep(20500 * time.Millisecond)
			if err := r.keel.SetShadow("p", perReplica(20)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Second)
			if got := tally(); got.Ticks == 0 || got.ShadowDesired != 4 {
				t.Errorf("%+v: want 4 of the shadow, which knows of the window", got)
			}
			time.Sleep(20 * time.Second)
			if got := tally(); got.ShadowDesired != 2 || got.Desired != 4 {
				t.Errorf("%+v: want 2 of the shadow", got)
			}
			if err := r.keel.SetShadow("p", perReplica(-1)); err == nil {
				t.Error("a bad shadow was taken")
			}
			before := tally().Ticks
			time.Sleep(time.Second)
			if tally().Ticks <= before {
				t.Error("the shadow stopped when a bad one was refused")
			}
			if err := r.keel.SetShadow("p", decide.Config{}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Second)
			if got := tally(); got.Ticks != 0 {
				t.Errorf("without a shadow: %+v", got)
			}
			if n := r.ready(t); n != 4 {
				t.Errorf("%d ready, want 4 throughout", n)
			}
		})
		got, err := Replay(bytes.NewReader(r.journal.Bytes()), map[string]*decide.Core{"p": r.core})
		if err != nil || got.Differ != 0 || got.Segments != 3 || got.Decisions < 50 {
			t.Errorf("replay: %+v, %v", got, err)
		}
	})
}

func TestSetPolicyOfNoPool(t *testing.T) {
	gate := newGate(t, backpressure.Config{})
	r := newRig(t, func(c *Config) { c.Pools = append(c.Pools, Pool{Name: "gate", Gate: gate}) })
	for _, pool := range []string{"gate", "q"} {
		for name, err := range map[string]error{
			"SetPolicy": r.keel.SetPolicy(pool, perReplica(1)), "SetShadow": r.keel.SetShadow(pool, perReplica(1)),
			"Pause": r.keel.Pause(pool, true, true, time.Time{}), "Override": r.keel.Override(pool, 1, time.Now().Add(time.Hour)),
		} {
			if !errors.Is(err, ErrNoPool) {
				t.Errorf("%s of %q: %v, want ErrNoPool", name, pool, err)
			}
		}
	}
}
