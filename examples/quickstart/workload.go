package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/decide/simulate"
	"github.com/evenkeel/evenkeel/decide/simulate/trace"
)

// workload is what will be asked of the fleet.
type workload struct {
	arrivals trace.Trace
	speed    float64 // of the replay; 1 for a synthetic day
	what     string  // in words
	// burst is where the arrivals rise most steeply.
	burst time.Duration
	// initial replicas: what the opening seconds need, as if the fleet had been
	// there before.
	initial int64
}

// opening is the part of the workload by which the fleet at its beginning is
// sized, and openingUse how busy its replicas are then.
const (
	opening    = 10 * time.Second
	openingUse = 0.9
)

// plan reads or makes the arrivals.
func plan(o options) (workload, error) {
	if o.trace == "" {
		return planDay(o)
	}
	whole, err := trace.Read(o.trace)
	if err != nil {
		return workload{}, err
	}
	w := workload{speed: o.speed}
	if w.speed == 0 {
		if _, w.speed, err = simulate.Rush(whole, o.model, peakReplicas, objectiveTPOT, o.length); err != nil {
			return w, fmt.Errorf("%s: %w: give -speed", o.trace, err)
		}
	}
	window := time.Duration(float64(o.length) * w.speed)
	w.arrivals = whole.Busiest(window).Speed(w.speed).Cut(o.length)
	w.what = fmt.Sprintf("%s, busiest %v at speed %.3g", o.trace, window.Round(time.Second), w.speed)
	return w.finish(o)
}

// The synthetic day: a chat service with prompts and answers of so many tokens,
// and a mean load of so much of its peak, as two public days of production traffic
// have (Azure 2024 code 0.44, ServeGen large 0.43).
const (
	dayInput  = 1000
	dayOutput = 200
	dayMean   = 0.43
)

func planDay(o options) (w workload, err error) {
	w.speed = 1
	if o.speed > 0 {
		w.speed = o.speed
	}
	knee := o.model.MaxRate(objectiveTPOT, dayInput, dayOutput)
	w.arrivals, err = trace.Day(o.seed, trace.Shape{
		Length: time.Duration(float64(o.length) * w.speed),
		Mean:   knee * peakReplicas * dayMean / w.speed, Peak: knee * peakReplicas / w.speed,
		Input: dayInput, Output: dayOutput,
	})
	if err != nil {
		return w, err
	}
	w.arrivals = w.arrivals.Speed(w.speed).Cut(o.length)
	w.what = fmt.Sprintf("a bursty day in %v, seed %d", o.length, o.seed)
	return w.finish(o)
}

// finish fills in what follows from the arrivals.
func (w workload) finish(o options) (workload, error) {
	if len(w.arrivals) == 0 {
		return w, fmt.Errorf("%s: no request in %v: use a lower -speed or a longer -for", w.what, o.length)
	}
	if o.load > 1 {
		w.arrivals = crowd(w.arrivals, o.load, o.seed)
		w.what += fmt.Sprintf(", %d times", o.load)
	}
	w.burst = steepestRise(w.arrivals, 3*time.Second)
	in, out := w.arrivals.MeanTokens()
	need := o.model.Utilization(float64(len(w.arrivals.Cut(opening)))/opening.Seconds(), in, out) / openingUse
	w.initial = min(max(int64(need+0.999), o.min), o.max)
	return w, nil
}

// crowd is so many requests for each of t, within half a second of it.
func crowd(t trace.Trace, load int, seed uint64) trace.Trace {
	rng := rand.New(rand.NewPCG(seed, uint64(load)))
	var out trace.Trace
	for _, r := range t {
		for range load {
			like := r
			like.At += time.Duration(rng.Int64N(int64(time.Second))) - time.Second/2
			like.At = min(max(like.At, 0), t.Span())
			out = append(out, like)
		}
	}
	slices.SortStableFunc(out, func(a, b trace.Record) int { return cmp.Compare(a.At, b.At) })
	return out
}

// steepestRise returns the time at which the arrivals of the next window exceed
// those of the window before by most.
func steepestRise(t trace.Trace, window time.Duration) (at time.Duration) {
	most := 0
	for i, j, k := 0, 0, 0; i < len(t); i++ {
		now := t[i].At
		for j < len(t) && t[j].At < now-window {
			j++
		}
		for k < len(t) && t[k].At < now+window {
			k++
		}
		if rise := (k - i) - (i - j); rise > most && now >= window {
			most, at = rise, now
		}
	}
	return at
}
