package otel

import (
	"time"

	"github.com/evenkeel/evenkeel/signal"
)

// A history keeps what collections brought over the last window, with the time
// that each of them spans. It assumes nothing about how often they happen.
type history struct {
	window time.Duration
	past   []interval // oldest first
}

type interval struct {
	length time.Duration
	sum    float64
	dist   signal.Dist
}

func (in *interval) add(r *reading) {
	in.sum += r.sum
	in.dist.Merge(&r.dist)
}

// minRateTime is the shortest time that a rate is taken over.
const minRateTime = time.Second

// push makes room for what happened in the last length of time and forgets what
// is older than the window. Intervals much shorter than the window share a place,
// so that there are never more than about a dozen.
func (h *history) push(length time.Duration) *interval {
	length = max(length, 0)
	if n := len(h.past); n > 0 && h.past[n-1].length < h.window/10 {
		h.past[n-1].length += length
	} else {
		h.past = append(h.past, interval{length: length})
	}
	// The oldest goes once the others fill the window by themselves.
	rest := h.covered() - h.past[0].length
	for len(h.past) > 1 && rest >= h.window {
		h.past = h.past[1:]
		rest -= h.past[0].length
	}
	return &h.past[len(h.past)-1]
}

func (h *history) covered() time.Duration {
	var sum time.Duration
	for i := range h.past {
		sum += h.past[i].length
	}
	return sum
}

func (h *history) perSecond() float64 {
	var sum float64
	for i := range h.past {
		sum += h.past[i].sum
	}
	return sum / max(h.covered(), minRateTime).Seconds()
}

func (h *history) into(d *signal.Dist) {
	d.Reset()
	for i := range h.past {
		d.Merge(&h.past[i].dist)
	}
}
