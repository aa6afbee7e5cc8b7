package decide_test

import (
	"fmt"
	"math"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// Viewers is a policy of one's own: a replica for each so many viewers, and as
// many as the most of late, which it forgets by a tenth each step.
type Viewers struct {
	Signal     signal.Key
	PerReplica float64
}

// Compile implements [decide.Spec].
func (v Viewers) Compile(signals *signal.Schema) (decide.Policy, error) {
	i, ok := signals.Index(v.Signal)
	if !ok || v.PerReplica <= 0 {
		return nil, fmt.Errorf("Viewers needs a signal that there is, and PerReplica above 0")
	}
	return &viewers{i, v.PerReplica}, nil
}

type viewers struct {
	signal     int
	perReplica float64
}

// Words implements [decide.Policy]: one to remember the most of late.
func (*viewers) Words() int { return 1 }

// Reads implements [decide.SignalReader].
func (v *viewers) Reads() []int { return []int{v.signal} }

// Monotone implements [decide.Monotone]: more viewers never need fewer replicas.
func (*viewers) Monotone() bool { return true }

// Recommend implements [decide.Policy].
func (v *viewers) Recommend(mem []float64, in *decide.Input) decide.Recommendation {
	s := in.Signals[v.signal]
	if !s.OK() {
		return decide.Recommendation{Held: true, Reason: decide.ReasonStale, A: float64(v.signal)}
	}
	most := max(s.Value, mem[0])
	mem[0] = float64(0.9 * most)
	return decide.Recommendation{
		Replicas: int64(math.Ceil(most / v.perReplica)),
		Reason:   decide.ReasonSetpoint, A: most, B: v.perReplica,
	}
}

// A policy of one's own stands beside the others, with the same guards and the
// same explanations.
func ExampleSpec() {
	watching := signal.Key{Name: "stream.viewers"}
	core, err := decide.New(decide.Config{
		Signals:  []signal.Def{{Key: watching, Unit: "{viewer}"}},
		Policies: []decide.NamedSpec{{Name: "viewers", Spec: Viewers{Signal: watching, PerReplica: 500}}},
		Up:       decide.Direction{Rate: decide.Rate{Count: 2, Period: time.Minute}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	in := decide.Input{
		Now:     time.Date(2026, 3, 1, 20, 15, 0, 0, time.UTC),
		Fleet:   decide.Fleet{Desired: 3, Ready: 3},
		Signals: []signal.Sample{signal.Value(4200)},
		Limits:  decide.Limits{Min: 1, Max: 20},
	}
	_, d := core.Next(decide.State{}, in)
	fmt.Print(core.Table(&in, &d))
	// Output:
	// 3 → 5: viewers wants 9: stream.viewers is 4200 viewers, setpoint 500 viewers; +2 per 60 s binds; without it 9
	// 2026-03-01T20:15:00.000Z: 3 desired, 3 ready; limits 1 to 20
	//
	//   POLICY   WANTS  WHY
	// * viewers  9      stream.viewers is 4200 viewers, setpoint 500 viewers
	//
	//   SIGNAL          VALUE         AGE  QUALITY  READ BY
	//   stream.viewers  4200 viewers  0 s  fresh    viewers
	//
	//   STAGE    IN  OUT  WHAT IT DID
	//   combine  3   9    the largest opinion is 9
	// * rate     9   5    +2 per 60 s
	//
	// Without rate it would be 9.
}
