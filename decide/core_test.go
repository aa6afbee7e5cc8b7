package decide_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

var (
	demand  = signal.Key{Name: signal.NameDemandRequests}
	queue   = signal.Key{Name: signal.NameQueued}
	rate    = signal.Key{Name: signal.NameUnitRate}
	use     = signal.Key{Name: signal.NameUnitUse}
	started = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func defs() []signal.Def {
	return []signal.Def{
		{Key: demand, Unit: signal.RequestsPerSecond},
		{Key: queue, Unit: signal.Requests},
		{Key: rate, Unit: signal.RequestsPerSecond, Merge: signal.MergeMean},
		{Key: use, Unit: signal.Ratio},
	}
}

// simple is one Track on the whole demand at one request/s a replica, with no
// guards but those that a test adds: what is demanded is what is wanted.
func simple(change func(*decide.Config)) decide.Config {
	c := decide.Config{
		Signals:  defs(),
		Policies: []decide.NamedSpec{{Name: "demand", Spec: decide.Track{Signal: demand, Setpoint: 1, Total: true}}},
		Up:       decide.Direction{Tolerance: -1},
		Down:     decide.Direction{Tolerance: -1, Window: -1, Idle: -1},
	}
	if change != nil {
		change(&c)
	}
	return c
}

// A fataler is a test, a benchmark or a rapid check.
type fataler interface {
	Helper()
	Fatal(...any)
}

func newCore(t fataler, c decide.Config) *decide.Core {
	t.Helper()
	core, err := decide.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return core
}

// A step is one line of a table: so many seconds after the start, this demand
// and this count, and what should come of it. A negative demand is absent.
type step struct {
	at      int64
	demand  float64
	desired int64 // -1: what was decided before
	want    int64
	binding decide.Stage
	reason  decide.Reason
	without int64
	change  func(*decide.Input)
}

func run(t *testing.T, c decide.Config, steps []step) {
	t.Helper()
	core := newCore(t, c)
	var s decide.State
	var d decide.Decision
	for i, st := range steps {
		in := decide.Input{
			Now:     started.Add(time.Duration(st.at) * time.Second),
			Signals: make([]signal.Sample, 4),
			Limits:  decide.Limits{Min: 0, Max: 100},
		}
		if st.demand >= 0 {
			in.Signals[0] = signal.Value(st.demand)
		}
		in.Fleet.Desired = st.desired
		if st.desired < 0 {
			in.Fleet.Desired = d.Desired
		}
		in.Fleet.Ready = in.Fleet.Desired
		if st.change != nil {
			st.change(&in)
		}
		s, d = core.Next(s, in)
		if d.Desired != st.want || d.Binding != st.binding || d.Reason != st.reason || d.Without != st.without {
			text, _ := json.Marshal(d)
			t.Errorf("step %d at %d s: %d by %v (%v), without %d; want %d by %v (%v), without %d\n%s", i, st.at,
				d.Desired, d.Binding, d.Reason, d.Without, st.want, st.binding, st.reason, st.without, text)
		}
	}
}

func TestStages(t *testing.T) {
	const (
		recommend, combine, pending, tolerance, stabilise   = decide.StageRecommend, decide.StageCombine, decide.StagePending, decide.StageTolerance, decide.StageStabilise
		rateStage, cooldown, hold, override, bounds         = decide.StageRate, decide.StageCooldown, decide.StageHold, decide.StageOverride, decide.StageBounds
		setpoint, allHeld, stuck, small, window, idleWindow = decide.ReasonSetpoint, decide.ReasonAllHeld, decide.ReasonStuck, decide.ReasonTolerance, decide.ReasonWindow, decide.ReasonIdleWindow
		tooFast, tooSoon, lost, wish, least, most           = decide.ReasonRate, decide.ReasonCooldown, decide.ReasonMembersLost, decide.ReasonOverride, decide.ReasonMin, decide.ReasonMax
	)
	members := func(expected, fresh int) func(*decide.Input) {
		return func(in *decide.Input) { in.Members = signal.Coverage{Expected: expected, Fresh: fresh} }
	}
	limits := func(low, high int64) func(*decide.Input) {
		return func(in *decide.Input) { in.Limits = decide.Limits{Min: low, Max: high} }
	}
	for name, tc := range map[string]struct {
		config func(*decide.Config)
		steps  []step
	}{
		"demand decides": {nil, []step{
			{0, 5, 2, 5, recommend, setpoint, 5, nil},
			{5, 3, -1, 3, recommend, setpoint, 3, nil},
			{10, 0, -1, 0, recommend, setpoint, 0, nil},
		}},
		"bounds": {nil, []step{
			{0, 50, 2, 9, bounds, most, 50, limits(3, 9)},
			{5, 1, -1, 3, bounds, least, 1, limits(3, 9)},
			{10, 1, -1, 7, bounds, least, 1, limits(7, 2)},
		}},
		"absent holds": {nil, []step{
			{0, 5, 5, 5, recommend, setpoint, 5, nil},
			{5, -1, -1, 5, combine, allHeld, 5, nil},
			{10, -1, -1, 3, bounds, most, 5, limits(0, 3)},
		}},
		"tolerance": {func(c *decide.Config) { c.Up.Tolerance, c.Down.Tolerance = 0.1, 0.2 }, []step{
			{0, 22, 20, 20, tolerance, small, 22, nil},
			{5, 23, -1, 23, recommend, setpoint, 23, nil},
			{10, 20, 20, 20, recommend, setpoint, 20, nil},
			{15, 16, -1, 20, tolerance, small, 16, nil},
			{20, 15, -1, 15, recommend, setpoint, 15, nil},
		}},
		"down window": {func(c *decide.Config) { c.Down.Window = 60 * time.Second }, []step{
			{0, 8, 8, 8, recommend, setpoint, 8, nil},
			{10, 5, -1, 8, stabilise, window, 5, nil},
			{40, 6, -1, 8, stabilise, window, 6, nil},
			{62, 3, -1, 6, stabilise, window, 3, nil},
			{65, 9, -1, 9, recommend, setpoint, 9, nil},
		}},
		"cold start keeps what there is": {func(c *decide.Config) { c.Down.Window = 60 * time.Second }, []step{
			{0, 1, 8, 8, stabilise, window, 1, nil},
			{59, 1, -1, 8, stabilise, window, 1, nil},
			{62, 1, -1, 1, recommend, setpoint, 1, nil},
		}},
		"a gap proves nothing": {func(c *decide.Config) { c.Down.Window = 180 * time.Second }, []step{
			{0, 8, 8, 8, recommend, setpoint, 8, nil},
			{3600, 1, -1, 8, stabilise, window, 1, nil},
			{3660, 1, -1, 8, stabilise, window, 1, nil},
			{3725, 1, -1, 8, stabilise, window, 1, nil},
			{3790, 1, -1, 1, recommend, setpoint, 1, nil},
		}},
		"somebody else's count gets a window": {func(c *decide.Config) { c.Down.Window = 30 * time.Second }, []step{
			{0, 2, 2, 2, recommend, setpoint, 2, nil},
			{40, 2, 6, 6, stabilise, window, 2, nil},
			{60, 2, -1, 6, stabilise, window, 2, nil},
			{72, 2, -1, 2, recommend, setpoint, 2, nil},
		}},
		"up window": {func(c *decide.Config) { c.Up.Window = 20 * time.Second }, []step{
			{0, 2, 2, 2, recommend, setpoint, 2, nil},
			{5, 9, -1, 2, stabilise, window, 9, nil},
			{15, 7, -1, 2, stabilise, window, 7, nil},
			{26, 8, -1, 7, stabilise, window, 8, nil},
		}},
		"idle": {func(c *decide.Config) { c.Down.Idle = 60 * time.Second }, []step{
			{0, 2, 2, 2, recommend, setpoint, 2, nil},
			{30, 0, -1, 1, stabilise, idleWindow, 0, nil},
			{59, 0, -1, 1, stabilise, idleWindow, 0, nil},
			{60, 0, -1, 0, recommend, setpoint, 0, nil},
			{65, 1, -1, 1, recommend, setpoint, 1, nil},
		}},
		"rate up": {func(c *decide.Config) { c.Up.Rate = decide.Rate{Count: 3, Period: 30 * time.Second} }, []step{
			{0, 20, 2, 5, rateStage, tooFast, 20, nil},
			{5, 20, -1, 5, rateStage, tooFast, 20, nil},
			{29, 20, -1, 5, rateStage, tooFast, 20, nil},
			{30, 20, -1, 8, rateStage, tooFast, 20, nil},
		}},
		"rate by share": {func(c *decide.Config) {
			c.Up.Rate = decide.Rate{Share: 1, Count: 2, Period: 30 * time.Second}
			c.Down.Rate = decide.Rate{Share: 0.5}
		}, []step{
			{0, 90, 1, 3, rateStage, tooFast, 90, nil},
			{30, 90, -1, 6, rateStage, tooFast, 90, nil},
			{60, 90, -1, 12, rateStage, tooFast, 90, nil},
			{119, 1, -1, 3, rateStage, tooFast, 1, nil}, // it was 6 a minute ago
			{120, 90, -1, 24, rateStage, tooFast, 90, nil},
			{200, 1, -1, 12, rateStage, tooFast, 1, nil},
			{205, 1, -1, 12, rateStage, tooFast, 1, nil},
			{260, 1, -1, 6, rateStage, tooFast, 1, nil},
			{320, 1, -1, 3, rateStage, tooFast, 1, nil},
			{380, 0, -1, 2, rateStage, tooFast, 0, nil},
			{440, 0, -1, 1, rateStage, tooFast, 0, nil},
			{500, 0, -1, 0, recommend, setpoint, 0, nil},
			{505, 90, -1, 90, recommend, setpoint, 90, nil}, // from zero in one step
		}},
		"cooldown": {func(c *decide.Config) { c.Up.Cooldown, c.Down.Cooldown = 30*time.Second, 60*time.Second }, []step{
			{0, 5, 2, 5, recommend, setpoint, 5, nil},
			{5, 6, -1, 5, cooldown, tooSoon, 6, nil},
			{10, 4, -1, 4, recommend, setpoint, 4, nil},
			{15, 3, -1, 4, cooldown, tooSoon, 3, nil},
			{30, 6, -1, 6, recommend, setpoint, 6, nil},
			{69, 3, -1, 6, cooldown, tooSoon, 3, nil},
			{70, 3, -1, 3, recommend, setpoint, 3, nil},
		}},
		"members lost": {nil, []step{
			{0, 10, 10, 10, recommend, setpoint, 10, members(10, 10)},
			{5, 7, -1, 10, hold, lost, 7, members(10, 7)},
			{10, 9, -1, 10, hold, lost, 9, members(10, 9)},
			{15, 7, -1, 8, hold, lost, 7, members(10, 9)},
			{20, 12, -1, 12, recommend, setpoint, 12, members(10, 0)},
			{25, 1, -1, 12, hold, lost, 1, members(-1, -1)},
		}},
		"what was seen on bad data is no evidence": {func(c *decide.Config) { c.Down.Window = 30 * time.Second }, []step{
			{0, 8, 8, 8, recommend, setpoint, 8, members(4, 4)},
			{20, 3, -1, 8, stabilise, window, 3, members(4, 4)},
			{25, 2, -1, 8, stabilise, window, 8, members(4, 1)},
			{50, 2, -1, 8, hold, lost, 3, members(4, 1)},
			{60, 3, -1, 8, stabilise, window, 3, members(4, 4)},
			{85, 3, -1, 8, stabilise, window, 3, members(4, 4)},
			{92, 3, -1, 3, recommend, setpoint, 3, members(4, 4)},
		}},
		"old though it says fresh": {nil, []step{
			{0, 2, 5, 5, combine, allHeld, 5, func(in *decide.Input) { in.Signals[0].Age = 16 * time.Second }},
			{5, 2, 5, 2, recommend, setpoint, 2, func(in *decide.Input) { in.Signals[0].Age = 15 * time.Second }},
		}},
		"an override counts as wanted": {func(c *decide.Config) { c.Up.Window, c.Down.Window = 30*time.Second, 30*time.Second }, []step{
			{0, 5, 5, 9, override, wish, 5, func(in *decide.Input) {
				in.Override = decide.Override{Replicas: 9, Until: started.Add(time.Second)}
			}},
			{5, 5, -1, 9, stabilise, window, 5, nil},
			{32, 5, -1, 5, recommend, setpoint, 5, nil},
			{100, 5, -1, 2, override, wish, 5, func(in *decide.Input) {
				in.Override = decide.Override{Replicas: 2, Until: started.Add(101 * time.Second)}
			}},
			{105, 5, -1, 2, stabilise, window, 5, nil},
			{132, 5, -1, 5, recommend, setpoint, 5, nil},
		}},
		"rate after a fall": {func(c *decide.Config) { c.Up.Rate = decide.Rate{Count: 1, Period: 30 * time.Second} }, []step{
			{0, 9, 12, 9, recommend, setpoint, 9, nil},
			{1, 6, -1, 6, recommend, setpoint, 6, nil},
			{29, 50, 6, 13, rateStage, tooFast, 50, nil},
			{30, 50, 6, 7, rateStage, tooFast, 50, nil},
		}},
		"override": {nil, []step{
			{0, 5, 5, 2, override, wish, 5, func(in *decide.Input) {
				in.Override = decide.Override{Replicas: 2, Until: started.Add(time.Minute)}
			}},
			{5, 5, -1, 9, bounds, most, 200, func(in *decide.Input) {
				in.Override = decide.Override{Replicas: 200, Until: started.Add(time.Minute)}
				in.Limits.Max = 9
			}},
			{60, 5, -1, 5, recommend, setpoint, 5, func(in *decide.Input) {
				in.Override = decide.Override{Replicas: 2, Until: started.Add(time.Minute)}
			}},
		}},
		"stuck": {func(c *decide.Config) { c.Pending.Timeout = time.Minute }, []step{
			{0, 10, 10, 10, recommend, setpoint, 10, starting(7, decide.Cohort{N: 3, Since: started})},
			{60, 10, -1, 13, pending, stuck, 10, starting(7, decide.Cohort{N: 3, Since: started})},
			{65, 10, -1, 13, pending, stuck, 10, starting(7, decide.Cohort{N: 3, Stuck: true}, decide.Cohort{N: 3, Since: started.Add(time.Minute)})},
			{90, 10, -1, 10, recommend, setpoint, 10, starting(10, decide.Cohort{N: 3, Stuck: true})},
			{95, 2, -1, 2, recommend, setpoint, 2, starting(7, decide.Cohort{N: 3, Stuck: true})},
			{99, 10, 10, 15, pending, stuck, 10, starting(0, decide.Cohort{N: 10, Stuck: true})},
		}},
		"age unknown": {func(c *decide.Config) { c.Pending.Timeout = time.Minute }, []step{
			{0, 4, 4, 4, recommend, setpoint, 4, starting(3, decide.Cohort{N: 1})},
			{59, 4, -1, 4, recommend, setpoint, 4, starting(3, decide.Cohort{N: 1, Since: started.AddDate(1, 0, 0)})},
			{60, 4, -1, 5, pending, stuck, 4, starting(3, decide.Cohort{N: 1, Since: started.AddDate(1, 0, 0)})},
			{70, 4, -1, 4, recommend, setpoint, 4, nil},
			{80, 4, -1, 4, recommend, setpoint, 4, starting(3, decide.Cohort{N: 1})},
			{85, 4, -1, 4, recommend, setpoint, 4, starting(3, decide.Cohort{N: 1})},
			{140, 4, -1, 5, pending, stuck, 4, starting(3, decide.Cohort{N: 1})},
		}},
	} {
		t.Run(name, func(t *testing.T) { run(t, simple(tc.config), tc.steps) })
	}
}

func starting(ready int64, cohorts ...decide.Cohort) func(*decide.Input) {
	return func(in *decide.Input) { in.Fleet.Ready, in.Fleet.Starting = ready, cohorts }
}

// Work is queued for 10, 11 are wanted in all, and some are stuck: tolerance
// lets through what the queue needs, and so it does where pending is left out.
func TestQueuedWorkPassesTolerance(t *testing.T) {
	core := newCore(t, simple(func(c *decide.Config) {
		c.Up.Tolerance = 0.4
		c.Policies = append(c.Policies, decide.NamedSpec{Name: "backlog", Spec: decide.Backlog{Queue: queue, PerReplica: 1}})
	}))
	in := decide.Input{Now: started, Limits: fixed, Signals: []signal.Sample{signal.Value(11), signal.Value(300)}}
	for _, tc := range []struct {
		desired, ready, stuck int64
		binding               decide.Stage
		reason                decide.Reason
		want, without         int64
	}{
		{8, 8, 0, decide.StageTolerance, decide.ReasonBacklogged, 10, 11},
		{10, 10, 0, decide.StageTolerance, decide.ReasonTolerance, 10, 11}, // what is queued has its 10
		{7, 7, 0, decide.StageRecommend, decide.ReasonSetpoint, 11, 11},
		{8, 5, 2, decide.StagePending, decide.ReasonStuck, 13, 10},
	} {
		in.Fleet = decide.Fleet{Desired: tc.desired, Ready: tc.ready, Starting: []decide.Cohort{{N: tc.stuck, Stuck: true}}}
		_, d := core.Next(decide.State{}, in)
		if d.Desired != tc.want || d.Without != tc.without || d.Binding != tc.binding || d.Reason != tc.reason || tc.binding == decide.StageTolerance && !hasNote(d, decide.StageTolerance, 0.4, 0) {
			t.Errorf("from %d: %s; want %d by %v (%v), without it %d", tc.desired, text(t, d), tc.want, tc.binding, tc.reason, tc.without)
		}
	}
}

// hasNote reports whether a stage said these figures.
func hasNote(d decide.Decision, s decide.Stage, a, b float64) bool {
	return slices.ContainsFunc(d.Notes, func(n decide.Note) bool { return n.Stage == s && n.A == a && n.B == b })
}

// Upwards what is carried over is the smallest opinion.
func TestUpWindowOutlivesConfiguration(t *testing.T) {
	window := func(d time.Duration) *decide.Core {
		return newCore(t, simple(func(c *decide.Config) { c.Up.Window = d }))
	}
	long, short := window(10*time.Minute), window(time.Minute)
	in := decide.Input{Now: started, Limits: fixed, Signals: []signal.Sample{signal.Value(2)}, Fleet: decide.Fleet{Desired: 2, Ready: 2}}
	s, _ := long.Next(decide.State{}, in)
	in.Signals[0].Value = 9
	for _, tc := range []struct {
		core  *decide.Core
		after time.Duration
		want  int64
	}{{long, 20 * time.Second, 2}, {short, 25 * time.Second, 2}, {short, 80 * time.Second, 2}, {short, 95 * time.Second, 9}} {
		in.Now = started.Add(tc.after)
		var d decide.Decision
		if s, d = tc.core.Next(s, in); d.Desired != tc.want {
			t.Errorf("after %v: %s, want %d", tc.after, text(t, d), tc.want)
		}
	}
}

// Another window in the configuration does not empty the one in the state.
func TestWindowOutlivesConfiguration(t *testing.T) {
	in := decide.Input{Now: started, Limits: fixed, Signals: []signal.Sample{signal.Value(8)}, Fleet: decide.Fleet{Desired: 8, Ready: 8}}
	long := newCore(t, simple(func(c *decide.Config) { c.Down.Window = 10 * time.Minute }))
	short := newCore(t, simple(func(c *decide.Config) { c.Down.Window = time.Minute }))
	s, _ := long.Next(decide.State{}, in)
	in.Signals[0].Value = 2
	for _, tc := range []struct {
		after time.Duration
		want  int64
	}{{20 * time.Second, 8}, {75 * time.Second, 8}, {90 * time.Second, 2}} {
		in.Now = started.Add(tc.after)
		var d decide.Decision
		if s, d = short.Next(s, in); d.Desired != tc.want {
			t.Errorf("after %v: %s, want %d", tc.after, text(t, d), tc.want)
		}
		in.Fleet.Desired = d.Desired
	}
}
