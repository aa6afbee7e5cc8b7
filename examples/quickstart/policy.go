package main

import (
	"time"

	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// headroom is the square-root headroom of each choice of -policy: with a demand
// of L replicas it keeps L + b·√L.
var headroom = map[string]float64{"lean": 0.3, "balanced": 0.5, "safe": 0.8}

// policy returns the decision rules of the quickstart: capacity for the offered
// work, in what a replica is measured to do, and what waits drained soon. The
// windows are short because the day is.
func policy(name string) decide.Config {
	const pool = "chat"
	key := func(name string) signal.Key { return signal.Key{Name: name, Pool: pool} }
	return decide.Config{
		Policies: []decide.NamedSpec{
			{Name: "capacity", Spec: decide.Capacity{
				Demand:      key(signal.NameDemandWork),
				Rate:        key(signal.NameUnitRate),
				Utilization: 0.65,
				Headroom:    headroom[name],
			}},
			{Name: "backlog", Spec: decide.Backlog{
				Queue:  key(signal.NameQueuedWork),
				Rate:   key(signal.NameUnitRate),
				Demand: key(signal.NameDemandWork),
				Within: 5 * time.Second,
			}},
		},
		Down:    decide.Direction{Window: 15 * time.Second},
		Pending: decide.Pending{Timeout: 30 * time.Second},
	}
}

// gateConfig is the gate of the quickstart: its defaults.
func gateConfig() backpressure.Config {
	return backpressure.Config{Pool: "chat", TTFT: objectiveTTFT, TPOT: objectiveTPOT}
}
