package backpressure

import "math"

const (
	// fullOver is the time constant of what is given to full units, in seconds.
	fullOver = 8.0
	// fullShare of the last seconds must have been full for it to count.
	fullShare = 0.5
)

// A full measures what one unit is given while more is offered than the gate can
// let in. In a rush that is there from the first second there may be nothing to
// fit a step to, since all seconds are alike; what is let in is then what the
// units can do.
//
// While the units fill up they are given more than they can do for long; so the
// measure errs towards a high rate, and a fleet that is sized by it grows in steps
// rather than too far.
type full struct {
	given    float64 // work let in since the last fold
	work     float64 // decayed sum of it, over time that was full
	unitSecs float64 // the same of the unit-seconds
	share    float64 // of the time that was full, decayed
}

// fold takes in secs seconds of that many units.
func (f *full) fold(secs, units float64, isFull, steady bool) {
	if secs <= 0 {
		return
	}
	keep := math.Exp(-secs / fullOver)
	f.share *= keep
	if isFull && units > 0 {
		f.share += 1 - keep
	}
	if steady && f.often() {
		f.work = f.work*keep + f.given
		f.unitSecs = f.unitSecs*keep + secs*units
	}
	f.given = 0
}

// often reports whether the units have been full for most of the last seconds.
func (f *full) often() bool { return f.share >= fullShare }

// rate is the work per second that one unit can be counted on for as long as
// nothing better is known, and whether the units are full, so that it is known.
//
// One unit that drowns does less than one of several that share the load: what
// the measure says is believed only as far as twice the units would meet demand,
// the offered work per second. When those are there, they are measured again.
func (f *full) rate(demand, units float64) (float64, bool) {
	if !f.often() || f.unitSecs == 0 {
		return 0, false
	}
	r := max(f.work/f.unitSecs, demand/(2*max(units, 1)))
	return r, r > 0
}
