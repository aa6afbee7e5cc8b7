package backpressure

import (
	"context"
	"fmt"
	"time"
)

// A Rejected is the refusal of one request. Values are immutable and shared:
// they come from a table that the gate makes once, so refusing allocates nothing.
type Rejected struct {
	reason  Reason
	evicted bool
	retry   uint16 // seconds
}

// Reason says why.
func (r *Rejected) Reason() Reason { return r.reason }

// Evicted reports whether the request had waited in the queue.
func (r *Rejected) Evicted() bool { return r.evicted }

// Status is the HTTP status to answer with: 503 for what the server lacks. 429 is
// for what a caller has used up, which this gate does not count. A caller that
// has left gets 499, which only logs will see.
func (r *Rejected) Status() int { return r.reason.status() }

// RetryAfter is when to come back, in whole seconds: the excess over what fits,
// divided by the learned drain rate, with jitter so that those who were refused
// together do not return together. 0 for a caller that has left.
func (r *Rejected) RetryAfter() time.Duration { return time.Duration(r.retry) * time.Second }

// Error describes the refusal in one line.
func (r *Rejected) Error() string {
	s := fmt.Sprintf("%v: %s (%v)", r.sentinel(), reasonTexts[r.reason], r.reason)
	if r.retry > 0 {
		s += fmt.Sprintf(", retry after %ds", r.retry)
	}
	return s
}

func (r *Rejected) sentinel() error {
	if r.evicted {
		return ErrEvicted
	}
	return ErrShed
}

// Is makes errors.Is find [ErrShed] or [ErrEvicted], and the error of a context
// that ended while the request waited.
func (r *Rejected) Is(target error) bool {
	switch target {
	case r.sentinel():
		return true
	case context.Canceled:
		return r.reason == Cancelled
	case context.DeadlineExceeded:
		return r.reason == DeadlineTooShort && r.evicted
	}
	return false
}

const (
	maxRetry     = 120 // seconds
	unknownRetry = 5   // seconds, where nobody knows when there will be room
)

// A table holds every Rejected there can be.
type table struct {
	all [2][reasons][maxRetry + 1]Rejected
	rng uint32
}

func newTable() *table {
	t := &table{rng: 1}
	for e := range t.all {
		for why := range t.all[e] {
			for s := range t.all[e][why] {
				t.all[e][why][s] = Rejected{Reason(why), e == 1, uint16(s)}
			}
		}
	}
	return t
}

// pick returns the Rejected for v, with up to half of its time and a second as
// jitter.
func (t *table) pick(v Verdict, evicted bool) *Rejected {
	e := 0
	if evicted {
		e = 1
	}
	if v.Reason == Cancelled {
		return &t.all[e][v.Reason][0]
	}
	secs := uint32((min(max(v.RetryAfter, 0), maxRetry*time.Second) + time.Second - 1) / time.Second)
	if secs == 0 {
		secs = 1
		if v.Reason == NoCapacity || v.Reason == Draining {
			secs = unknownRetry
		}
	}
	t.rng ^= t.rng << 13 // xorshift: cheap, and enough to spread clients
	t.rng ^= t.rng >> 17
	t.rng ^= t.rng << 5
	secs += t.rng >> 16 * (secs/2 + 2) >> 16
	return &t.all[e][v.Reason][min(secs, maxRetry)]
}
