package main

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"
)

// newRand returns the random numbers of one seed of a scenario's load: the same
// for every policy.
func newRand(scenario, load string, seed uint64) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(scenario + "\x00" + load)) // never fails
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// poisson returns arrivals at rate(t) per second until an instant. fill makes a
// request of a job.
func poisson(rng *rand.Rand, rate func(time.Duration) float64, until time.Duration, fill func(*rand.Rand, *job)) func() *job {
	now := time.Duration(0)
	return func() *job {
		now += time.Duration(rng.ExpFloat64() / rate(now) * 1e9)
		if now >= until {
			return nil
		}
		j := &job{at: now, giveUp: never}
		fill(rng, j)
		return j
	}
}

func constant(rate float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return rate }
}

// lognormal returns a function that draws from a log-normal distribution.
func lognormal(median, sigma float64) func(*rand.Rand) float64 {
	return func(rng *rand.Rand) float64 { return median * math.Exp(sigma*rng.NormFloat64()) }
}

// serviceMean is the mean work of a job at a slot.
const serviceMean = 100 * time.Millisecond

// work is the service time of a job: log-normal, mean serviceMean.
func work(sigma float64) func(*rand.Rand) time.Duration {
	draw := lognormal(math.Exp(-sigma*sigma/2), sigma)
	return func(rng *rand.Rand) time.Duration {
		return time.Duration(draw(rng) * float64(serviceMean))
	}
}

// A kind is what the requests to an engine are like.
type kind struct {
	rate           float64 // requests/s
	prompt, output func(*rand.Rand) float64
}

func chat(rate float64) kind { return kind{rate, lognormal(300, 1), lognormal(250, 0.8)} }
func rag(rate float64) kind  { return kind{rate, lognormal(4000, 0.5), lognormal(150, 0.6)} }

// inTurn returns the kind at t: one after the other, 20 s each.
func inTurn(kinds ...kind) func(time.Duration) kind {
	return func(t time.Duration) kind { return kinds[int(t/(20*time.Second))%len(kinds)] }
}

// ask returns requests of the kind of their time.
func ask(rng *rand.Rand, kinds func(time.Duration) kind, until time.Duration, patience time.Duration) func() *job {
	return poisson(rng, func(t time.Duration) float64 { return kinds(t).rate }, until, func(rng *rand.Rand, j *job) {
		k := kinds(j.at)
		j.prompt = max(1, int(k.prompt(rng)))
		j.output = max(1, int(k.output(rng)))
		j.giveUp, j.toAnswer = j.at+patience, true
	})
}
