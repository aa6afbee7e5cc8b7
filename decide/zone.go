package decide

import (
	"fmt"
	"hash"
	"strconv"
	"strings"
	"time"
)

const (
	second = int64(1000) // in the milliseconds that clocks count here
	oneDay = 24 * 60 * 60 * second
)

// loadZone loads the rules of a time zone, once: "" is UTC. The machine's own
// zone is refused, since a journal could not be replayed elsewhere.
func loadZone(name string) (*time.Location, error) {
	switch {
	case name == "":
		return time.UTC, nil
	case strings.EqualFold(name, "Local"):
		return nil, fmt.Errorf("%q is another zone on every machine: name one, such as Europe/Berlin", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%q: %w: use a name such as Europe/Berlin, and make sure that the system has a time-zone database or the program imports time/tzdata", name, err)
	}
	return loc, nil
}

// hashZone writes the rules of a zone for the years that matter, so that two
// machines with different databases know it from their hashes.
func hashZone(h hash.Hash, loc *time.Location) {
	t := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	var b []byte
	for until := t.AddDate(30, 0, 0); !t.IsZero() && t.Before(until); {
		_, offset := t.In(loc).Zone()
		b = strconv.AppendInt(b, t.Unix(), 10)
		b = strconv.AppendInt(append(b, ' '), int64(offset), 10)
		_, t = t.In(loc).ZoneBounds()
		b = append(b, '\n')
	}
	h.Write(b)
}

// A wall is the local clock of a zone at one instant. Times are milliseconds
// since 1970, UTC or by the local clock.
type wall struct {
	loc    *time.Location
	now    int64
	offset int64 // of the local clock
	steady bool  // it is not set within three days
	day    int64 // the local date, in days
}

func wallAt(now time.Time, loc *time.Location) wall {
	w := wall{loc: loc, now: now.UnixMilli(), steady: true}
	if loc != time.UTC {
		local := now.In(loc)
		_, offset := local.Zone()
		w.offset = int64(offset) * second
		begin, end := local.ZoneBounds()
		w.steady = (begin.IsZero() || w.now-begin.UnixMilli() > 3*oneDay) && (end.IsZero() || end.UnixMilli()-w.now > 3*oneDay)
	}
	w.day = floorDiv(w.now+w.offset, oneDay)
	return w
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// instant returns when the local clock shows so much of a day. A time that the
// clock skips is the instant at which it jumps. One that it shows twice is the
// first of the two, or the last if late.
func (w *wall) instant(day, clock int64, late bool) int64 {
	local := day*oneDay + clock
	if w.steady {
		return local - w.offset
	}
	best, found := int64(0), false
	for t := time.UnixMilli(local - 2*oneDay).In(w.loc); ; {
		_, offset := t.Zone()
		begin, end := t.ZoneBounds()
		at := local - int64(offset)*second
		switch {
		case !begin.IsZero() && at < begin.UnixMilli():
			if !found {
				best, found = begin.UnixMilli(), true
			}
		case end.IsZero() || at < end.UnixMilli():
			if found = true; !late {
				return at
			}
			best = at
		}
		if end.IsZero() || end.UnixMilli() > local+2*oneDay {
			return best
		}
		t = end
	}
}
