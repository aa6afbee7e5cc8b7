package decide_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

func ready(n int64) func(*decide.Input) {
	return func(in *decide.Input) { in.Fleet.Ready = n }
}

func TestBurst(t *testing.T) {
	const recommend, burst, rateStage, tolerance = decide.StageRecommend, decide.StageBurst, decide.StageRate, decide.StageTolerance
	const setpoint, surge, tooFast, small = decide.ReasonSetpoint, decide.ReasonBurst, decide.ReasonRate, decide.ReasonTolerance
	guarded := func(b decide.Burst) func(*decide.Config) {
		return func(c *decide.Config) {
			c.Up = decide.Direction{Tolerance: 0.2, Rate: decide.Rate{Count: 2, Period: 30 * time.Second}, Cooldown: 20 * time.Second}
			c.Burst = b
		}
	}
	for name, tc := range map[string]struct {
		config func(*decide.Config)
		steps  []step
	}{
		"off unless configured": {guarded(decide.Burst{}), []step{
			{0, 40, 10, 12, rateStage, tooFast, 40, nil},
			{5, 40, -1, 12, rateStage, tooFast, 12, nil},
		}},
		"negative is off": {guarded(decide.Burst{Factor: -1, For: time.Minute}), []step{
			{0, 40, 10, 12, rateStage, tooFast, 40, nil},
		}},
		"no guard holds growth back": {guarded(decide.Burst{Factor: 2}), []step{
			{0, 19, 10, 12, rateStage, tooFast, 19, nil},
			{5, 24, 12, 24, recommend, setpoint, 24, nil},                        // tolerance 20 %, cooldown and rate would
			{10, 25, -1, 25, recommend, setpoint, 25, ready(20)},                 // still in burst, so no tolerance
			{60, 9, -1, 25, burst, surge, 9, nil},                                // nothing is taken away
			{64, 9, -1, 25, burst, surge, 9, nil},                                // 59 s after the surge was seen
			{65, 9, -1, 9, recommend, setpoint, 9, nil},                          // it is over
			{70, 10, -1, 9, tolerance, small, 10, nil},                           // and the guards are back
			{75, 20, -1, 20, recommend, setpoint, 20, nil},                       // 9 ready
			{90, -1, -1, 20, decide.StageCombine, decide.ReasonAllHeld, 20, nil}, // not seen to go on either
			{135, 1, -1, 1, recommend, setpoint, 1, nil},
		}},
		"a slow start prolongs it": {guarded(decide.Burst{For: 30 * time.Second}), []step{
			{0, 20, 10, 20, recommend, setpoint, 20, ready(10)},
			{25, 20, -1, 20, recommend, setpoint, 20, ready(10)},
			{50, 3, -1, 20, burst, surge, 3, ready(10)},
			{55, 3, -1, 3, recommend, setpoint, 3, ready(20)},
		}},
		"what it keeps is not missing": {guarded(decide.Burst{Factor: 2}), []step{
			{0, 20, 10, 20, recommend, setpoint, 20, ready(10)},
			{5, 3, -1, 20, burst, surge, 3, starting(4, decide.Cohort{N: 16, Stuck: true})},
			{10, 12, -1, 20, burst, surge, 18, starting(4, decide.Cohort{N: 16, Stuck: true})}, // 12 and half as many
		}},
		"it must last": {guarded(decide.Burst{Factor: 3, Window: 10 * time.Second}), []step{
			{0, 30, 10, 12, rateStage, tooFast, 30, ready(10)},
			{5, 29, 10, 12, rateStage, tooFast, 29, ready(10)}, // a break
			{6, 30, 10, 12, rateStage, tooFast, 30, ready(10)},
			{15, 30, 10, 12, rateStage, tooFast, 30, ready(10)},
			{16, 30, 10, 30, recommend, setpoint, 30, ready(10)},
		}},
		"one is taken for none": {guarded(decide.Burst{Factor: 2}), []step{
			{0, 1, 5, 1, recommend, setpoint, 1, ready(0)},
			{5, 2, 5, 5, burst, surge, 2, ready(0)},
		}},
		"switched off is switched off": {func(c *decide.Config) { guarded(decide.Burst{Factor: 2})(c); c.Up.Select = decide.SelectDisabled }, []step{
			{0, 40, 10, 10, rateStage, decide.ReasonDisabled, 40, nil},
			{5, 40, 0, 0, rateStage, decide.ReasonDisabled, 40, nil},
		}},
	} {
		t.Run(name, func(t *testing.T) { run(t, simple(tc.config), tc.steps) })
	}
}

// While bursts are switched off nothing of an earlier surge is remembered.
func TestSurgeIsForgottenWithoutBursts(t *testing.T) {
	burst := func(b decide.Burst) *decide.Core {
		return newCore(t, simple(func(c *decide.Config) { c.Up.Rate, c.Burst = decide.Rate{Count: 2}, b }))
	}
	on, off := burst(decide.Burst{Factor: 2, Window: 10 * time.Second}), burst(decide.Burst{})
	in := decide.Input{Now: started, Limits: fixed, Signals: []signal.Sample{signal.Value(40)}, Fleet: decide.Fleet{Desired: 10, Ready: 10}}
	var s decide.State
	var d decide.Decision
	for i, core := range []*decide.Core{on, off, on, on, on} { // 5 s apart
		if s, d = core.Next(s, in); (d.Desired == 40) != (i == 4) {
			t.Errorf("step %d: %s", i, text(t, d))
		}
		in.Now = in.Now.Add(5 * time.Second)
	}
}

// However little of the members suffices, without one nothing is taken away.
func TestNoMemberReports(t *testing.T) {
	for _, coverage := range []float64{1e-12, 0.5, 1} {
		for _, m := range []signal.Coverage{{Expected: 1}, {Expected: 10}, {Expected: math.MaxInt, Fresh: math.MaxInt - 1}} {
			core := newCore(t, simple(func(c *decide.Config) { c.Hold.Coverage = coverage }))
			_, d := core.Next(decide.State{}, decide.Input{Now: started, Limits: fixed, Members: m, Signals: []signal.Sample{signal.Value(1)}, Fleet: decide.Fleet{Desired: 8, Ready: 8}})
			if d.Desired != 8 {
				t.Errorf("%+v with coverage %v: %s", m, coverage, text(t, d))
			}
		}
	}
}

// What is kept, because nobody can tell or by a rule, is not missing because it
// is stuck: that would make more of it at every step.
func TestStuckReplicasOfNoNeed(t *testing.T) {
	always := custom{recommend: func(_ []float64, in *decide.Input) decide.Recommendation {
		return decide.Recommendation{Replicas: in.Fleet.Desired, Headroom: in.Fleet.Desired}
	}}
	for name, c := range map[string]decide.Config{
		"held": simple(func(c *decide.Config) { c.Warm.Replicas = 2 }),
		"rule": simple(func(c *decide.Config) { c.Policies[0].Spec, c.Warm.Replicas = always, 2 }),
	} {
		core := newCore(t, c)
		var s decide.State
		in := decide.Input{Now: started, Limits: fixed, Fleet: decide.Fleet{Desired: 10, Ready: 4, Starting: []decide.Cohort{{N: 6, Stuck: true}}}}
		for range 5 {
			var d decide.Decision
			if s, d = core.Next(s, in); d.Desired != 10 {
				t.Fatalf("%s: %s", name, text(t, d))
			}
			in.Now = in.Now.Add(time.Minute)
		}
	}
}

func TestRates(t *testing.T) {
	const rateStage, recommend, tooFast, setpoint = decide.StageRate, decide.StageRecommend, decide.ReasonRate, decide.ReasonSetpoint
	pods := decide.Rate{Count: 4, Period: 15 * time.Second}
	percent := decide.Rate{Share: 1, Period: time.Minute}
	for name, tc := range map[string]struct {
		config func(*decide.Config)
		steps  []step
	}{
		"the one that allows most": {func(c *decide.Config) { c.Up.Rates = []decide.Rate{pods, percent} }, []step{
			{0, 99, 2, 6, rateStage, tooFast, 99, nil},    // 4, or 2
			{15, 99, -1, 10, rateStage, tooFast, 99, nil}, // 4, or up to 2 × 2
		}},
		"the one that allows least": {func(c *decide.Config) {
			c.Up.Rates, c.Up.Select = []decide.Rate{pods, percent}, decide.SelectMin
		}, []step{
			{0, 99, 2, 4, rateStage, tooFast, 99, nil},
			{15, 99, -1, 4, rateStage, tooFast, 99, nil},
			{59, 99, -1, 4, rateStage, tooFast, 99, nil},
			{60, 99, -1, 8, rateStage, tooFast, 99, nil},
			{120, 99, -1, 12, rateStage, tooFast, 99, nil}, // 16 by share
		}},
		"Rate is one of the Rates": {func(c *decide.Config) {
			c.Down.Rate, c.Down.Rates, c.Down.Select = decide.Rate{Count: 1}, []decide.Rate{{Share: 0.5, Period: 10 * time.Second}}, decide.SelectMin
		}, []step{
			{0, 0, 20, 19, rateStage, tooFast, 0, nil},
			{59, 0, -1, 19, rateStage, tooFast, 0, nil},
			{60, 0, -1, 18, rateStage, tooFast, 0, nil},
		}},
		"what was done close together counts until the last of it is a period old": {func(c *decide.Config) { c.Down.Rate = decide.Rate{Count: 2} }, []step{
			{0, 9, 10, 9, recommend, setpoint, 9, nil},
			{3, 0, -1, 8, rateStage, tooFast, 0, nil},
			{60, 0, -1, 8, rateStage, tooFast, 0, nil},
			{62, 0, -1, 8, rateStage, tooFast, 0, nil},
			{63, 0, -1, 6, rateStage, tooFast, 0, nil},
		}},
		"a share is rounded up, growing, and down, shrinking": {func(c *decide.Config) {
			c.Up.Rate, c.Down.Rate = decide.Rate{Share: 0.5}, decide.Rate{Share: 0.5}
		}, []step{
			{0, 99, 3, 5, rateStage, tooFast, 99, nil},
			{300, 0, 5, 3, rateStage, tooFast, 0, nil},
		}},
		"over at the millisecond": {func(c *decide.Config) { c.Up.Rate = decide.Rate{Count: 1, Period: time.Second} }, []step{
			{0, 9, 2, 3, rateStage, tooFast, 9, nil},
			{0, 9, -1, 3, rateStage, tooFast, 9, func(in *decide.Input) { in.Now = in.Now.Add(time.Second - 1) }},
			{1, 9, -1, 4, rateStage, tooFast, 9, nil},
		}},
		"disabled": {func(c *decide.Config) { c.Down.Select = decide.SelectDisabled }, []step{
			{0, 3, 9, 9, rateStage, decide.ReasonDisabled, 3, nil},
			{5, 12, -1, 12, recommend, setpoint, 12, nil},
			{10, 0, -1, 8, decide.StageBounds, decide.ReasonMax, 12, func(in *decide.Input) { in.Limits.Max = 8 }},
		}},
	} {
		t.Run(name, func(t *testing.T) { run(t, simple(tc.config), tc.steps) })
	}
}

// Of rates that allow the same the first is named, however they are selected.
func TestRatesThatAllowTheSame(t *testing.T) {
	rates := []decide.Rate{{Count: 3, Period: 15 * time.Second}, {Count: 3, Share: 0.1, Period: 60 * time.Second}}
	for _, sel := range []decide.Select{decide.SelectMax, decide.SelectMin} {
		core := newCore(t, simple(func(c *decide.Config) {
			c.Up.Rates, c.Up.Select, c.Down.Rates, c.Down.Select = rates, sel, rates, sel
		}))
		for _, wanted := range []float64{0, 90} {
			_, d := core.Next(decide.State{}, decide.Input{Now: started, Limits: fixed, Signals: []signal.Sample{signal.Value(wanted)}, Fleet: decide.Fleet{Desired: 20, Ready: 20}})
			if n := d.Notes[len(d.Notes)-1]; n.Stage != decide.StageRate || n.A != 3 || n.B != 15 {
				t.Errorf("%v, %v wanted: %s", sel, wanted, text(t, d))
			}
		}
	}
}

func TestFallbacks(t *testing.T) {
	const combine, hold, allHeld = decide.StageCombine, decide.StageHold, decide.ReasonAllHeld
	for name, tc := range map[string]struct {
		hold  decide.Hold
		steps []step
	}{
		"hold": {decide.Hold{}, []step{
			{0, 5, 5, 5, decide.StageRecommend, decide.ReasonSetpoint, 5, nil},
			{60, -1, -1, 5, combine, allHeld, 5, nil},
			{120, -1, -1, 5, combine, allHeld, 5, nil},
		}},
		"floor": {decide.Hold{Fallback: decide.FallbackFloor, Replicas: 8}, []step{
			{0, -1, 5, 5, combine, allHeld, 5, nil},
			{29, -1, -1, 5, combine, allHeld, 5, nil},
			{30, -1, -1, 8, hold, decide.ReasonFloor, 5, nil},
			{35, -1, 9, 9, combine, allHeld, 9, nil}, // there is more
			{40, 3, -1, 3, decide.StageRecommend, decide.ReasonSetpoint, 3, nil},
			{45, -1, -1, 3, combine, allHeld, 3, nil}, // it begins again
			{75, -1, -1, 8, hold, decide.ReasonFloor, 3, nil},
		}},
		"at once, and the members that are left want more": {decide.Hold{Fallback: decide.FallbackFloor, Replicas: 8, After: -1}, []step{
			{0, 9, 5, 9, decide.StageRecommend, decide.ReasonSetpoint, 9, func(in *decide.Input) { in.Members = signal.Coverage{Expected: 10, Fresh: 1} }},
			{5, 2, 5, 8, hold, decide.ReasonFloor, 2, func(in *decide.Input) { in.Members = signal.Coverage{Expected: 10, Fresh: 1} }},
		}},
		"missing members are ignored": {decide.Hold{Coverage: -1, Fallback: decide.FallbackFloor, Replicas: 8, After: -1}, []step{
			{0, 3, 5, 3, decide.StageRecommend, decide.ReasonSetpoint, 3, func(in *decide.Input) { in.Members = signal.Coverage{Expected: 10} }},
		}},
		"fixed": {decide.Hold{Fallback: decide.FallbackFixed, Replicas: 8, After: -1}, []step{
			{0, -1, 5, 8, hold, decide.ReasonFixed, 5, nil},
			{5, 20, 5, 8, hold, decide.ReasonFixed, 20, func(in *decide.Input) { in.Members = signal.Coverage{Expected: 10, Fresh: 1} }},
			{10, -1, 9, 9, combine, allHeld, 9, nil},
		}},
		"last good": {decide.Hold{Fallback: decide.FallbackLastGood, After: -1}, []step{
			{0, -1, 5, 5, combine, allHeld, 5, nil}, // none is known
			{5, 30, 5, 30, decide.StageRecommend, decide.ReasonSetpoint, 30, nil},
			{10, 6, -1, 6, decide.StageRecommend, decide.ReasonSetpoint, 6, nil},
			{15, -1, -1, 30, hold, decide.ReasonLastGood, 6, nil},
			{20, 7, -1, 7, decide.StageRecommend, decide.ReasonSetpoint, 7, nil},
		}},
	} {
		t.Run(name, func(t *testing.T) { run(t, simple(func(c *decide.Config) { c.Hold = tc.hold }), tc.steps) })
	}
}

// The last good opinion is forgotten after half an hour of good data at the
// latest, and after a quarter at the earliest.
func TestLastGoodIsForgotten(t *testing.T) {
	core := newCore(t, simple(func(c *decide.Config) { c.Hold = decide.Hold{Fallback: decide.FallbackLastGood, After: -1} }))
	var s decide.State
	in := decide.Input{Now: started, Limits: fixed}
	decided := func(demand float64) int64 {
		in.Signals = []signal.Sample{signal.Value(demand)}
		if demand < 0 {
			in.Signals = nil
		}
		var d decide.Decision
		s, d = core.Next(s, in)
		in.Fleet = decide.Fleet{Desired: d.Desired, Ready: d.Desired}
		return d.Desired
	}
	decided(50)
	for minute := range 40 {
		in.Now = in.Now.Add(time.Minute)
		decided(4)
		kept, state := in.Fleet, s
		switch n := decided(-1); {
		case minute < 14 && n != 50, minute > 30 && n != 4:
			t.Fatalf("%d after %d minutes", n, minute+1)
		}
		s, in.Fleet = state, kept
	}
}

// A capacity that goes by an earlier rate has an opinion only of more than there
// is. That must not switch the fallback off: a little more demand would then mean
// fewer replicas.
func TestFallbackWithAnEarlierRate(t *testing.T) {
	for _, tc := range []struct {
		hold         decide.Hold
		disabled     bool
		demand, want int64
	}{
		{decide.Hold{Fallback: decide.FallbackFloor, Replicas: 4}, true, 1, 4},
		{decide.Hold{Fallback: decide.FallbackFloor, Replicas: 4}, true, 9, 4},
		{decide.Hold{Fallback: decide.FallbackFloor, Replicas: 4}, false, 60, 9},
		{decide.Hold{Fallback: decide.FallbackFixed, Replicas: 4}, true, 1, 4},
		{decide.Hold{Fallback: decide.FallbackFixed, Replicas: 4}, true, 9, 4},
		{decide.Hold{Fallback: decide.FallbackFixed, Replicas: 4}, false, 60, 9},
	} {
		c := decide.Config{Signals: defs(), Hold: tc.hold, Policies: only(decide.Capacity{Demand: demand, Rate: rate, Headroom: -1})}
		if tc.disabled {
			c.Up.Select = decide.SelectDisabled
		}
		core, s, d := newCore(t, c), decide.State{}, decide.Decision{}
		in := decide.Input{Now: started, Limits: fixed, Fleet: decide.Fleet{Desired: 1, Ready: 1}}
		in.Signals = []signal.Sample{signal.Value(1), signal.Value(0), signal.Value(10), signal.Value(0)}
		s, _ = core.Next(s, in)
		for range 7 { // 35 s without the rate
			in.Now, in.Signals[0], in.Signals[2] = in.Now.Add(5*time.Second), signal.Value(float64(tc.demand)), signal.Sample{}
			s, d = core.Next(s, in)
		}
		if d.Desired != tc.want {
			t.Errorf("%+v, disabled %v, demand %d: %d replicas, want %d", tc.hold, tc.disabled, tc.demand, d.Desired, tc.want)
		}
	}
}

func TestPause(t *testing.T) {
	paused := func(p decide.Pause, more ...func(*decide.Input)) func(*decide.Input) {
		return func(in *decide.Input) {
			in.Pause = p
			for _, m := range more {
				m(in)
			}
		}
	}
	later := started.Add(100 * time.Second)
	run(t, simple(func(c *decide.Config) { c.Schedule = []decide.Window{{Min: 2}} }), []step{
		{0, 9, 5, 5, decide.StagePause, decide.ReasonPaused, 9, paused(decide.Pause{Up: true})},
		{5, 3, -1, 3, decide.StageRecommend, decide.ReasonSetpoint, 3, paused(decide.Pause{Up: true})},
		{10, 2, -1, 3, decide.StagePause, decide.ReasonPaused, 2, paused(decide.Pause{Up: true, Down: true, Until: later})},
		{15, 9, 1, 1, decide.StagePause, decide.ReasonPaused, 9, paused(decide.Pause{Up: true, Until: later})}, // the schedule too
		{20, 9, 3, 7, decide.StageOverride, decide.ReasonOverride, 3, paused(decide.Pause{Up: true, Down: true}, func(in *decide.Input) {
			in.Override = decide.Override{Replicas: 7, Until: later}
		})},
		{25, 9, 3, 6, decide.StageBounds, decide.ReasonMin, 3, paused(decide.Pause{Up: true}, func(in *decide.Input) { in.Limits.Min = 6 })},
		{100, 9, 3, 9, decide.StageRecommend, decide.ReasonSetpoint, 9, paused(decide.Pause{Up: true, Until: later})},
		{105, 9, 3, 9, decide.StageRecommend, decide.ReasonSetpoint, 9, paused(decide.Pause{Until: later.AddDate(1, 0, 0)})},
	})
}

func TestWarm(t *testing.T) {
	const warm, spare = decide.StageWarm, decide.ReasonWarm
	run(t, simple(func(c *decide.Config) { c.Warm = decide.Warm{Replicas: 2, Share: 0.1} }), []step{
		{0, 5, 5, 7, warm, spare, 5, nil},
		{5, 40, -1, 44, warm, spare, 40, nil},
		{10, 0, -1, 2, warm, spare, 0, nil},
		{15, -1, -1, 2, decide.StageCombine, decide.ReasonAllHeld, 2, nil}, // and no more each time
		{20, -1, 0, 2, warm, spare, 0, nil},
		{25, 40, -1, 42, decide.StageBounds, decide.ReasonMax, 44, func(in *decide.Input) { in.Limits.Max = 42 }},
	})
	at8 := func(in *decide.Input) { in.Now = in.Now.Add(-4 * hour) }
	run(t, simple(func(c *decide.Config) {
		c.Warm = decide.Warm{Replicas: 1}
		c.Schedule = []decide.Window{{From: 8 * hour, To: 9 * hour, Warm: decide.Warm{Replicas: 5}}, {From: 8 * hour, To: 10 * hour, Warm: decide.Warm{Replicas: 3}}}
	}), []step{
		{0, 5, 5, 10, warm, spare, 5, at8},
		{3600, 5, 5, 8, warm, spare, 5, at8},
		{7200, 5, 5, 6, warm, spare, 5, at8},
	})
}

// Headroom that a policy has added counts towards what is to spare; what is to
// spare gets round no guard.
func TestWarmAndHeadroom(t *testing.T) {
	c := simple(func(c *decide.Config) {
		c.Policies = []decide.NamedSpec{{Name: "capacity", Spec: decide.Capacity{Demand: demand, PerReplica: 1, Utilization: 1}}}
		c.Warm = decide.Warm{Replicas: 4}
	})
	in := decide.Input{Now: started, Limits: fixed, Signals: []signal.Sample{signal.Value(16)}, Fleet: decide.Fleet{Desired: 10, Ready: 10}}
	if _, d := newCore(t, c).Next(decide.State{}, in); d.Desired != 20 || d.Recommendations[0].Replicas != 18 || d.Recommendations[0].Headroom != 2 {
		t.Errorf("16 are needed, 18 asked for, 4 to spare: %s", text(t, d))
	}
	c.Warm.Replicas = 1
	if _, d := newCore(t, c).Next(decide.State{}, in); d.Desired != 18 {
		t.Errorf("16 are needed, 18 asked for, 1 to spare: %s", text(t, d))
	}
	c.Warm.Replicas, c.Up.Rate = 9, decide.Rate{Count: 3}
	s, d := newCore(t, c).Next(decide.State{}, in)
	for range 3 {
		in.Fleet.Desired = d.Desired
		if s, d = newCore(t, c).Next(s, in); d.Desired != 13 {
			t.Fatalf("10 and at most 3 more: %s", text(t, d))
		}
	}
}

func TestStageSettingsAreRefused(t *testing.T) {
	for want, change := range map[string]func(*decide.Config){
		"Burst.Factor is 1:":           func(c *decide.Config) { c.Burst.Factor = 1 },
		"Burst.For is -1ns":            func(c *decide.Config) { c.Burst = decide.Burst{Factor: 2, For: -1} },
		"Warm.Replicas is 1048577":     func(c *decide.Config) { c.Warm.Replicas = decide.MaxReplicas + 1 },
		"Hold.Replicas is 0":           func(c *decide.Config) { c.Hold.Fallback = decide.FallbackFloor },
		"Hold.Replicas is 3":           func(c *decide.Config) { c.Hold.Replicas = 3 },
		"Hold.Fallback is fallback(9)": func(c *decide.Config) { c.Hold.Fallback = 9 },
		"Up.Rates[1] has neither":      func(c *decide.Config) { c.Up.Rates = []decide.Rate{{Count: 1}, {Period: time.Second}} },
		"Down.Rates has 9 entries":     func(c *decide.Config) { c.Down.Rates = make([]decide.Rate, 9) },
		"Up.Rate.Period is 25h0m0s":    func(c *decide.Config) { c.Up.Rate.Period = 25 * time.Hour },
		"Down.Rates[0].Period is -1s":  func(c *decide.Config) { c.Down.Rates = []decide.Rate{{Count: 1, Period: -time.Second}} },
		"Down.Select is select(7)":     func(c *decide.Config) { c.Down.Select = 7 },
		"have 5 different periods":     func(c *decide.Config) { c.Up.Rates = fivePeriods()[:3]; c.Down.Rates = fivePeriods()[2:] },
		"Budget.Price is 0":            func(c *decide.Config) { c.Budget.PerMonth = 3 },
		"Budget.Pace is 0.5":           func(c *decide.Config) { c.Budget = decide.Budget{Price: 1, PerMonth: 3, Pace: 0.5} },
	} {
		if _, err := decide.New(simple(change)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

func fivePeriods() (out []decide.Rate) {
	for i := range 5 {
		out = append(out, decide.Rate{Count: 1, Period: time.Duration(i+1) * time.Minute})
	}
	return out
}
