package pool

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// A Worker is what Work is told about itself.
type Worker struct {
	pool *Pool
	slot *slot
}

// ID of the worker, kept over restarts.
func (w *Worker) ID() string { return w.slot.id }

// Drain returns a channel that is closed while the worker is to finish what it has
// and to take nothing new. Ask for it anew before each piece of work, as one asks
// a context for Done: once a drain has been called off or has run out, it is
// another channel, and open.
func (w *Worker) Drain() <-chan struct{} {
	w.pool.mu.Lock()
	defer w.pool.mu.Unlock()
	w.slot.refresh(time.Now())
	return w.slot.drain
}

// Busy adds to the number of requests that the worker has in hand: 1 when it takes
// one, -1 when it is done with it. Scale-in prefers the least busy.
func (w *Worker) Busy(delta int64) {
	w.pool.mu.Lock()
	defer w.pool.mu.Unlock()
	w.slot.inFlight = max(0, w.slot.inFlight+delta)
}

// slot is the place of one worker. The Pool's mutex guards it.
type slot struct {
	id    string
	phase actuate.Phase
	since time.Time // when it entered the phase

	going bool      // given up: ends when its function returns
	until time.Time // end of a drain that was asked for, zero for none
	drain chan struct{}
	shut  bool // drain is closed
	told  bool // drain was closed at some time in this run

	running  bool // the function runs
	prepared bool // and Prepare is over
	cut      bool // and its context was cancelled
	cancel   context.CancelFunc
	grace    *time.Timer // cuts it when the grace is over

	wake      chan struct{} // tells the slot's goroutine that something changed
	notBefore time.Time     // of the next start
	failures  int           // in a row
	inFlight  int64
	restarts  int64
	detail    string
}

// refresh brings the drain channel and the phase to where they are now.
func (s *slot) refresh(now time.Time) {
	if !s.until.IsZero() && !now.Before(s.until) {
		s.until = time.Time{}
	}
	switch drains := s.drains(); {
	case drains && !s.shut:
		close(s.drain)
		s.shut, s.told = true, true
	case !drains && s.shut:
		s.drain, s.shut = make(chan struct{}), false
	}
	phase := actuate.Starting
	switch {
	case s.cut:
		phase = actuate.Stopping
	case s.drains():
		phase = actuate.Draining
	case s.running && s.prepared:
		phase = actuate.Ready
	}
	if phase != s.phase {
		s.phase, s.since = phase, now
	}
}

func (s *slot) drains() bool { return s.going || !s.until.IsZero() }

// nudge tells the slot's goroutine to look again.
func (s *slot) nudge() {
	select {
	case s.wake <- struct{}{}:
	default: // it has not looked since the last time
	}
}

// giveUp begins the end of the slot: told now, cut after the grace.
func (s *slot) giveUp(now time.Time, grace time.Duration, cut func()) {
	s.going = true
	s.refresh(now)
	s.nudge()
	if !s.running {
		return
	}
	if grace <= 0 || !s.prepared {
		// One that is not ready yet has nothing to finish.
		s.cutNow(now)
		return
	}
	s.grace = time.AfterFunc(grace, cut)
}

// keep calls the end off. It reports whether it still could be.
func (s *slot) keep(now time.Time) bool {
	if s.cut {
		return false
	}
	s.going = false
	s.stopGrace()
	s.refresh(now)
	s.nudge()
	return true
}

func (s *slot) cutNow(now time.Time) {
	s.cut = true
	s.cancel()
	s.refresh(now)
}

func (s *slot) stopGrace() {
	if s.grace != nil {
		s.grace.Stop()
		s.grace = nil
	}
}
