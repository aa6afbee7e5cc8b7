package evenkeel

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/signal"
)

// observe reads the fleet's state, journals what happened since the last
// reading, and tells the gate what to expect.
func (l *loop) observe(ctx context.Context) (actuate.Status, bool) {
	if l.Target == nil {
		return actuate.Status{}, false
	}
	st, err := l.Target.Status(ctx)
	if err != nil {
		if ctx.Err() == nil && !l.statusBad {
			l.statusBad = true
			l.event(Event{What: EventStatus, Detail: err.Error()})
			l.mu.Lock()
			l.view.known = false
			l.mu.Unlock()
			l.keel.cfg.Logger.Warn("fleet state not read; holding", "pool", l.Name, "err", err)
		}
		return st, false
	}
	if l.statusBad {
		l.statusBad = false
		l.event(Event{What: EventStatus, Detail: "read again"})
	}
	now := time.Now()
	st = readable(st)
	l.watcher.observe(st, l.event)
	if l.Gate != nil {
		var starting int64
		for _, c := range st.Fleet.Starting {
			if !c.Stuck {
				starting += c.N
			}
		}
		pressure, age := l.pressure(now)
		l.Gate.Observe(backpressure.Outlook{
			Ready:       int(st.Fleet.Ready),
			Starting:    int(starting),
			Members:     1,
			ReadyIn:     l.watcher.startup.readyIn(st, now),
			Pressure:    pressure,
			PressureAge: age,
		})
	}
	l.mu.Lock()
	l.view.status, l.view.known, l.view.startup = st, true, l.watcher.startup.learned
	l.mu.Unlock()
	return st, true
}

// pressure is how full the engines' KV cache was when it was last measured, and how
// long ago that was. It is 0 where no source of the pool tells.
func (l *loop) pressure(now time.Time) (float64, time.Duration) {
	i, ok := l.snapshot.Schema().Index(signal.Key{Name: signal.NameKVCache, Pool: l.gatePool})
	if !ok || l.snapshot.At(i).Quality == signal.Absent {
		return 0, 0
	}
	s := l.snapshot.At(i)
	return s.Value, s.Age + now.Sub(l.collected)
}
