package decide_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

const hour = time.Hour

// scheduled is what a core with these windows decides from a cold start, at an
// instant, for a demand.
func scheduled(t fataler, core *decide.Core, at time.Time, demand float64) decide.Decision {
	t.Helper()
	_, d := core.Next(decide.State{}, decide.Input{Now: at, Limits: fixed, Signals: []signal.Sample{signal.Value(demand)}})
	return d
}

func clock(t fataler, s string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04 -0700", s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func windows(w ...decide.Window) decide.Config {
	return simple(func(c *decide.Config) { c.Schedule = w })
}

// The edges of windows by the wall clock, where clocks are set and where not.
func TestWindowEdges(t *testing.T) {
	const berlin, newYork = "Europe/Berlin", "America/New_York"
	for name, tc := range map[string]struct {
		window        decide.Window
		begins, ends  string // with the offset that the clock has then
		alsoOut, also string // further instants outside and inside, optional
	}{
		"plain": {
			decide.Window{From: 8 * hour, To: 20 * hour}, "2026-03-02 08:00 +0000", "2026-03-02 20:00 +0000", "", "2026-03-01 12:00 +0000"},
		"workdays": {
			decide.Window{Days: decide.Weekdays, From: 8 * hour, To: 20 * hour, Zone: berlin}, "2026-03-02 08:00 +0100", "2026-03-06 20:00 +0100", "2026-03-01 12:00 +0100", "2026-03-03 09:00 +0100"},
		"over midnight, by the day it begins": {
			decide.Window{Days: decide.Friday, From: 22 * hour, To: 6 * hour, Zone: newYork}, "2026-06-05 22:00 -0400", "2026-06-06 06:00 -0400", "2026-06-06 23:00 -0400", "2026-06-05 23:59 -0400"},
		"a whole day": {
			decide.Window{Days: decide.Sunday, Zone: berlin}, "2026-07-05 00:00 +0200", "2026-07-06 00:00 +0200", "", ""},
		"to midnight": {
			decide.Window{Days: decide.Sunday, From: 12 * hour, To: 24 * hour, Zone: berlin}, "2026-07-05 12:00 +0200", "2026-07-06 00:00 +0200", "", ""},
		// Berlin: 29 March 2026 and 28 March 2027, 02:00 is 03:00.
		"begins in the hour that is skipped": {
			decide.Window{Days: decide.Sunday, From: 2*hour + 30*time.Minute, To: 5 * hour, Zone: berlin}, "2026-03-29 03:00 +0200", "2026-03-29 05:00 +0200", "", ""},
		"ends in the hour that is skipped": {
			decide.Window{Days: decide.Sunday, From: hour, To: 2*hour + 30*time.Minute, Zone: berlin}, "2027-03-28 01:00 +0100", "2027-03-28 03:00 +0200", "", "2027-03-28 01:59 +0100"},
		"the shortest day of the year": {
			decide.Window{Days: decide.Sunday, Zone: berlin}, "2026-03-29 00:00 +0100", "2026-03-30 00:00 +0200", "", ""},
		// Berlin: 25 October 2026 and 31 October 2027, 03:00 is 02:00.
		"begins in the hour that comes twice": {
			decide.Window{Days: decide.Sunday, From: 2*hour + 30*time.Minute, To: 5 * hour, Zone: berlin}, "2026-10-25 02:30 +0200", "2026-10-25 05:00 +0100", "", "2026-10-25 02:15 +0100"},
		"ends in the hour that comes twice": {
			decide.Window{Days: decide.Sunday, From: hour, To: 2*hour + 30*time.Minute, Zone: berlin}, "2027-10-31 01:00 +0200", "2027-10-31 02:30 +0100", "", "2027-10-31 02:45 +0200"},
		"within the hour that comes twice": {
			decide.Window{Days: decide.Sunday, From: 2*hour + 15*time.Minute, To: 2*hour + 45*time.Minute, Zone: berlin}, "2026-10-25 02:15 +0200", "2026-10-25 02:45 +0100", "", "2026-10-25 02:05 +0100"},
		"over midnight into the shift": {
			decide.Window{Days: decide.Saturday, From: 22 * hour, To: 6 * hour, Zone: berlin}, "2026-10-24 22:00 +0200", "2026-10-25 06:00 +0100", "", ""},
		// New York: 8 March 2026 and 14 March 2027 at 02:00; 1 November 2026 and 7 November 2027.
		"skipped in New York": {
			decide.Window{Days: decide.Sunday, From: 2*hour + 30*time.Minute, To: 4 * hour, Zone: newYork}, "2026-03-08 03:00 -0400", "2026-03-08 04:00 -0400", "", ""},
		"skipped in New York, a year later": {
			decide.Window{Days: decide.Sunday, From: 2 * hour, To: 3*hour + 30*time.Minute, Zone: newYork}, "2027-03-14 03:00 -0400", "2027-03-14 03:30 -0400", "", ""},
		"twice in New York": {
			decide.Window{Days: decide.Sunday, From: hour, To: hour + 30*time.Minute, Zone: newYork}, "2026-11-01 01:00 -0400", "2026-11-01 01:30 -0500", "", "2026-11-01 01:45 -0400"},
		"twice in New York, a year later": {
			decide.Window{Days: decide.Sunday, From: hour + 30*time.Minute, To: 3 * hour, Zone: newYork}, "2027-11-07 01:30 -0400", "2027-11-07 03:00 -0500", "", "2027-11-07 01:10 -0500"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.window.Min = 7
			core := newCore(t, windows(tc.window))
			begins, ends := clock(t, tc.begins), clock(t, tc.ends)
			inside := []time.Time{begins, begins.Add(time.Millisecond), ends.Add(-time.Millisecond)}
			outside := []time.Time{begins.Add(-time.Millisecond), ends, ends.Add(time.Millisecond)}
			if tc.also != "" {
				inside = append(inside, clock(t, tc.also))
			}
			if tc.alsoOut != "" {
				outside = append(outside, clock(t, tc.alsoOut))
			}
			for _, at := range inside {
				if d := scheduled(t, core, at, 0); d.Desired != 7 || d.Reason != decide.ReasonScheduleMin || d.Without != 0 {
					t.Errorf("at %v: %s, want the floor", at, text(t, d))
				}
			}
			for _, at := range outside {
				if d := scheduled(t, core, at, 0); d.Desired != 0 {
					t.Errorf("at %v: %s, want no floor", at, text(t, d))
				}
			}
		})
	}
}

// Every minute of the hour that is skipped is the instant of the jump, to the
// millisecond.
func TestWindowsBeginAtTheJump(t *testing.T) {
	begins := clock(t, "2026-03-29 03:00 +0200")
	for minute := range 60 {
		core := newCore(t, windows(decide.Window{From: 2*hour + time.Duration(minute)*time.Minute, To: 5 * hour, Zone: "Europe/Berlin", Min: 7}))
		before, after := scheduled(t, core, begins.Add(-time.Millisecond), 0), scheduled(t, core, begins, 0)
		if before.Desired != 0 || after.Desired != 7 {
			t.Errorf("from 02:%02d: %d before the jump and %d after it", minute, before.Desired, after.Desired)
		}
	}
}

// A window that the clock skips whole never comes, nor does its ramp.
func TestWindowThatIsSkipped(t *testing.T) {
	core := newCore(t, windows(decide.Window{From: 2*hour + 15*time.Minute, To: 2*hour + 45*time.Minute, Zone: "Europe/Berlin", Min: 7, Ramp: hour}))
	for at := clock(t, "2026-03-29 00:00 +0100"); at.Before(clock(t, "2026-03-29 12:00 +0200")); at = at.Add(time.Minute) {
		if d := scheduled(t, core, at, 0); d.Desired != 0 {
			t.Fatalf("at %v: %s", at, text(t, d))
		}
	}
}

func TestWindowsOverlap(t *testing.T) {
	core := newCore(t, windows(
		decide.Window{From: 8 * hour, To: 20 * hour, Min: 4, Max: 30},
		decide.Window{From: 12 * hour, To: 14 * hour, Min: 10, Max: 20},
		decide.Window{From: 13 * hour, To: 16 * hour, Max: 8},
		decide.Window{From: 22 * hour, To: 6 * hour, Closed: true},
	))
	for _, tc := range []struct {
		at      string
		lo, hi  int64
		opener  float64 // the window that set the floor
		closers float64 // and the one that set the ceiling
	}{
		{"07:00", 0, 1000, 0, 0}, {"09:00", 4, 30, 0, 0}, {"12:30", 10, 20, 1, 1},
		{"13:30", 10, 10, 1, 2}, // the floor beats the ceiling
		{"15:00", 4, 8, 0, 2}, {"21:00", 0, 1000, 0, 0}, {"23:00", 0, 0, 0, 3}, {"05:59", 0, 0, 0, 3},
	} {
		at := clock(t, "2026-05-05 "+tc.at+" +0000")
		lo, hi := scheduled(t, core, at, 0), scheduled(t, core, at, 5000)
		if lo.Desired != tc.lo || hi.Desired != tc.hi {
			t.Errorf("at %s: from %d to %d, want %d to %d", tc.at, lo.Desired, hi.Desired, tc.lo, tc.hi)
		}
		for _, n := range append(lo.Notes, hi.Notes...) {
			if n.Reason == decide.ReasonScheduleMin && (n.A != float64(tc.lo) || n.B != tc.opener) ||
				n.Reason == decide.ReasonScheduleMax && (n.A != float64(tc.hi) || n.B != tc.closers) {
				t.Errorf("at %s: note %+v", tc.at, n)
			}
		}
	}
}

// Limits stand above the schedule.
func TestLimitsBeatTheSchedule(t *testing.T) {
	core := newCore(t, windows(decide.Window{Min: 10, Max: 20}))
	for _, tc := range []struct {
		limits decide.Limits
		want   int64
	}{{decide.Limits{Max: 5}, 5}, {decide.Limits{Min: 30, Max: 40}, 30}, {decide.Limits{Max: 100}, 20}} {
		_, d := core.Next(decide.State{}, decide.Input{Now: started, Limits: tc.limits, Signals: []signal.Sample{signal.Value(90)}})
		if d.Desired != tc.want {
			t.Errorf("%+v: %s, want %d", tc.limits, text(t, d), tc.want)
		}
	}
}

// The floor rises in a straight line until From and falls in one from To, for as
// long as that takes, whatever clocks are set to meanwhile.
func TestRamp(t *testing.T) {
	core := newCore(t, windows(decide.Window{Days: decide.Sunday, From: 4 * hour, To: 22 * hour, Zone: "Europe/Berlin", Min: 20, Ramp: 4 * hour}))
	begins, ends := clock(t, "2026-03-29 04:00 +0200"), clock(t, "2026-03-29 22:00 +0200")
	for _, tc := range []struct {
		from  time.Time
		after time.Duration
		want  int64
	}{
		{begins, -4 * hour, 0}, {begins, -4*hour + time.Second, 1}, {begins, -2 * hour, 10}, {begins, -2*hour + time.Second, 11}, {begins, -time.Second, 20}, {begins, 0, 20},
		{ends, 0, 20}, {ends, time.Second, 20}, {ends, hour, 15}, {ends, 3 * hour, 5}, {ends, 4*hour - time.Second, 1}, {ends, 4 * hour, 0},
	} {
		if d := scheduled(t, core, tc.from.Add(tc.after), 0); d.Desired != tc.want {
			t.Errorf("%v after %v: %d, want %d", tc.after, tc.from, d.Desired, tc.want)
		}
	}
}

// A ramp of a window that lasts a whole day reaches into the second day after it
// began.
func TestRampOfALongWindow(t *testing.T) {
	core := newCore(t, windows(decide.Window{Days: decide.Sunday, From: 20 * hour, To: 20 * hour, Min: 24, Ramp: 12 * hour}))
	for at, want := range map[string]int64{
		"2026-03-01 07:59": 0, "2026-03-01 14:00": 12, "2026-03-01 20:00": 24, "2026-03-02 19:59": 24, "2026-03-03 02:00": 12, "2026-03-03 07:00": 2, "2026-03-03 08:00": 0,
	} {
		if d := scheduled(t, core, clock(t, at+" +0000"), 0); d.Desired != want {
			t.Errorf("at %s: %d, want %d", at, d.Desired, want)
		}
	}
}

// Where clocks are not set nearby, instants are found by a shorter way: it has to
// lead to the same.
func TestWindowsAgreeWithTheWallClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := pick("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo").Draw(t, "zone")
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		minute := func(name string, most int) time.Duration {
			return time.Duration(rapid.IntRange(0, most).Draw(t, name)) * time.Minute
		}
		w := decide.Window{Days: decide.Days(rapid.Uint8Range(1, 127).Draw(t, "days")), From: minute("from", 1439), To: minute("to", 1440), Zone: zone, Min: 5}
		core := newCore(t, windows(w))
		at := time.Unix(rapid.Int64Range(1767225600, 1830297600).Draw(t, "at"), 0).In(loc) // 2026 and 2027
		_, earlier := at.Add(-60 * hour).Zone()
		_, later := at.Add(60 * hour).Zone()
		if earlier != later {
			t.Skip("clocks are set")
		}
		of := time.Duration(at.Hour())*hour + time.Duration(at.Minute())*time.Minute + time.Duration(at.Second())*time.Second
		today, yesterday := w.Days&(1<<at.Weekday()) != 0, w.Days&(1<<((at.Weekday()+6)%7)) != 0
		want := today && of >= w.From && of < w.To
		if w.To <= w.From {
			want = today && of >= w.From || yesterday && of < w.To
		}
		if d := scheduled(t, core, at, 0); (d.Desired == 5) != want {
			t.Fatalf("%+v at %v: %s", w, at, text(t, d))
		}
	})
}

// Every minute of two years in two zones: windows that follow one another leave
// no gap, and none lasts longer than an hour too much.
func TestWindowsLeaveNoGap(t *testing.T) {
	step := 7 * time.Minute
	if !long() {
		step = 41 * time.Minute
	}
	for _, zone := range []string{"Europe/Berlin", "America/New_York"} {
		core := newCore(t, windows(
			decide.Window{From: 0, To: 2*hour + 30*time.Minute, Zone: zone, Min: 1},
			decide.Window{From: 2*hour + 30*time.Minute, To: 24 * hour, Zone: zone, Min: 2},
		))
		for at := clock(t, "2026-01-01 12:00 +0000"); at.Year() < 2028; at = at.Add(step) {
			if d := scheduled(t, core, at, 0); d.Desired == 0 {
				t.Fatalf("no window at %v", at)
			}
		}
	}
}

func TestScheduleIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		window decide.Window
		want   string
	}{
		"zone":    {decide.Window{Zone: "Europe/Nowhere"}, `Schedule[0].Zone is "Europe/Nowhere"`},
		"local":   {decide.Window{Zone: "local"}, `another zone on every machine`},
		"from":    {decide.Window{From: 24 * hour}, "Schedule[0].From is 24h0m0s"},
		"to":      {decide.Window{To: -1}, "and To -1ns"},
		"min":     {decide.Window{Min: -1}, "Schedule[0].Min is -1"},
		"min max": {decide.Window{Min: 5, Max: 4}, "Schedule[0].Max is 4, below its Min of 5"},
		"closed":  {decide.Window{Min: 5, Closed: true}, "Closed is a ceiling of zero"},
		"ramp":    {decide.Window{Ramp: 13 * hour}, "Schedule[0].Ramp is 13h0m0s"},
		"days":    {decide.Window{Days: 128}, "Schedule[0].Days is 128"},
		"warm":    {decide.Window{Warm: decide.Warm{Share: 11}}, "Schedule[0].Warm.Share is 11"},
		"name":    {decide.Window{Name: strings.Repeat("x", 49)}, "Schedule[0].Name has 49 bytes"},
	} {
		if _, err := decide.New(windows(tc.window)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
	if _, err := decide.New(windows(make([]decide.Window, 33)...)); err == nil || !strings.Contains(err.Error(), "Schedule has 33 windows") {
		t.Errorf("33 windows: %v", err)
	}
	var none *time.ParseError
	if _, err := decide.New(windows(decide.Window{Zone: "../etc/passwd"})); err == nil || errors.As(err, &none) {
		t.Errorf("a path for a zone: %v", err)
	}
}

// The rules of a zone are part of what a core decides by.
func TestZoneRulesAreHashed(t *testing.T) {
	seen := map[uint64]string{}
	for _, zone := range []string{"", "Europe/Berlin", "America/New_York", "Asia/Tokyo"} {
		core := newCore(t, windows(decide.Window{Zone: zone, Min: 3}))
		if other := seen[core.Hash()]; other != "" {
			t.Errorf("%q has the hash of %q", zone, other)
		}
		seen[core.Hash()] = zone
	}
}

func TestDays(t *testing.T) {
	for days, want := range map[decide.Days]string{0: "every day", decide.EveryDay: "every day", decide.Weekdays: "mon,tue,wed,thu,fri", decide.Weekend: "sun,sat", decide.Thursday: "thu"} {
		if got := days.String(); got != want {
			t.Errorf("%d is %q, want %q", days, got, want)
		}
	}
}
