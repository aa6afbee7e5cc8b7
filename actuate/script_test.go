package actuate_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/actuatetest"
)

// within and attempt are the bounds in all tests here, in virtual time.
const (
	within  = 8 * time.Second
	attempt = 2 * time.Second
)

// scripted makes an Actuator around a fleet of two whose writes are answered by
// the script, one after another; past its end they succeed. A nil answer succeeds.
func scripted(t *testing.T, change func(*actuate.Config), script ...func(ctx context.Context) error) (*actuate.Actuator, *actuatetest.Fleet) {
	t.Helper()
	f := new(actuatetest.Fleet)
	if err := f.Scale(t.Context(), actuate.Request{Desired: 2}); err != nil {
		t.Fatal(err)
	}
	c := actuate.Config{Target: f, Within: within, Attempt: attempt}
	if change != nil {
		change(&c)
	}
	a, err := actuate.New(c)
	if err != nil {
		t.Fatal(err)
	}
	f.OnScale = func(ctx context.Context, _ actuate.Request) error {
		if len(script) == 0 {
			return nil
		}
		answer := script[0]
		script = script[1:]
		if answer == nil {
			return nil
		}
		return answer(ctx)
	}
	return a, f
}

// writes returns how many writes the Actuator sent.
func writes(f *actuatetest.Fleet) int { return len(f.Requests()) - 1 }

func says(c actuate.Class) func(context.Context) error {
	return func(context.Context) error { return &actuate.Error{Class: c, Err: errors.New("as scripted")} }
}

func asksToWait(c actuate.Class, d time.Duration) func(context.Context) error {
	return func(context.Context) error {
		return &actuate.Error{Class: c, RetryAfter: d, Err: errors.New("as scripted")}
	}
}

func hangs(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func panics(context.Context) error { panic("as scripted") }

// forever repeats an answer more often than it can be asked for.
func forever(f func(context.Context) error) []func(context.Context) error {
	out := make([]func(context.Context) error, 100)
	for i := range out {
		out[i] = f
	}
	return out
}

// bubble runs f in virtual time. A goroutine left behind fails the test.
func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}
