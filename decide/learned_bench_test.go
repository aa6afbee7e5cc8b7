package decide_test

import (
	"testing"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

func BenchmarkObjective(b *testing.B) {
	k := newKnee(b, decide.Objective{Rate: rate})
	b.ReportAllocs()
	for b.Loop() {
		k.in.Now = k.in.Now.Add(5e9)
		k.in.Signals[0], k.in.Signals[2] = signal.Value(26), signal.Value(10)
		k.in.Signals[4] = signal.Sample{Value: 1.5, Weight: 100, Quality: signal.Fresh}
		k.policy.Recommend(k.mem, &k.in)
	}
}

func TestRecommendAllocatesNothing(t *testing.T) {
	k := newKnee(t, decide.Objective{Rate: rate})
	r := compileRule(t, decide.Rule{Up: decide.Step{When: busy}, Down: decide.Step{When: quiet}})
	mem := make([]float64, r.Words())
	n := testing.AllocsPerRun(100, func() {
		k.see(0.8, 1.5)
		r.Recommend(mem, &k.in)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
