package decide_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// To zero after a quarter of an hour without demand, and from zero to what is
// needed in one step.
func TestTranscriptToZeroAndBack(t *testing.T) {
	c := standard()
	c.Up.Rate = decide.Rate{Count: 1, Period: time.Minute}
	s := newScene(t, "to_zero_and_back", `
TO ZERO AND BACK. A minimum of 0, and no demand for 20 minutes. Then it is back, at once.
No guard delays growth from zero: neither the rate of one replica a minute, nor anything
else. 40 s to get ready.`, c, 3, 40*time.Second)
	s.in.Limits.Min = 0
	s.demand = 12
	s.run(time.Minute)
	s.say("no more demand")
	s.demand = 0
	began := s.passed
	s.law = func() string {
		if s.d.Desired == 0 && s.passed-began < 15*time.Minute-s.tick {
			return "the last replica is given up too soon"
		}
		return ""
	}
	s.run(20 * time.Minute)
	s.expect(0)
	s.law = nil
	s.say("40/s arrive")
	s.demand = 40
	s.step()
	s.expect(7)
	s.run(4 * time.Minute)
	s.say("the same with a scaler that is new: it does not know what a replica does, and asks for one to find out")
	s.demand, s.queued, s.state = 0, 0, decide.State{}
	s.scaled = scaled{startup: s.startup, drain: s.drain, passed: s.passed}
	s.step()
	s.demand = 40
	s.step()
	s.expect(1)
	s.run(65 * time.Second)
	s.done()
}

// A replica that never gets ready is made up for after its time, once, and the
// extra one goes when it is there after all.
func TestTranscriptStuckReplica(t *testing.T) {
	c := standard()
	c.Policies = c.Policies[:1]
	c.Pending.Timeout = 2 * time.Minute
	s := newScene(t, "stuck_replica", `
A REPLICA THAT IS STUCK. Two of five new replicas never get ready. After two minutes
they do not count as capacity any more, and two others are asked for, once. 30 s to get
ready for the others. Decided by demand alone.`, c, 4, 30*time.Second)
	s.demand = 18
	s.run(30 * time.Second)
	s.say("48/s arrive; two of the new replicas will hang")
	s.demand, s.broken = 48, 2
	s.run(4 * time.Minute)
	s.expect(11)
	if s.ready != 9 {
		t.Errorf("%d ready, 9 are needed", s.ready)
	}
	if s.most > 11 {
		t.Errorf("asked for %d where 9 are needed and 2 are stuck", s.most)
	}
	s.say("they are repaired, and get ready after all")
	s.repair()
	s.run(4 * time.Minute)
	s.expect(9)
	s.say("three more hang, and the platform says so at once")
	s.demand, s.broken, s.reported = 66, 3, true
	s.run(time.Minute)
	s.say("demand falls: what is stuck does not keep the fleet from shrinking")
	s.demand = 18
	s.run(4 * time.Minute)
	s.expect(4)
	s.done()
}

// Money for the month, spent with and without a pace, and for the hour.
func TestTranscriptBudget(t *testing.T) {
	var first *scene
	for _, pace := range []float64{-1, 0} {
		c := standard()
		c.Policies = c.Policies[:1]
		c.Down.Window = -1
		c.Budget = decide.Budget{Price: 2, PerMonth: 3000, PerHour: 24, Pace: pace}
		s := newScene(t, "budget_exhausted", `
A BUDGET THAT RUNS OUT. A replica costs 2 an hour; there are 3000 for the month, and no
more than 24 in any hour. Demand needs 10 replicas, which would cost 14880 in the month.
One decision an hour. What the minimum of 1 will cost is set aside first. No window.`, c, 10, 0)
		s.layout, s.columns = "Jan 02 15:04", []column{demandColumn}
		if first != nil {
			s.out.Reset()
			s.out.WriteString(first.out.String())
			s.say("the same with a pace of 2, the default: at no time more than twice an even spending of what is left")
		} else {
			s.say("without a pace")
		}
		s.tick, s.drain = time.Hour, 0
		s.demand = 58
		s.in.Now = started
		s.run(12 * time.Hour)
		if first == nil {
			s.say("14 are needed: the hour's money binds")
			s.demand = 85
			s.run(10 * time.Hour)
			s.expect(12)
			s.demand = 58
		}
		spent := func() string {
			if s.d.Desired > 12 {
				return fmt.Sprintf("%d replicas cost more than 24 an hour", s.d.Desired)
			}
			return ""
		}
		s.law = spent
		cost := 0.0
		for started.Add(s.passed).Month() == time.March {
			cost += 2 * float64(s.ready)
			s.step()
		}
		if cost > 3000 {
			t.Errorf("%v spent", cost)
		}
		s.run(24 * time.Hour)
		s.flush()
		if first != nil {
			s.ticks, s.changed, s.most = s.ticks+first.ticks, s.changed+first.changed, max(s.most, first.most)
		}
		first = s
	}
	first.done()
}
