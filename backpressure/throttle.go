package backpressure

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// ErrThrottled is what errors.Is finds in a [Throttled].
var ErrThrottled = errors.New("evenkeel: throttled")

// A Throttled is a request that a client did not send, because the server refuses
// most of what it is sent.
type Throttled struct{ after time.Duration }

// RetryAfter is when to try again, jittered.
func (t *Throttled) RetryAfter() time.Duration { return t.after }

// Error describes the refusal in one line.
func (t *Throttled) Error() string {
	return fmt.Sprintf("%v: not sent, the server sheds: retry after %v", ErrThrottled, t.after.Round(time.Millisecond))
}

// Is makes errors.Is find [ErrThrottled].
func (t *Throttled) Is(target error) bool { return target == ErrThrottled }

const (
	throttleK     = 2 // requests sent per request accepted
	throttleSlots = 24
	throttleSlot  = 5 * time.Second // of the window of two minutes
	// Without a Retry-After, and when a probe is not answered.
	throttleProbe, throttleLost = time.Second, 10 * time.Second
)

// A Throttle is a client's restraint towards one server: client-side throttling
// of the book "Site Reliability Engineering" (Google, 2016, chapter 21). Over two
// minutes it sees how many requests there were and how many the server accepted,
// and sends nothing with probability (requests − 2·accepts) / (requests + 1). What
// it does not send counts as a request, so the restraint grows with the demand.
//
// That rule alone would keep a client away from a server long after this has
// recovered. So one request goes through when the time is over that the server
// named last, and for as long as such a request is accepted, the next one.
//
// Only answers that shed count as refused; connections that fail say nothing about
// load, and are another tool's work.
//
// The zero Throttle is ready. All methods may be called from any goroutine.
type Throttle struct {
	mu                sync.Mutex
	requests, accepts int64 // in the window
	slots             [throttleSlots]struct{ requests, accepts int64 }
	slot              int64 // the last one written, counted from the year 1970
	probeAt           time.Time
	probing           bool
}

// Ask returns nil if a request may be sent, and a *[Throttled] otherwise. Report
// the answer with Accepted or Refused. A request that ends with neither, as one
// that was cancelled, is not counted.
func (t *Throttle) Ask(now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.advance(now)
	p := float64(t.requests-throttleK*t.accepts) / float64(t.requests+1)
	if p <= 0 {
		return nil
	}
	if !t.probeAt.IsZero() && !now.Before(t.probeAt) {
		t.probing, t.probeAt = true, now.Add(throttleLost)
		return nil
	}
	if rand.Float64() >= p {
		return nil
	}
	t.count(0)
	after := max(t.probeAt.Sub(now), throttleProbe)
	return &Throttled{after + rand.N(after/2+1)}
}

// Accepted says that the server took a request, whatever came of it.
func (t *Throttle) Accepted(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.advance(now)
	t.count(1)
	if t.probing {
		t.probing, t.probeAt = false, now
	}
}

// Refused says that the server shed a request and named after as the time to come
// back, 0 if it named none.
func (t *Throttle) Refused(now time.Time, after time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.advance(now)
	t.count(0)
	if after <= 0 {
		after = throttleProbe
	}
	t.probing, t.probeAt = false, now.Add(after)
}

// count counts one request in the present slot.
func (t *Throttle) count(accepts int64) {
	s := &t.slots[t.slot%throttleSlots]
	s.requests++
	s.accepts += accepts
	t.requests++
	t.accepts += accepts
}

// advance forgets what has left the window. A clock that was set back stands still.
func (t *Throttle) advance(now time.Time) {
	slot := max(now.UnixNano()/int64(throttleSlot), 0)
	for gone := min(slot-t.slot, throttleSlots); gone > 0; gone-- {
		s := &t.slots[(slot-gone+1)%throttleSlots]
		t.requests -= s.requests
		t.accepts -= s.accepts
		s.requests, s.accepts = 0, 0
	}
	t.slot = max(t.slot, slot)
}
