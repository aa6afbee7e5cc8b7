package backpressure

import (
	pq "container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// A slotServer works on so many requests at a time and queues the rest, first
// come, first served. It streams nothing. Its clients leave at their deadline.
type slotServer struct {
	a        *Admission
	slots    func(t float64) int
	sigma    float64 // of the log-normal service time, whose mean is 0.1 s
	deadline float64
	ignores  bool // that a client has left: it works on
	whole    bool // callers say that answers come whole

	working int
	queue   []*slotRequest
	events  slotEvents
	held    map[*Request]*slotRequest
	good    []float64 // when each was done in time
}

type slotRequest struct {
	Request
	service, until float64
	state          slotState
}

type slotState int

const (
	slotQueued slotState = iota
	slotWorking
	slotEnded
)

// A slotEvent is the end of a request's service, or its deadline.
type slotEvent struct {
	t      float64
	r      *slotRequest
	leaves bool
}

type slotEvents []slotEvent

func (h slotEvents) Len() int           { return len(h) }
func (h slotEvents) Less(i, k int) bool { return h[i].t < h[k].t }
func (h slotEvents) Swap(i, k int)      { h[i], h[k] = h[k], h[i] }
func (h *slotEvents) Push(x any)        { *h = append(*h, x.(slotEvent)) }
func (h *slotEvents) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// run offers rate requests per second until the instant until.
func (s *slotServer) run(rate, until float64, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 2))
	s.held = make(map[*Request]*slotRequest)
	for next := rng.ExpFloat64() / rate; ; {
		t := next
		if len(s.events) > 0 && s.events[0].t < t {
			e := pq.Pop(&s.events).(slotEvent)
			t = e.t
			s.event(e)
		} else {
			r := &slotRequest{until: t + s.deadline}
			r.service = 0.1 * math.Exp(s.sigma*rng.NormFloat64()-s.sigma*s.sigma/2)
			r.Cost.Whole, r.Deadline = s.whole, instant(r.until)
			switch s.a.Offer(instant(t), &r.Request).Action {
			case Admit:
				s.place(r)
			case Hold:
				s.held[&r.Request] = r
			}
			next += rng.ExpFloat64() / rate
		}
		if t > until {
			return
		}
		s.pump(t)
	}
}

func (s *slotServer) pump(t float64) {
	for r, _ := s.a.Expire(instant(t)); r != nil; r, _ = s.a.Expire(instant(t)) {
		delete(s.held, r)
	}
	for r := s.a.Next(instant(t)); r != nil; r = s.a.Next(instant(t)) {
		s.place(s.held[r])
		delete(s.held, r)
	}
	for len(s.queue) > 0 && s.working < s.slots(t) {
		r := s.queue[0]
		s.queue = s.queue[1:]
		if r.state == slotQueued {
			r.state = slotWorking
			s.working++
			pq.Push(&s.events, slotEvent{t + r.service, r, false})
		}
	}
}

func (s *slotServer) place(r *slotRequest) {
	s.queue = append(s.queue, r)
	if !s.ignores {
		pq.Push(&s.events, slotEvent{r.until, r, true})
	}
}

func (s *slotServer) event(e slotEvent) {
	r := e.r
	if r.state == slotEnded {
		return
	}
	if r.state == slotWorking {
		s.working--
	}
	r.state = slotEnded
	if e.leaves {
		s.a.Done(instant(e.t), &r.Request, Abandoned)
		return
	}
	if e.t <= r.until {
		s.good = append(s.good, e.t)
	}
	s.a.Done(instant(e.t), &r.Request, Completed)
}

// goodput is what was done in time in [from, to), over what n slots can do.
func (s *slotServer) goodput(from, to float64, n int) float64 {
	k := 0
	for _, t := range s.good {
		if t >= from && t < to {
			k++
		}
	}
	return float64(k) / (to - from) / (float64(n) / 0.1)
}

func seeds() []uint64 {
	if fullSize() {
		return []uint64{1, 2, 3, 4, 5}
	}
	return []uint64{1}
}

// A server that streams nothing, under a multiple of what it can do, whatever its
// clients' deadline and however uneven its requests: what it does is done in time.
func TestGoodputOfSlots(t *testing.T) {
	for _, c := range []struct {
		name            string
		sigma, deadline float64
		loads           []float64
		bar             float64
	}{
		{"even", 0.5, 1, []float64{2, 5, 10}, 0.97},
		{"short deadline", 0.5, 0.3, []float64{2, 5}, 0.90},
		{"uneven", 1, 1, []float64{2, 5}, 0.90},
	} {
		for _, load := range append([]float64{0.5, 1}, c.loads...) {
			for _, ignores := range []bool{false, true} {
				for _, whole := range []bool{false, true} {
					if !fullSize() && (whole || load == 5) {
						continue
					}
					name := fmt.Sprintf("%s/%gx/ignores its clients %v/answers said to be whole %v", c.name, load, ignores, whole)
					t.Run(name, func(t *testing.T) {
						got := 0.0
						for _, seed := range seeds() {
							s := &slotServer{a: mustAdmission(t, Config{}), slots: func(float64) int { return 32 },
								sigma: c.sigma, deadline: c.deadline, ignores: ignores, whole: whole}
							s.run(load*320, 90, seed)
							got += s.goodput(30, 90, 32) / float64(len(seeds()))
						}
						bar := c.bar
						if load <= 1 {
							bar = min(bar, load) * 0.97 // nothing is refused without need
						}
						t.Logf("%.3f of capacity", got)
						if got < bar {
							t.Errorf("goodput %.3f of capacity, want %.2f", got, bar)
						}
					})
				}
			}
		}
	}
}

// From a cold start at twice what it can do, a server of 128 slots does 90 % of
// that within 5 s.
func TestColdStartOfSlots(t *testing.T) {
	for _, seed := range seeds() {
		s := &slotServer{a: mustAdmission(t, Config{}), slots: func(float64) int { return 128 }, sigma: 0.5, deadline: 1}
		s.run(2560, 8, seed)
		from := 0.0
		for from < 6 && s.goodput(from, from+1, 128) < 0.9 {
			from += 0.5
		}
		t.Logf("seed %d: 90 %% from %.1f s on; %.3f after 5 s", seed, from, s.goodput(5, 8, 128))
		if from > 5 || s.goodput(5, 8, 128) < 0.9 {
			t.Errorf("seed %d: 90 %% of capacity only after %.1f s", seed, from)
		}
	}
}

// Of 32 slots 12 are left. From 5 s later they do what they can.
func TestCapacityLossOfSlots(t *testing.T) {
	for _, ignores := range []bool{false, true} {
		got := 0.0
		for _, seed := range seeds() {
			s := &slotServer{a: mustAdmission(t, Config{}), sigma: 0.5, deadline: 1, ignores: ignores, slots: func(t float64) int {
				if t < 45 {
					return 32
				}
				return 12
			}}
			s.run(640, 90, seed)
			got += s.goodput(50, 90, 12) / float64(len(seeds()))
		}
		t.Logf("ignores its clients %v: %.3f of what is left", ignores, got)
		if got < 0.95 {
			t.Errorf("goodput %.3f of what is left, want 0.95", got)
		}
	}
}
