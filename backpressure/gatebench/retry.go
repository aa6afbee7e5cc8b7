package main

import (
	"math/rand/v2"
	"slices"
	"time"
)

// A population is a fixed number of clients. Each thinks and asks; after a refusal
// it comes back when it was told to, or, where it was told nothing, after an
// exponential back-off. Once it is served, or has given up waiting for an answer, it
// thinks again.
type population struct {
	w         *world
	rng       *rand.Rand
	service   func(*rand.Rand) time.Duration
	burst     time.Duration // its end
	calm      time.Duration // the mean time to think after it
	until     time.Duration
	first     int // first retries after the burst,
	let       int // and those of them that were let in
	perSecond []int
}

// thinking is the mean time to think during the burst.
const thinking = 5 * time.Second

// think lets a client think from now on, and then ask.
func (p *population) think(now time.Duration) {
	at := now + time.Duration(p.rng.ExpFloat64()*float64(thinking))
	if at >= p.burst { // what is left is drawn again: waiting so far does not count
		at = max(now, p.burst) + time.Duration(p.rng.ExpFloat64()*float64(p.calm))
	}
	p.ask(at, 0)
}

// ask lets a client ask at an instant, after some refusals.
func (p *population) ask(at time.Duration, refusals int) {
	if at >= p.until {
		return
	}
	p.w.at(at, func() {
		p.perSecond[int(at/time.Second)]++
		j := &job{at: at, giveUp: at + time.Second, service: p.service(p.rng), refusals: refusals}
		p.w.offer(j)
	})
}

// ended goes on with the client of j.
func (p *population) ended(j *job) {
	now := p.w.now
	if j.refusals == 1 && j.at >= p.burst {
		p.first++
		if j.ending != refused {
			p.let++
		}
	}
	if j.ending != refused {
		p.think(now)
		return
	}
	wait := j.retry
	if wait == 0 { // half a second, doubled up to 8 s, less up to a quarter
		wait = min(500*time.Millisecond<<min(j.refusals, 10), 8*time.Second)
		wait -= time.Duration(p.rng.Float64() / 4 * float64(wait))
	}
	p.ask(now+wait, j.refusals+1)
}

// retry lets clients ask for 3 times the capacity, if all were served at once, for
// 60 s, and then for 0.8 times.
func (t trial) retry() (values, error) {
	const after = 0.8
	rate := capacity(serverSlots)
	clients := t.load.rate * rate * (thinking + serviceMean).Seconds()
	p := &population{
		rng: newRand(t.scenario, t.load.name, t.seed), service: work(0.5),
		burst: t.s(60), until: t.s(180), perSecond: make([]int, int(t.s(180)/time.Second)+1),
		calm: time.Duration(clients/(after*rate)*1e9) - serviceMean,
	}
	nobody := func() *job { return nil } // comes by itself
	_, err := t.play(slotEnv(serverSlots), newSlots(1, serverSlots), nobody, p.ended, func(w *world) {
		p.w = w
		for range int(clients) {
			p.think(0)
		}
	})
	bins := p.perSecond[int(p.burst/time.Second):int(t.s(120)/time.Second)]
	sum := 0
	for _, b := range bins {
		sum += b
	}
	peak := 0.0
	if most := slices.Max(bins); most >= 100 {
		peak = float64(most) * float64(len(bins)) / float64(max(sum, 1))
	}
	return values{"first_retry": ratio(p.let, p.first), "retry_peak": peak}, err
}
