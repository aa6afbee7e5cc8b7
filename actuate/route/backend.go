package route

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// A backend is one instance at one address. An instance that comes back at
// another address is a new backend: what was known of the old one is void.
type backend struct {
	id   string
	addr string

	// poke asks for a health check now. Capacity 1.
	poke chan struct{}
	// watch ends the backend's health checks; nil while there are none. Only
	// Run uses it.
	watch context.CancelFunc

	// The rest is guarded by Router.mu.

	phase    actuate.Phase
	gone     bool // no longer in the set; kept while requests are in flight
	inFlight int64
	silent   int64 // of those, the ones without a byte of the response's body
	total    int64
	failures int64  // requests it took and did not answer in full
	turn     uint64 // when it was last picked; 0 never
	failed   int    // bad health checks in a row
	down     bool   // taken out by its health
	// candidate is pick's own: whether b may get the request.
	candidate bool
	retryAt   time.Time
}

// usable reports whether b may get a new request.
func (b *backend) usable(now func() time.Time) bool {
	if b.phase != actuate.Ready || b.gone {
		return false
	}
	// retryAt is only set where no health check would bring b back.
	return !b.down || (!b.retryAt.IsZero() && !now().Before(b.retryAt))
}

// Route replaces the set of instances. Only those in phase Ready get new
// requests. What is known of an instance is kept while its ID and Addr stay the
// same, except that one which has just started is believed to be healthy. Of
// several instances with one ID the last counts; one without Addr is not used.
func (r *Router) Route(set []actuate.Instance) {
	r.mu.Lock()
	for _, b := range r.set {
		b.gone = true
	}
	next := make([]*backend, 0, len(set))
	for _, in := range set {
		b := r.byID[in.ID]
		if b == nil || b.addr != in.Addr {
			b = &backend{id: in.ID, addr: in.Addr, poke: make(chan struct{}, 1), gone: true}
			r.byID[in.ID] = b
		}
		if in.Phase == actuate.Ready && b.phase == actuate.Starting {
			b.down, b.failed, b.retryAt = false, 0, time.Time{}
		}
		b.phase = in.Phase
		if in.Addr == "" {
			b.phase = actuate.Starting
		}
		if b.gone {
			b.gone = false
			next = append(next, b)
		}
	}
	next = slices.DeleteFunc(next, func(b *backend) bool {
		b.gone = r.byID[b.id] != b // a later one took its ID
		return b.gone
	})
	for _, b := range r.set {
		if b.gone && b.inFlight == 0 && r.byID[b.id] == b {
			delete(r.byID, b.id)
		}
	}
	r.set = next
	r.mu.Unlock()
	wake(r.changed)
}

// InFlight returns the number of requests now at the instance, 0 if it is
// unknown. One that has left the set is known until its last request ends.
func (r *Router) InFlight(id string) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b := r.byID[id]; b != nil {
		return b.inFlight
	}
	return 0
}

// pick chooses the instance for a request and counts the request there. It
// returns nil if there is none; not is left out.
func (r *Router) pick(not *backend) *backend {
	r.mu.Lock()
	defer r.mu.Unlock()
	quiet, fewest := int64(math.MaxInt64-flood), int64(math.MaxInt64-slack)
	for _, b := range r.set {
		b.candidate = b != not && b.usable(time.Now)
		if b.candidate {
			quiet = min(quiet, b.silent)
		}
	}
	for _, b := range r.set {
		b.candidate = b.candidate && b.silent <= quiet+flood
		if b.candidate {
			fewest = min(fewest, b.inFlight)
		}
	}
	var best *backend
	for _, b := range r.set {
		if b.candidate && b.inFlight <= fewest+slack && (best == nil || b.before(best)) {
			best = b
		}
	}
	if best != nil {
		r.turns++
		best.turn = r.turns
		best.inFlight++
		best.silent++
		best.total++
	}
	return best
}

const (
	// slack is how many requests more than the least busy instance one may have
	// and still get the next, if fewer of its requests wait for their first byte.
	slack = 4
	// flood is how many requests more may wait for their first byte at an instance
	// than at the quietest one, before it gets no other.
	flood = 8
)

// before reports whether a request should rather go to b than to o, both within
// slack of the least busy.
func (b *backend) before(o *backend) bool {
	if b.silent != o.silent {
		return b.silent < o.silent
	}
	if b.inFlight != o.inFlight {
		return b.inFlight < o.inFlight
	}
	return b.turn < o.turn
}

// spoke notes that a request at b has got the first byte of its response.
func (r *Router) spoke(b *backend) {
	r.mu.Lock()
	b.silent--
	r.mu.Unlock()
}

// release ends what pick began. Spoke says that [Router.spoke] was called.
func (r *Router) release(b *backend, spoke, failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b.inFlight--
	if !spoke {
		b.silent--
	}
	if failed {
		b.failures++
	}
	if b.gone && b.inFlight == 0 && r.byID[b.id] == b {
		delete(r.byID, b.id)
	}
}

// Stats are the figures of one instance.
type Stats struct {
	ID       string
	Addr     string
	Phase    actuate.Phase
	Healthy  bool  // whether its health allows new requests
	InFlight int64 // requests there now
	Total    int64 // requests sent there so far
	Failures int64 // of them, how many it failed to answer in full
}

// Stats returns the figures of every instance, in the order of the last Route.
func (r *Router) Stats() []Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Stats, len(r.set))
	for i, b := range r.set {
		out[i] = Stats{b.id, b.addr, b.phase, !b.down, b.inFlight, b.total, b.failures}
	}
	return out
}

// wake puts a token into c, a channel of capacity 1, unless there is one.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
