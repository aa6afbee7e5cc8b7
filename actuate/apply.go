package actuate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/evenkeel/evenkeel/decide"
)

// Apply brings the Target to req.Desired, as the package's documentation says
// step by step, and returns what it did. It takes at most Config.Within, provided
// that the Target heeds its context, and sends at most five writes.
//
// With a Version the write rests on the status that had it: if the count has
// changed since, it is refused as Conflict. Without one it rests on the status
// that Apply reads first. A Conflict while the count is still the same is tried
// once more, since versions may change for other reasons. An Epoch of 0 stands for that of the present term, and
// nil Victims, when the count falls, for those that [Victims] chooses.
//
// The error is nil for ActionNone, ActionScaled, ActionDryRun and ActionPaused,
// and otherwise an [*Error] whose class says what it means.
func (a *Actuator) Apply(ctx context.Context, req Request) (Result, error) {
	start := time.Now()
	p := &application{
		Actuator: a, caller: ctx, req: req, number: a.newest.Add(1),
		res: Result{From: -1, To: req.Desired, Reason: req.Reason, Epoch: req.Epoch},
	}
	bounded, cancel := context.WithTimeout(ctx, a.cfg.Within)
	defer cancel()
	err := p.run(bounded)
	p.res.Took = time.Since(start)
	if err != nil {
		p.fail(err)
	}
	return p.res, err
}

// application is one Apply under way.
type application struct {
	*Actuator
	caller context.Context //nolint:containedctx // the caller's, within one call
	number uint64
	req    Request
	res    Result
	pace   *pacer

	base       int64 // the count on which the decision rests
	based      bool  // base is known
	conflicted bool  // the one retry after a conflict is spent
	err        error // of the attempt made last

	readErr, writeErr error       // of the call made last, for the breakers
	doneWrites        func(error) // nil until a write is let through
}

func (p *application) run(ctx context.Context) error {
	if n := p.req.Desired; n < 0 || n > decide.MaxReplicas {
		return &Error{Class: Invalid, Err: fmt.Errorf("evenkeel: a count of %d: it must be 0 to %d", n, decide.MaxReplicas)}
	}
	if err := ctx.Err(); err != nil {
		return &Error{Err: err} // else both cases below might be ready
	}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return &Error{Err: fmt.Errorf("evenkeel: an earlier change is still being made: %w", ctx.Err())}
	}
	doneReads, err := p.reads.allow()
	if err != nil {
		return err
	}
	// Whatever happens, both breakers learn of it: one that waits for a verdict
	// for ever lets nobody through again.
	p.readErr = errLeft // for as long as nothing was read
	defer func() {
		doneReads(verdict(p.caller, p.readErr))
		if p.doneWrites != nil {
			p.doneWrites(verdict(p.caller, p.writeErr))
		}
	}()
	p.pace = newPacer(ctx, p.cfg.Within)
	// Retry loses the attempt's own error when the context ends, so each attempt
	// leaves it in p.err.
	if err := backoff.Retry(func() error { return p.attempt(ctx) }, backoff.WithContext(p.pace, ctx)); err == nil {
		return nil
	}
	if left := p.caller.Err(); left != nil && ClassOf(p.err) == Transient && !errors.Is(p.err, left) {
		return &Error{Err: fmt.Errorf("%w (last: %w)", left, p.err)}
	}
	if _, ok := errors.AsType[*Error](p.err); !ok {
		return &Error{Err: p.err}
	}
	return p.err
}

// fail says in the Result what err means.
func (p *application) fail(err error) {
	p.res.Action = ActionRefused
	p.res.Error = err.Error()
	if e, ok := errors.AsType[*Error](err); ok {
		p.res.Achieved = e.Achieved
	}
	// A breaker that is open refuses, and nothing is sent; any other transient
	// error leaves open what happened.
	if ClassOf(err) == Transient && !errors.Is(err, ErrOpen) {
		p.res.Action = ActionFailed
	}
}

// again ends an attempt with err: to be tried again if its class allows it.
func (p *application) again(err error) error {
	p.err = err
	if errors.Is(err, errPanicked) {
		return backoff.Permanent(err)
	}
	switch ClassOf(err) {
	case Transient, Throttled:
		if e, ok := errors.AsType[*Error](err); ok {
			p.pace.asked = e.RetryAfter
		}
		return err
	case Conflict:
		if p.based && !p.conflicted {
			p.conflicted, p.pace.now = true, true
			return err
		}
	}
	return backoff.Permanent(err)
}

// stop ends all attempts with err.
func (p *application) stop(err error) error {
	p.err = err
	return backoff.Permanent(err)
}
