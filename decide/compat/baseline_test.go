package compat

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/decide/simulate"
	"github.com/evenkeel/evenkeel/decide/simulate/llm"
	"github.com/evenkeel/evenkeel/decide/simulate/trace"
	"github.com/evenkeel/evenkeel/signal"
)

// A spy is a rule that notes what it sees.
type spy struct{ seen *[]Observation }

func (spy) Facts() Facts {
	return Facts{Name: "spy", Tick: 10 * time.Second, Delay: 5 * time.Second, Window: 4 * time.Second, Short: 2 * time.Second}
}
func (spy) Validate() error { return nil }
func (s spy) Next(n int64, o Observation) (int64, Verdict) {
	*s.seen = append(*s.seen, o)
	return n + 1, Verdict{Replicas: 7, Reason: decide.ReasonDemand}
}

func TestBaselineTickDelayWindow(t *testing.T) {
	var seen []Observation
	b, err := NewBaseline(spy{&seen}, feeds(Feed{Signal: inFlight}, Feed{Signal: inFlight, Per: PerReplica, Scale: 2}, Feed{Signal: busy, Per: PerEach}))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "signals, each once", len(b.Signals()), 2)
	var acted []int
	for s := range 31 {
		in := decide.Input{Now: at(float64(s)), Signals: []signal.Sample{signal.Value(float64(10 * s)), signal.Value(float64(s) / 100)}}
		in.Fleet = decide.Fleet{Desired: 6, Ready: 4, Starting: []decide.Cohort{{N: 2, Since: t0}}}
		if s == 13 { // not fresh: not counted
			in.Signals[0].Quality = signal.Stale
		}
		var d decide.Decision
		b.Decide(&in, &d)
		if d.Desired == 7 {
			acted = append(acted, s)
		} else {
			equal(t, "in between the count stays", d.Desired, 6)
		}
	}
	if !slices.Equal(acted, []int{0, 10, 20, 30}) {
		t.Errorf("acted at %v: want every 10 s", acted)
	}
	equal(t, "state", b.State(), 4)
	equal(t, "nothing is old enough yet", seen[0].Metrics[0].Failed, true)
	o := seen[1] // at 10 s: the mean of 2 to 5 s
	equal(t, "counts", [3]int64{o.Spec, o.Status, o.Ready}, [3]int64{6, 6, 4})
	equal(t, "total", o.Metrics[0].Value, 35)
	equal(t, "short", o.Metrics[0].Short, 45) // of 4 and 5 s
	equal(t, "each part of it", o.Metrics[0].Pods[0], Pod{Value: 8.75})
	equal(t, "mean, doubled", o.Metrics[1].Value, 17.5)
	equal(t, "of each", o.Metrics[1].Pods[3], Pod{Value: 17.5})
	equal(t, "a share", fmt.Sprintf("%.3f", o.Metrics[2].Value), "0.035")
	equal(t, "a starting one has none", o.Metrics[0].Pods[4].State, PodMissing)
	equal(t, "pods", len(o.Metrics[0].Pods), 6)
	equal(t, "stale samples are none", fmt.Sprintf("%.4f", seen[2].Metrics[0].Value), fmt.Sprintf("%.4f", (120+140+150)/3.0))
	if len(b.past) > 12 {
		t.Errorf("%d moments are kept for 9 s", len(b.past))
	}
}

func TestBaselineRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		rule Rule[KPAState]
		w    Wiring
		want string
	}{
		"a rule":    {KPA{Target: -1}, feeds(Feed{Signal: inFlight}), "compat.KPA: Target"},
		"no feeds":  {KPA{}, Wiring{}, "Feeds is empty"},
		"a signal":  {KPA{}, feeds(Feed{}), "Name is empty"},
		"a tick":    {KPA{}, Wiring{Feeds: []Feed{{Signal: inFlight}}, Tick: -1}, "Tick is"},
		"a feed":    {KPA{}, feeds(Feed{Signal: inFlight, Per: 9}), "Feeds[0]"},
		"its scale": {KPA{}, feeds(Feed{Signal: inFlight, Scale: -1}), "Feeds[0]"},
	} {
		if b, err := NewBaseline(c.rule, c.w); err == nil || b != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b, err := NewBaseline(KPA{}, Wiring{Feeds: []Feed{{Signal: inFlight}}, Tick: time.Minute, Delay: -1})
	if err != nil || b.Facts().Tick != time.Minute || b.Facts().Delay != 0 {
		t.Errorf("%v, %+v", err, b.Facts())
	}
}

// TestCascadeInSimulation: the same on the fleet model, under more load than two
// replicas take, while others start for 100 s: none is there before the end.
func TestCascadeInSimulation(t *testing.T) {
	model, ok := llm.Preset("llama-3.1-8b/h100")
	if !ok {
		t.Fatal("no such model")
	}
	// A request every 40 ms: more than two replicas take.
	var arrivals trace.Trace
	for ms := 0; ms < 95_000; ms += 40 {
		arrivals = append(arrivals, trace.Record{At: time.Duration(ms) * time.Millisecond, Input: 1500, Output: 400})
	}
	used := signal.Def{Key: signal.Key{Name: signal.NameUnitUse}, Unit: signal.Ratio}
	flying := signal.Def{Key: signal.Key{Name: signal.NameInFlight}, Unit: signal.Requests}
	runOf := func(d simulate.Decider, err error) simulate.Report {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		r, err := simulate.Run(context.Background(), simulate.Config{Model: model, Startup: llm.Startup{Median: 100 * time.Second}, Arrivals: arrivals,
			Length: 95 * time.Second, Patience: 5 * time.Second, Decider: d, Limits: decide.Limits{Min: 2, Max: 64}, Tick: time.Second, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	each := feeds(Feed{Signal: used, Per: PerEach})
	shipped := runOf(NewBaseline(APA{Setpoints: []float64{0.5}}, each))
	repaired := runOf(NewBaseline(APA{Setpoints: []float64{0.5}, Repaired: true}, each))
	knative := runOf(NewBaseline(KPA{Target: 40}, feeds(Feed{Signal: flying})))
	ray := runOf(NewBaseline(Ray{Target: 28}, feeds(Feed{Signal: flying})))
	for _, r := range []struct {
		name string
		simulate.Report
	}{{"aibrix as shipped", shipped}, {"aibrix repaired", repaired}, {"knative", knative}, {"ray", ray}} {
		t.Logf("%-18s needed %d, largest %2d, %5.0f replica-seconds", r.name, r.Needed, r.Largest, r.ReplicaSeconds)
		equal(t, r.name+": accounted for", r.Completed+r.Shed+r.Abandoned+r.Aborted, r.Offered)
	}
	equal(t, "as shipped", shipped.Largest, 64)
	if repaired.Largest > 16 || repaired.Largest < 4 {
		t.Errorf("repaired: largest %d", repaired.Largest)
	}
	if knative.Largest > 48 || ray.Largest > 48 {
		t.Errorf("absolute rules: largest %d and %d", knative.Largest, ray.Largest)
	}
}
