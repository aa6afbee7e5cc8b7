package main

import (
	"time"
)

// A scenario is a server and the load on it.
type scenario struct {
	name     string
	loads    []load
	policies []string // that are run by default
	run      func(trial) (values, error)
}

// A load is one row of a scenario: how much is asked.
type load struct {
	name string
	rate float64 // times the capacity, or requests/s
}

// values are the results of a run, by metric.
type values map[string]float64

// metrics are the metrics, in the order of the tables, with their units.
var metrics = []struct{ name, unit string }{
	{"goodput", "of capacity"},
	{"goodput_few", "of what is there"},  // three of six units
	{"goodput_full", "of what is there"}, // six again
	{"ramp", "s"},
	{"slo_rps", "requests/s"},
	{"success_light", "ratio"},
	{"p99_light_ms", "ms"},
	{"jain", "ratio"},
	{"success_high", "ratio"},
	{"first_retry", "ratio"},
	{"retry_peak", "of mean"},
}

// A trial is one run: a scenario's load, a policy and a seed.
type trial struct {
	scenario string
	load     load
	seed     uint64
	scale    float64 // of all instants: 1, or less for a test
	make     func(env) (policy, error)
	check    func(*world) // called at the end, by tests
}

// s is an instant of the scenario, or a length of time.
func (t trial) s(secs float64) time.Duration {
	return time.Duration(secs * t.scale * float64(time.Second))
}

// play runs arrivals before fleet f to their end.
func (t trial) play(e env, f fleet, arrive func() *job, ended func(*job), events ...func(*world)) (*world, error) {
	e.seed = t.seed
	p, err := t.make(e)
	if err != nil {
		return nil, err
	}
	w := newWorld(p, f, arrive, ended)
	for _, do := range events {
		do(w)
	}
	w.run()
	if t.check != nil {
		t.check(w)
	}
	return w, nil
}

// scenarios are all there are, in the order in which they are shown.
func scenarios() []scenario {
	over := []load{{"0.5x", 0.5}, {"1x", 1}, {"2x", 2}, {"5x", 5}, {"10x", 10}}
	some := []load{{"1x", 1}, {"2x", 2}, {"5x", 5}}
	twice := []load{{"2x", 2}}
	return []scenario{
		{"generic", over, slotPolicies, func(t trial) (values, error) { return t.goodput(0.5, time.Second) }},
		{"deadline300", some, slotPolicies, func(t trial) (values, error) { return t.goodput(0.5, 300*time.Millisecond) }},
		{"sigma1", some, slotPolicies, func(t trial) (values, error) { return t.goodput(1, time.Second) }},
		{"coldstart", twice, slotPolicies, trial.coldStart},
		{"capacity-loss", twice, slotPolicies, trial.capacityLoss},
		{"llm-chat", []load{{"20/s", 20}, {"80/s", 80}}, enginePolicies, trial.chat},
		{"llm-rag", []load{{"20/s", 20}}, enginePolicies, trial.rag},
		{"llm-mix", []load{{"80/s,20/s", 1}}, enginePolicies, trial.mix},
		{"llm-slow-chat", []load{{"80/s", 80}}, enginePolicies, trial.slowChat},
		{"llm-slow-rag", []load{{"20/s", 20}}, enginePolicies, trial.slowRAG},
		{"llm-other-1", []load{{"320/s,80/s", 4}}, enginePolicies, trial.other1},
		{"llm-other-2", []load{{"20/s,5/s", 0.25}}, enginePolicies, trial.other2},
		{"llm-other-3", []load{{"120/s,30/s", 1.5}}, enginePolicies, trial.other3},
		{"units", []load{{"2x", 2}, {"480/s", 480}}, unitPolicies, trial.units},
		{"tenants", []load{{"4.6x", 4.6}}, tenantPolicies, trial.tenants},
		{"priority", []load{{"5x", 5}}, priorityPolicies, trial.priority},
		{"retry", []load{{"3x,0.8x", 3}}, retryPolicies, trial.retry},
	}
}
