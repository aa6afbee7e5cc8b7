package main

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
)

// A plan is what to run.
type plan struct {
	scenarios []scenario
	policies  []string // that were asked for; none: those of each scenario
	seeds     int
	scale     float64
	check     func(*world)
}

// of returns the policies that p runs in s.
func (p plan) of(s scenario) []string {
	if len(p.policies) == 0 {
		return s.policies
	}
	return p.policies
}

// A row is a policy before a load: one or several cells.
type row struct {
	scenario scenario
	load     load
	policy   string
}

// rows returns what there is to run, without the peers and without what is
// derived.
func (p plan) rows(keep func(policy string) bool) []row {
	var rows []row
	for _, s := range p.scenarios {
		list := p.of(s)
		if slices.Contains(list, bestCap) { // it is chosen among all
			list = append(slices.Clone(list), caps...)
			list = append(list, tokenCaps...)
		}
		for _, l := range s.loads {
			for i, policy := range list {
				if policy != bestCap && keep(policy) && slices.Index(list, policy) == i {
					rows = append(rows, row{s, l, policy})
				}
			}
		}
	}
	return rows
}

// run runs a row for every seed and returns its cells.
func (p plan) run(r row, build func(string, env) (policy, error)) ([]cell, error) {
	sum := make(values)
	for seed := range p.seeds {
		got, err := r.scenario.run(trial{
			scenario: r.scenario.name, load: r.load, seed: uint64(seed + 1), scale: p.scale, check: p.check,
			make: func(e env) (policy, error) { return build(r.policy, e) },
		})
		if err != nil {
			return nil, fmt.Errorf("%s at %s, %s: %w", r.scenario.name, r.load.name, r.policy, err)
		}
		for k, v := range got {
			sum[k] += v / float64(p.seeds)
		}
	}
	var cells []cell
	for _, m := range metrics {
		if v, ok := sum[m.name]; ok {
			cells = append(cells, cell{r.scenario.name, r.load.name, r.policy, m.name, v, m.unit})
		}
	}
	return cells, nil
}

// runAll runs rows, as many at a time as there are processors.
func (p plan) runAll(rows []row, build func(string, env) (policy, error)) ([]cell, error) {
	results := make([][]cell, len(rows))
	errs := make([]error, len(rows))
	var wg sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				results[i], errs[i] = p.run(rows[i], build)
			}
		})
	}
	for i := range rows {
		next <- i
	}
	close(next)
	wg.Wait()
	return slices.Concat(results...), errors.Join(errs...)
}
