package pool_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/pool"
)

// run runs f in virtual time on a pool that runs. Leaving the bubble proves that
// no goroutine is left.
func run(t *testing.T, c pool.Config, f func(t *testing.T, p *pool.Pool, stop func())) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p, err := pool.New(c)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		stopped := false
		stop := func() {
			if stopped {
				return
			}
			stopped = true
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
		}
		defer stop()
		synctest.Wait()
		f(t, p, stop)
	})
}

func scale(t *testing.T, p *pool.Pool, n int64, victims ...string) {
	t.Helper()
	if err := p.Scale(t.Context(), actuate.Request{Desired: n, Victims: victims}); err != nil {
		t.Fatalf("Scale(%d): %v", n, err)
	}
	synctest.Wait()
}

// look returns the status once everybody has done what can be done now.
func look(t *testing.T, p *pool.Pool) actuate.Status {
	t.Helper()
	synctest.Wait()
	st, err := p.Status(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// idle works until it is told to finish.
func idle(ctx context.Context, w *pool.Worker) error {
	select {
	case <-w.Drain():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// deaf ends only with its context.
func deaf(ctx context.Context, _ *pool.Worker) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestGrace(t *testing.T) {
	run(t, pool.Config{Work: deaf, Grace: 10 * time.Second, Workers: 2}, func(t *testing.T, p *pool.Pool, _ func()) {
		start := time.Now()
		scale(t, p, 1, "worker-1")
		if st := look(t, p); st.Instances[0].Phase != actuate.Draining || st.Fleet.Draining != 1 || st.Fleet.Ready != 1 {
			t.Errorf("after scale-in: %+v, want worker-1 draining", st)
		}
		time.Sleep(10*time.Second - time.Since(start) - 1)
		if st := look(t, p); len(st.Instances) != 2 {
			t.Errorf("cut before its grace was over: %+v", st)
		}
		time.Sleep(time.Nanosecond)
		if st := look(t, p); len(st.Instances) != 1 || st.Instances[0].ID != "worker-2" {
			t.Errorf("after the grace: %+v, want worker-2 alone", st)
		}
	})
	run(t, pool.Config{Work: deaf, Grace: -1, Workers: 1}, func(t *testing.T, p *pool.Pool, _ func()) {
		scale(t, p, 0)
		if st := look(t, p); len(st.Instances) != 0 {
			t.Errorf("without grace: %+v, want nobody", st)
		}
	})
}

// A scale-in that begins again after it was called off has all of its grace again.
func TestGraceBeginsAnew(t *testing.T) {
	run(t, pool.Config{Work: deaf, Grace: 10 * time.Second, Workers: 1}, func(t *testing.T, p *pool.Pool, _ func()) {
		scale(t, p, 0)
		time.Sleep(8 * time.Second)
		scale(t, p, 1)
		scale(t, p, 0)
		time.Sleep(9 * time.Second)
		if st := look(t, p); len(st.Instances) != 1 || st.Instances[0].ID != "worker-1" {
			t.Errorf("9s into the second grace: %+v, want worker-1 draining", st)
		}
		time.Sleep(time.Second)
		if st := look(t, p); len(st.Instances) != 0 {
			t.Errorf("after it: %+v, want nobody", st)
		}
	})
}

// One that waits to be started again has nothing to finish: given up, it is gone at
// once, and what it had in hand when it failed is no longer counted.
func TestGivenUpWhileItWaits(t *testing.T) {
	work := func(_ context.Context, w *pool.Worker) error { w.Busy(4); return errors.New("no broker") }
	run(t, pool.Config{Work: work, Workers: 2, Restart: time.Hour, MaxRestart: time.Hour}, func(t *testing.T, p *pool.Pool, _ func()) {
		if st := look(t, p); st.Instances[0].InFlight != 0 || st.Instances[0].Phase != actuate.Starting {
			t.Errorf("waiting: %+v, want it starting with nothing in flight", st.Instances[0])
		}
		scale(t, p, 1)
		if st := look(t, p); len(st.Instances) != 1 || st.Fleet.Draining != 0 {
			t.Errorf("given up: %+v, want it gone", st)
		}
	})
}

// One that does not heed its context is shown as stopping for as long as it runs,
// and a higher count does not wait for it.
func TestStubborn(t *testing.T) {
	stubborn := func(context.Context, *pool.Worker) error { time.Sleep(time.Minute); return nil }
	run(t, pool.Config{Work: stubborn, Grace: time.Second, Workers: 1}, func(t *testing.T, p *pool.Pool, _ func()) {
		scale(t, p, 0)
		time.Sleep(2 * time.Second)
		if st := look(t, p); len(st.Instances) != 1 || st.Instances[0].Phase != actuate.Stopping {
			t.Errorf("past its grace: %+v, want it stopping", st)
		}
		scale(t, p, 1)
		if st := look(t, p); st.Fleet.Ready != 1 || len(st.Instances) != 2 || st.Instances[0].Phase != actuate.Stopping {
			t.Errorf("up again: %+v, want a new one beside it", st)
		}
		time.Sleep(58 * time.Second)
		if st := look(t, p); len(st.Instances) != 1 || st.Instances[0].ID != "worker-2" {
			t.Errorf("in the end: %+v, want the new one alone", st)
		}
	})
}

// A worker that finished because it was told to, and is wanted after all, starts
// again at once under its ID, and that is no restart.
func TestCalledOffAfterItReturned(t *testing.T) {
	var runs atomic.Int64
	work := func(ctx context.Context, w *pool.Worker) error {
		if runs.Add(1) > 1 {
			return idle(ctx, w)
		}
		told := w.Drain() // and never asked again
		<-told
		time.Sleep(time.Second) // finishing
		return nil
	}
	run(t, pool.Config{Work: work, Workers: 1, Restart: time.Hour, MaxRestart: time.Hour}, func(t *testing.T, p *pool.Pool, _ func()) {
		scale(t, p, 0)
		scale(t, p, 1)
		time.Sleep(2 * time.Second)
		st := look(t, p)
		if st.Fleet.Ready != 1 || st.Instances[0].ID != "worker-1" || st.Instances[0].Restarts != 0 || runs.Load() != 2 {
			t.Errorf("%+v, %d runs, want worker-1 in its second run and no restart", st, runs.Load())
		}
	})
}

// A drain keeps a worker away for its ttl and no longer.
func TestDrain(t *testing.T) {
	var runs atomic.Int64
	work := func(ctx context.Context, w *pool.Worker) error { runs.Add(1); return idle(ctx, w) }
	run(t, pool.Config{Work: work, Workers: 1}, func(t *testing.T, p *pool.Pool, _ func()) {
		if err := p.Drain(t.Context(), "worker-1", time.Minute); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute - 1)
		if st := look(t, p); st.Fleet.Draining != 1 || st.Fleet.Desired != 1 || runs.Load() != 1 {
			t.Errorf("just before: %+v, %d runs, want it away", st.Fleet, runs.Load())
		}
		time.Sleep(time.Nanosecond)
		if st := look(t, p); st.Fleet.Ready != 1 || runs.Load() != 2 || st.Instances[0].Restarts != 0 {
			t.Errorf("afterwards: %+v, %d runs, want it back", st, runs.Load())
		}
	})
}

func TestRestarts(t *testing.T) {
	for _, tt := range []struct {
		name   string
		work   func() error
		detail string
		// starts happen at these times
		starts []time.Duration
		stuck  bool
	}{
		{"fails", func() error { return errors.New("no broker") }, "no broker",
			[]time.Duration{0, 1, 3, 7, 12, 17}, true},
		{"panics", func() error { panic("nil job") }, "panicked: nil job",
			[]time.Duration{0, 1, 3, 7, 12, 17}, true},
		{"ends its goroutine", func() error { runtime.Goexit(); return nil }, "ended its goroutine",
			[]time.Duration{0, 1, 3, 7, 12, 17}, true},
		{"returns", func() error { return nil }, "",
			[]time.Duration{0, 1, 2, 3, 4, 5}, false},
		{"fails after a long time", func() error { time.Sleep(6 * time.Second); return errors.New("late") }, "late",
			[]time.Duration{0, 7, 14, 21}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			var starts []time.Duration
			began := time.Time{}
			work := func(context.Context, *pool.Worker) error {
				if began.IsZero() {
					began = time.Now()
				}
				starts = append(starts, time.Since(began)/time.Second)
				return tt.work()
			}
			c := pool.Config{Work: work, Workers: 1, Restart: time.Second, MaxRestart: 5 * time.Second,
				Logger: slog.New(slog.NewTextHandler(&log, nil))}
			run(t, c, func(t *testing.T, p *pool.Pool, stop func()) {
				time.Sleep(tt.starts[len(tt.starts)-1]*time.Second + 6500*time.Millisecond)
				st := look(t, p)
				stop()
				if len(starts) < len(tt.starts) {
					t.Fatalf("started at %v, want %v", starts, tt.starts)
				}
				for i, want := range tt.starts {
					if starts[i] != want {
						t.Errorf("started at %v, want %v", starts, tt.starts)
						break
					}
				}
				in := st.Instances[0]
				if in.Detail != tt.detail || in.Restarts < int64(len(tt.starts)-1) {
					t.Errorf("%+v, want %q and at least %d restarts", in, tt.detail, len(tt.starts)-1)
				}
				if got := len(st.Fleet.Starting) == 1 && st.Fleet.Starting[0].Stuck; got != tt.stuck {
					t.Errorf("%+v: stuck %v, want %v", st.Fleet, got, tt.stuck)
				}
				if told := strings.Contains(log.String(), "worker=worker-1"); told != (tt.detail != "") {
					t.Errorf("the log tells of it: %v\n%s", told, log.String())
				}
			})
		})
	}
}

func TestPrepare(t *testing.T) {
	c := pool.Config{Work: idle, Workers: 1, Prepare: func(ctx context.Context, _ *pool.Worker) error {
		select {
		case <-time.After(time.Minute):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	run(t, c, func(t *testing.T, p *pool.Pool, _ func()) {
		start := time.Now()
		if st := look(t, p); st.Fleet.Ready != 0 || len(st.Fleet.Starting) != 1 || !st.Fleet.Starting[0].Since.Equal(start) {
			t.Errorf("at first: %+v, want one starting", st.Fleet)
		}
		// Nobody waits for one that has nothing to finish.
		scale(t, p, 2)
		scale(t, p, 1)
		if st := look(t, p); len(st.Instances) != 1 {
			t.Errorf("given up while it starts: %+v, want it gone", st)
		}
		time.Sleep(time.Minute)
		if st := look(t, p); st.Fleet.Ready != 1 || len(st.Fleet.Starting) != 0 {
			t.Errorf("a minute later: %+v, want one ready", st.Fleet)
		}
	})
	c.Prepare = func(context.Context, *pool.Worker) error { return errors.New("no model") }
	run(t, c, func(t *testing.T, p *pool.Pool, _ func()) {
		if st := look(t, p); st.Fleet.Ready != 0 || st.Instances[0].Detail != "prepare: no model" {
			t.Errorf("%+v, want none ready, and why", st)
		}
	})
}

func TestLeastBusyGoes(t *testing.T) {
	work := func(ctx context.Context, w *pool.Worker) error {
		w.Busy(map[string]int64{"w-1": 3, "w-2": 1, "w-3": 2}[w.ID()])
		w.Busy(-100) // never below none
		w.Busy(map[string]int64{"w-1": 3, "w-2": 1, "w-3": 2}[w.ID()])
		return idle(ctx, w)
	}
	run(t, pool.Config{Work: work, Workers: 3, Name: "w"}, func(t *testing.T, p *pool.Pool, _ func()) {
		scale(t, p, 2)
		if st := look(t, p); len(st.Instances) != 2 || st.Instances[0].ID != "w-1" || st.Instances[1].ID != "w-3" || st.Instances[0].InFlight != 3 {
			t.Errorf("%+v, want w-1 with 3 in flight, and w-3", st.Instances)
		}
	})
}

func TestRunEnds(t *testing.T) {
	var returned atomic.Int64
	work := func(ctx context.Context, w *pool.Worker) error {
		<-w.Drain()
		time.Sleep(time.Second)
		returned.Add(1)
		return ctx.Err() // nil: it was not cut
	}
	run(t, pool.Config{Work: work, Workers: 3, Grace: time.Minute}, func(t *testing.T, p *pool.Pool, stop func()) {
		start := time.Now()
		stop()
		if took := time.Since(start); took != time.Second || returned.Load() != 3 {
			t.Errorf("ended after %v with %d of 3 workers returned, want 1s", took, returned.Load())
		}
		if st := look(t, p); len(st.Instances) != 0 || st.Fleet.Desired != 0 {
			t.Errorf("afterwards: %+v, want nothing", st)
		}
		if err := p.Scale(context.Background(), actuate.Request{Desired: 1}); actuate.ClassOf(err) != actuate.Invalid {
			t.Errorf("scaled after its end: %v", err)
		}
		if err := p.Run(context.Background()); !errors.Is(err, pool.ErrRan) {
			t.Errorf("run again: %v", err)
		}
	})
	// Whoever does not heed the drain is cut when the grace is over.
	run(t, pool.Config{Work: deaf, Workers: 3, Grace: time.Minute}, func(t *testing.T, _ *pool.Pool, stop func()) {
		start := time.Now()
		stop()
		if took := time.Since(start); took != time.Minute {
			t.Errorf("ended after %v, want the grace of 1m", took)
		}
	})
}

// Until Run nothing works, and the count can still be changed.
func TestBeforeRun(t *testing.T) {
	p, err := pool.New(pool.Config{Work: func(context.Context, *pool.Worker) error { panic("nobody may start this") }, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int64{2, 4, 1} {
		if err := p.Scale(t.Context(), actuate.Request{Desired: n}); err != nil {
			t.Fatal(err)
		}
		st, err := p.Status(t.Context())
		var starting int64
		for _, c := range st.Fleet.Starting {
			starting += c.N
		}
		if err != nil || st.Fleet.Desired != n || int64(len(st.Instances)) != n || starting != n {
			t.Errorf("%+v, %v, want %d starting", st, err, n)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, tt := range []struct {
		config pool.Config
		says   string
	}{
		{pool.Config{}, "Config.Work is nil"},
		{pool.Config{Work: idle, Workers: -1}, "Config.Workers is -1"},
		{pool.Config{Work: idle, Workers: 3, Max: 2}, "Config.Workers is 3: it must be 0 to Max (2)"},
		{pool.Config{Work: idle, Max: -1}, "Config.Max is -1"},
		{pool.Config{Work: idle, Restart: -1}, "Config.Restart is -1ns"},
		{pool.Config{Work: idle, Restart: time.Minute, MaxRestart: time.Second}, "Config.MaxRestart is 1s, less than Restart"},
	} {
		if p, err := pool.New(tt.config); err == nil || p != nil || !strings.Contains(err.Error(), "evenkeel: pool: "+tt.says) {
			t.Errorf("%v, want %q", err, tt.says)
		}
	}
}

func TestMax(t *testing.T) {
	run(t, pool.Config{Work: idle, Max: 2}, func(t *testing.T, p *pool.Pool, _ func()) {
		if err := p.Scale(t.Context(), actuate.Request{Desired: 3}); actuate.ClassOf(err) != actuate.Invalid {
			t.Errorf("beyond Max: %v", err)
		}
		if st := look(t, p); st.Limits.Max != 2 || st.Fleet.Desired != 0 {
			t.Errorf("%+v, want a limit of 2 and nothing changed", st)
		}
	})
}
