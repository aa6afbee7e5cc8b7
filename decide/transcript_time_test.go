package decide_test

import (
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// The clock is set forward and back while a scale-down waits for its window.
func TestTranscriptClockJumps(t *testing.T) {
	c := guarded()
	s := newScene(t, "clock_jumps", `
THE CLOCK JUMPS. It is set an hour forward, two hours back, a year forward and a year
back, while a scale-down waits for three minutes of less demand. A jump forward proves
a minute at most, one back proves nothing; no deadline ends up in next year.
Up by 4 a minute, down by 3, a minute between. Decided by demand alone.`, c, 4, 20*time.Second)
	s.demand = 18
	s.run(20 * time.Second)
	s.say("40/s arrive")
	s.demand = 40
	s.run(time.Minute)
	s.expect(7)
	s.say("18/s arrive")
	s.demand = 18
	began := s.passed
	jump := func(what string, d time.Duration) {
		s.say("%s", what)
		s.ahead += d
	}
	s.law = func() string {
		if s.d.Desired < s.d.From && s.passed-began < time.Minute {
			return "taken away before a minute of less demand was seen"
		}
		return ""
	}
	s.run(30 * time.Second)
	jump("the clock is set an hour forward", time.Hour)
	s.run(10 * time.Second)
	jump("the clock is set two hours back", -2*time.Hour)
	s.run(15 * time.Second)
	jump("the clock is set a year forward", 365*24*time.Hour)
	s.run(10 * time.Second)
	jump("the clock is set back again", -365*24*time.Hour+time.Hour)
	s.run(3 * time.Minute)
	s.expect(4)
	s.say("40/s arrive, right after a scale-down: no guard of another year delays growth")
	s.demand = 40
	s.step()
	s.expect(7)
	jump("the clock is set a day back, and 70/s arrive", -24*time.Hour)
	s.demand = 70
	s.run(130 * time.Second)
	s.expect(12)
	s.done()
}

// Clocks are set in Berlin, in spring and in autumn.
func TestTranscriptSummerTime(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	c := standard()
	c.Policies = c.Policies[:1]
	c.Down.Window = -1
	c.Schedule = []decide.Window{
		{Name: "night", From: 90 * time.Minute, To: 150 * time.Minute, Zone: "Europe/Berlin", Min: 6},
		{Name: "day", From: 8 * time.Hour, To: 20 * time.Hour, Zone: "Europe/Berlin", Min: 4},
	}
	s := newScene(t, "summer_time", `
CLOCKS ARE SET, in Europe/Berlin: in spring from 02:00 to 03:00, in autumn from 03:00
to 02:00. There is a floor of 6 from 01:30 to 02:30 and one of 4 from 08:00 to 20:00, by
the clock on the wall. Demand needs 2. No window downwards here, a decision every 10 min.`, c, 2, time.Minute)
	s.tick, s.clock, s.layout = 10*time.Minute, berlin, "15:04 MST"
	s.demand = 8
	// during counts how long a floor lasts and checks when it begins and ends.
	type night struct {
		title    string
		day      time.Time
		from, to string
		last     time.Duration
	}
	for _, n := range []night{
		{"an ordinary night: 28 March 2026", time.Date(2026, 3, 28, 0, 0, 0, 0, berlin), "01:30 CET", "02:30 CET", time.Hour},
		{"spring: 29 March 2026. 02:30 is never shown; the floor ends when the clock jumps, after half an hour", time.Date(2026, 3, 29, 0, 0, 0, 0, berlin), "01:30 CET", "03:00 CEST", 30 * time.Minute},
		{"autumn: 25 October 2026. 02:30 is shown twice; the floor ends at the second, after two hours", time.Date(2026, 10, 25, 0, 0, 0, 0, berlin), "01:30 CEST", "02:30 CET", 2 * time.Hour},
	} {
		s.say("%s", n.title)
		s.ahead = n.day.Add(time.Hour).Sub(started.Add(s.passed))
		var from, to, day string
		var last time.Duration
		s.law = func() string {
			switch {
			case s.d.Desired == 6:
				last += s.tick
				if from == "" {
					from = s.at()
				}
			case from != "" && to == "":
				to = s.at()
			case s.d.Desired == 4 && day == "":
				day = s.at()
			}
			return ""
		}
		s.run(9 * time.Hour)
		if from != n.from || to != n.to || last != n.last || !strings.HasPrefix(day, "08:00") {
			t.Errorf("%s: from %s to %s, for %v, by day from %s", n.title, from, to, last, day)
		}
	}
	s.done()
}
