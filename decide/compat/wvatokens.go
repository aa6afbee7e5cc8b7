package compat

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// WVATokens is the second version of llm-d's autoscaler: demand in tokens over
// the tokens that a replica holds, which is the smaller of what its memory and
// what its batch allows, the latter observed while requests queue.
//
// It reads the ready and the status count: replicas on their way count as
// capacity, so that it cannot run away. Metrics: 0 the tokens in use by replica
// and 1 the requests queued by replica, in Pods; 2 the requests queued at the
// scheduler, a total. Tick 15 s, over the largest of the last minute.
type WVATokens struct {
	// KV is the tokens that a replica's cache holds. Required.
	KV float64
	// Input and Output are the mean tokens of a request. Required.
	Input, Output float64
	// Batch is the tokens of a batch and Sequences its requests, from which the
	// capacity is derived until it has been observed. 0: not known.
	Batch, Sequences float64
	// Hit is the share of a prompt found in the prefix cache.
	Hit float64
	// KVShare of the cache that may be used. Default 0.8.
	KVShare float64
	// Queue from which a replica counts as full. Default 5.
	Queue float64
	// Up and Down are the shares of capacity that demand is spread over. Default
	// 0.85 and 0.7.
	Up, Down float64
	// Idle without any demand after which it goes to zero. Default: never.
	Idle time.Duration
}

// WVATokensState is what has been observed of full replicas, by length of output.
type WVATokensState struct {
	Seen [3]WVASeen
	Busy time.Time // when there was demand last
}

// WVASeen is a ring of the last ten capacities observed.
type WVASeen struct {
	Values  [10]float64
	N, Next int
	At      time.Time
}

// Facts implements [Rule].
func (WVATokens) Facts() Facts {
	return Facts{Name: "llm-d-wva-v2", Reads: Status | Ready, Shape: Absolute,
		Tick: 15 * time.Second, Delay: 15 * time.Second, Window: time.Minute,
		Fails: "no limit to a change; a capacity observed once is believed for a day"}
}

// Validate implements [Rule].
func (w WVATokens) Validate() error {
	var errs []error
	for _, f := range []struct {
		name  string
		v     float64
		least float64
	}{{"KV", w.KV, 1}, {"Input", w.Input, 1}, {"Output", w.Output, 1}, {"Batch", w.Batch, 0}, {"Sequences", w.Sequences, 0},
		{"Hit", w.Hit, 0}, {"KVShare", w.KVShare, 0}, {"Up", w.Up, 0}, {"Down", w.Down, 0}} {
		if !(f.v >= f.least) || !finite(f.v) {
			errs = append(errs, fmt.Errorf("evenkeel: compat.WVATokens: %s is %v: it must be at least %v", f.name, f.v, f.least))
		}
	}
	if w.Hit > 1 {
		errs = append(errs, fmt.Errorf("evenkeel: compat.WVATokens: Hit is %v: it is a share, at most 1", w.Hit))
	}
	return errors.Join(errs...)
}

// A WVAPool is one variant for WVATokens.Decide.
type WVAPool struct {
	Cost           float64 // of one replica
	Capacity       float64 // of one replica, in tokens
	Ready, Pending int64
}

// Decide returns the count of each variant for a demand in tokens. It grows where
// a token is cheapest and shrinks where a replica is dearest; the cheapest keeps
// one.
func (w WVATokens) Decide(pools []WVAPool, demand float64) []int64 {
	counts := make([]int64, len(pools))
	order := make([]int, 0, len(pools))
	have, ready := 0.0, 0.0
	for i, p := range pools {
		counts[i] = p.Ready + p.Pending
		if p.Capacity > 0 {
			order = append(order, i)
			have += float64(float64(counts[i]) * p.Capacity)
			ready += float64(float64(p.Ready) * p.Capacity)
		}
	}
	if len(order) == 0 {
		return counts
	}
	required, spare := demand/or(w.Up, 0.85)-have, ready-demand/or(w.Down, 0.7)
	if required > 0 {
		slices.SortStableFunc(order, func(a, b int) int {
			return cmp.Compare(pools[a].Cost/pools[a].Capacity, pools[b].Cost/pools[b].Capacity)
		})
		counts[order[0]] += ceil(required / pools[order[0]].Capacity)
		return counts
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(pools[b].Cost, pools[a].Cost) })
	total := int64(0)
	for _, i := range order {
		total += counts[i]
	}
	for _, i := range order {
		n := min(floor(spare/pools[i].Capacity), pools[i].Ready, total-1)
		if n <= 0 {
			continue
		}
		counts[i] -= n
		total -= n
		spare -= float64(float64(n) * pools[i].Capacity)
	}
	return counts
}

// SchedulerDemand is the tokens that n requests queued at the scheduler stand
// for. bytes is the size of their bodies, four of which make a token.
func (w WVATokens) SchedulerDemand(n, bytes float64) float64 {
	prompts := max(bytes/4, float64(n*w.Input))
	return float64(prompts*(1-w.Hit)) + float64(n*w.Output)
}

// bucket tells outputs apart by length.
func (w WVATokens) bucket() int {
	switch {
	case w.Output < 100:
		return 0
	case w.Output < 500:
		return 1
	}
	return 2
}

// capacity is what a replica holds, in tokens: what its memory allows, and what
// its batch does if that is known: observed now, earlier, or derived.
func (w WVATokens) capacity(s WVATokensState, used, queued float64, now time.Time) (float64, WVATokensState) {
	memory := float64(w.KV * or(w.KVShare, 0.8))
	seen := &s.Seen[w.bucket()]
	if now.Sub(seen.At) > 24*time.Hour {
		*seen = WVASeen{}
	}
	switch {
	case queued >= or(w.Queue, 5) && used > 0:
		seen.Values[seen.Next] = used
		seen.Next = (seen.Next + 1) % len(seen.Values)
		seen.N, seen.At = min(seen.N+1, len(seen.Values)), now
		return min(memory, used), s
	case seen.N > 0:
		sum := 0.0
		for _, v := range seen.Values[:seen.N] {
			sum += v
		}
		return min(memory, sum/float64(seen.N)), s
	}
	return min(memory, w.Derived()), s
}

// Derived is the capacity of a batch that nobody has observed: as many requests
// as fill it, each with its prompt and half of its answer. Infinite if the batch
// is not known.
func (w WVATokens) Derived() float64 {
	if !(w.Batch > 0 && w.Sequences > 0 && w.Input+w.Output > 0) {
		return math.Inf(1)
	}
	n := min(float64(w.Batch*w.Output)/(w.Input+w.Output), w.Sequences)
	return float64(n * (w.Input + w.Output/2))
}

// Next implements [Rule], for a model with one variant.
func (w WVATokens) Next(s WVATokensState, o Observation) (WVATokensState, Verdict) {
	o = o.clean()
	used, queue, scheduler := o.metric(0), o.metric(1), Metric{}
	if len(o.Metrics) > 2 {
		scheduler = o.metric(2)
	}
	if used.Failed || queue.Failed || scheduler.Failed {
		return s, held(o, decide.ReasonAbsent)
	}
	demand := w.SchedulerDemand(scheduler.Value, 0)
	var capacities []float64
	for i, p := range used.Pods {
		if p.State != PodReady || i >= len(queue.Pods) || queue.Pods[i].State != PodReady {
			continue
		}
		demand += p.Value + float64(queue.Pods[i].Value*w.Input)
		var c float64
		c, s = w.capacity(s, p.Value, queue.Pods[i].Value, o.Now)
		capacities = append(capacities, c)
	}
	if demand > 0 || s.Busy.IsZero() {
		s.Busy = o.Now
	}
	switch {
	case w.Idle > 0 && o.Limits.Min <= 0 && demand == 0 && o.Now.Sub(s.Busy) >= w.Idle:
		return s, Verdict{Reason: decide.ReasonIdle}
	case o.Spec == 0 && demand > 0: // its own fast poll of the scheduler's queue
		return s, o.bound(Verdict{Replicas: 1, Reason: decide.ReasonFirst})
	case len(capacities) == 0:
		return s, held(o, decide.ReasonNoneReady)
	}
	slices.Sort(capacities)
	pool := WVAPool{Cost: 1, Capacity: median(capacities), Ready: o.Ready, Pending: max(o.Status-o.Ready, 0)}
	return s, o.bound(Verdict{Replicas: w.Decide([]WVAPool{pool}, demand)[0], Reason: decide.ReasonDemand})
}

// median of values in order.
func median(v []float64) float64 {
	if n := len(v); n%2 == 0 {
		return v[n/2-1]/2 + v[n/2]/2
	}
	return v[len(v)/2]
}
