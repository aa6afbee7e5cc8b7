package simulate

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/decide/simulate/llm"
	"github.com/evenkeel/evenkeel/decide/simulate/trace"
	"github.com/evenkeel/evenkeel/signal"
)

// lively is for short runs with replicas that start in seconds: demand over five
// seconds, a high knee because the gate guards the service, and a quarter of a
// minute before a replica is given up.
func lively() (decide.Config, *backpressure.Config) {
	c := policies(
		decide.Capacity{Demand: key(signal.NameDemandWork), Rate: key(signal.NameUnitRate), Utilization: 0.85},
		decide.Backlog{Queue: key(signal.NameQueuedWork), Rate: key(signal.NameUnitRate),
			Demand: key(signal.NameDemandWork), Within: 5 * time.Second},
	)
	c.Down.Window = 15 * time.Second
	return c, &backpressure.Config{Window: 5 * time.Second}
}

// TestExperiment compares that policy with the smallest constant fleet that
// serves as much, on a synthetic day and on every trace in EVENKEEL_TRACES, both
// as the busiest part of it and as all of it in miniature. The figures are for
// reading; what is asserted is that nothing is aborted or lost.
func TestExperiment(t *testing.T) {
	dir := os.Getenv("EVENKEEL_TRACES")
	if dir == "" {
		t.Skip("EVENKEEL_TRACES names no folder of traces")
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.csv*"))
	if err != nil {
		t.Fatal(err)
	}
	m := preset(t, "minimax-m2.5-fp8/h100x4")
	const length = 90 * time.Second
	day, err := trace.Day(1, trace.Shape{Length: 30 * time.Minute, Mean: 8, Peak: 24})
	if err != nil {
		t.Fatal(err)
	}
	traces := map[string]trace.Trace{"a synthetic day": day}
	names := []string{"a synthetic day"}
	for _, p := range paths {
		tr, err := trace.Read(p)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, filepath.Base(p))
		traces[filepath.Base(p)] = tr
	}
	for _, name := range names {
		rush, speed, err := Rush(traces[name], m, 6, DefaultTPOT, length)
		if err != nil {
			t.Logf("%s: %v", name, err)
		} else {
			compare(t, m, rush, length, "%s, busiest, ×%.3g", name, speed)
		}
		mini, speed, share, err := Miniature(traces[name], m, 6, DefaultTPOT, length, 1)
		if err != nil {
			t.Logf("%s: %v", name, err)
		} else {
			compare(t, m, mini, length, "%s, in miniature, ×%.3g, %.2g of it", name, speed, share)
		}
	}
}

func compare(t *testing.T, m llm.Model, tr trace.Trace, length time.Duration, format string, args ...any) {
	startup, ok := llm.StartupPreset("sleeping")
	if !ok {
		t.Fatal("no such start-up")
	}
	policy, gate := lively()
	c := Config{Model: m, Startup: startup, Arrivals: tr, Length: length, Policy: policy, Gate: gate,
		Tick: time.Second, Initial: 4, Seed: 1}
	r := run(t, c)
	if r.Aborted != 0 {
		t.Errorf("%d aborted", r.Aborted)
	}
	t.Logf(format, args...)
	row := func(what string, r Report) {
		t.Logf("  %-12s %5.1f %% of admitted, %5.1f %% of %d offered, %4.1f %% shed, %d to %d replicas, %4.0f replica-seconds, p95 %v and %v",
			what, 100*r.WithinAdmitted, 100*r.WithinOffered, r.Offered, 100*float64(r.Shed)/float64(r.Offered),
			r.Smallest, r.Largest, r.ReplicaSeconds, r.TTFT.P95.Round(time.Millisecond), r.TPOT.P95.Round(time.Millisecond))
	}
	row("policy", r)
	_, same, err := SmallestConstant(context.Background(), c, min(r.WithinOffered, 0.99), 20)
	if err != nil {
		t.Logf("  %v", err)
	}
	row("constant", same)
}
