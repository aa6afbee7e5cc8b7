package signal

import (
	"math"
	"sync/atomic"
	"time"
)

// A Gauge holds the last value that it was given, and when. The zero Gauge has
// none. All methods may be called from any goroutine; none allocates or waits.
type Gauge struct {
	clock
	set   atomic.Int64  // 1 + ns since the origin of the last Set or Add, 0 for never
	value atomic.Uint64 // float64 bits
}

// Set makes v the value at time now. NaN and infinities are ignored, so that the
// old value ages.
func (g *Gauge) Set(now time.Time, v float64) {
	if !finite(v) {
		return
	}
	g.value.Store(math.Float64bits(v))
	g.touch(now)
}

// Add changes the value by d at time now; the first call starts from zero. NaN
// and infinities are ignored.
func (g *Gauge) Add(now time.Time, d float64) {
	if !finite(d) {
		return
	}
	addFloat(&g.value, d)
	g.touch(now)
}

// touch comes after the value is stored, so that a reader who loads in the other
// order never thinks a value younger than it is.
func (g *Gauge) touch(now time.Time) {
	t := g.at(now) + 1
	for {
		old := g.set.Load()
		if old >= t || g.set.CompareAndSwap(old, t) {
			return
		}
	}
}

// Load returns the value, 0 if there is none. It suits a level that its owner
// keeps right at all times, such as the number of requests in flight: that is
// as true after a minute without a change as at once.
func (g *Gauge) Load() float64 { return math.Float64frombits(g.value.Load()) }

// Sample returns the value with the time since it was last set as its age. It is
// absent if it never was. It suits what is measured now and then.
func (g *Gauge) Sample(now time.Time) Sample {
	set := g.set.Load()
	if set == 0 {
		return Sample{}
	}
	v := Value(g.Load())
	v.Age = time.Duration(max(g.at(now)+1-set, 0))
	return v
}
