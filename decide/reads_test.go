package decide_test

import (
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// What a policy reads, the figure that it is about first.
func TestReads(t *testing.T) {
	schema, err := signal.NewSchema(defs()...) // demand 0, queue 1, rate 2, use 3
	if err != nil {
		t.Fatal(err)
	}
	goal := []decide.Goal{{Signal: use, Most: 1}, {Signal: queue, Per: demand, Most: 1}}
	for name, tc := range map[string]struct {
		spec decide.Spec
		want []int
	}{
		"track":               {decide.Track{Signal: use, Setpoint: 1}, []int{3}},
		"capacity":            {decide.Capacity{Demand: demand, Rate: rate}, []int{0, 2}},
		"capacity, constant":  {decide.Capacity{Demand: demand, PerReplica: 1}, []int{0}},
		"backlog":             {decide.Backlog{Queue: queue, Rate: rate}, []int{1, 2}},
		"backlog, all":        {decide.Backlog{Queue: queue, Rate: rate, Demand: demand}, []int{1, 2, 0}},
		"backlog, constant":   {decide.Backlog{Queue: queue, PerReplica: 1, Demand: demand}, []int{1, 0}},
		"objective":           {decide.Objective{Demand: demand, Rate: rate, Goals: goal}, []int{0, 2, 3, 1, 0}},
		"objective, constant": {decide.Objective{Demand: demand, PerReplica: 1, Goals: goal[:1]}, []int{0, 3}},
		"rule":                {decide.Rule{Up: decide.Step{When: busy}, Down: decide.Step{When: above{Signal: queue}}}, []int{3, 1}},
		"rule, down only":     {decide.Rule{Down: decide.Step{When: quiet}}, []int{3}},
	} {
		p, err := tc.spec.Compile(schema)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.(decide.SignalReader).Reads(); !slices.Equal(got, tc.want) {
			t.Errorf("%s reads %v, want %v", name, got, tc.want)
		}
	}
}
