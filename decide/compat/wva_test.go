package compat

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

func TestWVASaturationVariants(t *testing.T) {
	load := func(n int, kv float64) (r []WVAReplica) {
		for range n {
			r = append(r, WVAReplica{KV: kv})
		}
		return r
	}
	v := func(cost float64, n int64, kv float64) WVAVariant {
		return WVAVariant{Cost: cost, Desired: n, Current: n, Replicas: load(int(n), kv)}
	}
	for _, c := range []struct {
		name string
		in   []WVAVariant
		want []int64
	}{
		{"up where it is cheapest", []WVAVariant{v(3, 2, .75), v(1, 2, .75)}, []int64{2, 3}},
		{"down where it is dearest", []WVAVariant{v(3, 2, .2), v(1, 2, .2)}, []int64{1, 2}},
		{"the last of a variant stays", []WVAVariant{v(3, 1, .2), v(1, 2, .2)}, []int64{1, 1}},
		{"in transition", []WVAVariant{v(3, 2, .2), {Cost: 1, Desired: 3, Current: 2, Replicas: load(2, .2)}}, []int64{2, 3}},
		{"one does not report", []WVAVariant{{Cost: 1, Desired: 2, Current: 2, Replicas: load(1, .75)}}, []int64{2}},
	} {
		if got := (WVASaturation{}).Decide(c.in); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestWVATokensVariants(t *testing.T) {
	for _, c := range []struct {
		name   string
		in     []WVAPool
		demand float64
		want   []int64
	}{
		{"up where a token is cheapest", []WVAPool{{Cost: 1, Capacity: 100, Ready: 1}, {Cost: 3, Capacity: 400, Ready: 1}}, 850, []int64{1, 3}},
		{"down where a replica is dearest", []WVAPool{{Cost: 1, Capacity: 100, Ready: 4}, {Cost: 3, Capacity: 100, Ready: 4}}, 280, []int64{4, 0}},
		{"the cheapest keeps one", []WVAPool{{Cost: 1, Capacity: 100, Ready: 4}, {Cost: 3, Capacity: 100, Ready: 4}}, 0, []int64{1, 0}},
		{"no capacity known", []WVAPool{{Ready: 2}}, 500, []int64{2}},
	} {
		if got := (WVATokens{}).Decide(c.in, c.demand); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestWVATokensCapacity(t *testing.T) {
	w := WVATokens{KV: 1000, Input: 100, Output: 100, Batch: 800, Sequences: 10}
	equal(t, "scheduler", w.SchedulerDemand(2, 4000), 1200)
	w.Hit = 0.5
	equal(t, "scheduler, half cached", w.SchedulerDemand(2, 0), 300)
	equal(t, "derived: ten at once, each 150", w.Derived(), 1500)
}

func TestWVATokensLearns(t *testing.T) {
	w := WVATokens{KV: 2000, Input: 100, Output: 200}
	in := func(used, queue float64) []Metric {
		return []Metric{{Pods: pods(2, used, PodReady)}, {Pods: pods(2, queue, PodReady)}}
	}
	observe := func(s WVATokensState, seconds float64, used, queue float64) (WVATokensState, Verdict) {
		return w.Next(s, Observation{Now: at(seconds), Spec: 2, Status: 2, Ready: 2, Metrics: in(used, queue)})
	}
	// Memory alone: 1600 tokens each. 2 × 1300 ÷ 0.85 fit into two.
	s, v := observe(WVATokensState{}, 0, 1300, 0)
	equal(t, "by memory", v.Replicas, 2)
	// Requests queue at 800: that is what a replica holds. (1600 + 2×5×100) ÷ 0.85.
	s, v = observe(s, 15, 800, 5)
	equal(t, "observed", v.Replicas, 4)
	// It is remembered when nothing queues: 2 × 750 ÷ 0.85 are more than 1600.
	s, v = observe(s, 30, 750, 0)
	equal(t, "remembered", v.Replicas, 3)
	// But not for longer than a day.
	_, v = observe(s, 86500, 750, 0)
	equal(t, "forgotten", v.Replicas, 2)
}

func TestWVATokensZero(t *testing.T) {
	w := WVATokens{KV: 2000, Input: 100, Output: 200, Idle: time.Minute}
	idle := []Metric{{Pods: pods(1, 0, PodReady)}, {Pods: pods(1, 0, PodReady)}}
	play(t, w, decide.Limits{Max: 5}, []step{{0, 1, idle, 1, 0, false}, {59, 1, idle, 1, 0, false}, {60, 1, idle, 0, decide.ReasonIdle, false}})
	_, v := w.Next(WVATokensState{}, Observation{Now: t0, Metrics: []Metric{{}, {}, {Value: 3}}})
	equal(t, "a request at the scheduler", v, Verdict{Replicas: 1, Reason: decide.ReasonFirst})
}

// Two loops: what the rule publishes has to pass the HPA, at its own tick.
func TestLayered(t *testing.T) {
	l := Layered[WVAState]{Inner: WVASaturation{}, Outer: HPA{}}
	if err := l.Validate(); err != nil {
		t.Error(err)
	}
	full := []Metric{{Pods: pods(2, .9, PodReady)}, {Pods: pods(2, 9, PodReady)}}
	idle := []Metric{{Pods: pods(3, .1, PodReady)}, {Pods: pods(3, 0, PodReady)}}
	play(t, l, decide.Limits{Min: 1, Max: 10}, []step{
		{0, 2, full, 3, decide.ReasonSetpoint, false},
		{15, 3, idle, 3, decide.ReasonWindow, false}, // 2 wanted, and held by the HPA's window
		{316, 3, idle, 2, decide.ReasonSetpoint, false},
	})
}

func TestWVAQueue(t *testing.T) {
	q := WVAQueue{Alpha: 0.01, Beta: 2e-5, Gamma: 1e-7, Input: 500, Output: 100, Batch: 32}
	_, first, token := q.Latency(1e-6)
	if math.Abs(first-q.Prefill(0)) > 1e-4 || math.Abs(token-q.Decode(0)) > 1e-4 {
		t.Errorf("without load: %v and %v, want %v and %v", first, token, q.Prefill(0), q.Decode(0))
	}
	wait, last := 0.0, 0.0
	for rate := 0.5; rate < 40; rate *= 1.5 {
		w, f, d := q.Latency(rate)
		if !(w >= wait) || !(w+f+d > last) {
			t.Errorf("rate %v: wait %v and sum %v: both grow with the rate", rate, w, w+f+d)
		}
		wait, last = w, w+f+d
	}
	loose, tight := q.Rate(2, 0.1), q.Rate(0.1, 0.015)
	most := 0.9 * q.service(q.Batch)
	if loose != most || !(tight > 0 && tight < loose) {
		t.Errorf("rates %v and %v, at most %v", loose, tight, most)
	}
	wait, first, token = q.Latency(tight)
	if wait*-math.Log(0.05)+first > 0.1+1e-9 || token > 0.015+1e-9 {
		t.Errorf("at %v: %v, %v, %v", tight, wait, first, token)
	}
	equal(t, "never", q.Rate(1e-6, 1e-6), 0)
	equal(t, "nothing known", WVAQueue{}.Rate(1, 1), 0)
}
