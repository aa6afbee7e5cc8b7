package pool

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// errGoexit is what a worker failed of that called runtime.Goexit.
var errGoexit = errors.New("ended its goroutine")

// start starts the goroutine of a slot. The Pool is locked and runs.
func (p *Pool) start(s *slot) {
	base := p.base
	p.lives.Go(func() { p.live(base, s) })
}

// live is the goroutine of a slot: it runs the worker again and again until the
// slot is given up.
func (p *Pool) live(base context.Context, s *slot) {
	over := false
	defer func() {
		if !over { // Work ended the goroutine: the slot needs another one
			p.returned(s, errGoexit, 0)
			p.lives.Go(func() { p.live(base, s) })
		}
	}()
	for {
		ctx, wait, stay := p.next(base, s)
		switch {
		case !stay:
			over = true
			return
		case ctx == nil:
			select {
			case <-s.wake:
			case <-time.After(wait):
			}
		default:
			began := time.Now()
			err := p.work(ctx, s)
			p.returned(s, err, time.Since(began))
		}
	}
}

// next says what the slot's goroutine does: end, wait, or run the worker under a
// context.
func (p *Pool) next(base context.Context, s *slot) (ctx context.Context, wait time.Duration, stay bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	s.refresh(now)
	if s.going {
		p.remove(s)
		return nil, 0, false
	}
	if wait = max(s.notBefore.Sub(now), s.until.Sub(now)); wait > 0 {
		return nil, wait, true
	}
	ctx, s.cancel = context.WithCancel(base)
	s.running, s.prepared, s.told = true, p.cfg.Prepare == nil, false
	s.refresh(now)
	return ctx, 0, true
}

// work runs the worker once and turns a panic into an error.
func (p *Pool) work(ctx context.Context, s *slot) (err error) {
	defer func() {
		if v := recover(); v != nil {
			p.cfg.Logger.Error("worker panicked", "worker", s.id, "panic", v, "stack", string(debug.Stack()))
			err = fmt.Errorf("panicked: %v", v)
		}
	}()
	w := &Worker{pool: p, slot: s}
	if p.cfg.Prepare != nil {
		if err := p.cfg.Prepare(ctx, w); err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		p.mu.Lock()
		s.prepared = true
		s.refresh(time.Now())
		p.mu.Unlock()
	}
	return p.cfg.Work(ctx, w)
}

// returned takes note that the worker has returned, and says when it may start again.
func (p *Pool) returned(s *slot, err error, ran time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	asked := s.cut || s.told && err == nil // it did what it was told
	s.cancel()
	s.stopGrace()
	s.running, s.cut, s.inFlight, s.detail = false, false, 0, ""
	defer s.refresh(now)
	if asked {
		s.failures, s.notBefore = 0, now
		return
	}
	if err == nil || ran > p.cfg.MaxRestart {
		s.failures = 0
	}
	s.restarts++
	s.notBefore = now.Add(restartWait(p.cfg, s.failures))
	if err != nil {
		s.failures++
		s.detail = err.Error()
		p.cfg.Logger.Warn("worker failed; it is started again", "worker", s.id, "err", err, "failures", s.failures, "wait", s.notBefore.Sub(now))
	}
}

// restartWait doubles with each failure in a row.
func restartWait(c Config, failures int) time.Duration {
	wait := c.Restart
	for range failures {
		if wait >= c.MaxRestart/2 {
			return c.MaxRestart
		}
		wait *= 2
	}
	return wait
}
