package main

import (
	"math/rand/v2"
	"time"
)

const serverSlots = 32

// capacity is what slots can serve, in requests/s.
func capacity(slots int) float64 { return float64(slots) / serviceMean.Seconds() }

// requests are Poisson arrivals at times the capacity of slots.
func (t trial) requests(times float64, slots int, sigma float64, deadline, until time.Duration) func() *job {
	draw := work(sigma)
	rng := newRand(t.scenario, t.load.name, t.seed)
	return poisson(rng, constant(times*capacity(slots)), until, func(rng *rand.Rand, j *job) {
		j.service = draw(rng)
		j.giveUp = j.at + deadline
	})
}

// servedIn counts the jobs that are served in [from, to).
func servedIn(n *int, from, to time.Duration) func(*job) {
	return func(j *job) {
		if j.ending == served && j.last >= from && j.last < to {
			*n++
		}
	}
}

func slotEnv(slots int) env {
	return env{units: 1, slots: slots, rate: capacity(slots)}
}

// goodput measures a server at rest in itself.
func (t trial) goodput(sigma float64, deadline time.Duration) (values, error) {
	n, from, to := 0, t.s(30), t.s(90)
	arrive := t.requests(t.load.rate, serverSlots, sigma, deadline, to)
	_, err := t.play(slotEnv(serverSlots), newSlots(1, serverSlots), arrive, servedIn(&n, from, to))
	return values{"goodput": float64(n) / (to - from).Seconds() / capacity(serverSlots)}, err
}

// coldStart measures how soon a policy finds out how large the server is.
func (t trial) coldStart() (values, error) {
	const large = 128
	until := t.s(120)
	perSecond := make([]int, int(until/time.Second)+2)
	early := 0
	arrive := t.requests(t.load.rate, large, 0.5, time.Second, until)
	_, err := t.play(slotEnv(large), newSlots(1, large), arrive, func(j *job) {
		if j.ending != served {
			return
		}
		perSecond[min(int(j.last/time.Second), len(perSecond)-1)]++
		if j.last < t.s(20) {
			early++
		}
	})
	// The end of the first second that reaches 90 %; the whole run if none does.
	ramp := until.Seconds()
	for s, n := range perSecond[:int(until/time.Second)] {
		if float64(n) >= 0.9*capacity(large) {
			ramp = float64(s + 1)
			break
		}
	}
	return values{"goodput": float64(early) / t.s(20).Seconds() / capacity(large), "ramp": ramp}, err
}

// capacityLoss takes 20 of 32 slots away.
func (t trial) capacityLoss() (values, error) {
	const remain = 12
	n, from, to := 0, t.s(50), t.s(90)
	f := newSlots(1, serverSlots)
	arrive := t.requests(t.load.rate, serverSlots, 0.5, time.Second, to)
	_, err := t.play(slotEnv(serverSlots), f, arrive, servedIn(&n, from, to), func(w *world) {
		w.at(t.s(45), func() { f.shrink(remain) })
	})
	return values{"goodput": float64(n) / (to - from).Seconds() / capacity(remain)}, err
}
