package backpressure

import "time"

const (
	// wholeStretch is how much longer than at ease a whole answer may be predicted
	// to take. In a continuously batching engine, twice is half use.
	wholeStretch = 2.0
	// wholeBatch answers make one mean. Fewer do at the very start and at ease.
	wholeBatch, wholeFew = 64, 4
	// wholeEase is how many requests per unit leave the server at ease.
	wholeEase = 2
)

// A whole learns how long answers take that come in one piece, and how long they
// take at ease: the shortest mean seen. That one rises only when few requests are
// in flight, for then the time is the server's own. Under load it must not rise:
// what it would take in is the gate's own queue, without end. If answers become
// so slow that the gate lets hardly any in, those few teach it the new time.
type whole struct {
	sum    float64 // of durations, not yet in the means
	n      int
	ease   bool    // they were at ease
	mean   float64 // decayed mean duration, seconds; 0 while not known
	atEase float64 // mean duration at ease, seconds
}

// finished takes in one duration, with so many requests in flight.
func (w *whole) finished(d time.Duration, inFlight int, units float64) {
	ease := float64(inFlight) <= wholeEase*max(units, 1)
	if ease != w.ease { // a batch is all at ease or all not
		w.sum, w.n, w.ease = 0, 0, ease
	}
	w.sum += d.Seconds()
	w.n++
	if w.n < wholeFew || w.n < wholeBatch && !ease && w.mean > 0 {
		return
	}
	m := w.sum / float64(w.n)
	w.sum, w.n = 0, 0
	if w.mean == 0 {
		w.mean, w.atEase = m, m
	}
	w.mean += (m - w.mean) / 2
	if ease || m < w.atEase {
		w.atEase += (m - w.atEase) * 3 / 4
	}
}

// budget is how long a whole answer may be predicted to take.
func (w *whole) budget(objective float64) float64 {
	return max(objective, wholeStretch*w.atEase)
}
