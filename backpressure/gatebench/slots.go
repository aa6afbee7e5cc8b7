package main

import (
	"container/heap"
	"time"
)

// slots are servers that work on a fixed number of jobs at a time and queue the
// rest, first come first served. A new job goes to the server with the fewest.
type slots struct {
	servers []slotServer
	perUnit int
	busy    finishHeap
}

type slotServer struct {
	slots, working, jobs int
	queue                []*job // those that have ended are passed over
}

func newSlots(units, perUnit int) *slots {
	s := &slots{servers: make([]slotServer, units), perUnit: perUnit}
	s.shrink(perUnit)
	return s
}

// shrink leaves n slots of each server. What is worked on goes on.
func (s *slots) shrink(n int) {
	for i := range s.servers {
		s.servers[i].slots = n
	}
}

func (s *slots) start(w *world, j *job) {
	best := -1
	for i := range s.servers {
		if x := &s.servers[i]; x.slots > 0 && (best < 0 || x.jobs < s.servers[best].jobs) {
			best = i
		}
	}
	j.unit = best
	x := &s.servers[best]
	x.jobs++
	x.queue = append(x.queue, j)
	s.fill(w, x)
}

// fill gives free slots to what waits.
func (s *slots) fill(w *world, x *slotServer) {
	for x.working < x.slots && len(x.queue) > 0 {
		j := x.queue[0]
		x.queue = x.queue[1:]
		if j.state == ended {
			continue
		}
		x.working++
		j.working = true
		w.started(j)
		heap.Push(&s.busy, finish{w.now + j.service, j})
	}
}

// leave takes j, which has ended, out of its server.
func (s *slots) leave(w *world, j *job) {
	x := &s.servers[j.unit]
	x.jobs--
	if j.working {
		x.working--
		j.working = false
	}
	s.fill(w, x)
}

func (s *slots) drop(w *world, j *job) {
	j.state = ended
	s.leave(w, j)
}

func (s *slots) next() time.Duration {
	for len(s.busy) > 0 && s.busy[0].job.state == ended {
		heap.Pop(&s.busy)
	}
	if len(s.busy) == 0 {
		return never
	}
	return s.busy[0].at
}

func (s *slots) advance(w *world) {
	j := heap.Pop(&s.busy).(finish).job
	w.done(j, served)
	s.leave(w, j)
}

func (s *slots) resize(w *world, n int) {
	var gone []*job
	for _, f := range s.busy {
		if f.job.unit >= n && f.job.state != ended {
			gone = append(gone, f.job)
		}
	}
	for i := range s.servers {
		x := &s.servers[i]
		if i < n {
			x.slots = s.perUnit
			continue
		}
		for _, j := range x.queue {
			if j.state != ended {
				gone = append(gone, j)
			}
		}
		*x = slotServer{}
	}
	for _, j := range gone {
		w.done(j, lost)
	}
}

// A finish is when a job will be done, if it is not dropped before.
type finish struct {
	at  time.Duration
	job *job
}

type finishHeap []finish

func (h finishHeap) Len() int { return len(h) }
func (h finishHeap) Less(i, k int) bool {
	return h[i].at < h[k].at || h[i].at == h[k].at && h[i].job.id < h[k].job.id
}
func (h finishHeap) Swap(i, k int) { h[i], h[k] = h[k], h[i] }
func (h *finishHeap) Push(x any)   { *h = append(*h, x.(finish)) }
func (h *finishHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	(*h)[last] = finish{}
	*h = (*h)[:last]
	return x
}
