package backpressure

import (
	"math"
	"time"
)

// How the drain rates are learned. None of these depends on a model or a device.
const (
	// foldEvery is how often a learned rate takes in what was measured since.
	foldEvery = 250 * time.Millisecond
	// learnOver is the time constant of the rates, in seconds of work.
	learnOver = 2.0
	// learnPrompts: where prompts are long, as many of them make the time constant,
	// up to learnMost seconds. A few of very different lengths that end within two
	// seconds tell nothing of how fast they are worked off.
	learnPrompts, learnMost = 16.0, 30.0
	// coldBelow: a rate learned from less than about a second of work
	// (1-exp(-1/learnOver) = 0.39) is not yet trusted alone.
	coldBelow = 0.39
	// hintAbove: below this confidence, a rate is not even listened to.
	hintAbove = 0.1
	// coldAhead is how many requests per unit may be ahead at the very start. Each
	// one served adds one, so that the number doubles per round.
	coldAhead = 8.0
)

// A line is the work admitted and not yet done, and how fast it is worked off.
// There are two: prompts until their first token, and whole answers until their
// end.
//
// The rate is learned per unit: what was done divided by the unit-seconds in
// which there was something to do. So a fleet of six that becomes three is known
// at once. Time without work teaches nothing; time with work and no result
// teaches that the rate is falling, and a stalled engine closes the gate.
type line struct {
	requests int     // in the line
	amount   float64 // their tokens
	allowed  float64 // requests allowed ahead per unit while cold
	// one: a request keeps one unit busy, and no more than one. So it is with
	// prompts; many answers share a unit.
	one bool
	// long: requests are few and long, so that units without one matter.
	long bool

	rate float64 // learned, per unit and second; 0 while nothing is known
	conf float64 // confidence in it, 0 to 1

	mean float64 // decayed sum of rates; rate = mean/conf
	done float64 // since the last fold
	busy float64 // unit-seconds with work, since the last fold
	secs float64 // seconds with work, since the last fold
}

func (l *line) enter(amount float64) {
	l.requests++
	l.amount += amount
}

// leave takes amount out of the line; served says that it was worked off, not
// given up.
func (l *line) leave(amount float64, served bool) {
	l.requests--
	l.amount -= amount
	if l.requests <= 0 {
		l.requests, l.amount = 0, 0 // no rounding error stays
	}
	if served {
		l.done += amount
		if l.conf < coldBelow {
			l.allowed++
		}
	}
}

// pass lets dt seconds go by with that many units at work.
func (l *line) pass(dt, units float64) {
	if l.requests > 0 && units > 0 {
		l.secs += dt
		l.busy += dt * l.atWork(units)
	}
}

// atWork is how many units the line keeps busy.
func (l *line) atWork(units float64) float64 {
	if l.one {
		return min(units, float64(l.requests))
	}
	return units
}

// fold takes what was measured since the last fold into the rate, with the time
// constant over in seconds.
func (l *line) fold(over float64) {
	if l.secs <= 0 {
		return
	}
	keep := math.Exp(-l.secs / over)
	l.mean = l.mean*keep + (1-keep)*l.done/l.busy
	l.conf = l.conf*keep + (1 - keep)
	l.rate = l.mean / l.conf
	l.done, l.busy, l.secs = 0, 0, 0
}

// cold reports whether the rate alone cannot be trusted yet.
func (l *line) cold() bool { return l.conf < coldBelow }

// seconds predicts how long it takes to work off the line, queued more and then a
// request of that amount, with that many units. It is 0 while nothing is known.
func (l *line) seconds(queued, amount, units float64) float64 {
	if l.conf < hintAbove || units <= 0 {
		return 0
	}
	return l.predict(queued, amount, units)
}

// predict spreads what is ahead over all units. The request itself is worked off
// by one of them, however many there are. Where requests are long, it waits for
// nothing as long as some unit has none, and else for those beyond one a unit.
func (l *line) predict(queued, amount, units float64) float64 {
	before := l.amount
	if l.long && units > 1 && l.requests > 0 {
		before *= max(0, 1-(units-1)/float64(l.requests))
	}
	ahead := before + queued
	if units != 1 { // a division less, twice for each request that is refused
		ahead /= units
		if !l.one || units < 1 {
			amount /= units
		}
	}
	if rate := l.rate; rate > 1e-9 {
		return (ahead + amount) / rate
	}
	return (ahead + amount) / 1e-9
}

// fits reports whether a request of that amount is done within budget seconds.
func (l *line) fits(amount, budget, units float64) bool {
	if l.requests == 0 {
		return true
	}
	if l.cold() {
		if float64(l.requests) >= (coldAhead+l.allowed)*max(units, 1) {
			return false
		}
		if l.conf < hintAbove {
			return true
		}
	}
	return l.predict(0, amount, units) <= budget
}
