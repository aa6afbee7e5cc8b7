package main

import (
	"container/heap"
	"time"
)

// A fleet serves jobs, at one or several servers.
type fleet interface {
	// start takes j in, to work on it or to queue it.
	start(w *world, j *job)
	// drop forgets j, whose client has left.
	drop(w *world, j *job)
	// next is when something will happen, or never.
	next() time.Duration
	// advance lets happen what is due, and tells w.
	advance(w *world)
	// resize leaves n servers, and tells w of the jobs that are lost.
	resize(w *world, n int)
}

// A world is one run: arrivals, a policy and a fleet, in virtual time.
type world struct {
	now     time.Duration
	policy  policy
	fleet   fleet
	starter starter   // the policy, if it is one
	waiter  waiter    // the policy, if it is one
	stopper preempter // the policy, if it is one

	arrive func() *job // the next, in order of time; nil: no more
	ended  func(*job)  // told of every end
	coming *job        // the next arrival
	timers timers      // clients that leave, and what the scenario does
	ids    uint64

	arrivals int
	endings  [endings]int
	twice    int // jobs that ended more than once: none, or there is a mistake
}

func newWorld(p policy, f fleet, arrive func() *job, ended func(*job)) *world {
	w := &world{policy: p, fleet: f, arrive: arrive, ended: ended}
	w.starter, _ = p.(starter)
	w.waiter, _ = p.(waiter)
	w.stopper, _ = p.(preempter)
	return w
}

// at calls f at t.
func (w *world) at(t time.Duration, f func()) { w.timers.push(timer{at: t, call: f}) }

// run lets everything happen until no job is left.
func (w *world) run() {
	w.coming = w.arrive()
	for {
		t := w.fleet.next()
		if w.coming != nil {
			t = min(t, w.coming.at)
		}
		if len(w.timers.heap) > 0 {
			t = min(t, w.timers.heap[0].at)
		}
		t = max(min(t, w.policy.wake()), w.now)
		if t == never && (w.waiter == nil || w.open() == 0) {
			return
		}
		if w.waiter != nil {
			t = w.waiter.wait(t)
		}
		w.now = t
		w.step()
	}
}

// open is how many jobs have not ended.
func (w *world) open() int {
	n := w.arrivals
	for _, k := range w.endings {
		n -= k
	}
	return n
}

// step does what is due now.
func (w *world) step() {
	for w.fleet.next() <= w.now {
		w.fleet.advance(w)
		w.pump()
	}
	for len(w.timers.heap) > 0 && w.timers.heap[0].at <= w.now {
		t := w.timers.pop()
		if t.call != nil {
			t.call()
		} else {
			w.giveUp(t.job)
		}
		w.pump()
	}
	for w.coming != nil && w.coming.at <= w.now {
		j := w.coming
		w.coming = w.arrive()
		w.offer(j)
		w.pump()
	}
	w.pump()
}

// pump runs and refuses what the policy no longer holds.
func (w *world) pump() {
	for {
		j, v := w.policy.expire(w.now)
		if j == nil {
			break
		}
		w.end(j, refused, v.retry)
	}
	for {
		if j := w.policy.next(w.now); j != nil {
			w.start(j)
			continue
		}
		if w.stopper == nil {
			return
		}
		j, v := w.stopper.preempt(w.now)
		if j == nil {
			return
		}
		w.fleet.drop(w, j)
		w.policy.done(w.now, j, refused)
		w.end(j, refused, v.retry)
	}
}

// offer brings j, which has just arrived, before the policy.
func (w *world) offer(j *job) {
	w.ids++
	w.arrivals++
	j.id = w.ids
	switch v := w.policy.offer(w.now, j); v.action {
	case shed:
		w.end(j, refused, v.retry)
		return
	case hold:
		j.state = held
	default:
		w.start(j)
	}
	if j.state != ended && j.giveUp != never {
		w.timers.push(timer{at: j.giveUp, job: j})
	}
}

func (w *world) start(j *job) {
	j.state, j.admitted = running, w.now
	w.fleet.start(w, j)
}

func (w *world) giveUp(j *job) {
	switch {
	case j.state == held:
		w.policy.leave(w.now, j)
		w.end(j, left, 0)
	case j.state == running && (!j.toAnswer || j.first == 0):
		w.fleet.drop(w, j)
		w.policy.done(w.now, j, left)
		w.end(j, left, 0)
	}
}

// first, token and done are what a fleet reports.
func (w *world) first(j *job) {
	j.first, j.last, j.made = w.now, w.now, 1
	w.policy.first(w.now, j)
}

func (w *world) token(j *job) {
	j.last = w.now
	j.made++
	w.policy.token(w.now, j)
}

func (w *world) done(j *job, how ending) {
	j.last = w.now
	w.policy.done(w.now, j, how)
	w.end(j, how, 0)
}

func (w *world) started(j *job) {
	if w.starter != nil {
		w.starter.started(w.now, j)
	}
}

func (w *world) end(j *job, how ending, retry time.Duration) {
	if j.state, j.ending = ended, how; j.closed {
		w.twice++
		return
	}
	j.closed = true
	w.endings[how]++
	j.retry = retry
	w.ended(j)
}

// A timer calls a function, or has a client leave. Of two at one instant the one
// that was set first goes first.
type timer struct {
	at   time.Duration
	seq  uint64
	job  *job
	call func()
}

type timers struct {
	heap timerHeap
	seq  uint64
}

func (t *timers) push(x timer) {
	t.seq++
	x.seq = t.seq
	heap.Push(&t.heap, x)
}

func (t *timers) pop() timer { return heap.Pop(&t.heap).(timer) }

type timerHeap []timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, k int) bool {
	return h[i].at < h[k].at || h[i].at == h[k].at && h[i].seq < h[k].seq
}
func (h timerHeap) Swap(i, k int) { h[i], h[k] = h[k], h[i] }
func (h *timerHeap) Push(x any)   { *h = append(*h, x.(timer)) }
func (h *timerHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	(*h)[last] = timer{}
	*h = (*h)[:last]
	return x
}
