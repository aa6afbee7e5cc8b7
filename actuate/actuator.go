package actuate

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// An Actuator is the safety around one [Target]: deadlines, retries, breakers,
// pause, dry run, leadership and read-back. Make one with [New].
type Actuator struct {
	cfg           Config
	reads, writes *breaker
	solo          *soloTerm
	newest        atomic.Uint64 // counts the calls of Apply
	turn          chan struct{} // held by the one Apply that may write

	// doubt is the count of a write of which it is not known whether it arrived.
	// It belongs to the holder of turn.
	doubt  int64
	doubts bool

	mu    sync.Mutex
	pause Pause
	term  Term
	asked bool  // a count was accepted that no status has shown yet
	want  int64 // that count
	seen  bool  // last means something
	last  Status
}

// New checks c and returns an Actuator. It starts nothing and calls nobody. All
// that is wrong with c is reported at once, joined.
func New(c Config) (*Actuator, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	return &Actuator{
		cfg: c, pause: c.Pause, term: c.Term, solo: newSoloTerm(),
		reads: newBreaker("read", c), writes: newBreaker("write", c),
		turn: make(chan struct{}, 1),
	}, nil
}

// Target returns the Target inside.
func (a *Actuator) Target() Target { return a.cfg.Target }

// DryRun reports whether the Actuator only says what it would do.
func (a *Actuator) DryRun() bool { return a.cfg.DryRun }

// Pause returns which directions are held.
func (a *Actuator) Pause() Pause {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pause
}

// SetPause holds the given directions and frees the others, from the next write on.
func (a *Actuator) SetPause(p Pause) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pause = p
}

// Lead has every write from now on made under t: checked before it, its epoch in
// the Request. Nil returns to Solo.
func (a *Actuator) Lead(t Term) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.term = t
}

// Status reads the status of the Target: one call, bounded by Config.Attempt,
// without retry. While the breaker for reads is open the error is [ErrOpen].
func (a *Actuator) Status(ctx context.Context) (Status, error) {
	done, err := a.reads.allow()
	if err != nil {
		return Status{}, err
	}
	err = errNoReturn
	defer func() { done(verdict(ctx, err)) }()
	var st Status
	st, err = a.read(ctx)
	return st, err
}

// Settled reports whether the platform agrees with what was written and is done
// with it: some status since has shown the count that was accepted last, and the
// newest shows all of its count ready and nothing under way. It asks nobody: read
// the status first. It is false before the first status.
func (a *Actuator) Settled() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seen && !a.asked && settled(a.last)
}

// Drain asks the Target to let one instance finish and to give it nothing new,
// for ttl: see [Drainer]. The safeguards are those of a write, without retry. It
// is refused as Invalid with errors.ErrUnsupported if the Target is no Drainer; in
// a dry run it does nothing.
func (a *Actuator) Drain(ctx context.Context, id string, ttl time.Duration) error {
	d, ok := a.cfg.Target.(Drainer)
	if !ok {
		return &Error{Class: Invalid, Err: fmt.Errorf("evenkeel: %T drains no instances: %w", a.cfg.Target, errors.ErrUnsupported)}
	}
	if a.cfg.DryRun {
		return nil
	}
	if _, err := a.lead(0); err != nil {
		return err
	}
	done, err := a.writes.allow()
	if err != nil {
		return err
	}
	err = errNoReturn
	defer func() { done(verdict(ctx, err)) }()
	err = a.call(ctx, func(ctx context.Context) error { return d.Drain(ctx, id, ttl) })
	return err
}

// lead returns the epoch to write under, or why this process must not write. An
// epoch that the caller names must be that of the term.
func (a *Actuator) lead(epoch uint64) (uint64, error) {
	a.mu.Lock()
	t := a.term
	a.mu.Unlock()
	if t == nil {
		if epoch == 0 {
			epoch = a.solo.Epoch()
		}
		return epoch, nil
	}
	if err := t.Check(); err != nil {
		return epoch, &Error{Class: Fenced, Err: fmt.Errorf("evenkeel: no longer leading: %w", err)}
	}
	switch own := t.Epoch(); epoch {
	case 0, own:
		return own, nil
	default:
		return epoch, &Error{Class: Fenced, Err: fmt.Errorf("evenkeel: decided in epoch %d, leading in %d: decide again", epoch, own)}
	}
}

// read reads the status once and remembers it.
func (a *Actuator) read(ctx context.Context) (Status, error) {
	var st Status
	err := a.call(ctx, func(ctx context.Context) (err error) {
		st, err = a.cfg.Target.Status(ctx)
		return err
	})
	if err != nil {
		return Status{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen, a.last = true, st
	if st.Fleet.Desired == a.want {
		a.asked = false
	}
	return st, nil
}

// accepted remembers a count that the platform has accepted and must still show.
func (a *Actuator) accepted(n int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked, a.want = true, n
}

// errPanicked marks the error of a call that panicked: trying again soon would
// only panic again.
var errPanicked = errors.New("evenkeel: target panicked")

// errNoReturn is what a call counts as that ended its goroutine.
var errNoReturn = errors.New("evenkeel: target did not return")

// call makes one call to the Target, within Config.Attempt, and turns a panic
// into an error.
func (a *Actuator) call(ctx context.Context, f func(context.Context) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.Attempt)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			a.cfg.Logger.Error("target panicked", "panic", p, "stack", string(debug.Stack()))
			err = &Error{Class: Transient, Err: fmt.Errorf("%w: %v", errPanicked, p)}
		}
	}()
	return f(ctx)
}
