package main

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/backpressure"
)

// tenants sets one tenant that offers 4 times the capacity, twenty times its share,
// beside four that offer less than theirs.
func (t trial) tenants() (values, error) {
	demands := []float64{4, 0.15, 0.15, 0.15, 0.15} // times the capacity
	fair := []float64{0.4, 0.15, 0.15, 0.15, 0.15}  // max-min
	counts, came := make([]int, 5), make([]int, 5)  // in time, of those that came
	var light []time.Duration                       // latencies of the light ones
	n, from, to := 0, t.s(30), t.s(90)
	arrive := t.mixedRequests(demands, to, func(j *job, i int) { j.tenant = i })
	count := servedIn(&n, from, to)
	_, err := t.play(slotEnv(serverSlots), newSlots(1, serverSlots), arrive, func(j *job) {
		count(j)
		if j.at < from || j.at >= to-time.Second {
			return
		}
		came[j.tenant]++
		if j.ending != served {
			return
		}
		counts[j.tenant]++
		if j.tenant > 0 {
			light = append(light, j.last-j.at)
		}
	})
	if err != nil {
		return nil, err
	}
	// Jain's index of what each got, over its fair part.
	sum, squares := 0.0, 0.0
	for i := range counts {
		x := float64(counts[i]) / fair[i]
		sum, squares = sum+x, squares+x*x
	}
	v := values{
		"goodput":       float64(n) / (to - from).Seconds() / capacity(serverSlots),
		"success_light": ratio(counts[1]+counts[2]+counts[3]+counts[4], came[1]+came[2]+came[3]+came[4]),
		"jain":          sum * sum / max(squares, 1) / float64(len(counts)),
	}
	if slices.Sort(light); len(light) > 0 {
		v["p99_light_ms"] = light[len(light)*99/100].Seconds() * 1000
	}
	return v, nil
}

// priority has a high class that asks for half of the capacity, and a low one that
// asks for the rest of the load.
func (t trial) priority() (values, error) {
	n, from, to := 0, t.s(30), t.s(90)
	good, came := 0, 0
	arrive := t.mixedRequests([]float64{0.5, t.load.rate - 0.5}, to, func(j *job, i int) {
		if i > 0 {
			j.class = backpressure.Sheddable
		}
	})
	count := servedIn(&n, from, to)
	_, err := t.play(slotEnv(serverSlots), newSlots(1, serverSlots), arrive, func(j *job) {
		count(j)
		if j.class != backpressure.Critical || j.at < from || j.at >= to-time.Second {
			return
		}
		came++
		if j.ending == served {
			good++
		}
	})
	return values{
		"goodput":      float64(n) / (to - from).Seconds() / capacity(serverSlots),
		"success_high": ratio(good, came),
	}, err
}

// mixedRequests are Poisson arrivals of several sources, each at times the capacity;
// mark says to a job from which it is.
func (t trial) mixedRequests(times []float64, until time.Duration, mark func(*job, int)) func() *job {
	all := 0.0
	for _, x := range times {
		all += x
	}
	draw := work(0.5)
	return poisson(newRand(t.scenario, t.load.name, t.seed), constant(all*capacity(serverSlots)), until, func(rng *rand.Rand, j *job) {
		j.service, j.giveUp = draw(rng), j.at+time.Second
		x, i := rng.Float64()*all, 0
		for x >= times[i] && i < len(times)-1 {
			x -= times[i]
			i++
		}
		mark(j, i)
	})
}

func ratio(a, b int) float64 { return float64(a) / float64(max(b, 1)) }
