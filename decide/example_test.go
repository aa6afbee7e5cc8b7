package decide_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

func Example() {
	offered := signal.Key{Name: signal.NameDemandRequests}
	core, err := decide.New(decide.Config{
		Signals: []signal.Def{{Key: offered, Unit: signal.RequestsPerSecond}},
		Policies: []decide.NamedSpec{
			{Name: "capacity", Spec: decide.Capacity{Demand: offered, PerReplica: 10}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	var state decide.State // a cold start
	var d decide.Decision
	in := decide.Input{
		Now:    time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Fleet:  decide.Fleet{Desired: 4, Ready: 4},
		Limits: decide.Limits{Min: 1, Max: 16},
	}
	for _, perSecond := range []float64{25, 70, 20} {
		in.Signals = []signal.Sample{signal.Value(perSecond)}
		state, d = core.Next(state, in)
		fmt.Println(core.Explain(&in, &d))
		in.Now = in.Now.Add(5 * time.Second)
		in.Fleet = decide.Fleet{Desired: d.Desired, Ready: d.Desired}
	}
	// Output:
	// 4 → 5: capacity wants 5: 25/s asked for, 7/s each, with 1 to spare
	// 5 → 12: capacity wants 12: 70/s asked for, 7/s each, with 2 to spare
	// stays at 12: capacity wants 4: 20/s asked for, 7/s each, with 1 to spare; the most wanted in the last 180 s is 12; without it 4
}

func ExampleNew_refused() {
	_, err := decide.New(decide.Config{
		Policies: []decide.NamedSpec{
			{Name: "busy", Spec: decide.Track{Signal: signal.Key{Name: signal.NameUnitUse}, Setpoint: 0.7}},
		},
	})
	fmt.Println(err)
	// Output:
	// evenkeel: policy "busy": Track.Signal is "evenkeel.unit.utilization", which is not among the signals: add its Def to Config.Signals
}

// A State goes through JSON, to the next leader or past a restart.
func ExampleState() {
	busy := signal.Key{Name: signal.NameUnitUse}
	core, err := decide.New(decide.Config{
		Signals:  []signal.Def{{Key: busy, Unit: signal.Ratio}},
		Policies: []decide.NamedSpec{{Name: "busy", Spec: decide.Track{Signal: busy, Setpoint: 0.7}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	in := decide.Input{
		Now:     time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Fleet:   decide.Fleet{Desired: 3, Ready: 3},
		Signals: []signal.Sample{signal.Value(0.9)},
		Limits:  decide.Limits{Min: 1, Max: 9},
	}
	state, first := core.Next(decide.State{}, in)

	saved, err := json.Marshal(state)
	if err != nil {
		fmt.Println(err)
		return
	}
	var loaded decide.State
	if err := json.Unmarshal(saved, &loaded); err != nil {
		fmt.Println(err) // refused: start cold with the zero State
		return
	}
	in.Now = in.Now.Add(5 * time.Second)
	in.Fleet.Desired = first.Desired
	in.Signals[0] = signal.Value(0.1)
	_, second := core.Next(loaded, in)
	fmt.Println(core.Explain(&in, &second))
	// Output:
	// stays at 4: busy wants 1: evenkeel.unit.utilization is 10 %, setpoint 70 %; the most wanted in the last 180 s is 4; without it 1
}

// Step decides without allocating: two States take turns.
func ExampleCore_Step() {
	offered := signal.Key{Name: signal.NameDemandRequests}
	core, err := decide.New(decide.Config{
		Signals:  []signal.Def{{Key: offered, Unit: signal.RequestsPerSecond}},
		Policies: []decide.NamedSpec{{Name: "total", Spec: decide.Track{Signal: offered, Setpoint: 5, Total: true}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	var states [2]decide.State
	var d decide.Decision
	in := decide.Input{
		Now:     time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Signals: []signal.Sample{signal.Value(0)},
		Limits:  decide.Limits{Max: 9},
	}
	for k := range 3 {
		in.Signals[0].Value += 10
		core.Step(&states[(k+1)%2], &states[k%2], &in, &d)
		fmt.Println(d.From, d.Desired, d.Binding, d.Reason)
		in.Now, in.Fleet.Desired = in.Now.Add(5*time.Second), d.Desired
	}
	// Output:
	// 0 2 recommend setpoint
	// 2 4 recommend setpoint
	// 4 6 recommend setpoint
}
