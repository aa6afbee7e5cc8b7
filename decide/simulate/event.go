package simulate

import "time"

// kind is what happens in an event.
type kind uint8

const (
	evArrival kind = iota // the next request of the trace
	evStep                // a unit's engine has finished a step
	evReady               // a unit has started
	evFault               // units are killed
	evLeave               // a client's patience ends
	evGate                // the gate has a deadline
	evTick                // a decision is due
	evEnd                 // the fleet is no longer billed
)

// An event happens at a time. Events of the same time happen in the order in
// which they were scheduled, so that a run is the same each time.
type event struct {
	at   time.Duration
	seq  uint64
	kind kind
	unit *unit
	req  *request
	n    int
}

func (e event) before(o event) bool {
	return e.at < o.at || (e.at == o.at && e.seq < o.seq)
}

// agenda is a binary heap of events, the next one first.
type agenda struct {
	events []event
	seq    uint64
}

func (a *agenda) add(e event) {
	a.seq++
	e.seq = a.seq
	a.events = append(a.events, e)
	h := a.events
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if h[parent].before(h[i]) {
			break
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
}

// next removes and returns the earliest event.
func (a *agenda) next() (event, bool) {
	h := a.events
	if len(h) == 0 {
		return event{}, false
	}
	top, last := h[0], len(h)-1
	h[0] = h[last]
	h[last] = event{} // drop its pointers
	h = h[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			break
		}
		if child+1 < last && h[child+1].before(h[child]) {
			child++
		}
		if h[i].before(h[child]) {
			break
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
	a.events = h
	return top, true
}
