package decide_test

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// ask prints what a fleet of four would be scaled to, for samples of the given
// signals.
func ask(spec decide.Spec, defs []signal.Def, samples ...float64) {
	core, err := decide.New(decide.Config{Signals: defs, Policies: []decide.NamedSpec{{Name: "policy", Spec: spec}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	in := decide.Input{
		Now:    time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC),
		Fleet:  decide.Fleet{Desired: 4, Ready: 4},
		Limits: decide.Limits{Max: 100},
	}
	for _, v := range samples {
		in.Signals = append(in.Signals, signal.Value(v))
	}
	_, d := core.Next(decide.State{}, in)
	fmt.Println(core.Explain(&in, &d))
}

// Each replica should have about 20 requests in flight. They have 35 each, on the
// average.
func ExampleTrack() {
	busy := signal.Key{Name: "requests_per_replica"}
	ask(decide.Track{Signal: busy, Setpoint: 20}, []signal.Def{{Key: busy, Unit: signal.Requests}}, 35)
	// Output:
	// 4 → 7: policy wants 7: requests_per_replica is 35, setpoint 20
}

// A replica has been measured to do 40,000 tokens of work per second, and 190,000 are
// asked for. At 70 % use, with half of the square root to spare, that is nine.
func ExampleCapacity() {
	demand, rate := signal.Key{Name: signal.NameDemandWork}, signal.Key{Name: signal.NameUnitRate}
	defs := []signal.Def{{Key: demand, Unit: signal.TokensPerSecond}, {Key: rate, Unit: signal.TokensPerSecond}}
	ask(decide.Capacity{Demand: demand, Rate: rate}, defs, 190_000, 40_000)
	// Output:
	// 4 → 9: policy wants 9: 190k tokens/s asked for, 28k tokens/s each, with 2 to spare
}

// 900 documents wait, 3 more come every second, and a replica does 4 a second. In a
// minute the queue should be gone.
func ExampleBacklog() {
	queue, demand := signal.Key{Name: "documents.waiting"}, signal.Key{Name: "documents.arriving"}
	defs := []signal.Def{{Key: queue, Unit: signal.Requests}, {Key: demand, Unit: signal.RequestsPerSecond}}
	ask(decide.Backlog{Queue: queue, PerReplica: 4, Demand: demand, Within: time.Minute}, defs, 900, 3)
	// Output:
	// 4 → 5: policy wants 5: 900 queued, drained in 60 s at 4/s each, with 3/s arriving
}
