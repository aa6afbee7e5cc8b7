package evenkeel

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/actuatetest"
	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/signal"
)

// runGate runs a Keel of nothing but a gate, with one request in flight.
func runGate(t *testing.T) (k *Keel, gate *backpressure.Gate, p backpressure.Permit, done chan error) {
	t.Helper()
	gate = newGate(t, backpressure.Config{})
	k, err := New(Config{Pools: []Pool{{Gate: gate}}})
	if err != nil {
		t.Fatal(err)
	}
	done = make(chan error, 1)
	go func() { done <- k.Run(t.Context()) }()
	if p, err = gate.Acquire(t.Context(), backpressure.Cost{}); err != nil {
		t.Fatal(err)
	}
	return k, gate, p, done
}

func TestShutdownFinishesWhatWasAdmitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, gate, p, done := runGate(t)
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
		k, _, p, done := runGate(t)
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

func TestShutdownBeforeRunAndTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var started atomic.Bool
		r, _ := newGatedRig(t, backpressure.Config{}, func(c *Config) {
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
