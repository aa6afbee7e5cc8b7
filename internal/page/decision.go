package page

import (
	"slices"
	"sync"
	"time"
)

// How much of a State the page shows; the rest is left out, and for instances
// counted.
const (
	MaxInstances = 400
	MaxDecisions = 60
	MaxEvents    = 80
)

// A Decision is one answer of the core, in words.
type Decision struct {
	At   time.Time `json:"at"`
	From int64     `json:"from"`
	To   int64     `json:"to"`
	// Summary is one sentence: why this count.
	Summary string `json:"summary"`
	// Stage that bound, and its Reason: the short names that metrics use too.
	Stage  string `json:"stage,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Notes of the stages that had something to say, in order.
	Notes []Note `json:"notes,omitempty"`
	// Without is the count there would have been without the binding stage, and
	// Counterfactual the same as a sentence; shown if not empty.
	Without        int64  `json:"without"`
	Counterfactual string `json:"counterfactual,omitempty"`
	// Last and Times: the same decision was made Times times, the last at Last.
	// A Log fills them.
	Last  time.Time `json:"last,omitzero"`
	Times int       `json:"times,omitempty"`
}

// A Note is what one stage did: the count it was given and the one it passed on.
type Note struct {
	Stage string `json:"stage"`
	In    int64  `json:"in"`
	Out   int64  `json:"out"`
	Text  string `json:"text"`
}

// An Event is something that was done to the fleet or befell it.
type Event struct {
	At time.Time `json:"at"`
	// Tone: Steady for routine, Moving for a change made, Strained for a warning,
	// Failing for what went wrong.
	Tone Tone   `json:"tone"`
	Text string `json:"text"`
}

// A Log keeps the last decisions and events of one pool, for State. The zero Log
// is ready to use.
type Log struct {
	mu        sync.Mutex
	decisions []Decision // oldest first
	events    []Event    // oldest first
}

// sameFor is how long a decision that changes nothing may be silent and still be
// counted with the earlier ones like it.
const sameFor = time.Minute

// Decide adds d. Ticks that hold the same count for the same reason become one
// entry with a count, with the words of the last one, even if another reason to
// hold it came in between: what wavers between two reasons fills two entries,
// not the whole list.
func (l *Log) Decide(d Decision) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d.Last, d.Times = d.At, 1
	for i := len(l.decisions) - 1; i >= 0 && d.From == d.To; i-- {
		p := l.decisions[i]
		if p.From != p.To || p.To != d.To {
			break
		}
		if p.Stage == d.Stage && p.Reason == d.Reason && d.At.Sub(p.Last) <= sameFor {
			d.At, d.Times = p.At, p.Times+1
			l.decisions = slices.Delete(l.decisions, i, i+1)
			break
		}
	}
	l.decisions = push(l.decisions, d, MaxDecisions)
}

// Event adds e.
func (l *Log) Event(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = push(l.events, e, MaxEvents)
}

// Decisions returns the decisions, newest first.
func (l *Log) Decisions() []Decision {
	l.mu.Lock()
	defer l.mu.Unlock()
	return newestFirst(l.decisions)
}

// Events returns the events, newest first.
func (l *Log) Events() []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return newestFirst(l.events)
}

func push[T any](s []T, v T, bound int) []T {
	if len(s) >= bound {
		s = slices.Delete(s, 0, len(s)-bound+1)
	}
	return append(s, v)
}

func newestFirst[T any](s []T) []T {
	out := slices.Clone(s)
	slices.Reverse(out)
	return out
}
