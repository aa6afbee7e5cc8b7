package decide_test

import (
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/decide/policy"
	"github.com/evenkeel/evenkeel/signal"
)

// aged is what a source gives that has failed for so long: its last values, older
// and older, then nothing.
func aged(samples []signal.Sample, last []signal.Sample, age time.Duration) {
	for i := range samples {
		samples[i] = last[i]
		samples[i].Age = age
		switch {
		case age > signal.AbsentAfter*signal.DefaultMaxAge:
			samples[i] = signal.Sample{}
		case age > signal.DefaultMaxAge:
			samples[i].Quality = signal.Stale
		}
	}
}

// fail makes every source fail from now on.
func (s *scene) fail() {
	s.look()
	last, since := append([]signal.Sample(nil), s.in.Signals...), s.passed
	s.spoil = func(samples []signal.Sample) { aged(samples, last, s.passed-since) }
}

// Every source fails while demand falls. Nothing is taken away on that, nor on
// the first window of good data after it.
func TestTranscriptBadData(t *testing.T) {
	s := newScene(t, "stale_and_absent", `
STALE AND ABSENT DATA. Every source fails; a sample is fresh for 15 s, stale until it
is a minute old, and absent after that. Demand falls meanwhile, which nobody sees.
What there is stays until good data has been seen for a whole window of three minutes.`, standard(), 9, 30*time.Second)
	s.demand = 50
	s.run(time.Minute)
	s.say("every source fails; in truth only 10/s arrive from now on")
	s.fail()
	s.demand = 10
	s.law = s.noFewer
	s.run(5 * time.Minute)
	s.say("the sources are back")
	s.spoil = nil
	s.run(170 * time.Second)
	s.law = nil
	s.run(time.Minute)
	s.expect(3)
	s.say("only the rate is unknown, and demand grows: by the last rate known that is a reason to grow")
	s.spoil = func(v []signal.Sample) { v[2] = signal.Sample{} }
	s.demand = 35
	s.law = s.noFewer
	s.run(time.Minute)
	s.say("and it falls again: unless the rate is known, that is no reason to shrink")
	s.demand = 5
	s.run(4 * time.Minute)
	s.expect(7)
	s.done()
}

// The four fallbacks, each on the same outage.
func TestTranscriptHoldFallbacks(t *testing.T) {
	var all *scene
	for _, tc := range []struct {
		title string
		hold  decide.Hold
		want  int64
	}{
		{"hold (the default): what there is stays", decide.Hold{}, 6},
		{"floor of 8: at least 8", decide.Hold{Fallback: decide.FallbackFloor, Replicas: 8}, 8},
		{"last good: what was wanted of late, before it fell", decide.Hold{Fallback: decide.FallbackLastGood}, 11},
		{"fixed at 12: so many, whatever was wanted", decide.Hold{Fallback: decide.FallbackFixed, Replicas: 12}, 12},
	} {
		c := standard()
		c.Policies = c.Policies[:1]
		c.Down.Window = 15 * time.Second
		c.Hold = tc.hold
		s := newScene(t, "hold_fallbacks", `
FALLBACKS. What to do once nobody could tell for 30 s what is needed. Each can only
raise the count. The same outage four times; the window downwards is only 15 s here.`, c, 11, 10*time.Second)
		if all != nil {
			s.out.Reset()
			s.out.WriteString(all.out.String())
		}
		s.say("%s", tc.title)
		if all != nil { // the beginning is the same each time
			s.hush()
		}
		s.demand = 60
		s.run(10 * time.Second)
		s.demand = 33
		s.run(25 * time.Second)
		s.flush()
		s.hushed = false
		s.expect(6)
		s.spoil = func(v []signal.Sample) { clear(v) }
		s.law = s.noFewer
		s.run(time.Minute)
		s.expect(tc.want)
		s.flush()
		if all != nil {
			s.ticks, s.changed, s.most = s.ticks+all.ticks, s.changed+all.changed, max(s.most, all.most)
		}
		all = s
	}
	all.done()
}

// Three members in ten do not report, so that a third of the demand is not seen.
func TestTranscriptMembersLost(t *testing.T) {
	c := standard()
	c.Policies = c.Policies[:1]
	s := newScene(t, "members_lost", `
30 % OF THE MEMBERS LOST. Ten gateways report what they see; the sum is the demand.
Fewer reports look like less demand. Below 90 % nothing is taken away; above, those
that are missing are taken to be as busy as the others.`, c, 12, 30*time.Second)
	members := func(fresh, expected int) {
		s.in.Members = signal.Coverage{Expected: expected, Fresh: fresh}
		s.spoil = func(v []signal.Sample) { v[0].Value *= float64(fresh) / 10 }
	}
	s.demand = 70
	members(10, 10)
	s.run(time.Minute)
	s.expect(12)
	s.law = s.noFewer
	s.say("three of ten gateways are cut off")
	members(7, 10)
	s.run(10 * time.Minute)
	s.say("two of them are back")
	members(9, 10)
	s.run(5 * time.Minute)
	s.say("all of them are cut off")
	members(0, 10)
	s.run(4 * time.Minute)
	s.say("all are back, and now demand does fall")
	members(10, 10)
	s.demand = 40
	s.run(175 * time.Second)
	s.law = nil
	s.run(30 * time.Second)
	s.expect(7)
	s.done()
}

// A rule on two signals, of which one or the other is not there.
func TestTranscriptRuleUnknown(t *testing.T) {
	up, err := policy.ParseExpression("evenkeel.unit.utilization > 70% or evenkeel.queue.requests > 50")
	if err != nil {
		t.Fatal(err)
	}
	down, err := policy.ParseExpression("evenkeel.unit.utilization < 35% and evenkeel.queue.requests < 5")
	if err != nil {
		t.Fatal(err)
	}
	c := decide.Config{
		Policies: []decide.NamedSpec{{Name: "rule", Spec: decide.Rule{
			Up:   decide.Step{When: up, Period: 30 * time.Second},
			Down: decide.Step{When: down, For: time.Minute},
		}}},
		Down: decide.Direction{Window: 10 * time.Second},
	}
	s := newScene(t, "rule_unknown", `
A RULE WITH THREE VALUES. Up by one, at most every 30 s, when
    `+up.String()+`
and down by one, after a minute, when
    `+down.String()+`
A signal that is not there is unknown. "or" is true if either is, whatever the other;
"and" is false if either is; else the unknown carries through, and nothing shrinks.`, c, 4, 10*time.Second)
	s.columns = []column{useColumn, queueColumn}
	waiting, seen := 0.0, [2]bool{true, true}
	s.spoil = func(v []signal.Sample) {
		v[1] = signal.Value(waiting)
		for i, k := range []int{3, 1} {
			if !seen[i] {
				v[k] = signal.Sample{}
			}
		}
	}
	set := func(utilization, queue float64, known ...bool) {
		s.use, waiting = utilization, queue
		seen = [2]bool(known)
	}
	set(0.5, 10, true, true)
	s.run(20 * time.Second)
	s.say("utilization is not known, and the queue is long: true or unknown is true")
	set(0.5, 80, false, true)
	s.step()
	s.expect(5)
	s.run(40 * time.Second)
	s.expect(6)
	s.say("utilization is not known, and the queue is empty: false or unknown is unknown")
	set(0.1, 0, false, true)
	s.law = s.noFewer
	s.run(3 * time.Minute)
	s.expect(6)
	s.say("the queue is not known, and utilization is low: true and unknown is unknown")
	set(0.1, 0, true, false)
	s.run(3 * time.Minute)
	s.expect(6)
	s.say("both are known, and both are low")
	set(0.1, 0, true, true)
	s.run(55 * time.Second)
	s.expect(6)
	s.law = nil
	s.run(30 * time.Second)
	s.expect(5)
	s.say("utilization is high, whatever the queue")
	set(0.9, 0, true, false)
	s.step()
	s.expect(6)
	s.done()
}
