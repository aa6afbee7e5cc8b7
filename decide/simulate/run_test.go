package simulate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/decide/simulate/llm"
	"github.com/evenkeel/evenkeel/decide/simulate/trace"
	"github.com/evenkeel/evenkeel/signal"
)

func key(name string) signal.Key { return signal.Key{Name: name} }

// byCapacity is the default policy: offered work by the learned knee.
func byCapacity() decide.Config {
	return policies(decide.Capacity{Demand: key(signal.NameDemandWork), Rate: key(signal.NameUnitRate)})
}

// byKnownCapacity is the same with the rate at full use given, in requests.
func byKnownCapacity(m llm.Model) decide.Config {
	return policies(decide.Capacity{Demand: key(signal.NameDemandRequests), PerReplica: 1 / m.Work(1000, 200).Seconds()})
}

func policies(specs ...decide.Spec) decide.Config {
	var c decide.Config
	for i, s := range specs {
		c.Policies = append(c.Policies, decide.NamedSpec{Name: fmt.Sprint("p", i), Spec: s})
	}
	return c
}

func run(t testing.TB, c Config) Report {
	t.Helper()
	r, err := Run(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Completed + r.Shed + r.Abandoned + r.Aborted; r.Offered != int64(len(c.Arrivals)) || got != r.Offered {
		t.Errorf("of %d requests %d were offered and %d accounted for: %+v", len(c.Arrivals), r.Offered, got, r)
	}
	var by int64
	for _, n := range r.ShedBy {
		by += n
	}
	if by != r.Shed {
		t.Errorf("%d shed, but %v by reason", r.Shed, r.ShedBy)
	}
	if r.Admitted < r.Completed || r.Admitted > r.Offered-r.Shed {
		t.Errorf("%d admitted of %d offered, %d shed, %d completed", r.Admitted, r.Offered, r.Shed, r.Completed)
	}
	return r
}

// poisson is a trace of random arrivals at a constant rate.
func poisson(t testing.TB, seed uint64, rate float64, length time.Duration) trace.Trace {
	t.Helper()
	tr, err := trace.Day(seed, trace.Shape{Length: length, Mean: rate, Peak: rate, Bursts: -1})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// then plays b after a.
func then(a trace.Trace, at time.Duration, b trace.Trace) trace.Trace {
	out := append(trace.Trace{}, a...)
	for _, r := range b {
		r.At += at
		out = append(out, r)
	}
	return out
}

func TestDeterminism(t *testing.T) {
	c := Config{
		Model:   preset(t, "llama-3.1-70b-fp8/h100x4"),
		Startup: llm.Startup{Median: 20 * time.Second, Sigma: 0.5},
		Policy:  byCapacity(), Gate: &backpressure.Config{}, Tick: time.Second, Log: true,
		Arrivals: then(poisson(t, 1, 10, time.Minute), time.Minute, poisson(t, 2, 40, time.Minute)),
	}
	a, b := run(t, c), run(t, c)
	if !reflect.DeepEqual(a, b) {
		t.Error("the same configuration gave two reports")
	}
	if len(a.Decisions) != int(a.Length/time.Second) {
		t.Errorf("%d decisions logged, want one a second for %v", len(a.Decisions), a.Length)
	}
	c.Seed = 1
	if reflect.DeepEqual(a, run(t, c)) {
		t.Error("the seed changed nothing")
	}
}

// One replica with a light load answers as the closed form of its model says.
func TestLatencyOfOneReplica(t *testing.T) {
	m := preset(t, "llama-3.1-70b-fp8/h100x4")
	r := run(t, Config{Model: m, Decider: Constant(1), Limits: decide.Limits{Min: 1, Max: 1}, Arrivals: poisson(t, 5, 4, 5*time.Minute)})
	want := m.ITL(4, 1000, 200)
	if got := r.TPOT.P50; got < want*85/100 || got > want*115/100 {
		t.Errorf("median time per token is %v, the closed form says %v", got, want)
	}
	if r.TTFT.P50 < 40*time.Millisecond || r.TTFT.P50 > 150*time.Millisecond {
		t.Errorf("median time to first token is %v", r.TTFT.P50)
	}
	if r.WithinOffered < 0.999 || r.ReplicaSeconds != r.Length.Seconds() {
		t.Errorf("within %v, %v replica-seconds over %v", r.WithinOffered, r.ReplicaSeconds, r.Length)
	}
}

func TestConstantDemandSettles(t *testing.T) {
	m := preset(t, "llama-3.1-70b-fp8/h100x4")
	r := run(t, Config{
		Model: m, Startup: llm.Startup{Median: 30 * time.Second},
		Policy: byKnownCapacity(m), Initial: 8, Gate: &backpressure.Config{}, Log: true,
		Arrivals: steady(40, 6*time.Minute, 1000, 200),
	})
	last := r.Decisions[len(r.Decisions)*2/3:]
	for _, d := range last {
		if d.Decision.Desired != r.Final {
			t.Fatalf("at %v the fleet wants %d replicas, at the end %d", d.At, d.Decision.Desired, r.Final)
		}
	}
	if r.WithinOffered < 0.99 || r.Final >= 8 {
		t.Errorf("%d replicas, %.1f %% within the objective", r.Final, 100*r.WithinOffered)
	}
}

// A slow start must not make the policy ask again and again.
func TestSlowStartOvershoot(t *testing.T) {
	m := preset(t, "llama-3.1-70b-fp8/h100x4")
	r := run(t, Config{
		Model: m, Startup: llm.Startup{Median: 100 * time.Second},
		Policy: byKnownCapacity(m), Initial: 2, Gate: &backpressure.Config{},
		Arrivals: then(poisson(t, 1, 12, 4*time.Minute), 4*time.Minute, poisson(t, 2, 48, 6*time.Minute)),
	})
	if r.Largest > r.Final+1 {
		t.Errorf("the fleet went up to %d and settled at %d", r.Largest, r.Final)
	}
	if r.Final < 4 {
		t.Errorf("the fleet settled at %d replicas", r.Final)
	}
}

func TestScaleInAbortsNothing(t *testing.T) {
	m := preset(t, "llama-3.1-70b-fp8/h100x4")
	busy := poisson(t, 1, 40, 3*time.Minute)
	r := run(t, Config{
		Model: m, Startup: llm.Startup{Median: 10 * time.Second},
		Policy: decide.Config{Policies: byKnownCapacity(m).Policies, Down: decide.Direction{Window: 20 * time.Second}},
		Gate:   &backpressure.Config{}, Initial: 6, Tick: time.Second,
		Arrivals: then(busy, 3*time.Minute, poisson(t, 2, 4, 5*time.Minute)),
	})
	if r.Final > 2 || r.Largest < 4 {
		t.Errorf("the fleet went from %d to %d: no scale-in to speak of", r.Largest, r.Final)
	}
	if r.Aborted != 0 || r.Abandoned != 0 {
		t.Errorf("%d aborted and %d abandoned", r.Aborted, r.Abandoned)
	}
}

func TestKilledUnit(t *testing.T) {
	c := Config{
		Model: preset(t, "llama-3.1-70b-fp8/h100x4"), Startup: llm.Startup{Median: 10 * time.Second},
		Decider: Constant(3), Initial: 3, Limits: decide.Limits{Min: 3, Max: 3}, Arrivals: poisson(t, 1, 15, 2*time.Minute),
		Faults: []Fault{{At: time.Minute, Replicas: 1}},
	}
	r := run(t, c)
	// A third of the requests under way: 15/s for about 4 s each.
	if r.Aborted < 5 || r.Aborted > 60 {
		t.Errorf("%d requests aborted, want those of one replica of three", r.Aborted)
	}
	if r.Completed != r.Offered-r.Aborted {
		t.Errorf("%d of %d completed, %d aborted", r.Completed, r.Offered, r.Aborted)
	}
	c.Faults = nil
	if r := run(t, c); r.Aborted != 0 {
		t.Errorf("without a fault %d requests aborted", r.Aborted)
	}
}

func TestOverload(t *testing.T) {
	m := preset(t, "llama-3.1-70b-fp8/h100x4")
	c := Config{Model: m, Decider: Constant(2), Initial: 2, Limits: decide.Limits{Min: 2, Max: 2}}
	const seeds = 4 // one alone is off by up to a tenth
	var best, with, without float64
	for seed := uint64(1); seed <= seeds; seed++ {
		c.Gate = &backpressure.Config{}
		top := 0.0
		for _, load := range []float64{0.8, 0.9, 1} {
			c.Arrivals = poisson(t, seed, load*2*m.MaxRate(DefaultTPOT, 1000, 200), time.Minute)
			top = max(top, run(t, c).Goodput)
		}
		best += top / seeds
		c.Arrivals = poisson(t, seed, 3*2*m.MaxRate(DefaultTPOT, 1000, 200), time.Minute)
		with += run(t, c).Goodput / seeds
		c.Gate = nil
		without += run(t, c).Goodput / seeds
	}
	t.Logf("best %.1f/s, at three times the load %.1f/s with the gate and %.1f/s without", best, with, without)
	if with < 0.9*best || without > 0.2*best {
		t.Errorf("goodput at its best is %.1f/s, at three times the load %.1f/s with the gate, %.1f/s without", best, with, without)
	}
}

// Headroom buys service, and the square root of it is enough for a fleet of
// this size.
func TestHeadroom(t *testing.T) {
	c := Config{
		Model: preset(t, "llama-3.1-70b-fp8/h100x4"), Startup: llm.Startup{Median: 30 * time.Second},
		Gate: &backpressure.Config{}, Initial: 4, Tick: 5 * time.Second,
	}
	day, err := trace.Day(9, trace.Shape{Length: 5 * time.Minute, Mean: 30, Peak: 75})
	if err != nil {
		t.Fatal(err)
	}
	c.Arrivals = day
	report := func(headroom float64) Report {
		c.Policy = policies(decide.Capacity{Demand: key(signal.NameDemandRequests),
			PerReplica: 1 / c.Model.Work(1000, 200).Seconds(), Headroom: headroom})
		return run(t, c)
	}
	none, root := report(-1), report(0.5)
	t.Logf("none: %.2f %% at %.0f; square root: %.2f %% at %.0f replica-seconds",
		100*none.WithinOffered, none.ReplicaSeconds, 100*root.WithinOffered, root.ReplicaSeconds)
	if root.WithinOffered < none.WithinOffered || root.ReplicaSeconds <= none.ReplicaSeconds || root.ReplicaSeconds > 1.5*none.ReplicaSeconds {
		t.Errorf("no headroom: %+v, with: %+v", none, root)
	}
}

func TestZeroReplicas(t *testing.T) {
	m := preset(t, "llama-3.1-70b-fp8/h100x4")
	c := Config{Model: m, Startup: llm.Startup{Median: 8 * time.Second}, Tick: time.Second,
		Limits: decide.Limits{Max: 4}, Arrivals: poisson(t, 1, 2, time.Minute), Policy: byCapacity()}
	r := run(t, c)
	if r.Smallest != 0 || r.Completed != r.Offered || r.TTFT.P99 < 7*time.Second {
		t.Errorf("from zero: %+v", r)
	}
	// Nobody ever comes to help: clients leave, or wait for ever.
	c.Decider, c.Patience = Constant(0), 5*time.Second
	if r := run(t, c); r.Abandoned != r.Offered || r.ReplicaSeconds != 0 {
		t.Errorf("with no fleet: %+v", r)
	}
	c.Patience = -1
	if r := run(t, c); r.Abandoned != r.Offered {
		t.Errorf("with no fleet and endless patience: %+v", r)
	}
}

func TestTooLongForTheModel(t *testing.T) {
	m := preset(t, "minimax-m2.5-fp8/h100x4")
	r := run(t, Config{Model: m, Arrivals: trace.Trace{{Input: 1_000_000, Output: 5}, {At: time.Second}}, Decider: Constant(1)})
	if r.Aborted != 1 || r.Completed != 1 {
		t.Errorf("%+v, want the endless prompt aborted and the empty one served", r)
	}
}

func TestRefusals(t *testing.T) {
	good := Config{Model: preset(t, "llama-3.1-8b/h100"), Decider: Constant(1), Arrivals: trace.Trace{{}}}
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"model":     {func(c *Config) { c.Model = llm.Model{} }, "llm.Model"},
		"policy":    {func(c *Config) { c.Decider = nil }, "Policies"},
		"gate":      {func(c *Config) { c.Gate = &backpressure.Config{TTFT: -1} }, "TTFT"},
		"signals":   {func(c *Config) { c.Decider = odd{} }, "Unit is empty"},
		"limits":    {func(c *Config) { c.Limits = decide.Limits{Min: 4, Max: 2} }, "Limits are 4 to 2"},
		"initial":   {func(c *Config) { c.Initial = 500 }, "Initial is 500"},
		"tick":      {func(c *Config) { c.Tick = -1 }, "Tick is"},
		"length":    {func(c *Config) { c.Length = -1 }, "Length is"},
		"startup":   {func(c *Config) { c.Startup.Median = -1 }, "Startup"},
		"arrivals":  {func(c *Config) { c.Arrivals = trace.Trace{{At: 2}, {At: 1}} }, "Arrivals[1]"},
		"objective": {func(c *Config) { c.Objective.TTFT = -1 }, "Objective"},
		"faults":    {func(c *Config) { c.Faults = []Fault{{At: -1}} }, "Faults[0]"},
	} {
		bad := good
		c.change(&bad)
		if _, err := Run(context.Background(), bad); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	enough := errors.New("enough")
	cancel(enough)
	if _, err := Run(ctx, good); !errors.Is(err, enough) {
		t.Errorf("a cancelled run gave %v", err)
	}
}

// odd asks for a signal that makes no sense, and for too many replicas.
type odd struct{}

func (odd) Signals() []signal.Def                       { return []signal.Def{{Key: key("x")}} }
func (odd) Decide(in *decide.Input, d *decide.Decision) { d.Desired = 1 << 40 }

// wild wants anything, and gets what the limits allow.
type wild struct{ n int64 }

func (*wild) Signals() []signal.Def {
	return []signal.Def{{Key: key("unheard.of"), Unit: signal.Ratio}}
}
func (w *wild) Decide(in *decide.Input, d *decide.Decision) {
	w.n = -w.n * 7
	d.Desired = w.n
	if in.Signals[0].Quality != signal.Absent {
		d.Desired = 0
	}
}

func TestLimitsHoldForAnyDecider(t *testing.T) {
	r := run(t, Config{Model: preset(t, "llama-3.1-8b/h100"), Decider: &wild{1}, Limits: decide.Limits{Min: 2, Max: 5},
		Tick: time.Second, Arrivals: poisson(t, 1, 5, time.Minute)})
	if r.Smallest != 2 || r.Largest != 5 || r.Completed != r.Offered {
		t.Errorf("%+v", r)
	}
}

func TestSmallestConstant(t *testing.T) {
	m := preset(t, "llama-3.1-70b-fp8/h100x4")
	rate := 2.5 * m.MaxRate(DefaultTPOT, 1000, 200)
	c := Config{Model: m, Gate: &backpressure.Config{}, Arrivals: poisson(t, 1, rate, time.Minute), Policy: byCapacity()}
	n, r, err := SmallestConstant(context.Background(), c, 0.99, 10)
	if err != nil || n < 3 || n > 5 || r.WithinOffered < 0.99 {
		t.Errorf("%d replicas serve %.3f, %v; want 3 to 5", n, r.WithinOffered, err)
	}
	if want := float64(n) * r.Length.Seconds(); math.Abs(r.ReplicaSeconds-want) > 1e-6*want {
		t.Errorf("%d replicas for %v are billed with %v", n, r.Length, r.ReplicaSeconds)
	}
	if _, _, err := SmallestConstant(context.Background(), c, 0.99, 1); !errors.Is(err, ErrTooSmall) {
		t.Errorf("one replica is enough? %v", err)
	}
}

// swing asks for 3 replicas, then for 1, then for 3 again.
type swing struct{ ticks int }

func (*swing) Signals() []signal.Def { return nil }
func (w *swing) Decide(_ *decide.Input, d *decide.Decision) {
	w.ticks++
	d.Desired = 3
	if w.ticks == 5 || w.ticks == 6 {
		d.Desired = 1
	}
}

// A replica that still drains when demand returns is called back: none has to be
// started, and no request is lost on the way.
func TestDrainIsCalledBack(t *testing.T) {
	m := preset(t, "llama-3.1-70b-fp8/h100x4")
	busy := poisson(t, 1, 2, 30*time.Second)
	r := run(t, Config{Model: m, Arrivals: busy, Length: 30 * time.Second, Decider: &swing{}, Initial: 3, Tick: time.Second,
		Startup: llm.Startup{Median: time.Hour}})
	if r.Completed != r.Offered || r.Aborted != 0 {
		t.Errorf("%+v", r)
	}
	// Were others started, they would never serve and be paid for beside the drains.
	if most := 3 * 30.0; r.ReplicaSeconds > most || r.ReplicaSeconds < most-2*2-0.1 {
		t.Errorf("%v replica-seconds for 3 replicas called back within 2 s", r.ReplicaSeconds)
	}
}

// A rush that is there from the first second, on a fleet of one whose gate has
// learned nothing yet: it never sees anything but overload, and must still find
// out how many replicas are needed.
func TestColdRush(t *testing.T) {
	m := preset(t, "llama-3.1-70b-fp8/h100x4")
	for _, c := range []struct {
		name          string
		input, output int64
	}{{"chat", 1000, 200}, {"documents", 8000, 200}} {
		rate := 5 * m.MaxRate(DefaultTPOT, float64(c.input), float64(c.output))
		a := poisson(t, 1, rate, 2*time.Minute)
		for i := range a {
			a[i].Input, a[i].Output = c.input, c.output
		}
		startup, ok := llm.StartupPreset("sleeping")
		if !ok {
			t.Fatal("no such start-up")
		}
		r := run(t, Config{Model: m, Startup: startup, Arrivals: a, Gate: &backpressure.Config{Window: 5 * time.Second},
			Policy: byCapacity(), Tick: time.Second, Initial: 1, Log: true})
		at := time.Duration(0)
		for _, d := range r.Decisions {
			if d.Input.Fleet.Ready >= 5 {
				at = d.At
				break
			}
		}
		t.Logf("%s: 5 ready after %v, %d at most, %d in the end, %.1f %% of offered", c.name, at, r.Largest, r.Final, 100*r.WithinOffered)
		if at == 0 || at > 30*time.Second {
			t.Errorf("%s: five replicas were ready after %v, want at most 30 s", c.name, at)
		}
		if r.WithinOffered < 0.8 {
			t.Errorf("%s: %.1f %% of offered within the objective, want 80 %%", c.name, 100*r.WithinOffered)
		}
		if r.Largest > 20 {
			t.Errorf("%s: grew to %d, want at most 20", c.name, r.Largest)
		}
	}
}
