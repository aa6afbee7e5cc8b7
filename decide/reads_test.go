package decide_test

import (
	"slices"
	"strings"
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

// wild says that it reads what there is not, and the same twice.
type wild struct{ opinionated }

func (wild) Compile(*signal.Schema) (decide.Policy, error) { return wild{}, nil }
func (wild) Reads() []int                                  { return []int{3, -1, 4, 1 << 30, 3} }

func TestReadsOfWhatThereIsNot(t *testing.T) {
	core := newCore(t, simple(func(c *decide.Config) { c.Policies = only(wild{}) }))
	in := decide.Input{Now: started, Signals: []signal.Sample{{}, {}, {}, signal.Value(0.4)}, Members: signal.Coverage{Expected: 1, Fresh: 1}}
	_, d := core.Next(decide.State{}, in)
	got := core.Table(&in, &d)
	if strings.Count(got, "evenkeel.unit.utilization") != 1 || strings.Contains(got, "evenkeel.unit.rate") || !strings.Contains(got, "; 1 of 1 members report;") {
		t.Errorf("got\n%s", got)
	}
}

// A step by one is told with the condition of its own direction.
func TestExplainAStepOfOne(t *testing.T) {
	core := newCore(t, simple(func(c *decide.Config) {
		c.Policies = only(decide.Rule{Up: decide.Step{When: beyond{use, 0.7, 0}}, Down: decide.Step{When: beyond{demand, 99, 0}}})
	}))
	for want, signals := range map[string][]signal.Sample{
		"6 → 7: p wants 7: evenkeel.unit.utilization > 0.7 holds, so 1 more": {signal.Value(1), {}, {}, signal.Value(0.9)},
		"6 → 5: p wants 5: evenkeel.demand.requests > 99 holds, so 1 fewer":  {signal.Value(100), {}, {}, signal.Value(0.1)},
	} {
		in := decide.Input{Now: started, Fleet: decide.Fleet{Desired: 6, Ready: 6}, Limits: fixed, Signals: signals}
		_, d := core.Next(decide.State{}, in)
		if got := core.Explain(&in, &d); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
