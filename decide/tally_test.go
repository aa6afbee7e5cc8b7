package decide_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

func TestTally(t *testing.T) {
	var tally decide.Tally
	if got := tally.String(); got != "nothing compared yet" || tally.Cost() != 1 {
		t.Errorf("empty: %s, cost %v", got, tally.Cost())
	}
	for _, step := range []struct {
		at              float64
		desired, shadow int64
	}{{0, 4, 4}, {10, 4, 6}, {20, 5, 3}, {30, 5, 3}, {3630, 5, 5}, {3620, 5, 5}, {3640, 0, 0}} {
		tally.Add(started.Add(time.Duration(step.at*float64(time.Second))), step.desired, step.shadow)
	}
	want := decide.Tally{
		Ticks: 7, More: 1, Fewer: 2, MostMore: 2, MostFewer: 2, Changes: 2, ShadowChanges: 4,
		Seconds:              10 + 10 + 10 + 60 + 0 + 20, // a minute of the hour, nothing backwards
		ReplicaSeconds:       40 + 40 + 50 + 300 + 100,
		ShadowReplicaSeconds: 40 + 60 + 30 + 180 + 100,
		Last:                 started.Add(3640 * time.Second),
	}
	if tally != want {
		t.Errorf("got  %+v\nwant %+v", tally, want)
	}
	if got := tally.String(); got != "differs at 3 of 7 ticks; more at 1, by up to 2; fewer at 2, by up to 2; 77.4 % of the replica-seconds; 4 changes against 2" {
		t.Error(got)
	}
	text, err := json.Marshal(tally)
	var again decide.Tally
	if err != nil || json.Unmarshal(text, &again) != nil || !again.Last.Equal(tally.Last) {
		t.Errorf("%s, %v", text, err)
	}
	if n := testing.AllocsPerRun(100, func() { tally.Add(started, 3, 4) }); n != 0 {
		t.Errorf("Add allocates %v times", n)
	}
	var nothing decide.Tally
	nothing.Add(started, 0, 1)
	nothing.Add(started.Add(time.Second), 0, 1)
	if !math.IsInf(nothing.Cost(), 1) {
		t.Errorf("one replica against none costs %v", nothing.Cost())
	}
}

// What a shadow costs: the same policy again on the same input, and the tally.
// Compare with BenchmarkStep.
func BenchmarkStepWithShadow(b *testing.B) {
	core := newCore(b, full())
	var in decide.Input
	var acting, shadow decide.State
	var d, other decide.Decision
	var tally decide.Tally
	b.ReportAllocs()
	for k := 0; b.Loop(); k++ {
		fullInput(&in, k, d.Desired)
		core.Step(&acting, &acting, &in, &d)
		core.Step(&shadow, &shadow, &in, &other)
		tally.Add(in.Now, d.Desired, other.Desired)
	}
}
