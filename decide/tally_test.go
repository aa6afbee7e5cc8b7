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

// A difference of one replica for half a second counts too, and what did not
// happen is not told.
func TestTallyOfLittle(t *testing.T) {
	for name, tc := range map[string]struct {
		desired, shadow int64
		more, fewer     int64
		cost            float64
		says            string
	}{
		"one more":  {1, 2, 2, 0, 2, "differs at 2 of 2 ticks; more at 2, by up to 1; 200 % of the replica-seconds; 0 changes against 0"},
		"one fewer": {2, 1, 0, 2, 0.5, "differs at 2 of 2 ticks; fewer at 2, by up to 1; 50 % of the replica-seconds; 0 changes against 0"},
		"the same":  {1, 1, 0, 0, 1, "differs at 0 of 2 ticks; 100 % of the replica-seconds; 0 changes against 0"},
		"none":      {0, 0, 0, 0, 1, "differs at 0 of 2 ticks; 0 changes against 0"},
	} {
		var tally decide.Tally
		tally.Add(started, tc.desired, tc.shadow)
		tally.Add(started.Add(500*time.Millisecond), tc.desired, tc.shadow)
		if tally.More != tc.more || tally.Fewer != tc.fewer || tally.Cost() != tc.cost || tally.String() != tc.says {
			t.Errorf("%s: %+v, cost %v, %s", name, tally, tally.Cost(), tally.String())
		}
	}
	var one decide.Tally
	one.Add(started, 1, 1)
	if one.Ticks != 1 || one.Changes != 0 || one.String() != "differs at 0 of 1 ticks; 0 changes against 0" {
		t.Errorf("after one tick: %+v", one)
	}
	shadow := decide.Tally{ShadowReplicaSeconds: 0.5}
	if !math.IsInf(shadow.Cost(), 1) {
		t.Errorf("half a replica-second against none costs %v", shadow.Cost())
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
