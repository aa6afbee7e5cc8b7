package process

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/evenkeel/evenkeel/actuate"
)

// stuckAfter is how many lives in a row have to end before they were ready until
// an instance is believed to be unable to start.
const stuckAfter = 2

// An outcome says how one life of an instance ended.
type outcome struct {
	told   bool // it was told to end
	failed bool // it could not even be started
	ready  time.Duration
	detail string
}

// live leads one instance through its lives until it is told to end. It is the
// instance's only goroutine that starts or signals processes.
func (s *Supervisor) live(ctx context.Context, in *instance, g *guard) {
	defer func() {
		s.mu.Lock()
		s.remove(in)
		s.mu.Unlock()
		s.publish()
		s.tell(in.id, Stopped, "")
	}()
	pause := s.backoff()
	for {
		e := s.once(ctx, in, g)
		if e.told {
			return
		}
		if e.ready >= s.cfg.Restart.Reset {
			pause.Reset()
		}
		gone := s.fell(in, e)
		s.publish()
		kind := Exited
		if e.failed {
			kind = Failed
		}
		s.tell(in.id, kind, e.detail)
		if gone || !s.rest(ctx, in, pause.NextBackOff()) {
			return
		}
		s.mu.Lock()
		in.restarts++
		s.mu.Unlock()
	}
}

func (s *Supervisor) backoff() *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(s.cfg.Restart.First),
		backoff.WithMaxInterval(s.cfg.Restart.Max),
		backoff.WithMultiplier(2),
		backoff.WithRandomizationFactor(0.2),
		backoff.WithMaxElapsedTime(0),
	)
}

// fell notes that a life ended by itself, and reports whether that was the last
// one because a scale-in had taken the instance.
func (s *Supervisor) fell(in *instance, e outcome) (gone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.up {
		in.failures = 0
	} else {
		in.failures++
	}
	in.up, in.addr, in.detail = false, "", e.detail
	in.stuck = e.failed || in.failures >= stuckAfter
	in.stopping = in.stopping || in.retired()
	in.refresh(time.Now())
	return in.stopping
}

// rest waits before the next life and reports whether there is to be one.
func (s *Supervisor) rest(ctx context.Context, in *instance, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		if !s.wanted(ctx, in) {
			return false
		}
		select {
		case <-ctx.Done():
		case <-in.wake:
		case <-timer.C:
			return s.wanted(ctx, in)
		}
	}
}

// wanted reports whether an instance without a process is to have one. If not it
// is stopping from now on: no scale-up brings it back.
func (s *Supervisor) wanted(ctx context.Context, in *instance) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil || in.retired() {
		in.stopping = true
		in.refresh(time.Now())
		return false
	}
	return true
}

// commit makes an instance stopping unless a scale-up has called that off.
func (s *Supervisor) commit(ctx context.Context, in *instance) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() == nil && !in.retired() {
		return false
	}
	in.stopping = true
	in.refresh(time.Now())
	return true
}

// finish ends a child: SIGTERM, and SIGKILL when patience has run out. If ctx ends
// meanwhile, no more than Kill is left.
func (s *Supervisor) finish(ctx context.Context, in *instance, c *child, patience time.Duration, detail string) {
	s.publish()
	s.tell(in.id, Stopping, detail)
	c.signal(terminate)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	deadline := time.Now().Add(patience)
	hurry := ctx.Done()
	for {
		select {
		case <-c.done:
			return
		case <-hurry:
			hurry = nil
			timer.Reset(min(s.cfg.Kill, time.Until(deadline)))
		case <-timer.C:
			s.tell(in.id, Killed, "still there after SIGTERM")
			c.signal(kill)
			<-c.done
			return
		}
	}
}

// phaseOf returns the phase of in, as of now, and when a scale-in took it.
func (s *Supervisor) phaseOf(in *instance) (p actuate.Phase, retiredAt, drainUntil time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in.refresh(time.Now())
	return in.phase, in.retiredAt, in.drainUntil
}
