package signal

import (
	"math"
	"sync/atomic"
	"time"
)

// A Counter adds up amounts and gives their rate over a sliding window. Make it
// with [NewCounter]. It keeps time, and may be used from many goroutines, like a
// [Histogram].
type Counter struct {
	ring
	past  []float64 // guarded by ring.mu; the live slot's place is 0
	total float64   // guarded by ring.mu; of all slots that have ended
	_     [64]byte
	live  atomic.Uint64 // float64 bits
}

// NewCounter returns a counter at zero. The arguments are those of
// [NewHistogram].
func NewCounter(window time.Duration, slots int) *Counter {
	c := new(Counter)
	c.init(window, slots)
	c.past = make([]float64, c.slots)
	return c
}

// Add adds n at time now. An n that is negative, NaN or infinite is ignored.
func (c *Counter) Add(now time.Time, n float64) {
	if !(n >= 0) || !finite(n) {
		return
	}
	if t := c.at(now); c.ended(t) {
		c.end(t)
	}
	addFloat(&c.live, n)
}

// minRateTime is the shortest time that a rate is taken over: one request in the
// first millisecond is not a thousand requests per second.
const minRateTime = time.Second

// PerSecond returns the rate over the window at time now. The window begins with
// the first call of Add or PerSecond; until it has filled up, the rate is over
// the time since then, but at least over a second, or over a slot if that is
// shorter.
func (c *Counter) PerSecond(now time.Time) float64 {
	t := c.at(now)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(t, c.flush, c.drop)
	sum := math.Float64frombits(c.live.Load())
	for _, n := range c.past {
		sum += n
	}
	over := max(c.covered(t), min(c.width, int64(minRateTime)))
	return sum / time.Duration(over).Seconds()
}

// Total returns the sum of everything that was ever added.
func (c *Counter) Total() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total + math.Float64frombits(c.live.Load())
}

func (c *Counter) end(t int64) {
	c.mu.Lock()
	c.turn(t, c.flush, c.drop)
	c.mu.Unlock()
}

func (c *Counter) drop(place int) { c.past[place] = 0 }

func (c *Counter) flush(place int) {
	n := math.Float64frombits(c.live.Swap(0))
	c.past[place] = n
	c.total += n
}
