package decide_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// A lesson is a closed loop in which there is much to learn: demand that comes and
// goes, crowds, a latency that follows use, requests that become heavier, a rate
// that collapses in an overload, and figures that are missing. It is made with
// integers so that it is the same everywhere.
type lesson struct {
	day
	scaled
}

func (l *lesson) next(in *decide.Input) {
	l.k++
	in.Now = started.Add(l.passed)
	in.Fleet = l.fleet()
	in.Limits = decide.Limits{Min: 1, Max: 60}

	phase := int64(l.k % 1440)
	asked := 40_000 + 100*min(phase, 1440-phase) + int64(l.below(6000)) // thousandths of a request/s
	if l.k%1000 > 940 {
		asked *= 3
	}
	if l.k%900 > 880 {
		asked = 0
	}
	each := int64(10_000) - 2000*int64(l.k/1500%2)
	busy := 1000 * asked / (each * max(l.ready, 1)) // thousandths
	shed := max(busy-1000, 0) * asked / 1000
	wait := int64(8000) // ms
	if busy < 950 {
		wait = 400_000 / (1000 - busy)
	}
	if busy > 1200 {
		each /= 3
	}
	thousandths := func(n int64) signal.Sample { return signal.Value(float64(n) / 1000) }
	in.Signals = append(in.Signals[:0], thousandths(asked), thousandths(shed), thousandths(each), thousandths(min(busy, 1000)), thousandths(wait))
	in.Signals[4].Weight = float64(l.below(200))
	if l.below(12) == 0 {
		in.Signals[l.below(5)] = signal.Sample{Quality: signal.Quality(l.below(2)), Value: 1, Age: 20 * time.Second}
	}
}

// TestTranscriptLearned is law 4 for what learns: the same knees and the same
// steps of rules, to the last bit, on every platform and in every version that
// does not mean to change them.
func TestTranscriptLearned(t *testing.T) {
	goals := []decide.Goal{{Signal: latency, Most: 2}, {Signal: queue, Per: demand, Most: 0.02}}
	core := newCore(t, decide.Config{
		Signals: append(defs(), signal.Def{Key: latency, Unit: signal.Seconds, Quantile: 0.95}),
		Policies: []decide.NamedSpec{
			{Name: "rate", Spec: decide.Objective{Demand: demand, Rate: rate, Goals: goals}},
			{Name: "constant", Spec: decide.Objective{Demand: demand, PerReplica: 10, Utilization: 0.5, Goals: goals, Reserve: 0.1}},
			{Name: "blind", Spec: decide.Objective{Demand: demand, Goals: goals, Interval: 12 * time.Second, Warmup: 20 * time.Second}},
			{Name: "rule", Spec: decide.Rule{
				Up:   decide.Step{When: busy, For: 10 * time.Second, Period: 30 * time.Second, Fast: true},
				Down: decide.Step{When: above{Signal: use, Most: 0.6, Not: true}, For: 30 * time.Second, Share: 0.1, Period: 20 * time.Second},
			}},
		},
		Down: decide.Direction{Window: time.Minute, Tolerance: -1},
		Warm: decide.Warm{Share: 0.1},
	})
	l := lesson{day{seed: 0x2545f4914f6cdd1d}, scaled{ready: 6, startup: 40 * time.Second, drain: 20 * time.Second}}
	var in decide.Input
	var s decide.State
	var d decide.Decision
	var hourly strings.Builder
	h := sha256.New()
	enc := json.NewEncoder(h)
	for k := range 6000 {
		l.next(&in)
		core.Step(&s, &s, &in, &d)
		if err := enc.Encode(&d); err != nil {
			t.Fatal(err)
		}
		if k%60 == 0 {
			if err := enc.Encode(&s); err != nil {
				t.Fatal(err)
			}
		}
		if k%720 == 300 {
			fmt.Fprintf(&hourly, "%s %s\n", in.Now.Format(time.TimeOnly), core.Explain(&in, &d))
			for i, r := range d.Recommendations {
				fmt.Fprintf(&hourly, "  %s: %d, %s\n", core.PolicyNames()[i], r.Replicas, r.Text())
			}
		}
		l.follow(d.Desired, in.Now, time.Duration(2000+l.below(6000))*time.Millisecond)
	}
	golden(t, "transcript_learned.txt", fmt.Appendf(nil, "6000 steps: sha256 %x\n%s", h.Sum(nil), hourly.String()))
}
