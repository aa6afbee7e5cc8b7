package main

import (
	"math"
	"math/rand/v2"
)

// The limits of Netflix's concurrency-limits, as of January 2026, with its default
// constants.

// vegas compares the shortest round trip with the present one: the queue that the
// difference stands for is kept between alpha and beta. Now and then it takes the
// present one for the shortest.
type vegas struct {
	rng    *rand.Rand
	limit  float64
	base   float64 // shortest round trip
	probes float64
	jitter float64
}

func newVegas(rng *rand.Rand) *vegas {
	return &vegas{rng: rng, limit: 20, jitter: 0.5 + rng.Float64()/2}
}

func (v *vegas) update(s sample) float64 {
	const multiplier, most = 30, 1000
	v.probes++
	if v.jitter*multiplier*v.limit <= v.probes {
		v.jitter, v.probes, v.base = 0.5+v.rng.Float64()/2, 0, s.rtt
		return v.limit
	}
	if v.base == 0 || s.rtt < v.base {
		v.base = s.rtt
		return v.limit
	}
	step := log10(v.limit)
	queue := math.Ceil(v.limit * (1 - v.base/s.rtt))
	switch {
	case s.dropped:
		v.limit -= step
	case float64(s.inFlight)*2 < v.limit:
	case queue <= step:
		v.limit += 6 * step
	case queue < 3*step:
		v.limit += step
	case queue > 6*step:
		v.limit -= step
	}
	v.limit = min(max(v.limit, 1), most)
	return v.limit
}

// gradient2 compares a long mean of round trips with the last window's.
type gradient2 struct {
	limit float64
	long  float64
	n     int
}

func newGradient2() *gradient2 { return &gradient2{limit: 20} }

func (g *gradient2) update(s sample) float64 {
	const (
		least, most, window, warmup   = 20, 200, 600, 10
		smoothing, queue, tolerance   = 0.2, 4, 1.5
		drift, tooLong, lowest, whole = 0.95, 2, 0.5, 1.0
	)
	if g.n++; g.n <= warmup {
		g.long += (s.rtt - g.long) / float64(g.n)
	} else {
		g.long += (s.rtt - g.long) * 2 / (window + 1)
	}
	if g.long/s.rtt > tooLong {
		g.long *= drift
	}
	if float64(s.inFlight) < g.limit/2 {
		return g.limit
	}
	gradient := min(max(tolerance*g.long/s.rtt, lowest), whole)
	next := g.limit*gradient + queue
	g.limit = min(max(g.limit*(1-smoothing)+next*smoothing, least), most)
	return g.limit
}

// aimd adds one while requests finish in time, and takes a tenth when one does not.
type aimd struct{ limit float64 }

func newAIMD() *aimd { return &aimd{limit: 20} }

func (a *aimd) update(s sample) float64 {
	const least, most, backoff, timeout = 20, 200, 0.9, 5.0
	if s.dropped || s.rtt > timeout {
		a.limit *= backoff
	} else if float64(s.inFlight)*2 >= a.limit {
		a.limit++
	}
	a.limit = min(max(math.Floor(a.limit), least), most)
	return a.limit
}
