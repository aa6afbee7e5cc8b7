package decide

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
	"time"
)

// A Window is a time of the day or week at which the fleet has a floor, a
// ceiling, or replicas to spare. Where windows overlap, the largest floor, the
// smallest ceiling and the most to spare count, and a floor beats a ceiling. The
// Limits stand above both.
//
// From and To are what a clock on the wall shows. Where clocks are set, a time
// that is skipped is the instant of the jump, and of a time that is shown twice,
// From is the first and To the last: a window is rather too long than too short,
// and one follows another without a gap.
type Window struct {
	// Name, for people. Optional.
	Name string
	// Days on which the window begins. Default: every day.
	Days Days
	// From and To, since midnight by the wall clock: 8*time.Hour is 08:00. A To
	// that is not after From is on the next day, so that a window may cross
	// midnight and From equal to To is a whole day.
	From, To time.Duration
	// Zone names the time zone, such as "Europe/Berlin". Default UTC. Its rules
	// are loaded by [New] and kept.
	Zone string
	// Min is the floor. Default none.
	Min int64
	// Max is the ceiling. Default none; for one of zero set Closed.
	Max int64
	// Closed is a ceiling of zero.
	Closed bool
	// Warm is what is to spare in the window, if that is more than Config.Warm.
	Warm Warm
	// Ramp spreads the changes of the floor: it rises in a straight line during
	// the Ramp that ends at From, so that in the window all of it is there, and
	// falls during the Ramp that begins at To. Default none; at most 12 h.
	Ramp time.Duration
}

// Days is a set of days of the week: decide.Monday | decide.Friday.
type Days uint8

// The days.
const (
	Sunday Days = 1 << iota
	Monday
	Tuesday
	Wednesday
	Thursday
	Friday
	Saturday

	Weekdays = Monday | Tuesday | Wednesday | Thursday | Friday
	Weekend  = Saturday | Sunday
	EveryDay = Weekdays | Weekend
)

// String returns the days, such as "mon,tue", and "every day" for none or all.
func (d Days) String() string {
	if d&EveryDay == 0 || d&EveryDay == EveryDay {
		return "every day"
	}
	var names []string
	for rest := uint8(d & EveryDay); rest != 0; rest &= rest - 1 {
		names = append(names, strings.ToLower(time.Weekday(bits.TrailingZeros8(rest)).String()[:3]))
	}
	return strings.Join(names, ",")
}

const (
	maxWindows  = 32
	longestRamp = 12 * time.Hour
)

func (w Window) validate(i int, bad func(string, ...any)) {
	field := fmt.Sprintf("Schedule[%d]", i)
	if len(w.Name) > maxName {
		bad("%s.Name has %d bytes: at most %d", field, len(w.Name), maxName)
	}
	if w.Days > EveryDay {
		bad("%s.Days is %d: use the days from decide.Sunday to decide.Saturday", field, uint8(w.Days))
	}
	const day = 24 * time.Hour
	if w.From < 0 || w.From >= day || w.To < 0 || w.To > day {
		bad("%s.From is %v and To %v: they are times of the day, from 0 to 24h", field, w.From, w.To)
	}
	if w.Min < 0 || w.Min > MaxReplicas || w.Max < 0 || w.Max > MaxReplicas {
		bad("%s.Min is %d and Max %d: give 0, for none, to %d", field, w.Min, w.Max, MaxReplicas)
	}
	if w.Max > 0 && w.Max < w.Min {
		bad("%s.Max is %d, below its Min of %d", field, w.Max, w.Min)
	}
	if w.Closed && (w.Min > 0 || w.Max > 0) {
		bad("%s.Closed is set, and Min is %d and Max %d: Closed is a ceiling of zero", field, w.Min, w.Max)
	}
	w.Warm.validate(field+".Warm", bad)
	if w.Ramp < 0 || w.Ramp > longestRamp {
		bad("%s.Ramp is %v: give 0, for none, to %v", field, w.Ramp, longestRamp)
	}
}

// A window is a Window with its rules loaded. Times are milliseconds.
type window struct {
	Window
	loc            *time.Location
	days           Days
	from, to, ramp int64
}

// compile loads the rules of the zone, unless a window before has loaded them.
func (w Window) compile(before []window) (window, error) {
	var loc *time.Location
	for i := range before {
		if before[i].Zone == w.Zone {
			loc = before[i].loc
		}
	}
	if loc == nil {
		var err error
		if loc, err = loadZone(w.Zone); err != nil {
			return window{}, err
		}
	}
	w.Warm = w.Warm.withDefaults()
	out := window{w, loc, w.Days, w.From.Milliseconds(), w.To.Milliseconds(), w.Ramp.Milliseconds()}
	if out.days == 0 {
		out.days = EveryDay
	}
	if out.to <= out.from {
		out.to += oneDay
	}
	return out, nil
}

// floor returns the floor at an instant, and whether that is in the window.
func (w *window) floor(at *wall) (least int64, in bool) {
	first, last := at.day-1, at.day
	if w.ramp > 0 {
		first, last = at.day-2, at.day+1
	}
	for day := first; day <= last; day++ {
		if weekday := floorMod(day+4, 7); w.days&(1<<weekday) == 0 { // the first day of 1970 was a Thursday
			continue
		}
		begin := at.instant(day, w.from, false)
		end := at.instant(day+w.to/oneDay, w.to%oneDay, true)
		switch {
		case begin >= end: // the clock skips it
		case at.now >= begin && at.now < end:
			return w.Min, true
		case at.now < begin && begin-at.now < w.ramp:
			least = max(least, share(w.Min, w.ramp-(begin-at.now), w.ramp))
		case at.now >= end && at.now-end < w.ramp:
			least = max(least, share(w.Min, w.ramp-(at.now-end), w.ramp))
		}
	}
	return least, false
}

// share returns the part a of b of n, rounded up.
func share(n, a, b int64) int64 { return (n*a + b - 1) / b }

func floorMod(a, b int64) int64 { return a - b*floorDiv(a, b) }

// A timetable is what of the schedule is in force. Opener and closer are the windows
// that set the floor and the ceiling.
type timetable struct {
	floor, ceiling int64
	opener, closer int
}

// consult looks up what is in force now.
func (t *tick) consult() {
	t.table = timetable{ceiling: MaxReplicas, opener: -1, closer: -1}
	t.keep = t.config.Warm
	var at wall
	for i := range t.plan.windows {
		w := &t.plan.windows[i]
		if at.loc != w.loc {
			at = wallAt(t.in.Now, w.loc)
		}
		floor, in := w.floor(&at)
		if floor > t.table.floor {
			t.table.floor, t.table.opener = floor, i
		}
		if !in {
			continue
		}
		t.keep = Warm{max(t.keep.Replicas, w.Warm.Replicas), max(t.keep.Share, w.Warm.Share)}
		ceiling := w.Max
		if ceiling == 0 && !w.Closed {
			ceiling = math.MaxInt64
		}
		if ceiling < t.table.ceiling {
			t.table.ceiling, t.table.closer = ceiling, i
		}
	}
	t.spare = t.keep.of(t.need)
}

// schedule keeps to the floors and ceilings of the clock.
func (t *tick) schedule(v int64) (int64, Reason, float64, float64) {
	s := &t.table
	switch top := max(s.ceiling, s.floor); {
	case v < s.floor:
		return s.floor, ReasonScheduleMin, float64(s.floor), float64(s.opener)
	case v > top:
		return top, ReasonScheduleMax, float64(top), float64(s.closer)
	}
	return pass(v)
}
