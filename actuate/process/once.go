package process

import (
	"context"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// drainPoll is how often a draining instance's requests are counted.
const drainPoll = 10 * time.Millisecond

// readyProbe is how often a ready instance is probed, at most.
const readyProbe = time.Second

// A watch is one life of an instance as its goroutine sees it.
type watch struct {
	s  *Supervisor
	in *instance
	c  *child

	shown    actuate.Phase // the phase last told
	readyAt  time.Time     // zero until ready
	answered time.Time     // last good probe
	misses   int           // bad probes in a row
	lastErr  error
}

// once leads an instance through one life: it starts a process and returns when
// that is reaped.
func (s *Supervisor) once(ctx context.Context, in *instance, g *guard) outcome {
	if !s.wanted(ctx, in) {
		return outcome{told: true}
	}
	c, err := s.start(in, g)
	if err != nil {
		return outcome{failed: true, detail: err.Error()}
	}
	s.mu.Lock()
	in.addr = c.addr
	s.mu.Unlock()
	s.tell(in.id, Started, fmt.Sprintf("pid %d on %s", c.pid, c.addr))
	w := &watch{s: s, in: in, c: c, shown: actuate.Starting}
	if s.cfg.Ready.Off {
		w.good()
	}
	o := w.follow(ctx)
	if !w.readyAt.IsZero() {
		o.ready = time.Since(w.readyAt)
	}
	return o
}

// follow watches the process until it is reaped, and ends it when it has to go.
func (w *watch) follow(ctx context.Context) outcome {
	s, in, c := w.s, w.in, w.c
	// A probe runs beside, so that an instance that hangs can still be ended. Its
	// result is always taken before the life is over.
	results := make(chan error, 1)
	probing := false
	pctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		if probing {
			w.lastErr = <-results
		}
	}()
	probe := time.NewTimer(0)
	defer probe.Stop()
	if s.cfg.Ready.Off {
		probe.Stop()
	}
	// tick is for everything that is due at a time; orders set it anew each round.
	tick := time.NewTimer(time.Hour)
	defer tick.Stop()

	for {
		next, end := w.orders(ctx)
		if end != nil {
			return *end
		}
		tick.Reset(next)
		select {
		case <-c.done:
			return outcome{detail: c.report()}
		case <-ctx.Done():
		case <-in.wake:
		case <-tick.C:
		case <-probe.C:
			probing = true
			go func() { results <- s.probe(pctx, c.addr) }()
		case err := <-results:
			probing = false
			if err == nil {
				w.good()
			} else {
				w.bad(err)
			}
			wait := s.cfg.Ready.Interval
			if !w.readyAt.IsZero() {
				wait = max(wait, readyProbe)
			}
			probe.Reset(wait)
		}
	}
}

// orders does what is due now. It returns when to look again at the latest, or
// the outcome if it has ended the process.
func (w *watch) orders(ctx context.Context) (time.Duration, *outcome) {
	s, in := w.s, w.in
	phase, retiredAt, drainUntil := s.phaseOf(in)
	if phase != w.shown {
		w.shown = phase
		s.publish()
		switch phase {
		case actuate.Ready:
			s.tell(in.id, Ready, w.c.addr)
		case actuate.Draining:
			s.tell(in.id, Draining, "")
		}
	}
	retired := !retiredAt.IsZero()
	switch {
	case ctx.Err() != nil, retired && phase == actuate.Starting:
		return w.finish(ctx, s.cfg.Kill, "")
	case retired && s.cfg.Traffic == nil:
		return w.finish(ctx, s.cfg.Grace+s.cfg.Kill, "")
	case retired:
		n := s.cfg.Traffic.InFlight(in.id)
		if n == 0 {
			return w.finish(ctx, s.cfg.Kill, "drained")
		}
		left := time.Until(retiredAt.Add(s.cfg.Grace))
		if left <= 0 {
			return w.finish(ctx, s.cfg.Kill, fmt.Sprintf("%d requests did not finish within %v", n, s.cfg.Grace))
		}
		return min(drainPoll, left), nil
	}
	if why := w.overdue(); why != "" {
		s.tell(in.id, Killed, why)
		w.c.signal(kill)
		<-w.c.done
		return 0, &outcome{detail: w.c.path + ": " + why}
	}
	if phase == actuate.Draining {
		return min(readyProbe, time.Until(drainUntil)), nil
	}
	return readyProbe, nil
}

// finish ends the process, unless that has just been called off.
func (w *watch) finish(ctx context.Context, patience time.Duration, detail string) (time.Duration, *outcome) {
	if !w.s.commit(ctx, w.in) {
		return 0, nil
	}
	w.s.finish(ctx, w.in, w.c, patience, detail)
	return 0, &outcome{told: true}
}

// overdue says why the process must be killed, if it must.
func (w *watch) overdue() string {
	cfg := &w.s.cfg
	switch {
	case cfg.Ready.Off:
	case w.readyAt.IsZero():
		if time.Since(w.c.began) >= cfg.Ready.StartTimeout {
			return fmt.Sprintf("not ready within %v (%v)", cfg.Ready.StartTimeout, w.lastErr)
		}
	case cfg.Hang > 0 && time.Since(w.answered) >= cfg.Hang:
		return fmt.Sprintf("no answer for %v (%v)", cfg.Hang, w.lastErr)
	}
	return ""
}

// good notes an answer to the probe.
func (w *watch) good() {
	now := time.Now()
	w.answered, w.misses = now, 0
	if w.readyAt.IsZero() {
		w.readyAt = now
	}
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.in.up, w.in.stuck, w.in.failures, w.in.detail = true, false, 0, ""
	w.in.refresh(now)
}

// bad notes a probe without a good answer.
func (w *watch) bad(err error) {
	w.lastErr = err
	w.misses++
	if w.readyAt.IsZero() || w.misses < 2 {
		return // still loading, or a hiccup
	}
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.in.detail = fmt.Sprintf("no answer since %s: %v", w.answered.Format(time.TimeOnly), err)
}
