package decide_test

import (
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

func TestTable(t *testing.T) {
	core := newCore(t, simple(func(c *decide.Config) {
		c.Policies = []decide.NamedSpec{
			{Name: "backlog", Spec: decide.Backlog{Queue: queue, Rate: rate, Within: time.Minute}},
			{Name: "use", Spec: decide.Track{Signal: use, Setpoint: 0.7}},
		}
		c.Up.Rate = decide.Rate{Count: 3, Period: 30 * time.Second}
	}))
	in := decide.Input{
		Now:     time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Fleet:   decide.Fleet{Desired: 6, Ready: 4, Draining: 2, Starting: []decide.Cohort{{N: 2}, {N: 1, Stuck: true}}},
		Members: signal.Coverage{Expected: 10, Fresh: 10},
		Limits:  decide.Limits{Max: 100},
		Signals: []signal.Sample{{}, {Value: 2000, Age: 1230 * time.Millisecond, Quality: signal.Fresh}, signal.Value(3.1), {Value: 0.5, Age: time.Minute, Quality: signal.Fresh}},
	}
	_, d := core.Next(decide.State{}, in)
	got := core.Table(&in, &d)
	want := `6 → 9: backlog wants 11: 2000 queued, drained in 60 s at 3.1/s each; +3 per 30 s binds; without it 12
2026-03-01T12:00:00.000Z: 6 desired, 4 ready, 2 starting, 1 stuck, 2 draining; 10 of 10 members report; limits 0 to 100

  POLICY   WANTS  WHY
* backlog  11     2000 queued, drained in 60 s at 3.1/s each
  use      –      evenkeel.unit.utilization is stale, 60 s old

  SIGNAL                     VALUE  AGE     QUALITY  READ BY
  evenkeel.queue.requests    2000   1.23 s  fresh    backlog
  evenkeel.unit.rate         3.1/s  0 s     fresh    backlog
  evenkeel.unit.utilization  50 %   60 s    stale    use

  STAGE    IN  OUT  WHAT IT DID
  combine  6   11   the largest opinion is 11
  pending  11  12   2 on their way and 1 stuck there, 1 asked for on top
* rate     12  9    +3 per 30 s
  hold     9   9    nothing is taken away while a policy cannot tell

Without rate it would be 12.
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	d = decide.Decision{From: 3, Desired: 3, Without: 3, Leader: -1}
	if got := core.Table(&decide.Input{Now: in.Now}, &d); !strings.Contains(got, "evenkeel.unit.rate         –      –    absent") || !strings.Contains(got, "3 is what") {
		t.Errorf("of a decision on nothing:\n%s", got)
	}
}

// opinionated says nothing of what it reads.
type opinionated struct{}

func (opinionated) Compile(*signal.Schema) (decide.Policy, error) { return opinionated{}, nil }
func (opinionated) Words() int                                    { return 0 }
func (opinionated) Recommend([]float64, *decide.Input) decide.Recommendation {
	return decide.Recommendation{Replicas: 2, Reason: decide.ReasonRule}
}

// Where there are no signals there is no table of them.
func TestTableWithoutSignals(t *testing.T) {
	core := newCore(t, decide.Config{Policies: only(opinionated{})})
	in := decide.Input{Now: started}
	_, d := core.Next(decide.State{}, in)
	if got := core.Table(&in, &d); strings.Contains(got, "SIGNAL") || !strings.Contains(got, "STAGE") {
		t.Errorf("got\n%s", got)
	}
}

// A policy that does not say what it reads may read anything.
func TestTableNamesAllSignalsOfAPolicyThatDoesNotSay(t *testing.T) {
	core := newCore(t, simple(func(c *decide.Config) {
		c.Policies = []decide.NamedSpec{{Name: "own", Spec: opinionated{}}, {Name: "use", Spec: decide.Track{Signal: use, Setpoint: 0.7}}}
	}))
	in := decide.Input{Now: started, Signals: []signal.Sample{signal.Value(1), signal.Value(2), signal.Value(3), signal.Value(0.4)}}
	_, d := core.Next(decide.State{}, in)
	got := core.Table(&in, &d)
	for _, def := range core.Signals().Defs() {
		if !strings.Contains(got, def.String()) {
			t.Errorf("%s is not in\n%s", def.Key, got)
		}
	}
}
