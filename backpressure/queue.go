package backpressure

import (
	"math"
	"time"
)

// A queue holds the requests that wait: a band for each class, in it a flow for
// each tenant, and all of them in the order of their arrival. The links are in
// the requests, so waiting allocates nothing and any one can leave at once.
type queue struct {
	first, last *Request
	n           int
	bytes       int64
	work        float64
	amount      [2]float64    // per line
	soonest     time.Duration // no request gives up before; a lower bound

	bands     [classes]band
	displaced *Request // out of the queue for another's sake, linked by next
	// fair says that somebody waits or has, not long ago, so that shares count.
	fair  bool
	empty time.Duration // nobody waits since
}

func (q *queue) push(t time.Duration, r *Request) {
	r.state = queued
	r.prev, r.next = q.last, nil
	if q.last == nil {
		q.first = r
		q.soonest = r.giveUp
	} else {
		q.last.next = r
	}
	q.last = r
	q.soonest = min(q.soonest, r.giveUp)
	q.n++
	q.bytes += r.Cost.Bytes
	q.work += r.work
	q.amount[lineOf(r)] += r.amount
	q.fair = true
	q.bands[r.rank].push(t, r)
}

// remove takes r out at t; served says that it is let in, not refused.
func (q *queue) remove(t time.Duration, r *Request, served bool) {
	if r.prev == nil {
		q.first = r.next
	} else {
		r.prev.next = r.next
	}
	if r.next == nil {
		q.last = r.prev
	} else {
		r.next.prev = r.prev
	}
	r.prev, r.next, r.state = nil, nil, idle
	q.bands[r.rank].remove(r, served)
	q.n--
	if q.n == 0 { // no rounding error stays
		q.bytes, q.work, q.amount, q.empty = 0, 0, [2]float64{}, t
		return
	}
	q.bytes -= r.Cost.Bytes
	q.work -= r.work
	q.amount[lineOf(r)] -= r.amount
}

// candidate is the request that goes next at t, and the class whose room it may
// use: of the highest class that waits, or of a lower one whose sliver is due.
func (q *queue) candidate(t time.Duration) (r *Request, rank int) {
	for i := range q.bands {
		b := &q.bands[i]
		if b.n == 0 {
			continue
		}
		rank = i
		if r == nil || r.work > q.bands[r.rank].credit {
			r = b.starts.flows[0].turn(t)
		}
	}
	return r, rank
}

// waits reports whether somebody waits who goes before a request of that class.
func (q *queue) waits(rank int) bool {
	if q.n == 0 {
		return false
	}
	for i := rank; i < classes; i++ {
		if q.bands[i].n > 0 {
			return true
		}
	}
	return false
}

// ahead is how much is worked off before r if r is queued now: all of the higher
// classes, and its share of its own.
func (q *queue) ahead(r *Request) (amount float64) {
	if q.n == 0 {
		return 0
	}
	line := lineOf(r)
	for i := r.rank + 1; i < classes; i++ {
		amount += q.bands[i].amount[line]
	}
	if b := &q.bands[r.rank]; b.n > 0 {
		amount += b.ahead(r) * b.amount[line]
	}
	return amount
}

// excess is the request that gives way to r where the queue is full, if any: of
// the lowest class, or of r's own, the newest of the flow furthest above its share.
func (q *queue) excess(r *Request) *Request {
	for i := range r.rank {
		if b := &q.bands[i]; b.n > 0 {
			return b.tails.flows[0].last
		}
	}
	return q.bands[r.rank].excess(r)
}

// displace takes r out at t for another's sake.
func (q *queue) displace(t time.Duration, r *Request) {
	q.remove(t, r, false)
	r.state, r.next, q.displaced = displaced, q.displaced, r
}

// takeDisplaced returns a request that was displaced, or nil.
func (q *queue) takeDisplaced() *Request {
	r := q.displaced
	if r != nil {
		q.displaced, r.next, r.state = r.next, nil, idle
	}
	return r
}

// overdue returns a request whose time to give up has come, or nil.
func (q *queue) overdue(t time.Duration) *Request {
	if q.first == nil || t < q.soonest {
		return nil
	}
	q.soonest = math.MaxInt64
	for r := q.first; r != nil; r = r.next {
		if r.giveUp <= t {
			q.soonest = r.giveUp // there may be more
			return r
		}
		q.soonest = min(q.soonest, r.giveUp)
	}
	return nil
}

// undisplace takes r out of the list of those displaced.
func (q *queue) undisplace(r *Request) {
	for p := &q.displaced; *p != nil; p = &(*p).next {
		if *p == r {
			*p, r.next, r.state = r.next, nil, idle
			return
		}
	}
}

// charge counts r, which is let in without having waited, against its tenant.
func (q *queue) charge(r *Request) {
	b := &q.bands[r.rank]
	b.serve(b.flow(r.Tenant, r.Weight), r)
}

// contended reports whether callers of more than one tenant or class are there.
func (q *queue) contended() bool {
	if !q.fair {
		return false
	}
	n := 0
	for i := range q.bands {
		n += len(q.bands[i].flows)
	}
	return n > 1
}

// fold forgets the shares some time after the last request has waited.
func (q *queue) fold(t time.Duration) {
	if q.fair && q.n == 0 && t-q.empty > fairMemory {
		q.fair = false
		for i := range q.bands {
			q.bands[i].forget()
		}
	}
}

// due reports whether r has its class's sliver coming, though others go before.
func (q *queue) due(r *Request) bool {
	b := &q.bands[r.rank]
	return b.n == 0 && r.work <= b.credit
}
