package backpressure

import (
	"math"
	"time"
)

const (
	// wholeStretch is how much longer than unhurried a whole answer may be
	// predicted to take. In a continuously batching engine, twice is half use.
	wholeStretch = 2.0
	// wholeDouble is the time in which the remembered unhurried duration doubles
	// unless it is seen again.
	wholeDouble = 600.0
)

// A whole learns how long answers take that come in one piece.
type whole struct {
	sum  float64 // of durations since the last fold
	n    int
	mean float64 // decayed mean duration, seconds
	base float64 // duration while nothing hurries, seconds
}

func (w *whole) finished(d time.Duration) {
	w.sum += d.Seconds()
	w.n++
}

// fold takes in what finished in the last secs seconds.
func (w *whole) fold(secs float64) {
	w.base *= math.Exp2(secs / wholeDouble)
	if w.n == 0 {
		return
	}
	m := w.sum / float64(w.n)
	if w.mean == 0 {
		w.mean, w.base = m, m
	}
	w.mean += (m - w.mean) * (1 - math.Exp(-float64(w.n)/50))
	w.base = min(w.base, m)
	w.sum, w.n = 0, 0
}

// budget is how long a whole answer may be predicted to take.
func (w *whole) budget(objective float64) float64 {
	return max(objective, wholeStretch*w.base)
}
