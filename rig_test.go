package evenkeel

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
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

type other struct{ load }

func (*other) Defs() []signal.Def {
	return []signal.Def{{Key: signal.Key{Name: "test.other"}, Unit: signal.Requests}}
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

// text returns the journal while it is being written.
func (r *rig) text() string {
	r.keel.journal.mu.Lock()
	defer r.keel.journal.mu.Unlock()
	return r.journal.String()
}

func newGate(t *testing.T, c backpressure.Config) *backpressure.Gate {
	t.Helper()
	gate, err := backpressure.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return gate
}

// newGatedRig returns a rig with a gate before its pool.
func newGatedRig(t *testing.T, gate backpressure.Config, change func(*Config)) (*rig, *backpressure.Gate) {
	t.Helper()
	g := newGate(t, gate)
	return newRig(t, func(c *Config) {
		c.Pools[0].Gate, c.Pools[0].Policy.Signals = g, nil // those of the gate and the source
		change(c)
	}), g
}

func (r *rig) ready(t *testing.T) int64 {
	t.Helper()
	st, err := r.fleet.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st.Fleet.Ready
}

func targetOf(t *testing.T, f actuate.Target) *actuate.Actuator {
	t.Helper()
	target, err := actuate.New(actuate.Config{Target: f, Tick: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// logBuffer is a log that a test reads while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logBuffer) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

func (l *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

type runnerFunc func(context.Context) error

func (f runnerFunc) Run(ctx context.Context) error { return f(ctx) }
