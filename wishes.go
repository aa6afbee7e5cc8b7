package evenkeel

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// wishes are what an operator wants of a pool. They are saved with the leader's
// state, so that the next leader knows of them.
type wishes struct {
	At       time.Time       `json:"at"` // when the last of them was made
	Override decide.Override `json:"override,omitzero"`
	Pause    decide.Pause    `json:"pause,omitzero"`
}

// Override sets the count of a pool to n until a time, whatever its policies
// say, within its budget and limits. A time in the past ends an override. Made in
// the process that leads, it holds for whoever leads after it; made in another, it
// holds when that one comes to lead, if nothing newer was wished. It is refused
// with [ErrNoPool] for a pool that does not exist or has no policy, and for a
// count below 0 or above [decide.MaxReplicas].
func (k *Keel) Override(pool string, n int64, until time.Time) error {
	if n < 0 || n > decide.MaxReplicas {
		return fmt.Errorf("evenkeel: override of pool %q to %d replicas: it must be 0 to %d", pool, n, decide.MaxReplicas)
	}
	return k.wish(pool, func(w *wishes, now time.Time) Event {
		if !until.After(now) {
			w.Override = decide.Override{}
			return Event{What: EventOverride, Detail: "ended"}
		}
		in := decide.Input{Override: decide.Override{Replicas: n, Until: until}}
		w.Override = in.Clean().Override // with a time that can be written down
		return Event{What: EventOverride, Detail: overrideWords(w.Override)}
	})
}

// Pause holds a pool still in one direction or in both, until a time: no replica
// is added while up, none is taken away while down. The zero time means until it
// is taken back, which Pause with neither direction does. An override, a budget and
// the limits go before it. Who gets to know of it, and what is refused, is as with
// [Keel.Override]. Decisions go on and say what they would have been.
func (k *Keel) Pause(pool string, up, down bool, until time.Time) error {
	return k.wish(pool, func(w *wishes, now time.Time) Event {
		p := decide.Pause{Up: up, Down: down, Until: until}
		if !up && !down || !until.IsZero() && !until.After(now) {
			w.Pause = decide.Pause{}
			return Event{What: EventPause, Detail: "ended"}
		}
		in := decide.Input{Pause: p}
		w.Pause = in.Clean().Pause
		return Event{What: EventPause, Detail: pauseWords(w.Pause)}
	})
}

// wish changes what is wished of a pool, tells of it and asks for a decision.
func (k *Keel) wish(pool string, change func(*wishes, time.Time) Event) error {
	l, err := k.deciding(pool)
	if err != nil {
		return err
	}
	now := time.Now().Round(0).UTC()
	l.mu.Lock()
	e := change(&l.wishes, now)
	l.wishes.At = now
	w := l.wishes
	l.mu.Unlock()
	k.keepWishes(pool, w)
	l.event(e)
	l.poke()
	return nil
}

// takeOver lets w, what the last leader knew of, replace what this process knows
// of, unless that is newer. It returns what holds.
func (l *loop) takeOver(w wishes) wishes {
	l.mu.Lock()
	if !w.At.After(l.wishes.At) {
		w = l.wishes
		l.mu.Unlock()
		return w
	}
	in := decide.Input{Override: w.Override, Pause: w.Pause}
	in = in.Clean() // whoever saved it
	w.Override, w.Pause = in.Override, in.Pause
	l.wishes = w
	l.mu.Unlock()
	now := time.Now()
	if w.Override.Until.After(now) {
		l.event(Event{What: EventOverride, Detail: "taken over: " + overrideWords(w.Override)})
	}
	if active(w.Pause, now) {
		l.event(Event{What: EventPause, Detail: "taken over: " + pauseWords(w.Pause)})
	}
	return w
}

// paused is what the core is told of pauses: the operator's, and the target's own.
// The core then holds and says so, and the target is not asked at each tick for
// what it would refuse.
func (l *loop) paused(p decide.Pause, now time.Time) decide.Pause {
	if !active(p, now) {
		p = decide.Pause{}
	}
	if t := l.Target.Pause(); t.Up && !p.Up || t.Down && !p.Down {
		p = decide.Pause{Up: p.Up || t.Up, Down: p.Down || t.Down}
	}
	return p
}

func active(p decide.Pause, now time.Time) bool {
	return (p.Up || p.Down) && (p.Until.IsZero() || p.Until.After(now))
}

func overrideWords(o decide.Override) string {
	return fmt.Sprintf("%d replicas until %s", o.Replicas, o.Until.Format(time.RFC3339))
}

func pauseWords(p decide.Pause) string {
	s := "scaling out and in"
	switch {
	case !p.Down:
		s = "scaling out"
	case !p.Up:
		s = "scaling in"
	}
	if p.Until.IsZero() {
		return s + " until it is taken back"
	}
	return s + " until " + p.Until.Format(time.RFC3339)
}
