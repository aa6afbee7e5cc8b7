package backpressure

import "time"

// windowSlots is into how many parts the demand window is cut.
const windowSlots = 20

// A tally counts what happened in one part of the window.
type tally struct {
	offered, admitted, shed int64
	degraded, elsewhere     int64 // by routes, all and those that lead elsewhere
	finished, failed        int64
	prompt, work            float64
	output                  int64
}

// A window adds up tallies over a sliding time. It is part of the pure core, so
// that a simulation sees the same demand as a live gate.
type window struct {
	length time.Duration // of one slot
	slots  [windowSlots]tally
	cur    int
	end    time.Duration // of the current slot
}

func newWindow(length time.Duration) window {
	slot := length / windowSlots
	return window{length: slot, end: slot}
}

// at returns the slot of instant t.
func (w *window) at(t time.Duration) *tally {
	for t >= w.end {
		if t >= w.end+windowSlots*w.length { // all of it is over
			w.slots = [windowSlots]tally{}
			w.end = t + w.length
			break
		}
		w.cur = (w.cur + 1) % windowSlots
		w.slots[w.cur] = tally{}
		w.end += w.length
	}
	return &w.slots[w.cur]
}

// sum adds up the window that ends at t, and says how many seconds it covers. A
// young window covers at least one second, so that the first request is not
// taken for a flood.
func (w *window) sum(t time.Duration) (tally, float64) {
	w.at(t)
	var s tally
	for i := range w.slots {
		v := &w.slots[i]
		s.offered += v.offered
		s.admitted += v.admitted
		s.shed += v.shed
		s.degraded += v.degraded
		s.elsewhere += v.elsewhere
		s.finished += v.finished
		s.failed += v.failed
		s.prompt += v.prompt
		s.work += v.work
		s.output += v.output
	}
	covered := time.Duration(windowSlots)*w.length - (w.end - t)
	return s, max(min(covered, t), time.Second).Seconds()
}
