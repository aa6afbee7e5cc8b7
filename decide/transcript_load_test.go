package decide_test

import (
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// standard is what most scenes decide by: demand at a knee of 70 % and a queue
// that is to be gone within a minute.
func standard() decide.Config {
	return decide.Config{Policies: []decide.NamedSpec{
		{Name: "capacity", Spec: decide.Capacity{Demand: demand, Rate: rate}},
		{Name: "drain", Spec: decide.Backlog{Queue: queue, Rate: rate, Demand: demand, Within: time.Minute}},
	}}
}

// Ten times the demand, for ten minutes. The first step up is there at once, the
// queue is gone in the end, and nothing falls before a window has passed.
func TestTranscriptFlashCrowd(t *testing.T) {
	s := newScene(t, "flash_crowd", `
FLASH CROWD. Ten times the demand from one moment to the next, for ten minutes.
A replica serves 10/s, is planned for at 70 % of that, and takes 40 s to get ready.
The queue is to be gone within a minute. Limits 1 to 50.`, standard(), 5, 40*time.Second)
	s.demand = 25
	s.run(time.Minute)
	s.say("ten times as much arrives")
	s.demand = 250
	s.step()
	if s.d.Desired < 36 {
		t.Errorf("the first step is only to %d", s.d.Desired)
	}
	s.law = s.noFewer
	s.run(10*time.Minute - s.tick)
	if s.queued > 0 {
		t.Errorf("%v still wait", s.queued)
	}
	s.say("as much as before")
	s.demand = 25
	s.run(175 * time.Second) // the window
	s.law = nil
	s.run(time.Minute)
	s.expect(5)
	s.done()
}

// Start-up takes 100 s and demand steps up: what is on its way counts, so that
// the count is right at once and never more than one above it.
func TestTranscriptCascade(t *testing.T) {
	c := standard()
	c.Policies = c.Policies[:1]
	s := newScene(t, "cold_start_cascade", `
COLD-START CASCADE. A step in demand, and replicas that take 100 s to get ready.
Twenty decisions fall before the first of them helps; the count must not grow by them.
Decided by demand alone: a replica serves 10/s and is planned for at 70 % of that.`, c, 3, 100*time.Second)
	s.demand = 14
	s.run(4 * time.Minute)
	s.say("a step to 70/s")
	s.demand = 70
	s.step()
	asked := s.d.Desired
	s.law = func() string {
		if s.d.Desired > asked+1 {
			return "overshoot of more than one replica"
		}
		return s.noFewer()
	}
	s.run(10 * time.Minute)
	s.expect(asked)
	s.done()
}

// Demand goes up and down by the minute. The fleet takes the upper level once and
// stays there, since nothing falls that was wanted within the window.
func TestTranscriptFlapping(t *testing.T) {
	s := newScene(t, "flapping_demand", `
FLAPPING DEMAND. 20/s and 60/s in turn, a minute each, ten times. Then 20/s for good.
A fleet that followed would start and stop the same replicas twenty times.`, standard(), 3, 20*time.Second)
	s.demand = 20
	s.run(time.Minute)
	var up time.Time
	s.law = func() string {
		switch {
		case s.d.Desired > s.d.From:
			up = s.in.Now
		case s.d.Desired < s.d.From && s.in.Now.Sub(up) < 3*time.Minute:
			return "down within three minutes of up"
		}
		return ""
	}
	for k := range 10 {
		switch {
		case k < 2:
			s.say("a minute of 60/s, then one of 20/s")
		case k == 2:
			s.say("and so on, eight times")
			s.hush()
		}
		s.demand = 60
		s.run(time.Minute)
		s.demand = 20
		s.run(time.Minute)
	}
	if s.changed > 2 {
		t.Errorf("%d changes while demand flapped", s.changed)
	}
	s.say("20/s for good")
	s.run(5 * time.Minute)
	s.expect(4)
	s.done()
}

// A rate holds ordinary growth back; a surge is let through at once, and while it
// is a burst nothing is taken away.
func TestTranscriptBurst(t *testing.T) {
	c := standard()
	c.Policies = c.Policies[:1]
	c.Up.Rate = decide.Rate{Count: 1, Period: time.Minute}
	c.Down.Window = 20 * time.Second
	c.Burst = decide.Burst{Factor: 3}
	s := newScene(t, "burst", `
BURST. Growth is bounded to one replica a minute, for the sake of a database behind
the fleet, unless three times as many are wanted as are ready: then nothing delays
growth, and nothing is taken away until a minute after the surge was last seen. The
window downwards is only 20 s here. Decided by demand alone; 30 s to get ready.`, c, 4, 30*time.Second)
	s.demand = 20
	s.run(time.Minute)
	s.say("half as much again: the rate binds")
	s.demand = 40
	s.run(150 * time.Second)
	s.say("a surge")
	s.demand = 180
	s.step()
	s.expect(29)
	s.run(60 * time.Second)
	s.say("the surge is over as soon as it came")
	s.demand = 40
	s.law = s.noFewer
	s.run(25 * time.Second)
	s.law = nil
	s.run(90 * time.Second)
	s.expect(7)
	s.done()
}
