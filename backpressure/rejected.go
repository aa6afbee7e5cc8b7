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

// Status is the HTTP status to answer with: 503 for what the server lacks, 429 for
// a quota that the caller has used up. A caller that has left gets 499, which only
// logs will see.
func (r *Rejected) Status() int { return r.reason.status() }

// RetryAfter is when to come back, in whole seconds, at most two minutes: the excess
// over what fits, divided by the learned drain rate. Those who have been told to come
// back count as excess too: each is given the first second that has room, so that
// those who were refused together do not return together, and a little jitter. Of a quota it is the time until the request
// will fit, with a little jitter on top and never below. 0 for a caller that has
// left, and for what will never fit.
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
	if r.reason == Preempted {
		return ErrPreempted
	}
	if r.evicted {
		return ErrEvicted
	}
	return ErrShed
}

// Is makes errors.Is find [ErrShed], [ErrEvicted] or [ErrPreempted], and the error of a context
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

	// Of a quota the whole debt is told, by the minute where it is long.
	maxQuotaRetry = int64((maxBurst + maxDebt) / time.Minute) // minutes
)

// A table holds every Rejected there can be.
type table struct {
	all    [2][reasons][maxRetry + 1]Rejected
	debts  [2][maxQuotaRetry + 1]Rejected // of QuotaRequests and QuotaTokens, beyond maxRetry, by the minute
	random uint32
}

func newTable() *table {
	t := &table{random: 1}
	for e := range t.all {
		for why := range t.all[e] {
			for s := range t.all[e][why] {
				t.all[e][why][s] = Rejected{Reason(why), e == 1, uint16(s)}
			}
		}
	}
	for d := range t.debts {
		for m := range t.debts[d] {
			t.debts[d][m] = Rejected{QuotaRequests + Reason(d), false, uint16(60 * m)}
		}
	}
	return t
}

// pick returns the Rejected for v, with up to an eighth of its time and a second as
// jitter.
func (t *table) pick(v Verdict, evicted bool) *Rejected {
	e := 0
	if evicted {
		e = 1
	}
	switch v.Reason {
	case Cancelled, QuotaTooLarge:
		return &t.all[e][v.Reason][0]
	case QuotaRequests, QuotaTokens:
		return t.debt(v)
	}
	secs := v.seconds()
	secs += t.below(jitter(secs))
	return &t.all[e][v.Reason][min(secs, maxRetry)]
}

// seconds is v's RetryAfter in whole seconds, at least one.
func (v Verdict) seconds() uint32 {
	secs := uint32((min(max(v.RetryAfter, 0), maxRetry*time.Second) + time.Second - 1) / time.Second)
	switch {
	case secs > 0:
		return secs
	case v.Reason == NoCapacity || v.Reason == Draining:
		return unknownRetry
	}
	return 1
}

// jitter is how many seconds, less one, may come on top.
func jitter(secs uint32) uint32 { return secs/8 + 2 }

// Jittered returns what a [Rejected] made of v may tell its caller: whole seconds,
// with jitter by a random number. It is for simulations, which have no [Gate], and
// not for the verdict of a quota.
func (v Verdict) Jittered(random uint32) time.Duration {
	secs := v.seconds()
	secs += random >> 16 * jitter(secs) >> 16
	return time.Duration(min(secs, maxRetry)) * time.Second
}

// debt returns the Rejected of a quota: an eighth of the time and a second as
// jitter, since the callers of one key are few.
func (t *table) debt(v Verdict) *Rejected {
	secs := uint32((min(max(v.RetryAfter, 1), maxBurst+maxDebt) + time.Second - 1) / time.Second)
	secs += t.below(secs/8 + 2)
	if secs <= maxRetry {
		return &t.all[0][v.Reason][secs]
	}
	return &t.debts[v.Reason-QuotaRequests][min(int64(secs+59)/60, maxQuotaRetry)]
}

// below returns a random number below n, which is less than 65536: xorshift,
// cheap, and enough to spread clients.
func (t *table) below(n uint32) uint32 {
	t.random ^= t.random << 13
	t.random ^= t.random >> 17
	t.random ^= t.random << 5
	return t.random >> 16 * n >> 16
}
