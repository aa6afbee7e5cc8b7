package backpressure

import "time"

const (
	retryFloor  = 0.1 // retries per second that every client may make
	retryAtOnce = 10  // retries saved up at most
	retryFirst  = 3   // and to begin with
)

// A retryBudget bounds retries to a share of the requests: when everything is
// refused, retries are what keeps a server down. A token bucket: each request pays
// in its share, each retry takes one out, and a small floor flows in with time, for
// clients of few requests. Its owner locks it.
type retryBudget struct {
	tokens float64
	last   time.Time
}

// earn takes in one request.
func (b *retryBudget) earn(now time.Time, share float64) {
	if b.last.IsZero() {
		b.tokens, b.last = retryFirst, now
	}
	if d := now.Sub(b.last); d > 0 {
		b.tokens += retryFloor * d.Seconds()
		b.last = now
	}
	b.tokens = min(b.tokens+share, retryAtOnce)
}

// spend takes one retry out, if there is one.
func (b *retryBudget) spend() bool {
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
