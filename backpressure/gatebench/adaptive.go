package main

import (
	"math"
	"time"
)

// A sample is what an adaptive limit learns from: one request, or a window of them.
type sample struct {
	rtt      float64 // seconds, of one or the mean
	inFlight int     // at the end of one, or the most in the window
	dropped  bool    // one timed out or failed
	now      time.Duration
}

// A limit is an algorithm for how many requests may run.
type limit interface {
	// update returns the new limit.
	update(s sample) float64
}

// adaptive runs at most as many jobs as a limit says. What goes above is refused.
type adaptive struct {
	passive
	limit    limit
	current  float64
	inFlight int

	windowed bool // the limit hears of windows, not of requests
	window   sample
	samples  int
	sum      float64
	closes   time.Duration
}

func newAdaptive(l limit, initial float64, windowed bool) *adaptive {
	return &adaptive{limit: l, current: initial, windowed: windowed}
}

func (p *adaptive) offer(time.Duration, *job) verdict {
	if p.inFlight >= int(p.current) {
		return verdict{action: shed}
	}
	p.inFlight++
	return verdict{}
}

func (p *adaptive) done(now time.Duration, j *job, how ending) {
	s := sample{rtt: (now - j.admitted).Seconds(), inFlight: p.inFlight, dropped: how != served, now: now}
	p.inFlight--
	if !p.windowed {
		p.current = p.limit.update(s)
		return
	}
	p.add(s)
}

// add puts s into the window: Netflix's WindowedLimit, of a second and at least ten
// samples, with the mean of the round-trip times.
func (p *adaptive) add(s sample) {
	const least, length = 10, time.Second
	p.samples++
	p.sum += s.rtt
	p.window.inFlight = max(p.window.inFlight, s.inFlight)
	p.window.dropped = p.window.dropped || s.dropped
	if s.now < p.closes || p.samples < least {
		return
	}
	p.window.rtt, p.window.now = p.sum/float64(p.samples), s.now
	p.current = p.limit.update(p.window)
	p.window, p.samples, p.sum, p.closes = sample{}, 0, 0, s.now+length
}

// log10 is the steps of Vegas: at least 1.
func log10(limit float64) float64 { return max(1, math.Floor(math.Log10(limit))) }
