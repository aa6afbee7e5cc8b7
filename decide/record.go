package decide

import (
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/signal"
)

// MaxRecordBytes bounds what [Core.AppendRecord] appends.
const MaxRecordBytes = 1024

// AppendRecord appends the explanation of d as one JSON object of at most
// [MaxRecordBytes], with names and no positions, for a log or an event of a
// platform:
//
//	{"at":"2026-03-01T12:00:00Z","from":6,"to":9,
//	 "stage":"rate","without":11,"leader":"backlog",
//	 "policies":{"backlog":[11,"backlog",412,3.1],"use":["absent"]},
//	 "stages":{"combine":[11,"largest"],"rate":[9,"",3,30],"hold":["held"]},
//	 "signals":{"evenkeel.queue.requests":412,"evenkeel.unit.rate":[3.1,"stale",42]}}
//
// A policy is the count it wants (none: it cannot tell), its reason and figures.
// A stage is the count it passed on (none: the one it was given), its reason
// (empty: the stage's own name) and figures. A signal is its value, or value,
// quality and age in seconds, or null if it is absent; if all signals are of one
// pool, its name is in "pool". Figures have four digits. The stage that bound is
// "stage": its reason stands with it, or with the leader if it is "recommend".
//
// That is room for eight signals, four policies and every stage. What is beyond
// it is left out and counted as "left_out": signals first, then stages that
// changed nothing, then other stages, and policies last.
// A journal has it all: see Decision and Input.
func (c *Core) AppendRecord(b []byte, in *Input, d *Decision) []byte {
	x := c.seen(in)
	var policies, stages, signals []entry
	for i, r := range d.Recommendations {
		policies = append(policies, entry{text: appendOpinion(appendKey(nil, c.policyName(i)), r), keep: i == d.Leader})
	}
	for _, n := range d.Notes {
		stages = append(stages, entry{text: appendNote(appendKey(nil, n.Stage.String()), n), keep: n.In != n.Out})
	}
	used := c.used()
	pool := c.onePool(used)
	for _, u := range used {
		key := c.signals.Def(u.signal).Key
		if key.Pool == pool {
			key.Pool = ""
		}
		signals = append(signals, entry{text: appendSample(appendKey(nil, key.String()), x.Signals[u.signal])})
	}

	head := append([]byte(`{"at":`), '"')
	head = x.Now.AppendFormat(head, time.RFC3339)
	head = strconv.AppendInt(append(head, `","from":`...), d.From, 10)
	head = strconv.AppendInt(append(head, `,"to":`...), d.Desired, 10)
	head = append(append(append(head, `,"stage":"`...), d.Binding.String()...), '"')
	head = strconv.AppendInt(append(head, `,"without":`...), d.Without, 10)
	if d.Leader >= 0 {
		head = appendString(append(head, `,"leader":`...), c.policyName(d.Leader))
	}
	if pool != "" {
		head = appendString(append(head, `,"pool":`...), pool)
	}

	const frame, counter = `,"policies":{},"stages":{},"signals":{}}`, `,"left_out":1000000`
	room, left := MaxRecordBytes-len(head)-len(frame), 0
	if total(policies)+total(stages)+total(signals) > room {
		room -= len(counter)
	}
	for _, list := range [][]entry{policies, stages, signals} {
		for _, wanted := range []bool{true, false} { // what matters most takes its room first
			for i := range list {
				e := &list[i]
				switch {
				case e.keep != wanted:
				case len(e.text)+1 <= room:
					room -= len(e.text) + 1
					e.fits = true
				default:
					left++
				}
			}
		}
	}
	b = append(b, head...)
	b = appendObject(append(b, `,"policies":`...), policies)
	b = appendObject(append(b, `,"stages":`...), stages)
	b = appendObject(append(b, `,"signals":`...), signals)
	if left > 0 {
		b = strconv.AppendInt(append(b, `,"left_out":`...), int64(left), 10)
	}
	return append(b, '}')
}

// onePool returns the pool of all these signals, empty if they are of several,
// or if its name is too long to be worth naming apart.
func (c *Core) onePool(used []use) string {
	pool := ""
	for i, u := range used {
		if p := c.signals.Def(u.signal).Pool; i == 0 && len(p) <= maxName {
			pool = p
		} else if p != pool {
			return ""
		}
	}
	return pool
}

// An entry is one member of an object: key, colon and value.
type entry struct {
	text       []byte
	keep, fits bool
}

// total is the room that all of the list takes, with a comma each.
func total(list []entry) (n int) {
	for _, e := range list {
		n += len(e.text) + 1
	}
	return n
}

func appendObject(b []byte, list []entry) []byte {
	b = append(b, '{')
	first := true
	for _, e := range list {
		if !e.fits {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		b, first = append(b, e.text...), false
	}
	return append(b, '}')
}

func appendOpinion(b []byte, r Recommendation) []byte {
	b = append(b, '[')
	if !r.Held {
		b = append(strconv.AppendInt(b, r.Replicas, 10), ',')
	}
	b = append(append(append(b, '"'), r.Reason.String()...), '"')
	switch r.Reason {
	case ReasonAbsent, ReasonStale, ReasonInvalid, ReasonUnknown: // a position, and the signal is there by name
		return append(b, ']')
	}
	return appendFigures(b, r.A, r.B)
}

func appendNote(b []byte, n Note) []byte {
	b = append(b, '[')
	if n.In != n.Out {
		b = append(strconv.AppendInt(b, n.Out, 10), ',')
	}
	b = append(b, '"')
	if reason := n.Reason.String(); reason != n.Stage.String() {
		b = append(b, reason...)
	}
	return appendFigures(append(b, '"'), n.A, n.B)
}

// appendFigures ends an array with the figures that are there.
func appendFigures(b []byte, x, y float64) []byte {
	if x != 0 || y != 0 {
		b = appendFigure(append(b, ','), x)
	}
	if y != 0 {
		b = appendFigure(append(b, ','), y)
	}
	return append(b, ']')
}

func appendSample(b []byte, s signal.Sample) []byte {
	switch {
	case s.Quality == signal.Absent:
		return append(b, "null"...)
	case s.Quality == signal.Fresh && s.Age == 0:
		return appendFigure(b, s.Value)
	}
	b = appendFigure(append(b, '['), s.Value)
	b = append(append(append(b, ',', '"'), s.Quality.String()...), '"', ',')
	return append(appendFigure(b, math.Round(s.Age.Seconds()*10)/10), ']')
}

// appendFigure writes x with four digits, or as a whole number if it has more
// before the point.
func appendFigure(b []byte, x float64) []byte {
	switch a := math.Abs(x); {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return append(b, "null"...) // JSON has neither
	case a >= 1000 && a < 1e9 || x == math.Trunc(x) && a < 1000:
		return strconv.AppendInt(b, int64(math.Round(x)), 10)
	case a > 1e300:
		return strconv.AppendFloat(b, x, 'g', -1, 64) // rounded up it may be out of range
	}
	return strconv.AppendFloat(b, x, 'g', 4, 64)
}

func appendKey(b []byte, key string) []byte { return append(appendString(b, key), ':') }

// appendString writes s as a JSON string; what is no plain text becomes the
// replacement character.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ' || r == 0x7f:
			b = utf8.AppendRune(b, utf8.RuneError)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
