package decide

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// A Rate bounds how far the count may move away from what it was a period ago:
// by Count, or by a Share of what it was, whichever is more, and always by one.
// What was done the other way since then may be undone at once. The zero Rate is
// no bound. No rate holds growth from zero back.
//
// A Kubernetes scaling policy of type Pods is a Rate with a Count alone, one of
// type Percent a Rate with a Share alone; several of them are Direction.Rates.
type Rate struct {
	Count int64
	// Share of the count a period ago: 0.5 is half as many again, rounded up when
	// growing and down when shrinking.
	Share float64
	// Period to look back. Default 60 s, at most 24 h.
	Period time.Duration
}

// Select says which of several rates binds.
type Select uint8

// The ways to select.
const (
	SelectMax      Select = iota // the one that allows most
	SelectMin                    // the one that allows least
	SelectDisabled               // none: no policy changes the count this way
)

var selectNames = [...]string{"max", "min", "disabled"}

// String returns the lower-case name of s.
func (s Select) String() string { return nameOf(selectNames[:], "select", uint8(s)) }

// MarshalText returns the name of s.
func (s Select) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a name and refuses one that it does not know.
func (s *Select) UnmarshalText(text []byte) error {
	i, err := indexOf(selectNames[:], "select", text)
	if err == nil {
		*s = Select(i)
	}
	return err
}

// What is remembered of changes takes room in the State for each period.
const (
	maxRates    = 8 // a direction
	maxPeriods  = 4 // different ones, of both directions
	longestRate = 24 * time.Hour
)

func (r Rate) limited() bool { return r.Count > 0 || r.Share > 0 }

func (r Rate) withDefaults() Rate {
	return Rate{max(r.Count, 0), max(cmp.Or(r.Share, 0), 0), cmp.Or(r.Period, time.Minute)}
}

func (r Rate) validate(field string, bad func(string, ...any)) {
	if r.Period < 0 || r.Period > longestRate {
		bad("%s.Period is %v: at most %v, or 0 for a minute", field, r.Period, longestRate)
	}
	if !isFinite(r.Share) {
		bad("%s.Share is %v: it must be a number", field, r.Share)
	}
}

func (d Direction) validateRates(name string, bad func(string, ...any)) {
	d.Rate.validate(name+".Rate", bad)
	if len(d.Rates) > maxRates {
		bad("%s.Rates has %d entries: at most %d", name, len(d.Rates), maxRates)
	}
	for i, r := range d.Rates {
		field := fmt.Sprintf("%s.Rates[%d]", name, i)
		r.validate(field, bad)
		if !r.limited() {
			bad("%s has neither Count nor Share: give it one above 0, or leave it out", field)
		}
	}
	if d.Select > SelectDisabled {
		bad("%s.Select is %v: use decide.SelectMax, SelectMin or SelectDisabled", name, d.Select)
	}
}

// withRates returns the rates of d that limit anything, with defaults.
func (d Direction) withRates() []Rate {
	var out []Rate
	for _, r := range append([]Rate{d.Rate}, d.Rates...) {
		if r = r.withDefaults(); r.limited() {
			out = append(out, r)
		}
	}
	return out
}

// periods returns the different periods of the rates, in milliseconds and
// ascending: without any rate a minute, for whoever adds one later.
func periods(rates ...Rate) []int64 {
	var out []int64
	for _, r := range rates {
		out = append(out, max(r.Period.Milliseconds(), 1))
	}
	if len(out) == 0 {
		return []int64{time.Minute.Milliseconds()}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// rate bounds how far the count may be from what it was a period ago.
func (t *tick) rate(v int64) (int64, Reason, float64, float64) {
	switch up, down := t.config.Up.Select, t.config.Down.Select; {
	case v > t.cur && up == SelectDisabled, v < t.cur && down == SelectDisabled:
		return t.cur, ReasonDisabled, 0, 0
	case t.free(v):
	case v > t.cur && len(t.plan.up) > 0:
		if limit, r, n := t.reach(t.plan.up, up, true); v > limit {
			return limit, ReasonRate, float64(n), r.Period.Seconds()
		}
	case v < t.cur && len(t.plan.down) > 0:
		if limit, r, n := t.reach(t.plan.down, down, false); v < limit {
			return limit, ReasonRate, float64(n), r.Period.Seconds()
		}
	}
	return pass(v)
}

// reach returns how far the rates let the count go, the rate that says so, and
// how many that allows in its period.
func (t *tick) reach(rates []Rate, sel Select, up bool) (limit int64, by Rate, allowed int64) {
	for i, r := range rates {
		p := t.state.paceOf(r.Period)
		var base, n, far int64
		if up {
			base = max(t.cur-p.Ups.sum(t.now, r.Period, true)+p.Downs.sum(t.now, r.Period, false), 0)
			n = r.allowance(base, true)
			far = max(base+n, t.cur)
		} else {
			base = t.cur + p.Downs.sum(t.now, r.Period, true) - p.Ups.sum(t.now, r.Period, false)
			n = r.allowance(base, false)
			far = min(base-n, t.cur)
		}
		more, less := far > limit, far < limit
		if !up {
			more, less = less, more
		}
		if i == 0 || sel == SelectMax && more || sel == SelectMin && less {
			limit, by, allowed = far, r, n
		}
	}
	return limit, by, allowed
}

// allowance is how many replicas may come (or go) in a period that began with
// base of them.
func (r Rate) allowance(base int64, up bool) int64 {
	share := float64(r.Share * float64(base))
	if up {
		share = math.Ceil(share)
	} else {
		share = math.Floor(share)
	}
	return max(r.Count, int64(min(share, MaxReplicas)), 1)
}

// A pacing is what one period remembers of changes.
type pacing struct {
	Period     int64 // milliseconds; 0: not known, from an earlier version
	Ups, Downs pace
}

// paceOf returns the memory of a period; advance has made sure that there is one.
func (s *State) paceOf(period time.Duration) *pacing {
	ms := max(period.Milliseconds(), 1)
	for i := range s.paces {
		if s.paces[i].Period == ms {
			return &s.paces[i]
		}
	}
	return &s.paces[0]
}

// pace makes s remember changes for these periods. One that is new begins with
// what is known for the next longer one, or else for the longest.
func (s *State) pace(periods []int64) {
	same := true
	for i := range s.paces {
		var want int64
		if i < len(periods) {
			want = periods[i]
		}
		same = same && s.paces[i].Period == want && (want != 0 || s.paces[i] == pacing{})
	}
	if same {
		return
	}
	old := s.paces // ascending, but for one of unknown period, which is alone
	s.paces = [maxPeriods]pacing{}
	for i, period := range periods {
		from := &old[0]
		for k := range old {
			if from.Period < period && old[k].Period > from.Period {
				from = &old[k]
			}
		}
		s.paces[i] = pacing{period, from.Ups, from.Downs}
	}
}

// moved notes a change of the count by n at an instant.
func (s *State) moved(at instant, n int64) {
	for i := range s.paces {
		p := &s.paces[i]
		period := time.Duration(p.Period) * time.Millisecond
		switch {
		case p.Period == 0:
		case n > 0:
			p.Ups.add(at, n, period)
		default:
			p.Downs.add(at, -n, period)
		}
	}
}

// forget drops the changes that no period remembers any more.
func (s *State) forget(now instant) {
	for i := range s.paces {
		p := &s.paces[i]
		p.Ups.expire(now, time.Duration(p.Period)*time.Millisecond)
		p.Downs.expire(now, time.Duration(p.Period)*time.Millisecond)
	}
}
