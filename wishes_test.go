package evenkeel

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/actuatetest"
	"github.com/evenkeel/evenkeel/decide"
)

func TestOverride(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.load.value.Store(10)
		r.run(t, func() {
			time.Sleep(6 * time.Second)
			if err := r.keel.Override("p", 6, time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(6 * time.Second)
			if n := r.ready(t); n != 6 {
				t.Errorf("6 s into an override to 6: %d ready", n)
			}
			if err := r.keel.Override("p", 99, time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(6 * time.Second)
			if n := r.ready(t); n != 8 {
				t.Errorf("override beyond the limits: %d ready, want Max, 8", n)
			}
			time.Sleep(90 * time.Second)
			if n := r.ready(t); n != 1 {
				t.Errorf("after the override ended: %d ready, want 1", n)
			}
		})
		if err := r.keel.Override("q", 1, time.Now()); !errors.Is(err, ErrNoPool) {
			t.Errorf("override of an unknown pool: %v, want ErrNoPool", err)
		}
		if err := r.keel.Override("p", -1, time.Now()); err == nil {
			t.Error("override to -1 was accepted")
		}
	})
}

func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logBuffer
		r := newRig(t, func(c *Config) { c.Logger = log.logger() })
		pause := func(up, down bool, until time.Time) {
			t.Helper()
			if err := r.keel.Pause("p", up, down, until); err != nil {
				t.Fatal(err)
			}
		}
		r.load.value.Store(20)
		r.run(t, func() {
			time.Sleep(10500 * time.Millisecond)
			pause(true, false, time.Time{})
			r.load.value.Store(60)
			lines := strings.Count(r.text(), "\n")
			logged := log.count("level=")
			time.Sleep(60 * time.Second)
			if n := r.ready(t); n != 2 {
				t.Errorf("%d ready while growth is paused, want 2", n)
			}
			if p := r.keel.pageState(time.Now()).Pools[0]; !p.PausedOut || p.PausedIn {
				t.Errorf("the page says paused out %v, in %v", p.PausedOut, p.PausedIn)
			}
			// A tick is its input and its decision, and a change of mind that is held
			// back is worth no more than that.
			if n := strings.Count(r.text(), "\n") - lines; n > 2*62 {
				t.Errorf("%d journal lines in 60 ticks of a pause", n)
			}
			if n := log.count("level=") - logged; n != 0 {
				t.Errorf("%d lines logged in a pause:\n%s", n, log.b.String())
			}
			pause(false, true, time.Now().Add(30*time.Second))
			time.Sleep(10 * time.Second)
			if n := r.ready(t); n != 6 {
				t.Errorf("%d ready once growth is free, want 6", n)
			}
			r.load.value.Store(10)
			time.Sleep(15 * time.Second)
			if n := r.ready(t); n != 6 {
				t.Errorf("%d ready while scaling in is paused, want 6", n)
			}
			time.Sleep(15 * time.Second)
			if n := r.ready(t); n != 1 {
				t.Errorf("%d ready after the pause ran out, want 1", n)
			}
			pause(true, true, time.Time{})
			pause(false, false, time.Time{})
			r.load.value.Store(30)
			time.Sleep(6 * time.Second)
			if n := r.ready(t); n != 3 {
				t.Errorf("%d ready after the pause was taken back, want 3", n)
			}
		})
		if !strings.Contains(r.journal.String(), `"reason":"paused"`) || !strings.Contains(r.journal.String(), "scaling out until it is taken back") {
			t.Error("the journal does not say that growth was paused")
		}
		if got, err := Replay(bytes.NewReader(r.journal.Bytes()), map[string]*decide.Core{"p": r.core}); err != nil || got.Differ != 0 {
			t.Errorf("replay: %+v, %v", got, err)
		}
	})
}

// A target that is paused itself, or only pretends, is as quiet.
func TestTargetThatDoesNothingIsSaidOnce(t *testing.T) {
	for name, change := range map[string]func(*actuate.Config){
		"paused":  func(c *actuate.Config) { c.Pause.Up = true },
		"dry run": func(c *actuate.Config) { c.DryRun = true },
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, func(c *Config) {
				cfg := actuate.Config{Target: &actuatetest.Fleet{}, Tick: time.Second}
				change(&cfg)
				target, err := actuate.New(cfg)
				if err != nil {
					t.Fatal(err)
				}
				c.Pools[0].Target = target
			})
			r.load.value.Store(20)
			r.run(t, func() {
				time.Sleep(20*time.Second + 300*time.Millisecond) // between two ticks, here and below
				r.load.value.Store(30)
				time.Sleep(20 * time.Second)
				r.load.value.Store(0)
				time.Sleep(20 * time.Second)
				r.load.value.Store(30)
				time.Sleep(20 * time.Second)
			})
			want := map[string]int{"paused": 1, "dry run": 4}[name] // paused: the minimum, which goes before a pause
			if got := linesOf(t, r.journal.Bytes(), KindAction); len(got) == 0 || len(got) > want {
				t.Errorf("%s: %d action lines, want %d", name, len(got), want)
			}
		})
	}
}

// What an operator wished of the last leader, the next one knows.
func TestWishesOutliveALeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept store
		var log logBuffer
		fleet := &actuatetest.Fleet{}
		leader := func(epoch uint64) *rig {
			r := newRig(t, func(c *Config) {
				slowDown(&kept, epoch, &log)(c)
				c.Pools[0].Target = targetOf(t, fleet)
			})
			r.load.value.Store(20)
			return r
		}
		desired := func() int64 {
			st, err := fleet.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return st.Fleet.Desired
		}
		one := leader(1)
		one.run(t, func() {
			time.Sleep(5 * time.Second)
			if err := errors.Join(one.keel.Override("p", 5, time.Now().Add(time.Hour)), one.keel.Pause("p", false, true, time.Time{})); err != nil {
				t.Fatal(err)
			}
			time.Sleep(500 * time.Millisecond)
			if !bytes.Contains(kept.get(), []byte(`"override":{"replicas":5`)) {
				t.Errorf("half a second later it is not saved: %s", kept.get())
			}
		})
		two := leader(2)
		two.run(t, func() {
			time.Sleep(30 * time.Minute)
			if n := desired(); n != 5 {
				t.Errorf("the next leader has %d, want the override, 5", n)
			}
			time.Sleep(40 * time.Minute)
			if n := desired(); n != 5 {
				t.Errorf("after the override %d, want still 5: scaling in is paused", n)
			}
		})
		for _, want := range []string{"taken over: 5 replicas until", "taken over: scaling in until it is taken back"} {
			if n := strings.Count(two.journal.String(), want); n != 1 {
				t.Errorf("the journal has %q %d times, want once", want, n)
			}
		}
		// A newer wish, made before this process led, goes before what was saved.
		three := leader(3)
		if err := three.keel.Pause("p", false, false, time.Time{}); err != nil {
			t.Fatal(err)
		}
		three.run(t, func() {
			time.Sleep(30 * time.Second)
			if n := desired(); n != 2 {
				t.Errorf("with the pause taken back %d, want 2", n)
			}
		})
	})
}

// Saved wishes that nobody could have made are cleaned, not believed.
func TestWishesTakenOverAreCleaned(t *testing.T) {
	r := newRig(t, nil)
	w := r.keel.loops[0].takeOver(wishes{
		At:       time.Now().Add(time.Minute),
		Override: decide.Override{Replicas: -7, Until: time.Now().Add(time.Hour)},
		Pause:    decide.Pause{Up: true, Until: time.Date(54321, 1, 1, 0, 0, 0, 0, time.UTC)},
	})
	if w.Override != (decide.Override{}) || w.Pause.Until.Year() > 9999 || !w.Pause.Up {
		t.Errorf("taken over as %+v", w)
	}
}
