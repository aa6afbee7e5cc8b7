package backpressure

import "time"

// A Reservation is the part of a quota that one request holds, until Settle or
// Refund. Only the first of them counts. The zero Reservation holds nothing. Not
// safe for concurrent use.
type Reservation struct {
	quotas    *Quotas
	bucket    *bucket
	rate      rate
	prompt    int64
	unbounded bool          // in its output: it tells how long outputs are
	request   time.Duration // taken from each meter
	charge    time.Duration
}

// Settle replaces the reserved tokens by those that the request used.
func (r *Reservation) Settle(now time.Time, prompt, output int64) {
	if r.bucket == nil {
		return
	}
	used := float64(max(prompt, 0)) + float64(max(output, 0))
	q, b := r.quotas, r.bucket
	q.mu.Lock()
	defer q.mu.Unlock()
	t := q.advance(now)
	if more := r.rate.tokens(used) - r.charge; more > 0 {
		b.tokens.take(t, more, r.rate.burst)
	} else {
		b.tokens.give(-more)
	}
	if r.unbounded && output > 0 {
		outgrow(&b.largest, float64(output))
		outgrow(&q.largest, float64(output))
	}
	b.open--
	r.bucket = nil
}

// Keep ends a reservation whose request ran, but of which nobody knows how many
// tokens it used: the estimate stands.
func (r *Reservation) Keep() { r.close(0, 0) }

// Refund gives back everything: the request never ran.
func (r *Reservation) Refund() { r.close(r.request, r.charge) }

func (r *Reservation) close(request, tokens time.Duration) {
	if r.bucket == nil {
		return
	}
	r.quotas.mu.Lock()
	defer r.quotas.mu.Unlock()
	r.bucket.requests.give(request)
	r.bucket.tokens.give(tokens)
	r.bucket.open--
	r.bucket = nil
}

// A QuotaMeter is how much is left of one limit, for one member.
type QuotaMeter struct {
	// Limit is what may be used at once: the size of the bucket, of all members.
	// 0: there is no limit, and nothing else is told.
	Limit int64
	// Remaining of it, not negative. Of the other members it is assumed that they
	// used as much as this one.
	Remaining int64
	// Reset is how long until all of it is there again.
	Reset time.Duration
}

// A QuotaState is how much a key has left.
type QuotaState struct{ Requests, Tokens QuotaMeter }

// State returns how much key has left.
func (q *Quotas) State(now time.Time, members int, key string) QuotaState {
	limit := q.cfg.Load().of(key)
	if limit.unlimited() {
		return QuotaState{}
	}
	burst := limit.burst()
	q.mu.Lock()
	t := q.advance(now)
	b := q.peek(key)
	var requests, tokens time.Duration
	if b != nil {
		requests, tokens = b.requests.missing(t), b.tokens.missing(t)
	}
	q.mu.Unlock()
	return QuotaState{left(limit.Requests, burst, requests), left(limit.Tokens, burst, tokens)}
}

// left is a meter that lacks missing until it is full.
func left(limit int64, burst, missing time.Duration) QuotaMeter {
	if limit <= 0 {
		return QuotaMeter{}
	}
	size := max(int64(min(float64(limit)*burst.Minutes(), 1<<53)), 1)
	part := max(1-missing.Seconds()/burst.Seconds(), 0)
	return QuotaMeter{size, int64(float64(size)*part + 1e-6), missing}
}

// Len returns how many keys are remembered.
func (q *Quotas) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.all)
}
