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

// hashZone writes the rules of a zone for the years 2020 to 2049, so that two
// machines with different databases know it from their hashes.
func hashZone(h hash.Hash, loc *time.Location) {
	var b []byte
	at := int64(1577836800) // 2020-01-01T00:00:00Z
	before := offsetAt(loc, at)
	b = strconv.AppendInt(b, before, 10)
	const week = 7 * 24 * 60 * 60
	for until := at + 30*365*24*60*60; at < until; at += week {
		if after := offsetAt(loc, at+week); after != before {
			b = strconv.AppendInt(append(b, ' '), jump(loc, at, at+week, after), 10)
			b = strconv.AppendInt(append(b, ' '), after, 10)
			before = after
		}
	}
	h.Write(b)
}

// offsetAt returns how far the local clock is ahead, in seconds, at a Unix time.
func offsetAt(loc *time.Location, at int64) int64 {
	_, offset := time.Unix(at, 0).In(loc).Zone()
	return int64(offset)
}

// jump returns the first second after before, and not after last, at which the
// local clock has an offset, if it is set once in between.
func jump(loc *time.Location, before, last, offset int64) int64 {
	for last-before > 1 {
		if mid := before + (last-before)/2; offsetAt(loc, mid) == offset {
			last = mid
		} else {
			before = mid
		}
	}
	return last
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

// wallAt reads the local clock. Clocks are taken to be set once in six days at
// the most.
func wallAt(now time.Time, loc *time.Location) wall {
	w := wall{loc: loc, now: now.UnixMilli(), steady: true}
	if loc != time.UTC {
		at, offset := now.Unix(), offsetAt(loc, now.Unix())
		const near = 3 * 24 * 60 * 60
		w.steady = offsetAt(loc, at-near) == offset && offsetAt(loc, at+near) == offset
		w.offset = offset * second
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
	about := floorDiv(local, second)
	before, after := offsetAt(w.loc, about-36*60*60), offsetAt(w.loc, about+36*60*60)
	first, last := local-before*second, local-after*second
	inFirst := offsetAt(w.loc, floorDiv(first, second)) == before
	inLast := offsetAt(w.loc, floorDiv(last, second)) == after
	switch {
	case inFirst && (!inLast || !late):
		return first
	case inLast:
		return last
	}
	// Skipped: by the old offset it is past the jump, by the new one before it.
	return jump(w.loc, floorDiv(last, second), floorDiv(first, second), after) * second
}
