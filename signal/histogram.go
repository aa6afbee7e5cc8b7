package signal

import (
	"math"
	"sync/atomic"
	"time"
)

// A Histogram records values over a sliding window and gives their [Dist]. Make
// it with [NewHistogram].
//
// The window slides by a slot at a time: with 30 s in 10 slots it holds the last
// 27 to 30 seconds. Times come from the caller and may run backwards; an earlier
// time counts as the latest one. All methods may be called from any goroutine.
// Recording allocates nothing, and waits for nobody but, once per slot, for the
// few microseconds that it takes to end the slot. No value is ever lost.
type Histogram struct {
	ring
	past []Dist // guarded by ring.mu; the live slot's place is empty
	_    [64]byte
	sum  atomic.Uint64 // float64 bits
	_    [64]byte
	live [distBuckets]atomic.Uint64
}

// NewHistogram returns an empty histogram over a window in so many slots. A
// window that is not positive is [DefaultWindow]; fewer than 2 slots are
// [DefaultSlots]. It takes 11 KB, and what a [Dist] takes for every slot.
func NewHistogram(window time.Duration, slots int) *Histogram {
	h := new(Histogram)
	h.init(window, slots)
	h.past = make([]Dist, h.slots)
	return h
}

// Record adds value v at time now. NaN and infinities are ignored.
func (h *Histogram) Record(now time.Time, v float64) {
	if !finite(v) {
		return
	}
	if t := h.at(now); h.ended(t) {
		h.end(t)
	}
	h.live[bucketOf(v)].Add(1)
	addFloat(&h.sum, v)
}

// Into makes d the distribution of the values in the window at time now. What is
// recorded at the same moment may be missing, or be in the counts and not yet in
// the sum.
func (h *Histogram) Into(now time.Time, d *Dist) {
	t := h.at(now)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.turn(t, h.flush, h.drop)
	d.Reset()
	for i := range h.past {
		p := &h.past[i]
		d.Merge(p)
		if p.n == 0 { // of values that came while their slot ended, and count in the next
			d.sum += p.sum
		}
	}
	for b := range h.live {
		if n := h.live[b].Load(); n != 0 {
			d.addBucket(b, n)
		}
	}
	d.sum += math.Float64frombits(h.sum.Load())
}

func (h *Histogram) end(t int64) {
	h.mu.Lock()
	h.turn(t, h.flush, h.drop)
	h.mu.Unlock()
}

func (h *Histogram) drop(place int) { h.past[place].Reset() }

func (h *Histogram) flush(place int) {
	d := &h.past[place]
	for b := range h.live {
		if h.live[b].Load() != 0 {
			d.addBucket(b, h.live[b].Swap(0))
		}
	}
	d.sum += math.Float64frombits(h.sum.Swap(0))
}
