package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel"
	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/decide"
	policyfile "github.com/evenkeel/evenkeel/decide/policy"
	"github.com/evenkeel/evenkeel/signal"
)

// headroom is the square-root headroom of each choice of -policy: for a demand of
// L replicas it keeps L + b·√L.
var headroom = map[string]float64{"lean": 0.2, "balanced": 0.5, "safe": 0.8}

// scaleInWindow is how long fewer replicas must have been enough before any goes.
const scaleInWindow = 6 * time.Second

// isFile reports whether the value of -policy is a policy file.
func isFile(name string) bool {
	return strings.ContainsAny(name, "/\\") || slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name))
}

// fileLimits reads a policy file as the loop will, and returns its limits. The
// error is one line.
func fileLimits(file string) (decide.Limits, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return decide.Limits{}, fmt.Errorf("-policy: %w", err)
	}
	gate, err := backpressure.New(gateConfig())
	if err != nil {
		return decide.Limits{}, err
	}
	p, err := policyfile.Parse(file, text, gate.Defs()...)
	if err != nil {
		first, rest, more := strings.Cut(strings.TrimPrefix(err.Error(), "evenkeel: "), "\n")
		if more {
			first += fmt.Sprintf(" (and %d more)", 1+strings.Count(rest, "\n"))
		}
		return decide.Limits{}, errors.New(first)
	}
	return p.Limits, nil
}

// decideBy gives the pool what -policy says.
func (o options) decideBy(p evenkeel.Pool) evenkeel.Pool {
	if isFile(o.policy) {
		p.PolicyFile = o.policy
	} else {
		p.Policy, p.Limits = policy(o.policy), decide.Limits{Min: o.min, Max: o.max}
	}
	return p
}

// policy returns the decision rules of the quickstart: capacity for the offered
// work, in what a replica is measured to do, and what waits drained soon.
//
// The knee is at full use because the gate guards the service, and the windows are
// short because these engines wake in seconds: a replica given up too soon is soon
// back, and at once while it still drains. With starts of minutes, Utilization 0.7
// and the default windows are right.
func policy(name string) decide.Config {
	key := func(name string) signal.Key { return signal.Key{Name: name, Pool: pool} }
	return decide.Config{
		Policies: []decide.NamedSpec{
			{Name: "capacity", Spec: decide.Capacity{
				Demand:      key(signal.NameDemandWork),
				Rate:        key(signal.NameUnitRate),
				Utilization: 1,
				Headroom:    headroom[name],
			}},
			{Name: "backlog", Spec: decide.Backlog{
				Queue:  key(signal.NameQueuedWork),
				Rate:   key(signal.NameUnitRate),
				Demand: key(signal.NameDemandWork),
				Within: 10 * time.Second,
			}},
		},
		Down:    decide.Direction{Window: scaleInWindow},
		Pending: decide.Pending{Timeout: 30 * time.Second},
	}
}

// gateConfig is the gate of the quickstart: its defaults, and a window of demand
// as short as the day.
func gateConfig() backpressure.Config {
	return backpressure.Config{Pool: pool, TTFT: objectiveTTFT, TPOT: objectiveTPOT, Window: 4 * time.Second}
}
