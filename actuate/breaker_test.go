package actuate_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

const cooldown = time.Minute

func breaking(c *actuate.Config) { c.Failures, c.Cooldown = 2, cooldown }

// tryN applies n times, each to another count so that there is something to write.
func tryN(t *testing.T, a *actuate.Actuator, n int) (res actuate.Result, err error) {
	t.Helper()
	for i := range n {
		res, err = a.Apply(t.Context(), actuate.Request{Desired: int64(50 + i%2)})
	}
	return res, err
}

func TestBreakerOpensAndCloses(t *testing.T) {
	bubble(t, "writes", func(t *testing.T) {
		var log bytes.Buffer
		a, f := scripted(t, func(c *actuate.Config) {
			breaking(c)
			c.Logger = slog.New(slog.NewTextHandler(&log, nil))
		}, forever(says(actuate.Transient))...)

		// One exhausted Apply is one failure, however often it tried.
		if _, err := tryN(t, a, 1); errors.Is(err, actuate.ErrOpen) {
			t.Fatalf("open after one: %v", err)
		}
		if _, err := tryN(t, a, 1); errors.Is(err, actuate.ErrOpen) {
			t.Fatalf("the second Apply was not let through: %v", err)
		}
		opened, sent := time.Now(), writes(f)
		res, err := tryN(t, a, 1)
		if !errors.Is(err, actuate.ErrOpen) || writes(f) != sent || res.Action != actuate.ActionRefused {
			t.Fatalf("the third: %+v, %v, %d writes, want it refused", res, err, writes(f)-sent)
		}
		var e *actuate.Error
		if !errors.As(err, &e) || e.RetryAfter != cooldown-time.Since(opened) {
			t.Errorf("retry after %v, want %v", e.RetryAfter, cooldown-time.Since(opened))
		}
		if at := opened.Add(cooldown).UTC().Format(time.RFC3339); !strings.Contains(err.Error(), at) || !strings.Contains(err.Error(), "as scripted") {
			t.Errorf("%q says neither when (%s) nor why", err, at)
		}
		// What can be read is still read.
		if _, err := a.Status(t.Context()); err != nil {
			t.Errorf("status while writes are held: %v", err)
		}
		if !strings.Contains(log.String(), "breaker opened") {
			t.Errorf("the log does not say that it opened:\n%s", log.String())
		}

		// One call tries. It fails: open again, for as long.
		time.Sleep(cooldown + 1)
		if _, err := tryN(t, a, 1); errors.Is(err, actuate.ErrOpen) {
			t.Fatalf("nobody may try after the cooldown: %v", err)
		}
		if _, err := tryN(t, a, 1); !errors.Is(err, actuate.ErrOpen) {
			t.Fatalf("a failed try did not open it again: %v", err)
		}
		// The next succeeds: closed.
		time.Sleep(cooldown + 1)
		f.OnScale = nil
		for range 3 {
			if _, err := tryN(t, a, 1); err != nil {
				t.Fatalf("after a good try: %v", err)
			}
		}
		if !strings.Contains(log.String(), "breaker closed") {
			t.Errorf("the log does not say that it closed:\n%s", log.String())
		}
	})
	bubble(t, "reads", func(t *testing.T) {
		a, f := scripted(t, breaking)
		f.OnStatus = says(actuate.Transient)
		for range 2 {
			if _, err := a.Status(t.Context()); errors.Is(err, actuate.ErrOpen) {
				t.Fatal(err)
			}
		}
		reads := f.Reads()
		if _, err := a.Status(t.Context()); !errors.Is(err, actuate.ErrOpen) {
			t.Fatalf("the third status: %v, want it refused", err)
		}
		// Nothing is written blindly either.
		if _, err := a.Apply(t.Context(), actuate.Request{Desired: 5}); !errors.Is(err, actuate.ErrOpen) {
			t.Errorf("apply while reads are held: %v, want it refused", err)
		}
		if f.Reads() != reads {
			t.Errorf("%d reads while open", f.Reads()-reads)
		}
		time.Sleep(cooldown + 1)
		f.OnStatus = nil
		if res, err := a.Apply(t.Context(), actuate.Request{Desired: 5}); err != nil {
			t.Errorf("after the cooldown: %+v, %v", res, err)
		}
	})
}

// A platform that says no works: refusals open no breaker.
func TestRefusalsDoNotOpen(t *testing.T) {
	for c := actuate.Throttled; c <= actuate.NotFound; c++ {
		bubble(t, c.String(), func(t *testing.T) {
			a, f := scripted(t, breaking, forever(says(c))...)
			if _, err := tryN(t, a, 10); actuate.ClassOf(err) != c {
				t.Errorf("the tenth: %v, want %v", err, c)
			}
			f.OnStatus = says(c)
			for range 10 {
				if _, err := a.Status(t.Context()); actuate.ClassOf(err) != c {
					t.Fatalf("status: %v, want %v", err, c)
				}
			}
		})
	}
}

// What a caller breaks off says nothing about the target, in neither direction:
// it neither opens a breaker nor leaves a half-open one waiting.
func TestCancellationIsExcluded(t *testing.T) {
	bubble(t, "closed and half-open", func(t *testing.T) {
		a, f := scripted(t, breaking)
		brokenOff := func() {
			t.Helper()
			f.OnScale = func(ctx context.Context, _ actuate.Request) error { return hangs(ctx) }
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			time.AfterFunc(time.Millisecond, cancel)
			if _, err := a.Apply(ctx, actuate.Request{Desired: 9}); !errors.Is(err, context.Canceled) {
				t.Fatalf("%v, want cancelled", err)
			}
		}
		for range 10 {
			brokenOff()
		}
		f.OnScale = func(context.Context, actuate.Request) error { return errors.New("connection reset") }
		if _, err := tryN(t, a, 3); !errors.Is(err, actuate.ErrOpen) {
			t.Fatalf("%v, want open", err)
		}
		time.Sleep(cooldown + 1)
		for range 3 {
			brokenOff()
		}
		f.OnScale = nil
		if _, err := tryN(t, a, 1); err != nil {
			t.Errorf("after calls broken off while half-open: %v", err)
		}
	})
}

// An Apply that gave way has not looked at the target, so it counts for nothing.
func TestGivingWayIsNoFailure(t *testing.T) {
	bubble(t, "ten of them", func(t *testing.T) {
		a, _ := scripted(t, breaking, hangs)
		for range 10 {
			go func() { _, _ = a.Apply(t.Context(), actuate.Request{Desired: 9}) }()
			time.Sleep(time.Millisecond)
		}
		time.Sleep(within)
		if _, err := a.Status(t.Context()); err != nil {
			t.Errorf("status afterwards: %v", err)
		}
	})
}

// A target that panics is an error, is logged with its stack, and opens the breaker.
func TestPanicsOpen(t *testing.T) {
	bubble(t, "writes and reads", func(t *testing.T) {
		var log bytes.Buffer
		a, f := scripted(t, func(c *actuate.Config) {
			breaking(c)
			c.Logger = slog.New(slog.NewTextHandler(&log, nil))
		}, forever(panics)...)
		res, err := tryN(t, a, 1)
		if err == nil || !strings.Contains(err.Error(), "panicked: as scripted") || res.Writes != 1 {
			t.Errorf("%+v, %v, want one write and an error that tells", res, err)
		}
		if !strings.Contains(log.String(), "script_test.go") {
			t.Errorf("no stack in the log:\n%s", log.String())
		}
		if _, err := tryN(t, a, 2); !errors.Is(err, actuate.ErrOpen) {
			t.Errorf("after two panics: %v, want open", err)
		}
		f.OnStatus = panics
		for range 2 {
			if _, err := a.Status(t.Context()); err == nil || !strings.Contains(err.Error(), "panicked") {
				t.Errorf("status: %v, want an error that tells", err)
			}
		}
		if _, err := a.Status(t.Context()); !errors.Is(err, actuate.ErrOpen) {
			t.Errorf("status after two panics: %v, want open", err)
		}
	})
}

// A call that ends its goroutine leaves neither the turn nor a breaker behind.
func TestGoexit(t *testing.T) {
	bubble(t, "half-open", func(t *testing.T) {
		a, f := scripted(t, func(c *actuate.Config) { c.Failures, c.Cooldown = 1, cooldown })
		exit := func(context.Context) error { runtime.Goexit(); return nil }
		for range 2 { // the second time while half-open
			for _, where := range []func(){
				func() { f.OnStatus = exit },
				func() { f.OnScale = func(ctx context.Context, _ actuate.Request) error { return exit(ctx) } },
			} {
				where()
				done := make(chan struct{})
				go func() {
					defer close(done)
					_, _ = tryN(t, a, 1)
				}()
				<-done
				f.OnStatus, f.OnScale = nil, nil
				time.Sleep(cooldown + 1)
			}
		}
		if _, err := tryN(t, a, 1); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}
