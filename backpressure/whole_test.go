package backpressure

import (
	"math/rand/v2"
	"testing"
	"time"
)

// A shop serves slots requests at once, each for so many seconds, in order of
// arrival, and streams nothing.
type shop struct {
	a     *Admission
	slots int
	takes func(t float64) float64
	busy  []shopRequest // in the order in which they end
	line  []shopRequest
}

type shopRequest struct {
	*Request
	at, end float64
}

// run offers rate requests per second until the instant until, and returns how
// many were served per second from half time on, and their longest time.
func (s *shop) run(rate, until float64, cost Cost) (served, longest float64) {
	rng := rand.New(rand.NewPCG(1, 1))
	next := 0.0
	at := map[*Request]float64{}
	begin := func(t float64, r *Request) {
		s.line = append(s.line, shopRequest{r, at[r], 0})
	}
	for {
		t, ends := next, false
		if len(s.busy) > 0 && s.busy[0].end < t {
			t, ends = s.busy[0].end, true
		}
		if t > until {
			return served / (until / 2), longest
		}
		if ends {
			r := s.busy[0]
			s.busy = s.busy[1:]
			s.a.Done(instant(t), r.Request, Completed)
			if t > until/2 {
				served++
				longest = max(longest, t-r.at)
			}
		} else {
			r := &Request{Cost: cost}
			at[r] = t
			if s.a.Offer(instant(t), r).Action == Admit {
				begin(t, r)
			}
			next += rng.ExpFloat64() / rate
		}
		for r, _ := s.a.Expire(instant(t)); r != nil; r, _ = s.a.Expire(instant(t)) {
			delete(at, r)
		}
		for r := s.a.Next(instant(t)); r != nil; r = s.a.Next(instant(t)) {
			begin(t, r)
		}
		for len(s.line) > 0 && len(s.busy) < s.slots {
			r := s.line[0]
			s.line = s.line[1:]
			r.end = t + s.takes(t)
			s.busy = append(s.busy, r)
		}
	}
}

// A server that streams nothing is kept busy, and its answers in time, whether
// callers say that answers come whole or the gate has to find out.
func TestWholeAnswers(t *testing.T) {
	for _, tt := range []struct {
		name    string
		takes   float64
		slots   int
		cost    Cost
		longest float64 // seconds: twice the time at ease, or the objective
	}{
		{"short, said so", 0.1, 8, Cost{Whole: true}, 2},
		{"long, said so", 5, 40, Cost{Whole: true}, 15},
		{"long, found out", 5, 40, Cost{}, 15},
		{"long, with prompts, found out", 5, 40, Cost{Prompt: 400, MaxOutput: 100}, 15},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &shop{a: mustAdmission(t, Config{}), slots: tt.slots, takes: func(float64) float64 { return tt.takes }}
			capacity := float64(tt.slots) / tt.takes
			served, longest := s.run(3*capacity, 300, tt.cost)
			t.Logf("%.2f of the capacity served at 3x, the longest took %.1fs", served/capacity, longest)
			if served < 0.95*capacity || longest > tt.longest {
				t.Errorf("served %.2f of capacity, the longest took %.1fs; want 0.95, %.0fs", served/capacity, longest, tt.longest)
			}
		})
	}
}

// A first token, once seen, shows that the server streams.
func TestFirstTokenEndsTheGuess(t *testing.T) {
	a, now := mustAdmission(t, Config{}), epoch
	r := &Request{Cost: Cost{Prompt: 100}}
	a.Offer(now, r)
	now = now.Add(time.Second)
	a.Done(now, r, Completed)
	a.Offer(now, r)
	if !r.whole {
		t.Fatal("after an answer without a first token, requests are still taken for streams")
	}
	a.FirstToken(now, r)
	other := &Request{Cost: Cost{Prompt: 100}}
	a.Offer(now, other)
	if r.whole || other.whole {
		t.Error("after a first token, requests are still taken for whole")
	}
	a.Done(now, r, Completed)
	a.Done(now, other, Completed)
	for i := range a.lines {
		if l := a.lines[i]; l.requests != 0 || l.amount != 0 {
			t.Errorf("line %d is left with %+v", i, l)
		}
	}
}

// When answers become four times as long, the gate finds the new time.
func TestWholeAnswersBecomeLonger(t *testing.T) {
	s := &shop{a: mustAdmission(t, Config{}), slots: 40, takes: func(t float64) float64 {
		if t < 100 {
			return 2
		}
		return 8
	}}
	served, longest := s.run(10, 600, Cost{Whole: true})
	t.Logf("%.2f of the capacity served, the longest took %.1fs", served/5, longest)
	if served < 0.9*5 {
		t.Errorf("%.2f served per second, the longest took %.1fs; want 0.9 of the capacity of 5", served, longest)
	}
}
