package decide

import (
	"cmp"
	"math"
	"time"
)

// Hold says when data is too bad to scale down on, and what to do if it stays
// bad. Nothing is ever taken away because of bad data, whatever the Fallback: it
// can only raise the count.
type Hold struct {
	// Coverage is the share of the expected members that must report; below it
	// nothing is taken away. Above it, the members that are missing are taken to
	// be as busy as the mean of those that report. Default 0.9; negative: missing
	// members are ignored.
	Coverage float64
	// Fallback is what to do once no policy has been able to tell, or too few
	// members have reported, for After. Default [FallbackHold]: nothing more. One
	// policy that cannot tell among others that can is no case for it. A policy
	// that goes by a rate of earlier ([ReasonRemembered]) cannot tell either, but
	// may ask for more.
	Fallback Fallback
	// Replicas of FallbackFloor and FallbackFixed.
	Replicas int64
	// After is how long the data must have been bad before the Fallback acts.
	// Default 30 s; negative: at once. Only observed time counts.
	After time.Duration
}

// A Fallback is what to do when nobody knows what is needed.
type Fallback uint8

// The fallbacks. Each leaves what there is if that is more.
const (
	// FallbackHold keeps what there is.
	FallbackHold Fallback = iota
	// FallbackFloor wants at least Hold.Replicas, and more if a policy asks for
	// more all the same.
	FallbackFloor
	// FallbackLastGood wants the largest opinion of the last quarter to half an
	// hour of good data: what a guard had not let through yet, or what was needed
	// a while ago. A cold start knows of none.
	FallbackLastGood
	// FallbackFixed wants Hold.Replicas, whatever is asked for on the data of the
	// members that are left.
	FallbackFixed
)

var fallbackNames = [...]string{"hold", "floor", "last_good", "fixed"}

// String returns the lower-case name of f.
func (f Fallback) String() string { return nameOf(fallbackNames[:], "fallback", uint8(f)) }

// MarshalText returns the name of f.
func (f Fallback) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads a name and refuses one that it does not know.
func (f *Fallback) UnmarshalText(text []byte) error {
	i, err := indexOf(fallbackNames[:], "fallback", text)
	if err == nil {
		*f = Fallback(i)
	}
	return err
}

func (h Hold) withDefaults() Hold {
	h.Coverage = cmp.Or(max(h.Coverage, -1), 0.9)
	h.After = cmp.Or(max(h.After, -1), 30*time.Second)
	return h
}

func (h Hold) validate(bad func(string, ...any)) {
	if math.IsNaN(h.Coverage) || h.Coverage > 1 {
		bad("Hold.Coverage is %v: it is a share, at most 1", h.Coverage)
	}
	switch h.Fallback {
	case FallbackHold, FallbackLastGood:
		if h.Replicas != 0 {
			bad("Hold.Replicas is %d with Hold.Fallback %v: only floor and fixed have a number", h.Replicas, h.Fallback)
		}
	case FallbackFloor, FallbackFixed:
		if h.Replicas < 1 || h.Replicas > MaxReplicas {
			bad("Hold.Replicas is %d: Hold.Fallback %v needs 1 to %d", h.Replicas, h.Fallback, MaxReplicas)
		}
	default:
		bad("Hold.Fallback is %v: use decide.FallbackHold, FallbackFloor, FallbackLastGood or FallbackFixed", h.Fallback)
	}
	if h.After > longest {
		bad("Hold.After is %v: at most %v", h.After, longest)
	}
}

// lost reports whether too few members report to go by.
func (t *tick) lost() bool {
	m, least := t.in.Members, t.config.Hold.Coverage
	return least > 0 && m.Fresh < m.Expected &&
		(m.Fresh == 0 || m.Expected > MaxReplicas || float64(m.Fresh) < float64(least*float64(m.Expected))-1e-9)
}

// veto takes nothing away on bad data: nothing at all if a policy could not tell
// or too few members report, and if a few do not, no more than would be right if
// those were as busy as the mean of the others.
func (t *tick) veto(v int64) (int64, Reason, float64, float64) {
	m := t.in.Members
	a, b := float64(m.Fresh), float64(m.Expected)
	switch {
	case t.held:
		return max(v, t.cur), ReasonHeld, 0, 0
	case t.config.Hold.Coverage == 0 || m.Fresh >= m.Expected:
		return pass(v)
	case t.lost():
		return max(v, t.cur), ReasonMembersLost, a, b
	case v >= t.cur:
		return v, ReasonMembersLost, a, b
	}
	out := (v*int64(m.Expected) + int64(m.Fresh) - 1) / int64(m.Fresh)
	if t.small(t.cur-out, t.config.Down.Tolerance) {
		out = t.cur // tolerance would have kept it, had it known
	}
	return min(out, t.cur), ReasonMembersLost, a, b
}

// hold takes nothing away on bad data, and raises the count to the fallback if
// the data has been bad for too long.
func (t *tick) hold(v int64) (int64, Reason, float64, float64) {
	out, reason, a, b := t.veto(v)
	h, s := t.config.Hold, t.state
	bad := s.observed + 1 - s.bad
	if s.bad == 0 || bad < h.After.Milliseconds() {
		return out, reason, a, b
	}
	since := float64(bad) / 1000
	switch most := max(s.good.Most, s.good.Before); {
	case h.Fallback == FallbackFloor && h.Replicas > out:
		return h.Replicas, ReasonFloor, float64(h.Replicas), since
	case h.Fallback == FallbackLastGood && most > out:
		return most, ReasonLastGood, float64(most), since
	case h.Fallback == FallbackFixed && (t.lost() || !t.told):
		return max(h.Replicas, t.cur), ReasonFixed, float64(h.Replicas), since
	case h.Fallback == FallbackFixed && h.Replicas > out: // a rate of earlier asked for out
		return h.Replicas, ReasonFixed, float64(h.Replicas), since
	}
	return out, reason, a, b
}

// A good is what is known of good data: the largest opinion of the present stretch
// of it, and of the one before. A stretch ends after goodStretch.
type good struct {
	Passed       int64 // milliseconds of good data in this stretch
	Most, Before int64
}

const goodStretch = 15 * time.Minute

// blind finds out whether anybody knows what is needed. What follows from a rate
// of earlier does not count: it is an opinion only where it asks for more than
// there is, so that with it a little more demand would switch the fallback off.
func (t *tick) blind() {
	switch s := t.state; {
	case t.known && !t.lost():
		s.bad = 0
	case s.bad == 0:
		s.bad = s.observed + 1
	}
}

// learn notes the opinion, if the data that it rests on is good.
func (g *good) learn(opinion, passed int64) {
	g.Passed += passed
	if g.Passed >= goodStretch.Milliseconds() {
		*g = good{Before: g.Most}
	}
	g.Most = max(g.Most, opinion)
}
