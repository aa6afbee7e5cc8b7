package signal

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// The window that recorders use when they are given none.
const (
	DefaultWindow = 30 * time.Second
	DefaultSlots  = 10
)

// A clock turns times into nanoseconds since the first time it was shown, by the
// monotonic clock where the times have one. The zero clock is ready to use.
type clock struct {
	origin atomic.Pointer[time.Time]
}

// at returns the nanoseconds from the origin to now, never less than zero. The
// first call sets the origin.
func (c *clock) at(now time.Time) int64 {
	o := c.origin.Load()
	if o == nil {
		o = c.start(now)
	}
	return max(int64(now.Sub(*o)), 0)
}

// start is apart from at so that only the first call moves now to the heap.
func (c *clock) start(now time.Time) *time.Time {
	o := now
	if c.origin.CompareAndSwap(nil, &o) {
		return &o
	}
	return c.origin.Load()
}

// A ring divides time into slots for a recorder. Values go to a live slot that
// writers share by atomic adds; when it ends, whoever comes first moves what is
// in it to the past. The live slot is emptied by atomic swaps, so a value is in
// exactly one slot and none is lost; one that is written while its slot ends may
// count for the next one.
//
// Writers take the lock only where a slot ends. There, all of them wait for the
// few microseconds that the move takes: after a long pause, a value written into
// a live slot that nobody has ended yet would be taken for an old one.
type ring struct {
	clock
	width int64        // of a slot, in ns
	slots int          // the live one included
	next  atomic.Int64 // when the live slot ends, in ns since the origin
	_     [64]byte     // keeps the above, read by everybody, off written cache lines

	mu    sync.Mutex
	epoch int64 // number of the live slot; its place in the ring is epoch % slots
}

// init sets the window. What makes no sense becomes the default: a recorder has
// no way to refuse, and both numbers only trade memory for precision.
func (r *ring) init(window time.Duration, slots int) {
	if window <= 0 {
		window = DefaultWindow
	}
	if slots < 2 {
		slots = DefaultSlots
	}
	r.slots = slots
	r.width = max(int64(window)/int64(slots), 1)
	r.next.Store(r.width)
}

// ended reports whether the live slot has ended by t.
func (r *ring) ended(t int64) bool { return t >= r.next.Load() }

// turn makes the slot of t the live one if it is not, or is not past: flush
// moves the live values to the given place, drop empties a place. The caller
// holds mu.
func (r *ring) turn(t int64, flush, drop func(place int)) {
	to := t / r.width
	if to <= r.epoch {
		return
	}
	n := int64(r.slots)
	flush(int(r.epoch % n))
	for e := r.epoch + 1; e <= min(to, r.epoch+n); e++ {
		drop(int(e % n))
	}
	r.epoch = to
	if to >= math.MaxInt64/r.width {
		r.next.Store(math.MaxInt64)
		return
	}
	// Published last: from here on, writers may use the live slot for the new time.
	r.next.Store((to + 1) * r.width)
}

// covered returns the nanoseconds that the window covers at t: less than all of
// it until it has filled up. The caller holds mu.
func (r *ring) covered(t int64) int64 {
	from := max(r.epoch-int64(r.slots)+1, 0) * r.width
	return max(t, r.epoch*r.width) - from
}

// addFloat adds v to the float64 whose bits are in a.
func addFloat(a *atomic.Uint64, v float64) float64 {
	for {
		old := a.Load()
		sum := math.Float64frombits(old) + v
		if a.CompareAndSwap(old, math.Float64bits(sum)) {
			return sum
		}
	}
}

// finite reports whether v is a number that can be added up.
func finite(v float64) bool { return v-v == 0 }
