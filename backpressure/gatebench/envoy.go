package main

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// envoy is the gradient controller of Envoy's adaptive concurrency filter, with the
// values of its documentation. It measures the shortest round trip by letting only
// three requests run until fifty have ended, and multiplies the limit by how that
// compares with the median of the last tenth of a second.
type envoy struct {
	passive
	rng      *rand.Rand
	limit    float64
	inFlight int

	measuring bool
	epoch     time.Duration // requests from before it say nothing
	kept      float64       // the limit to go back to
	minRTT    float64
	rtts      []float64
	updates   time.Duration
	measures  time.Duration
	low       int // updates in a row at the lowest limit
}

const (
	envoyLeast    = 3
	envoyMost     = 1000
	envoySamples  = 50
	envoyUpdate   = 100 * time.Millisecond
	envoyInterval = 60 * time.Second
)

func newEnvoy(rng *rand.Rand) *envoy {
	return &envoy{rng: rng, limit: envoyLeast, measuring: true, kept: envoyLeast}
}

func (p *envoy) offer(time.Duration, *job) verdict {
	if p.inFlight >= int(p.limit) {
		return verdict{action: shed}
	}
	p.inFlight++
	return verdict{}
}

func (p *envoy) done(now time.Duration, j *job, how ending) {
	p.inFlight--
	if j.admitted < p.epoch || how == lost {
		return
	}
	p.rtts = append(p.rtts, (now - j.admitted).Seconds())
	switch {
	case p.measuring && len(p.rtts) >= envoySamples:
		p.minRTT = median(p.rtts)
		p.rtts = p.rtts[:0]
		p.measuring, p.limit, p.low = false, p.kept, 0
		p.updates = now + envoyUpdate
		p.measures = now + envoyInterval + time.Duration(p.rng.Float64()*0.15*float64(envoyInterval))
	case !p.measuring && now >= p.updates:
		p.update(now)
	}
}

func (p *envoy) update(now time.Duration) {
	const buffer = 0.25
	g := min(max(p.minRTT*(1+buffer)/median(p.rtts), 0.5), 2)
	p.limit *= g
	p.limit = min(max(p.limit+math.Sqrt(p.limit), envoyLeast), envoyMost)
	p.rtts, p.updates = p.rtts[:0], now+envoyUpdate
	if p.low++; p.limit > envoyLeast {
		p.low = 0
	}
	if p.low >= 5 || now >= p.measures {
		p.measuring, p.kept, p.limit, p.epoch = true, p.limit, envoyLeast, now
	}
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}
