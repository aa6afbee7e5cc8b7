package compat

import (
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// WVASaturation is the first version of llm-d's workload variant autoscaler: one
// more when the replicas that are not saturated have too little to spare, one
// fewer when they would still have enough with one fewer.
//
// It reads all three counts: any difference between them, as between replicas
// and those that report, is a transition in which nothing is done. Metric 0 is
// the use of the KV cache by replica, metric 1 the requests queued by replica, in
// Pods, both the largest of the last minute. Tick 15 s. What it decides is a
// metric for another autoscaler: see [Layered].
type WVASaturation struct {
	// KV and Queue at which a replica is saturated. Default 0.8 and 5.
	KV, Queue float64
	// KVSpare and QueueSpare are what there must be to spare. Default 0.1 and 3.
	KVSpare, QueueSpare float64
}

// A WVAVariant is one way to run the model, with its own count.
type WVAVariant struct {
	// Cost of one replica, in any unit.
	Cost float64
	// Desired is the count last decided, Current what there is.
	Desired, Current int64
	// Replicas that report.
	Replicas []WVAReplica
}

// A WVAReplica is how busy one replica is.
type WVAReplica struct{ KV, Queue float64 }

// WVAState is empty: the rule remembers nothing.
type WVAState struct{}

func (w WVASaturation) withDefaults() WVASaturation {
	w.KV, w.Queue = or(w.KV, 0.8), or(w.Queue, 5)
	w.KVSpare, w.QueueSpare = or(w.KVSpare, 0.1), or(w.QueueSpare, 3)
	return w
}

// Facts implements [Rule].
func (WVASaturation) Facts() Facts {
	return Facts{Name: "llm-d-wva-v1", Reads: Spec | Status | Ready, Shape: Step,
		Tick: 15 * time.Second, Delay: 15 * time.Second, Window: time.Minute,
		Fails: "one at a time, and none while any starts: hopeless in a burst"}
}

// Validate implements [Rule].
func (w WVASaturation) Validate() error {
	var errs []error
	for _, f := range []struct {
		name string
		v    float64
	}{{"KV", w.KV}, {"Queue", w.Queue}, {"KVSpare", w.KVSpare}, {"QueueSpare", w.QueueSpare}} {
		if !finite(f.v) {
			errs = append(errs, fmt.Errorf("evenkeel: compat.WVASaturation: %s is %v: it must be a number", f.name, f.v))
		}
	}
	return errors.Join(errs...)
}

// Decide returns the count of each variant of one model.
func (w WVASaturation) Decide(variants []WVAVariant) []int64 {
	w = w.withDefaults()
	counts := make([]int64, len(variants))
	blocked := false
	var n, kv, queue float64 // replicas that are not saturated, and their load
	for i, v := range variants {
		counts[i] = v.Desired
		blocked = blocked || v.Desired != v.Current || int64(len(v.Replicas)) != v.Current
		for _, r := range v.Replicas {
			if r.KV < w.KV && r.Queue < w.Queue {
				n, kv, queue = n+1, kv+r.KV, queue+r.Queue
			}
		}
	}
	if blocked {
		return counts
	}
	if w.short(n, kv, queue) {
		if i := w.pick(variants, func(a, b WVAVariant) bool { return a.Cost < b.Cost }, 0); i >= 0 {
			counts[i]++
		}
		return counts
	}
	// One fewer, and each of the rest takes its part of the load.
	if share := n / (n - 1); n >= 2 && !w.short(n, kv*share, queue*share) {
		if i := w.pick(variants, func(a, b WVAVariant) bool { return a.Cost > b.Cost }, 2); i >= 0 {
			counts[i]--
		}
	}
	return counts
}

// short reports whether n replicas with that load in all have too little to
// spare on average. Without any there is nothing to spare.
func (w WVASaturation) short(n, kv, queue float64) bool {
	if n == 0 {
		return true
	}
	return w.KV-kv/n < w.KVSpare || w.Queue-queue/n < w.QueueSpare
}

// pick returns the first of the best variants with that many replicas at least,
// -1 if there is none.
func (WVASaturation) pick(variants []WVAVariant, better func(a, b WVAVariant) bool, least int64) int {
	best := -1
	for i, v := range variants {
		if v.Current >= least && (best < 0 || better(v, variants[best])) {
			best = i
		}
	}
	return best
}

// Next implements [Rule], for a model with one variant.
func (w WVASaturation) Next(s WVAState, o Observation) (WVAState, Verdict) {
	o = o.clean()
	kv, queue := o.metric(0), o.metric(1)
	if kv.Failed || queue.Failed || o.Spec == 0 {
		return s, held(o, decide.ReasonAbsent)
	}
	v := WVAVariant{Desired: o.Spec, Current: o.Status}
	for i, p := range kv.Pods {
		if i < len(queue.Pods) && p.State == PodReady && queue.Pods[i].State == PodReady {
			v.Replicas = append(v.Replicas, WVAReplica{p.Value, queue.Pods[i].Value})
		}
	}
	if v.Desired != v.Current || int64(len(v.Replicas)) != v.Current {
		return s, held(o, decide.ReasonStarting)
	}
	return s, o.bound(Verdict{Replicas: w.Decide([]WVAVariant{v})[0], Reason: decide.ReasonSetpoint})
}

// Layered puts a Kubernetes HPA on top of a rule that only publishes the count
// it wants, as a metric: each has its own tick, and a change has to pass both.
type Layered[S any] struct {
	Inner Rule[S]
	// Outer is the HPA. Its Metrics are replaced by the count, one per replica.
	Outer HPA
}

// LayeredState is what both remember.
type LayeredState[S any] struct {
	Inner     S
	Outer     HPAState
	At        time.Time // of the inner rule's last tick
	Published int64     // what it wanted
}

// Facts implements [Rule]: those of the inner rule, at the faster tick.
func (l Layered[S]) Facts() Facts {
	f, outer := l.Inner.Facts(), l.Outer.Facts()
	f.Name += "+hpa"
	f.Reads |= outer.Reads
	f.Tick = min(f.Tick, outer.Tick)
	return f
}

// Validate implements [Rule].
func (l Layered[S]) Validate() error {
	l.Outer.Metrics = published()
	return errors.Join(l.Inner.Validate(), l.Outer.Validate())
}

// Next implements [Rule].
func (l Layered[S]) Next(s LayeredState[S], o Observation) (LayeredState[S], Verdict) {
	if s.At.IsZero() || o.Now.Sub(s.At) >= l.Inner.Facts().Tick || o.Now.Before(s.At) {
		var v Verdict
		s.Inner, v = l.Inner.Next(s.Inner, o)
		s.At, s.Published = o.Now, v.Replicas
	}
	l.Outer.Metrics = published()
	o.Metrics = []Metric{{Value: float64(s.Published)}}
	var v Verdict
	s.Outer, v = l.Outer.Next(s.Outer, o)
	return s, v
}

// published is the metric of a wished count: one per replica.
func published() []HPAMetric {
	return []HPAMetric{{Source: HPAExternal, Type: HPAAverageValue, Target: 1}}
}
