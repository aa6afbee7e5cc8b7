package backpressure

import "time"

const (
	// wholeStretch is how much longer than at ease a whole answer may be predicted
	// to take. In a continuously batching engine, twice is half use.
	wholeStretch = 2.0
	// wholeBatch answers make one mean. Fewer do at the very start and at ease.
	wholeBatch, wholeFew = 64, 4
	// wholeWait is how long a whole answer may wait in the gate's queue, over its
	// budget: enough that no unit waits for work.
	wholeWait = 1.0 / 8
	// wholeLeast is what even a short deadline leaves the server, over the time at
	// ease. Less than 1 would leave slots empty; what is above lets the gate find out
	// whether there are more.
	wholeLeast = 1.5
	// lateQuantile of the answers end within the prediction and the margin. lateStep
	// is by how much one answer moves the margin, over the mean time.
	lateQuantile, lateStep = 0.95, 1.0 / 32
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
	late   float64 // the margin: how much later than predicted answers end
}

// finished takes in one duration, with so many requests in flight.
func (w *whole) finished(d time.Duration, inFlight int, units float64) {
	ease := float64(inFlight) <= wholeEase*max(units, 1)
	if ease != w.ease { // a batch is all at ease or all not
		w.sum, w.n, w.ease = 0, 0, ease
	}
	w.sum += float64(d) * 1e-9
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

// within is how long a whole answer may be predicted to take whose caller leaves
// in left seconds: its share, and what the margin leaves.
func (w *whole) within(left, share float64) float64 {
	return max(min(share*left, left-w.late), wholeLeast*w.atEase)
}

// ended moves the margin towards its quantile, with an answer that took that many
// seconds more than predicted. One whose caller left is at least that late, and
// tells nothing if it was not late yet.
func (w *whole) ended(more float64, left bool) {
	switch step := lateStep * w.mean; {
	case more > w.late:
		w.late += step * lateQuantile
	case !left:
		w.late = max(0, w.late-step*(1-lateQuantile))
	}
}
