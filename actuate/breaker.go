package actuate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

// ErrOpen is in the error of a call that was not made because the calls before it
// failed. The RetryAfter of the [Error] around it says when one is let through
// again.
var ErrOpen = errors.New("evenkeel: target left alone after repeated failures")

// errLeft stands for a call whose caller went away: it tells nothing about the
// target.
var errLeft = errors.New("caller left")

// breaker is one circuit breaker: closed, open for a while after so many failures
// in a row, then half-open until one call has tried.
type breaker struct {
	what  string // "read" or "write", for messages
	log   *slog.Logger
	steps *gobreaker.TwoStepCircuitBreaker[struct{}]
	// until is when the open breaker lets a call through, in Unix nanoseconds;
	// 0 while it is closed. The breaker itself does not tell.
	until  atomic.Int64
	lately atomic.Pointer[error] // the failure that was counted last
}

func newBreaker(what string, c Config) *breaker {
	b := &breaker{what: what, log: c.Logger}
	b.steps = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:    what,
		Timeout: c.Cooldown,
		// Interval stays 0: with one, a call that takes longer than it is not
		// counted at all.
		ReadyToTrip: func(n gobreaker.Counts) bool { return int64(n.ConsecutiveFailures) >= int64(c.Failures) },
		IsExcluded:  func(err error) bool { return errors.Is(err, errLeft) },
		// This runs under the breaker's lock, so it asks the breaker nothing and
		// calls nobody.
		OnStateChange: func(_ string, _, to gobreaker.State) {
			switch to {
			case gobreaker.StateOpen:
				b.until.Store(time.Now().Add(c.Cooldown).UnixNano())
			case gobreaker.StateClosed:
				b.until.Store(0)
			}
		},
	})
	return b
}

// allow lets a call through, or says when one will be. The function that it
// returns takes the verdict on the call and must be called exactly once: a
// half-open breaker waits for it.
func (b *breaker) allow() (func(verdict error), error) {
	done, err := b.steps.Allow()
	if err != nil {
		return nil, b.refusal()
	}
	return func(verdict error) {
		if verdict != nil && !errors.Is(verdict, errLeft) {
			b.lately.Store(&verdict)
		}
		before := b.until.Load()
		done(verdict)
		switch after := b.until.Load(); {
		case after != 0 && after != before:
			b.log.Warn("breaker opened: the target is left alone", "calls", b.what, "until", time.Unix(0, after), "err", verdict)
		case after == 0 && before != 0:
			b.log.Info("breaker closed: the target works again", "calls", b.what)
		}
	}, nil
}

func (b *breaker) refusal() error {
	var last any // said, not wrapped: it is the error of another call
	if p := b.lately.Load(); p != nil {
		last = *p
	}
	until := time.Unix(0, b.until.Load())
	wait := time.Until(until)
	if wait <= 0 {
		return &Error{Err: fmt.Errorf("%w: %ss wait while one of them tries (last: %v)", ErrOpen, b.what, last)}
	}
	return &Error{RetryAfter: wait, Err: fmt.Errorf("%w: no %s before %s, in %v (last: %v)",
		ErrOpen, b.what, until.UTC().Format(time.RFC3339), wait.Round(time.Millisecond), last)}
}

// verdict is what err tells about the target, for the breaker: nil if it works,
// be it that it says no; errLeft if nothing can be told; else the failure. The
// context is the caller's, without the bounds set here.
func verdict(caller context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(caller.Err(), context.Canceled):
		return errLeft
	case ClassOf(err) != Transient:
		return nil
	default:
		return err
	}
}
