package evenkeel

import (
	"bytes"
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

// load is a source of one signal whose value a test sets.
type load struct {
	value  atomic.Int64
	failed atomic.Bool
}

var loadKey = signal.Key{Name: "test.load"}

func (l *load) Defs() []signal.Def {
	return []signal.Def{{Key: loadKey, Unit: signal.Requests, MaxAge: 5 * time.Second}}
}

func (l *load) Collect(_ context.Context, into *signal.Snapshot) error {
	if l.failed.Load() {
		return errors.New("no answer")
	}
	into.Set(0, signal.Value(float64(l.value.Load())))
	return nil
}

// rig is a Keel over a fleet in memory that starts a replica in 4 s.
type rig struct {
	load    load
	fleet   *actuatetest.Fleet
	journal bytes.Buffer
	keel    *Keel
	core    *decide.Core
}

// newRig returns a rig whose policy wants one replica for each 10 of load.
func newRig(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	r := &rig{fleet: &actuatetest.Fleet{StartUp: 4 * time.Second}}
	target, err := actuate.New(actuate.Config{Target: r.fleet, Tick: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	policy := decide.Config{
		Signals:  r.load.Defs(),
		Policies: []decide.NamedSpec{{Name: "load", Spec: decide.Track{Signal: loadKey, Setpoint: 10, Total: true}}},
		Down:     decide.Direction{Window: 10 * time.Second},
	}
	cfg := Config{
		Tick:    time.Second,
		Journal: &r.journal,
		Pools: []Pool{{
			Name:    "p",
			Sources: []signal.Source{&r.load},
			Policy:  policy,
			Limits:  decide.Limits{Min: 1, Max: 8},
			Target:  target,
		}},
	}
	if change != nil {
		change(&cfg)
	}
	if r.keel, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	policy.Signals = r.load.Defs()
	if r.core, err = decide.New(policy); err != nil {
		t.Fatal(err)
	}
	return r
}

// run runs the rig while body does, then stops it and expects no error.
func (r *rig) run(t *testing.T, body func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.keel.Run(ctx) }()
	body()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func (r *rig) ready(t *testing.T) int64 {
	t.Helper()
	st, err := r.fleet.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st.Fleet.Ready
}

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

func TestJournalReplaysToEqualDecisions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.run(t, func() {
			for i := range int64(120) {
				r.load.value.Store((i * 37) % 80)
				time.Sleep(1500 * time.Millisecond)
			}
		})
		got, err := Replay(bytes.NewReader(r.journal.Bytes()), map[string]*decide.Core{"p": r.core})
		if err != nil {
			t.Fatal(err)
		}
		if got.Segments != 1 || got.Decisions < 170 || got.Differ != 0 || got.Truncated {
			t.Errorf("replay: %+v; want 1 segment, about 180 decisions, none that differs", got)
		}
		// A replay that could not fail would prove nothing.
		forged := bytes.Replace(r.journal.Bytes(), []byte(`"decision":{"desired":`), []byte(`"decision":{"desired":1`), 1)
		if got, err = Replay(bytes.NewReader(forged), map[string]*decide.Core{"p": r.core}); err != nil || got.Differ != 1 {
			t.Errorf("replay of a forged journal: %+v, %v; want one difference", got, err)
		}
	})
}

func TestJournalTellsTheLifeOfReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.load.value.Store(25)
		r.run(t, func() {
			time.Sleep(8 * time.Second)
			st, err := r.fleet.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := r.fleet.Kill(st.Instances[0].ID); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
			if n := r.ready(t); n != 3 {
				t.Errorf("10 s after one of 3 was killed: %d ready", n)
			}
		})
		text := r.journal.String()
		for _, want := range []string{EventStarting, EventReady, EventRestarted, EventLeader} {
			if !strings.Contains(text, `"what":"`+want+`"`) {
				t.Errorf("journal does not tell of %q", want)
			}
		}
		if !strings.Contains(text, `"action":{"action":"scaled","from":1,"to":3`) && !strings.Contains(text, `"action":{"action":"scaled","from":0,"to":3`) {
			t.Errorf("journal has no line for the scale-up:\n%s", text)
		}
	})
}

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

func TestGateLearnsOfTheFleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, err := backpressure.New(backpressure.Config{})
		if err != nil {
			t.Fatal(err)
		}
		r := newRig(t, func(c *Config) {
			c.Pools[0].Gate = gate
			c.Pools[0].Policy.Signals = nil // those of the gate and the source
			c.Pools[0].Startup = 4 * time.Second
		})
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

func TestShutdownFinishesWhatWasAdmitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, err := backpressure.New(backpressure.Config{})
		if err != nil {
			t.Fatal(err)
		}
		k, err := New(Config{Pools: []Pool{{Gate: gate}}})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- k.Run(t.Context()) }()
		p, err := gate.Acquire(t.Context(), backpressure.Cost{})
		if err != nil {
			t.Fatal(err)
		}
		go func() { time.Sleep(3 * time.Second); p.Release() }()
		began := time.Now()
		if err := k.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if took := time.Since(began); took < 3*time.Second || took > 4*time.Second {
			t.Errorf("Shutdown took %v with a request of 3 s running", took)
		}
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if _, err := gate.Acquire(t.Context(), backpressure.Cost{}); !errors.Is(err, backpressure.ErrShed) {
			t.Errorf("Acquire after Shutdown: %v, want ErrShed", err)
		}
		if err := k.Run(t.Context()); !errors.Is(err, ErrRunning) {
			t.Errorf("second Run: %v, want ErrRunning", err)
		}
	})
}

func TestShutdownIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, err := backpressure.New(backpressure.Config{})
		if err != nil {
			t.Fatal(err)
		}
		k, err := New(Config{Pools: []Pool{{Gate: gate}}})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- k.Run(t.Context()) }()
		p, err := gate.Acquire(t.Context(), backpressure.Cost{})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Release()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := k.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown with a request that never ends: %v, want the deadline", err)
		}
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestRunnerThatFailsEndsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("no such device")
		r := newRig(t, func(c *Config) {
			c.Pools[0].Runners = []signal.Runner{runnerFunc(func(ctx context.Context) error {
				time.Sleep(3 * time.Second)
				return broken
			})}
		})
		if err := r.keel.Run(t.Context()); !errors.Is(err, broken) {
			t.Errorf("Run: %v, want the runner's error", err)
		}
	})
}

type runnerFunc func(context.Context) error

func (f runnerFunc) Run(ctx context.Context) error { return f(ctx) }

func TestNewRefusesWhole(t *testing.T) {
	target, err := actuate.New(actuate.Config{Target: &actuatetest.Fleet{}})
	if err != nil {
		t.Fatal(err)
	}
	policy := decide.Config{Policies: []decide.NamedSpec{{Name: "load", Spec: decide.Track{Signal: loadKey, Setpoint: 10, Total: true}}}}
	good := Pool{Sources: []signal.Source{&load{}}, Policy: policy, Target: target, Limits: decide.Limits{Min: 1, Max: 2}}
	with := func(change func(*Pool)) []Pool { p := good; change(&p); return []Pool{p} }
	for _, tc := range []struct {
		name string
		cfg  Config
		want string
	}{
		{"no pool", Config{}, "Config.Pools is empty"},
		{"tick", Config{Pools: []Pool{good}, Tick: -1}, "Config.Tick"},
		{"two of a name", Config{Pools: []Pool{good, good}}, "as another pool's"},
		{"min above max", Config{Pools: with(func(p *Pool) { p.Limits = decide.Limits{Min: 3, Max: 2} })}, "below Limits.Min"},
		{"negative min", Config{Pools: with(func(p *Pool) { p.Limits.Min = -1 })}, "must not be negative"},
		{"embedded from zero", Config{Pools: with(func(p *Pool) { p.Embedded = true; p.Limits.Min = 0 })}, "must be at least 1"},
		{"no target", Config{Pools: with(func(p *Pool) { p.Target = nil })}, "Target is nil"},
		{"no policy", Config{Pools: with(func(p *Pool) { p.Policy = decide.Config{} })}, "no policies"},
		{"unknown signal", Config{Pools: with(func(p *Pool) { p.Sources = []signal.Source{&other{}} })}, "test.load"},
		{"other signals", Config{Pools: with(func(p *Pool) { p.Policy.Signals = (&other{}).Defs() })}, "Policy.Signals"},
		{"nil source", Config{Pools: with(func(p *Pool) { p.Sources = []signal.Source{nil} })}, "Sources[0] is nil"},
		{"no limits", Config{Pools: with(func(p *Pool) { p.Limits = decide.Limits{} })}, "Limits are empty"},
		{"min beyond all", Config{Pools: with(func(p *Pool) { p.Limits = decide.Limits{Min: decide.MaxReplicas + 1} })}, "at most"},
		{"bad host", Config{Pools: []Pool{good}, Hosts: []string{"http://x/"}}, "http://x/"},
	} {
		k, err := New(tc.cfg)
		if err == nil || k != nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: New gave %v, %v; want an error with %q", tc.name, k != nil, err, tc.want)
		}
	}
	if _, err := New(Config{Pools: []Pool{good}}); err != nil {
		t.Errorf("a good config is refused: %v", err)
	}
}

type other struct{ load }

func (*other) Defs() []signal.Def {
	return []signal.Def{{Key: signal.Key{Name: "test.other"}, Unit: signal.Requests}}
}

func TestReplayRefusesWhatIsNoJournal(t *testing.T) {
	core, err := decide.New(decide.Config{Signals: (&load{}).Defs(), Policies: []decide.NamedSpec{{Name: "load", Spec: decide.Track{Signal: loadKey, Setpoint: 10, Total: true}}}})
	if err != nil {
		t.Fatal(err)
	}
	cold, err := json.Marshal(decide.State{})
	if err != nil {
		t.Fatal(err)
	}
	header := `{"v":1,"kind":"segment","at":"2026-01-01T00:00:00Z","pool":"p","segment":{"signals":[{"name":"test.load","unit":"{request}","merge":"sum"}],"policies":["load"],"epoch":1,"state":` + string(cold) + "}}\n"
	for _, tc := range []struct{ name, text, want string }{
		{"no JSON", "hello\n", "line 1"},
		{"version", `{"v":2,"kind":"event"}` + "\n", "version 2"},
		{"no header", `{"v":1,"kind":"input","pool":"p","input":{}}` + "\n", "no segment header"},
		{"no input", header + `{"v":1,"kind":"decision","pool":"p","seq":1,"decision":{}}` + "\n", "line 2: decision 1 has no input"},
		{"other signals", strings.Replace(header, "test.load", "test.other", 1), "test.other"},
		{"too long", strings.Repeat("x", maxJournalLine+2), "longer than"},
	} {
		if _, err := Replay(strings.NewReader(tc.text), map[string]*decide.Core{"p": core}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want an error with %q", tc.name, err, tc.want)
		}
	}
	got, err := Replay(strings.NewReader(header+`{"v":1,"kind":"in`), map[string]*decide.Core{"p": core})
	if err != nil || !got.Truncated || got.Segments != 1 {
		t.Errorf("journal cut by a crash: %+v, %v; want it read up to the cut", got, err)
	}
}

func FuzzReplay(f *testing.F) {
	core, err := decide.New(decide.Config{Signals: (&load{}).Defs(), Policies: []decide.NamedSpec{{Name: "load", Spec: decide.Track{Signal: loadKey, Setpoint: 10, Total: true}}}})
	if err != nil {
		f.Fatal(err)
	}
	cold, err := json.Marshal(decide.State{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"v":1,"kind":"segment","pool":"p","segment":{"signals":[{"name":"test.load","unit":"{request}","merge":"sum"}],"state":` + string(cold) + "}}\n" + `{"v":1,"kind":"input","pool":"p","seq":1,"input":{"now":"2026-01-01T00:00:00Z","fleet":{"desired":1,"ready":1},"signals":[{"v":30,"q":2}],"limits":{"min":1,"max":9}}}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = Replay(bytes.NewReader(b), map[string]*decide.Core{"p": core}) // it must not panic
	})
}
