package decide_test

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// A moment is one step of an example: demand in requests per second, of which a
// replica takes one, and what else there is to say.
type moment struct {
	demand float64
	change func(*decide.Input)
}

// play lets a core decide every 10 s from 12:00 on, with a fleet that follows at
// once, and prints its explanations.
func play(c decide.Config, from int64, moments ...moment) {
	offered := signal.Key{Name: signal.NameDemandRequests}
	c.Signals = []signal.Def{{Key: offered, Unit: signal.RequestsPerSecond}}
	c.Policies = []decide.NamedSpec{{Name: "demand", Spec: decide.Track{Signal: offered, Setpoint: 1, Total: true}}}
	core, err := decide.New(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	var state decide.State
	fleet := decide.Fleet{Desired: from, Ready: from}
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for _, m := range moments {
		in := decide.Input{Now: now, Fleet: fleet, Limits: decide.Limits{Max: 100}, Signals: []signal.Sample{{}}}
		if m.demand >= 0 {
			in.Signals[0] = signal.Value(m.demand)
		}
		if m.change != nil {
			m.change(&in)
		}
		var d decide.Decision
		state, d = core.Next(state, in)
		fmt.Println(in.Now.Format("15:04:05"), core.Explain(&in, &d))
		fleet = decide.Fleet{Desired: d.Desired, Ready: d.Desired}
		now = in.Now.Add(10 * time.Second)
	}
}

// at sets the clock to a time of that day.
func at(hours, minutes int) func(*decide.Input) {
	return func(in *decide.Input) { in.Now = time.Date(2026, 3, 2, hours, minutes, 0, 0, time.UTC) }
}

// A rate of 2 replicas in 30 s holds in ordinary times, and not in a burst.
func ExampleBurst() {
	play(decide.Config{
		Up:    decide.Direction{Rate: decide.Rate{Count: 2, Period: 30 * time.Second}},
		Burst: decide.Burst{Factor: 2, For: time.Minute},
	}, 10, moment{demand: 16}, moment{demand: 30}, moment{demand: 5})
	// Output:
	// 12:00:00 10 → 12: demand wants 16: evenkeel.demand.requests is 16/s, setpoint 1/s; +2 per 30 s binds; without it 16
	// 12:00:10 12 → 30: demand wants 30: evenkeel.demand.requests is 30/s, setpoint 1/s
	// 12:00:20 stays at 30: demand wants 5: evenkeel.demand.requests is 5/s, setpoint 1/s; in burst for 50 s more, so nothing is taken away and no guard delays growth; without it still 30
}

// A tenth more than is needed, and 2 at least, stand by.
func ExampleWarm() {
	play(decide.Config{Warm: decide.Warm{Replicas: 2, Share: 0.1}}, 10, moment{demand: 11}, moment{demand: 40})
	// Output:
	// 12:00:00 10 → 13: demand wants 11: evenkeel.demand.requests is 11/s, setpoint 1/s; 2 to spare above the 11 needed; without it 11
	// 12:00:10 13 → 44: demand wants 40: evenkeel.demand.requests is 40/s, setpoint 1/s; 4 to spare above the 40 needed; without it 40
}

// Three replicas hang on their way and are made up for.
func ExamplePending() {
	play(decide.Config{Pending: decide.Pending{Timeout: 5 * time.Minute}}, 10,
		moment{10, func(in *decide.Input) {
			in.Fleet.Ready, in.Fleet.Starting = 7, []decide.Cohort{{N: 3, Since: in.Now.Add(-6 * time.Minute)}}
		}})
	// Output:
	// 12:00:00 10 → 13: demand wants 10: evenkeel.demand.requests is 10/s, setpoint 1/s; 3 stuck on their way, 3 asked for on top; without it 10
}

// A fall must last for 15 s here, and a change of a tenth is not worth it.
func ExampleDirection() {
	play(decide.Config{
		Up:   decide.Direction{Tolerance: 0.1, Cooldown: time.Minute},
		Down: decide.Direction{Window: 15 * time.Second},
	}, 20, moment{demand: 22}, moment{demand: 25}, moment{demand: 28}, moment{demand: 10}, moment{demand: 12}, moment{demand: 12})
	// Output:
	// 12:00:00 stays at 20: demand wants 22: evenkeel.demand.requests is 22/s, setpoint 1/s; a change within 10 % of 20 is left out; without it 22
	// 12:00:10 20 → 25: demand wants 25: evenkeel.demand.requests is 25/s, setpoint 1/s
	// 12:00:20 stays at 25: demand wants 28: evenkeel.demand.requests is 28/s, setpoint 1/s; 50 s left of a cooldown of 60 s; without it 28
	// 12:00:30 stays at 25: demand wants 10: evenkeel.demand.requests is 10/s, setpoint 1/s; the most wanted in the last 15 s is 28; without it 10
	// 12:00:40 25 → 12: demand wants 12: evenkeel.demand.requests is 12/s, setpoint 1/s
	// 12:00:50 stays at 12: demand wants 12: evenkeel.demand.requests is 12/s, setpoint 1/s
}

// As in a Kubernetes manifest: 4 pods or 100 % in 15 s, whichever is more.
func ExampleRate() {
	play(decide.Config{Up: decide.Direction{
		Rates:  []decide.Rate{{Count: 4, Period: 15 * time.Second}, {Share: 1, Period: 15 * time.Second}},
		Select: decide.SelectMax,
	}}, 3, moment{demand: 50}, moment{demand: 50}, moment{demand: 50})
	// Output:
	// 12:00:00 3 → 7: demand wants 50: evenkeel.demand.requests is 50/s, setpoint 1/s; +4 per 15 s binds; without it 50
	// 12:00:10 stays at 7: demand wants 50: evenkeel.demand.requests is 50/s, setpoint 1/s; +4 per 15 s binds; without it 50
	// 12:00:20 7 → 14: demand wants 50: evenkeel.demand.requests is 50/s, setpoint 1/s; +7 per 15 s binds; without it 50
}

// Nothing is taken away on bad data. If it stays bad, here for 15 s, the fleet
// goes to a size that has always been enough.
func ExampleHold() {
	play(decide.Config{Hold: decide.Hold{Fallback: decide.FallbackFloor, Replicas: 12, After: 15 * time.Second}},
		8, moment{demand: 8}, moment{demand: -1}, moment{demand: -1}, moment{demand: -1})
	// Output:
	// 12:00:00 stays at 8: demand wants 8: evenkeel.demand.requests is 8/s, setpoint 1/s
	// 12:00:10 stays at 8: demand cannot tell: evenkeel.demand.requests is absent
	// 12:00:20 stays at 8: demand cannot tell: evenkeel.demand.requests is absent
	// 12:00:30 8 → 12: demand cannot tell: evenkeel.demand.requests is absent; bad data for 20 s, so at least 12; without it 8
}

// Office hours in Berlin, one hour ahead of UTC in March.
func ExampleWindow() {
	play(decide.Config{
		Down: decide.Direction{Window: -1, Idle: -1},
		Schedule: []decide.Window{
			{Name: "office", Days: decide.Weekdays, From: 8 * time.Hour, To: 20 * time.Hour, Zone: "Europe/Berlin", Min: 8, Ramp: time.Hour},
			{Name: "night", From: 22 * time.Hour, To: 6 * time.Hour, Zone: "Europe/Berlin", Max: 3},
		},
	}, 1, moment{1, at(4, 0)}, moment{1, at(6, 30)}, moment{1, at(7, 0)}, moment{1, at(20, 30)}, moment{9, at(21, 0)})
	// Output:
	// 04:00:00 stays at 1: demand wants 1: evenkeel.demand.requests is 1/s, setpoint 1/s
	// 06:30:00 1 → 4: demand wants 1: evenkeel.demand.requests is 1/s, setpoint 1/s; scheduled min 4 binds; without it 1
	// 07:00:00 4 → 8: demand wants 1: evenkeel.demand.requests is 1/s, setpoint 1/s; scheduled min 8 binds; without it 1
	// 20:30:00 8 → 1: demand wants 1: evenkeel.demand.requests is 1/s, setpoint 1/s
	// 21:00:00 1 → 3: demand wants 9: evenkeel.demand.requests is 9/s, setpoint 1/s; scheduled max 3 binds; without it 9
}

// An operator wants nothing to be taken away for now.
func ExamplePause() {
	paused := func(in *decide.Input) { in.Pause = decide.Pause{Down: true} }
	play(decide.Config{Down: decide.Direction{Window: -1}}, 10, moment{4, paused}, moment{14, paused}, moment{4, nil})
	// Output:
	// 12:00:00 stays at 10: demand wants 4: evenkeel.demand.requests is 4/s, setpoint 1/s; scaling in is paused; without it 4
	// 12:00:10 10 → 14: demand wants 14: evenkeel.demand.requests is 14/s, setpoint 1/s
	// 12:00:20 14 → 4: demand wants 4: evenkeel.demand.requests is 4/s, setpoint 1/s
}

// An operator wants 30, whatever the pause and the signals say.
func ExampleOverride() {
	play(decide.Config{}, 10, moment{4, func(in *decide.Input) {
		in.Pause = decide.Pause{Up: true}
		in.Override = decide.Override{Replicas: 30, Until: in.Now.Add(time.Hour)}
	}})
	// Output:
	// 12:00:00 10 → 30: demand wants 4: evenkeel.demand.requests is 4/s, setpoint 1/s; override to 30 for 60 min more binds; without it 10
}

// 2.50 for a replica and hour, 50 an hour and 9,000 a month: until the first of
// April there are 708 hours, so twice an even pace is 10 replicas.
func ExampleBudget() {
	play(decide.Config{Budget: decide.Budget{Price: 2.5, PerHour: 50, PerMonth: 9000}}, 5, moment{demand: 40})
	play(decide.Config{Budget: decide.Budget{Price: 2.5, PerHour: 50}}, 5, moment{demand: 40})
	// Output:
	// 12:00:00 5 → 10: demand wants 40: evenkeel.demand.requests is 40/s, setpoint 1/s; 9000 left in the month's budget allows 10; without it 40
	// 12:00:00 5 → 20: demand wants 40: evenkeel.demand.requests is 40/s, setpoint 1/s; a budget of 50 an hour allows 20; without it 40
}

// Limits have the last word.
func ExampleLimits() {
	play(decide.Config{}, 5, moment{40, func(in *decide.Input) { in.Limits = decide.Limits{Min: 2, Max: 16} }})
	// Output:
	// 12:00:00 5 → 16: demand wants 40: evenkeel.demand.requests is 40/s, setpoint 1/s; max 16 binds; without it 40
}

// To zero after a minute without work, and from zero to all that is needed in one
// step: no rate and no cooldown delays the first replicas.
func ExampleDirection_zero() {
	play(decide.Config{
		Up:   decide.Direction{Rate: decide.Rate{Count: 1, Period: time.Minute}},
		Down: decide.Direction{Window: 10 * time.Second, Idle: time.Minute},
	}, 2, moment{demand: 0}, moment{0, at(12, 2)}, moment{demand: 5})
	// Output:
	// 12:00:00 stays at 2: demand wants 0: evenkeel.demand.requests is 0/s, setpoint 1/s; the most wanted in the last 10 s is 2; without it 0
	// 12:02:00 2 → 0: demand wants 0: evenkeel.demand.requests is 0/s, setpoint 1/s
	// 12:02:10 0 → 5: demand wants 5: evenkeel.demand.requests is 5/s, setpoint 1/s
}
