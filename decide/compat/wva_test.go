package compat

import (
	"slices"
	"testing"
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
