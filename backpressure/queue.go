package backpressure

import (
	"math"
	"time"
)

// A queue holds the requests that wait, in the order of their arrival. The links
// are in the requests, so nothing is allocated and any one can leave at once.
type queue struct {
	first, last *Request
	n           int
	bytes       int64
	work        float64
	amount      [2]float64    // per line
	soonest     time.Duration // no request gives up before; a lower bound
}

func (q *queue) push(r *Request) {
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
}

func (q *queue) remove(r *Request) {
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
	q.n--
	if q.n == 0 { // no rounding error stays
		*q = queue{}
		return
	}
	q.bytes -= r.Cost.Bytes
	q.work -= r.work
	q.amount[lineOf(r)] -= r.amount
}

// overdue returns a request whose time to give up has come, or nil.
func (q *queue) overdue(t time.Duration) *Request {
	if t < q.soonest {
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
