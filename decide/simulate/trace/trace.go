package trace

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"time"
)

// A Record is one request of a trace.
type Record struct {
	// At is when it arrives, from the start of the trace.
	At time.Duration
	// Input is the number of prompt tokens.
	Input int64
	// Output is the number of generated tokens.
	Output int64
}

// A Trace is the requests of a workload, sorted by arrival.
type Trace []Record

// Span is the time of the last arrival, 0 for an empty trace.
func (t Trace) Span() time.Duration {
	if len(t) == 0 {
		return 0
	}
	return t[len(t)-1].At
}

// MeanTokens returns the mean lengths of prompts and of answers, in tokens.
func (t Trace) MeanTokens() (input, output float64) {
	for _, r := range t {
		input += float64(r.Input)
		output += float64(r.Output)
	}
	n := float64(max(len(t), 1))
	return input / n, output / n
}

// Busiest returns the window of the given length with the most arrivals, the
// earliest of equals, re-based so that its first arrival is at 0.
//
// Requests are what is counted, not their tokens: a window is chosen for its
// rush, and how heavy a token weighs is a matter of the model that serves it.
func (t Trace) Busiest(window time.Duration) Trace {
	lo, hi := t.busiest(window)
	if lo == hi {
		return Trace{}
	}
	out := make(Trace, hi-lo)
	for i, r := range t[lo:hi] {
		r.At -= t[lo].At
		out[i] = r
	}
	return out
}

// PeakRate returns the highest rate of arrivals, in requests per second, over
// any window of the given length. It is 0 if the trace is empty or the window
// not positive.
func (t Trace) PeakRate(window time.Duration) float64 {
	if window <= 0 {
		return 0
	}
	lo, hi := t.busiest(window)
	return float64(hi-lo) / window.Seconds()
}

// busiest returns the bounds of the half-open window [At, At+window) that holds
// the most records. Some window that begins at an arrival is always among the
// fullest, so only those are tried.
func (t Trace) busiest(window time.Duration) (lo, hi int) {
	end := 0
	for begin := range t {
		for end < len(t) && t[end].At-t[begin].At < window {
			end++
		}
		if end-begin > hi-lo {
			lo, hi = begin, end
		}
	}
	return lo, hi
}

// Speed returns the trace with its arrivals k times as fast: k = 2 plays an hour
// in thirty minutes, at twice the rate. Lengths stay. A k that is not positive
// and finite counts as 1.
func (t Trace) Speed(k float64) Trace {
	if !(k > 0) || math.IsInf(k, 1) {
		k = 1
	}
	out := make(Trace, len(t))
	for i, r := range t {
		// A tiny k must not push an arrival out of the range of a Duration.
		r.At = time.Duration(min(float64(r.At)/k, float64(maxArrival)))
		out[i] = r
	}
	return out
}

// Thin returns the trace with each request kept by chance, at the given share:
// the same day with fewer clients. The same seed keeps the same requests. A share
// of 1 or more keeps all.
func (t Trace) Thin(share float64, seed uint64) Trace {
	rng := rand.New(rand.NewPCG(seed, 0x7468696e))
	out := Trace{}
	for _, r := range t {
		if rng.Float64() < share {
			out = append(out, r)
		}
	}
	return out
}

// Cut returns the part of the trace before d.
func (t Trace) Cut(d time.Duration) Trace {
	n := sort.Search(len(t), func(i int) bool { return t[i].At >= d })
	return append(Trace{}, t[:n]...)
}

// Shake returns the trace with every arrival put off by up to d, at random, and
// sorted again: the same workload on another day, when every client was a moment
// later or not. The same seed gives the same trace. A d that is not positive
// changes nothing.
func (t Trace) Shake(d time.Duration, seed uint64) Trace {
	out := slices.Clone(t)
	if d <= 0 {
		return out
	}
	rng := rand.New(rand.NewPCG(seed, 0x7368616b65))
	for i := range out {
		out[i].At += time.Duration(rng.Int64N(int64(d)))
	}
	slices.SortStableFunc(out, func(a, b Record) int { return cmp.Compare(a.At, b.At) })
	return out
}
