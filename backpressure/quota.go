package backpressure

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// A Quota is what one key may use. The zero Quota is no limit at all.
type Quota struct {
	// Requests per minute. 0: no limit. Negative: none, every request is refused.
	Requests int64
	// Tokens per minute, of prompts and outputs together. 0: no limit. Negative:
	// none.
	Tokens int64
	// Burst is how long a key's unused quota adds up, and with it the size of its
	// bucket: at one minute, a whole minute's quota may be used at once. From a
	// second to an hour; default a minute.
	Burst time.Duration
}

const (
	minBurst     = time.Second
	defaultBurst = time.Minute
	maxBurst     = time.Hour

	// maxDebt is the most that a key may owe beyond its empty bucket. What one
	// request used beyond that is forgiven, so nobody is locked out for long by a
	// runaway answer.
	maxDebt = time.Hour

	defaultMaxKeys = 100_000
)

// burst returns q's Burst, within its bounds.
func (q Quota) burst() time.Duration {
	if q.Burst == 0 {
		return defaultBurst
	}
	return min(max(q.Burst, minBurst), maxBurst)
}

// unlimited reports whether there is nothing to count.
func (q Quota) unlimited() bool { return q.Requests == 0 && q.Tokens == 0 }

// A QuotaConfig says which key may use how much. A key without limits costs
// nothing and is not remembered.
type QuotaConfig struct {
	// Default is the quota of each key that Keys does not name.
	Default Quota
	// Keys are the quotas of single keys. The table is copied.
	Keys map[string]Quota
	// Limit takes the place of Default and Keys, if it is set. It is asked for
	// every request, so that limits can change at any time, by any number of
	// goroutines at once: it must be quick. A Burst out of range counts as the
	// nearest.
	Limit func(key string) Quota
	// MaxKeys bounds the keys that are remembered; one whose bucket has been full
	// for a minute is forgotten. Keys beyond that, all together, share one
	// bucket, each at its own rate, until others have been forgotten. Default
	// 100,000, at most about 30 MB.
	MaxKeys int
}

// of returns the quota of key.
func (c *QuotaConfig) of(key string) Quota {
	if c.Limit != nil {
		return c.Limit(key)
	}
	if q, ok := c.Keys[key]; ok {
		return q
	}
	return c.Default
}

func (c *QuotaConfig) validate() error {
	var errs []error
	check := func(name string, q Quota) {
		if q.Burst != 0 && q.Burst != q.burst() {
			errs = append(errs, fmt.Errorf("backpressure: %s.Burst is %v: it must lie between %v and %v, or be 0 for %v", name, q.Burst, minBurst, maxBurst, defaultBurst))
		}
	}
	check("QuotaConfig.Default", c.Default)
	for key, q := range c.Keys {
		check(fmt.Sprintf("QuotaConfig.Keys[%q]", key), q)
	}
	if c.MaxKeys < 0 {
		errs = append(errs, fmt.Errorf("backpressure: QuotaConfig.MaxKeys is %d: it must be positive, or 0 for %d", c.MaxKeys, defaultMaxKeys))
	}
	return errors.Join(errs...)
}

// Quotas count what each key uses, in requests and tokens per minute, and refuse
// what goes beyond. A request's tokens are reserved before it runs, so that any
// number of concurrent callers together cannot pass the limit, and corrected when
// it has ended; one that never ran gets everything back.
//
// Each limit is a bucket that fills up steadily and that an empty key finds full
// (GCRA: ITU-T I.371, 1993). What was used beyond a reservation is a debt, and a
// key waits until it is paid, no longer.
//
// One Quotas may serve several gates, by Config.Quotas. It reads no clock and
// starts nothing; its methods may be called from any goroutine. Make it with
// [NewQuotas].
type Quotas struct {
	cfg atomic.Pointer[QuotaConfig]

	mu      sync.Mutex
	start   time.Time
	now     time.Duration // since start
	keys    map[string]*bucket
	all     []*bucket // the same, for the search for idle ones
	search  int       // where it goes on
	looks   uint8
	rest    bucket  // of the keys that found no place
	largest float64 // recent outputs of all keys, see bucket.largest
}

// NewQuotas returns quotas of which nothing is used yet.
func NewQuotas(cfg QuotaConfig) (*Quotas, error) {
	q := &Quotas{keys: make(map[string]*bucket)}
	return q, q.update(cfg)
}

// Update puts other limits into force, whole or not at all. What was used stays
// used: a key that waits for half a minute's worth still does.
func (q *Quotas) Update(cfg QuotaConfig) error { return q.update(cfg) }

func (q *Quotas) update(cfg QuotaConfig) error {
	if err := cfg.validate(); err != nil {
		return err
	}
	orDefault(&cfg.MaxKeys, defaultMaxKeys)
	cfg.Keys = maps.Clone(cfg.Keys)
	q.cfg.Store(&cfg)
	return nil
}

// Reserve asks to use key's quota for a request of cost c: one request, its
// prompt, and its output as far as MaxOutput allows, or the largest of late where
// that is not given. Members is how many processes share the quota: each counts
// for its part. The Action of the verdict is Admit or Shed, never Hold.
//
// A prompt larger than the whole bucket is refused as [QuotaTooLarge]. A
// MaxOutput larger than that is let in once the bucket is full, since few answers
// are as long as they may be.
//
// The Reservation must be settled or refunded.
func (q *Quotas) Reserve(now time.Time, members int, key string, c Cost) (Reservation, Verdict) {
	var r Reservation
	v := q.reserve(&r, now, members, key, c)
	return r, v
}

// reserve is Reserve into a zero Reservation.
func (q *Quotas) reserve(into *Reservation, now time.Time, members int, key string, c Cost) Verdict {
	cfg := q.cfg.Load()
	limit := cfg.of(key)
	if limit.unlimited() {
		return Verdict{}
	}
	r := rates(limit, members)
	prompt := float64(max(c.Prompt, 0))
	if limit.Requests < 0 || limit.Tokens < 0 || prompt > r.bucket {
		return Verdict{Shed, QuotaTooLarge, 0}
	}

	q.mu.Lock()
	defer q.mu.Unlock()
	t := q.advance(now)
	if q.looks++; q.looks%8 == 0 {
		q.forget(1)
	}
	b := q.find(key, cfg.MaxKeys)
	output := float64(c.MaxOutput)
	if c.MaxOutput <= 0 {
		output = q.expect(b)
	}
	need := max(r.tokens(prompt), min(r.tokens(prompt+output), r.burst))
	late, reason := b.requests.wait(t, r.perRequest, r.burst), QuotaRequests
	if w := b.tokens.wait(t, need, r.burst); w > late {
		late, reason = w, QuotaTokens
	}
	if late > 0 {
		return Verdict{Shed, reason, late}
	}
	b.open++
	*into = Reservation{
		quotas: q, bucket: b, rate: r, prompt: max(c.Prompt, 0), unbounded: c.MaxOutput <= 0,
		request: b.requests.take(t, r.perRequest, r.burst),
		charge:  b.tokens.take(t, need, r.burst),
	}
	return Verdict{}
}

// expect is how many output tokens are reserved for a request of b that has no
// bound of its own.
func (q *Quotas) expect(b *bucket) float64 {
	switch {
	case b.largest > 0:
		return b.largest
	case q.largest > 0:
		return q.largest
	}
	return outputGuess
}

// advance lets time pass until now. A clock that is set back goes on from here.
func (q *Quotas) advance(now time.Time) time.Duration {
	if q.start.IsZero() {
		q.start = now
	}
	t := now.Sub(q.start)
	if t < q.now-time.Second {
		q.start = now.Add(-q.now)
	}
	q.now = max(q.now, t)
	return q.now
}

// A rate is a Quota as time: how much of a full bucket's time things take.
type rate struct {
	perRequest time.Duration // 0: no limit
	perToken   float64       // nanoseconds; 0: no limit
	burst      time.Duration
	bucket     float64 // tokens in the bucket of all members together
}

func rates(limit Quota, members int) rate {
	r := rate{burst: limit.burst(), bucket: math.Inf(1)}
	minute := float64(time.Minute) * float64(max(members, 1))
	if limit.Requests > 0 {
		r.perRequest = charge(minute / float64(limit.Requests))
	}
	if limit.Tokens > 0 {
		r.perToken = minute / float64(limit.Tokens)
		r.bucket = float64(limit.Tokens) * (float64(r.burst) / float64(time.Minute))
	}
	return r
}

// tokens is what n tokens cost.
func (r *rate) tokens(n float64) time.Duration { return charge(n * r.perToken) }

// charge bounds one cost, so that nothing overflows.
func charge(ns float64) time.Duration {
	return time.Duration(min(ns, float64(maxBurst+maxDebt)))
}
