package backpressure

import (
	"crypto/sha256"
	"strings"
	"time"
)

// A meter is one bucket of a quota, counted as time: when it will be full again.
// A bucket that fills up in a minute and is full in ten seconds holds 5/6 of its
// quota; one that is full in 80 seconds owes a third. Rates may change at any
// time, and one that is full needs no memory.
type meter struct{ full time.Duration }

// wait is how long until cost can be taken from a bucket that fills up in size.
// A cost larger than the bucket can be taken when it is full.
func (m *meter) wait(now, cost, size time.Duration) time.Duration {
	if cost == 0 {
		return 0
	}
	return max(m.missing(now)+min(cost, size)-size, 0)
}

// missing is how long until the bucket is full.
func (m *meter) missing(now time.Duration) time.Duration { return max(m.full-now, 0) }

// take takes cost, whether it is there or not, and returns what was taken: no
// more than leaves a debt of maxDebt.
func (m *meter) take(now, cost, size time.Duration) time.Duration {
	before := max(m.full, now)
	m.full = max(before, min(before+cost, now+size+maxDebt))
	return m.full - before
}

// give gives back what was taken.
func (m *meter) give(d time.Duration) { m.full -= d }

// A bucket is what is known of one key.
type bucket struct {
	key              string
	place            int // in Quotas.all
	open             int // reservations
	requests, tokens meter
	// largest is about the largest output of the key's recent requests, a maximum
	// that decays. Reserved is that, not the mean: with the mean, many concurrent
	// requests together would be short by the mean error of each.
	largest float64
}

// idle reports whether b may be forgotten: it has been full for a while, and
// would be found so.
func (b *bucket) idle(now time.Duration) bool {
	return b.open == 0 && max(b.requests.full, b.tokens.full)+idleFor <= now
}

const (
	longKey       = 64 // bytes; of a longer key, its hash is kept
	idleFor       = time.Minute
	searchSteps   = 4 // buckets looked at for each new one, to forget those that are idle
	largestDecays = 1.0 / 32
)

func outgrow(largest *float64, output float64) {
	if output >= *largest {
		*largest = output
		return
	}
	*largest += (output - *largest) * largestDecays
}

// stored is what key is remembered as: callers may send long ones.
func stored(key string) string {
	if len(key) <= longKey {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return string(sum[:])
}

// find returns the bucket of key. q.mu is held, and q.now is now.
func (q *Quotas) find(key string, maxKeys int) *bucket {
	key = stored(key)
	if b := q.keys[key]; b != nil {
		return b
	}
	q.forget(searchSteps)
	if len(q.all) >= maxKeys {
		return &q.rest
	}
	b := &bucket{key: strings.Clone(key), place: len(q.all)} // key may be part of a whole header
	q.keys[b.key] = b
	q.all = append(q.all, b)
	return b
}

// peek returns the bucket that key has, or nil if it would get a new one.
func (q *Quotas) peek(key string) *bucket {
	b := q.keys[stored(key)]
	if b == nil && len(q.all) >= q.cfg.Load().MaxKeys {
		b = &q.rest
	}
	return b
}

// forget looks at n buckets and drops the idle ones. As each new bucket pays for
// several looks, there are never many more than are in use.
func (q *Quotas) forget(n int) {
	for range min(n, len(q.all)) {
		if q.search >= len(q.all) {
			q.search = 0
		}
		b := q.all[q.search]
		if !b.idle(q.now) {
			q.search++
			continue
		}
		last := len(q.all) - 1
		q.all[b.place] = q.all[last]
		q.all[b.place].place = b.place
		q.all[last] = nil
		q.all = q.all[:last]
		delete(q.keys, b.key)
		if last == 0 {
			return
		}
	}
}
