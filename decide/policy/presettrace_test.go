package policy_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/decide/policy"
	"github.com/evenkeel/evenkeel/decide/simulate"
	"github.com/evenkeel/evenkeel/decide/simulate/llm"
	"github.com/evenkeel/evenkeel/decide/simulate/trace"
	"github.com/evenkeel/evenkeel/signal"
)

// An hour is a trace, what serves it, and what that takes.
type hour struct {
	name      string
	model     llm.Model
	arrivals  trace.Trace
	objective simulate.Objective
	knee      float64 // share of an engine's time at which the objective still holds
	static    int64   // replicas for the busiest minute, at the knee
	each      float64 // seconds of one engine that every request takes; 0: by its tokens
}

// asked is what services of language models are judged by: 2 s, and 1 ms more for
// every 10 prompt tokens above 4,000; 100 ms a token.
var asked = simulate.Objective{TTFT: 2 * time.Second, TPOT: 100 * time.Millisecond,
	LongPrompt: backpressure.LongPrompt{Above: 4000, PerToken: 100 * time.Microsecond}}

// readHour returns so many copies of a trace from some time on at once, on a model.
func readHour(t testing.TB, dir, file, model string, copies int, from time.Duration) hour {
	t.Helper()
	tr, err := trace.Read(filepath.Join(dir, file+".csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	tr = slices.DeleteFunc(tr, func(r trace.Record) bool { return r.At < from })
	for i := range tr {
		tr[i].At -= from
	}
	h := hour{name: file, model: preset(t, model), arrivals: crowd(tr, copies), objective: asked}
	h.knee = h.measureKnee(t, tr)
	h.static = int64(math.Ceil(slices.Max(h.minutes()) / h.knee))
	return h
}

// crowd is so many copies of tr, each arrival up to half a minute off, with the
// lengths of a request nearby.
func crowd(tr trace.Trace, copies int) trace.Trace {
	rng := rand.New(rand.NewPCG(1, 2))
	var out trace.Trace
	for i, r := range tr {
		for range copies {
			like := tr[min(max(i+rng.IntN(41)-20, 0), len(tr)-1)]
			at := r.At + time.Duration((rng.Float64()-0.5)*float64(time.Minute))
			out = append(out, trace.Record{At: at.Abs(), Input: like.Input, Output: like.Output})
		}
	}
	slices.SortStableFunc(out, func(a, b trace.Record) int { return cmp.Compare(a.At, b.At) })
	return out
}

// work is the time of one engine that a request takes up, in seconds.
func (h hour) work(r trace.Record) float64 {
	if h.each > 0 {
		return h.each
	}
	return h.model.Work(float64(r.Input), float64(r.Output)).Seconds()
}

// minutes is the work that arrives in each minute, in engines.
func (h hour) minutes() []float64 {
	out := make([]float64, int(h.arrivals.Span()/time.Minute)+1)
	for _, r := range h.arrivals {
		out[r.At/time.Minute] += h.work(r) / 60
	}
	if last := h.arrivals.Span() % time.Minute; last < 50*time.Second { // no whole minute
		out = out[:len(out)-1]
	}
	return out
}

// measureKnee finds the load at which a steady stream of the trace's requests is
// still served: as many within the objective as on idle engines, less 1 %.
func (h hour) measureKnee(t testing.TB, tr trace.Trace) float64 {
	const n, length = 20, 5 * time.Minute
	mean := 0.0
	for _, r := range tr {
		mean += h.work(r) / float64(len(tr))
	}
	within := func(load float64) float64 {
		rng := rand.New(rand.NewPCG(3, 4))
		var steady trace.Trace
		for at := 0.0; at < length.Seconds(); at += rng.ExpFloat64() * mean / (load * n) {
			r := tr[rng.IntN(len(tr))]
			r.At = time.Duration(at * float64(time.Second))
			steady = append(steady, r)
		}
		r := h.run(t, simulate.Config{Arrivals: steady, Decider: simulate.Constant(n), Initial: n})
		return r.WithinOffered
	}
	ease := within(0.05)
	low, high := 0.0, 1.0
	for range 6 {
		if mid := (low + high) / 2; within(mid) >= ease-0.01 {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

// run plays c on the model, with replicas that take 100 s ± 20 % to start.
func (h hour) run(t testing.TB, c simulate.Config) simulate.Report {
	t.Helper()
	orDefault(&c.Startup, llm.Startup{Median: 100 * time.Second, Sigma: 0.2})
	orDefault(&c.Limits, decide.Limits{Min: 1, Max: 100})
	c.Model, c.Objective, c.Seed = h.model, h.objective, 1
	if c.Arrivals == nil {
		c.Arrivals = h.arrivals
	}
	r, err := simulate.Run(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func orDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// gate is the gate in front of it, with the same objective.
func (h hour) gate() *backpressure.Config {
	return &backpressure.Config{TTFT: h.objective.TTFT, TPOT: h.objective.TPOT, LongPrompt: h.objective.LongPrompt}
}

// row logs a run: what was within the objective of what was offered, at how much
// of what a static fleet for the peak costs.
func (h hour) row(t testing.TB, name string, r simulate.Report) {
	t.Helper()
	t.Logf("%-44s %5.1f @ %4.2f   of admitted %5.1f, shed %4.1f, left %4.1f   %2d to %2d, %3d changes", name,
		100*r.WithinOffered, h.cost(r), 100*r.WithinAdmitted, share(r.Shed, r.Offered), share(r.Abandoned, r.Offered), r.Smallest, r.Largest, r.Changes)
}

func (h hour) cost(r simulate.Report) float64 {
	return r.ReplicaSeconds / (float64(h.static) * r.Length.Seconds())
}

func share(n, of int64) float64 { return 100 * float64(n) / float64(of) }

// An oracle knows the work of every minute, and has replicas at once.
type oracle struct {
	minutes []float64
	knee    float64
	begin   time.Time
}

func (*oracle) Signals() []signal.Def { return nil }
func (o *oracle) Decide(in *decide.Input, d *decide.Decision) {
	if o.begin.IsZero() {
		o.begin = in.Now
	}
	i := min(int(in.Now.Sub(o.begin)/time.Minute), len(o.minutes)-1)
	*d = decide.Decision{Desired: int64(math.Ceil(o.minutes[i] / o.knee))}
}

// replaced is a preset with one line of its text replaced.
func replaced(t testing.TB, preset, old, by string) string {
	t.Helper()
	text, _ := policy.Preset(preset)
	if strings.Count(text, old) != 1 {
		t.Fatalf("the preset %s has not one %q", preset, old)
	}
	return strings.Replace(text, old, by, 1)
}

// play runs a policy file, from as many replicas as are right at the beginning.
func (h hour) play(t testing.TB, text string) simulate.Report {
	t.Helper()
	p, err := policy.Parse("preset.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p.Limits.Max = 100
	return h.run(t, simulate.Config{Policy: p.Config, Limits: p.Limits, Initial: h.initial(), Gate: h.gate()})
}

// initial is what the first minute needs.
func (h hour) initial() int64 { return int64(math.Ceil(h.minutes()[0] / h.knee)) }

// TestPresetsOnTraces plays whole hours of real traffic, many copies of it at
// once, and puts the presets beside a static fleet for the peak, an oracle and
// other autoscalers. Cells are the share of offered requests within the
// objective @ replica-seconds over those of the static fleet.
func TestPresetsOnTraces(t *testing.T) {
	dir := os.Getenv("EVENKEEL_TRACES")
	if dir == "" {
		t.Skip("EVENKEEL_TRACES names no folder of traces")
	}
	for _, c := range []struct {
		file, model string
		copies      int
		from        time.Duration
	}{
		{"mooncake_conversation", "llama-3.1-70b-fp8/h100x2", 3, 0},
		{"azure2023_conv", "llama-3.1-8b/l40s-class", 10, 3 * time.Minute}, // the log begins in the middle of a lull
	} {
		t.Run(c.file, func(t *testing.T) {
			h := readHour(t, dir, c.file, c.model, c.copies, c.from)
			t.Logf("%d requests on %s: knee %.2f, %d replicas for the peak", len(h.arrivals), h.model.Name, h.knee, h.static)
			h.row(t, "static", h.run(t, simulate.Config{Decider: simulate.Constant(h.static), Initial: h.static}))
			h.row(t, "oracle", h.run(t, simulate.Config{Decider: &oracle{minutes: h.minutes(), knee: h.knee}, Initial: h.initial(), Startup: llm.Startup{Median: time.Millisecond}}))

			h.presets(t)
			h.others(t)
			h.variants(t)
			for _, r := range rivals() {
				h.row(t, r.name, h.run(t, simulate.Config{Decider: r.decider(t, h), Initial: h.initial()}))
			}
		})
	}
}

// presets plays those that are made for such traffic as they are.
func (h hour) presets(t *testing.T) {
	for _, name := range []string{"chat", "gateway", "batch"} {
		text, _ := policy.Preset(name)
		if name == "batch" { // nobody waits for the first token
			h.objective = simulate.Objective{TTFT: 15 * time.Minute, TPOT: 2 * time.Second}
		}
		r := h.play(t, text)
		h.row(t, "preset "+name, r)
		if r.WithinAdmitted < 0.95 || r.WithinOffered < 0.9 {
			t.Errorf("%s: %.1f %% of admitted and %.1f %% of offered within the objective: 95 and 90 are asked for", name, 100*r.WithinAdmitted, 100*r.WithinOffered)
		}
	}
}

// others plays the presets for what is no text, on the same hour recast: its
// prompts embedded instead of answered, by as many callers more as keep a fleet
// busy; a picture of 10 s for every few of its requests.
func (h hour) others(t *testing.T) {
	for _, c := range []struct {
		preset    string
		model     llm.Model
		like      func(trace.Record) trace.Record
		objective simulate.Objective
		window    time.Duration
		each      float64
	}{
		{"embeddings", preset(t, "llama-3.1-8b/h100"), func(r trace.Record) trace.Record { r.Output = 1; return r },
			simulate.Objective{TTFT: asked.TTFT, LongPrompt: asked.LongPrompt, TPOT: time.Second}, 0, 0},
		{"image", llm.Model{Name: "diffusion", A: 500, P: 0.01, MaxBatchTokens: 8192, MaxSeqs: 1, KVTokens: 100000},
			func(r trace.Record) trace.Record { r.Input, r.Output = 50, 20; return r },
			simulate.Objective{TTFT: 2 * time.Minute, TPOT: time.Second}, time.Minute, 10},
	} {
		o := hour{name: c.preset, model: c.model, objective: c.objective, each: c.each}
		work := 0.0
		for _, r := range h.arrivals {
			work += o.work(c.like(r)) / h.arrivals.Span().Seconds()
		}
		const busy = 5 // engines, on average
		copies := max(1, int(math.Round(busy/work)))
		every := max(1, int(math.Round(work/busy)))
		for i, r := range crowd(h.arrivals, copies) {
			if i%every == 0 {
				o.arrivals = append(o.arrivals, c.like(r))
			}
		}
		o.knee = o.measureKnee(t, o.arrivals)
		o.static = int64(math.Ceil(slices.Max(o.minutes()) / o.knee))
		rate := 0.0
		for _, r := range o.arrivals {
			rate += o.work(r) / float64(len(o.arrivals))
		}
		t.Logf("%s: %d requests, %.1f to %.1f engines' work, knee %.2f, %d for the peak", c.preset,
			len(o.arrivals), slices.Min(o.minutes()), slices.Max(o.minutes()), o.knee, o.static)
		p, err := policy.Parse("preset.yaml", fmt.Appendf(nil, "extends: %s\nmax: 100\npolicies:\n  demand: { capacity: { per_replica: %.4f/s } }\n  waiting: { backlog: { per_replica: %.4f/s } }\n", c.preset, 1/rate, 1/rate))
		if err != nil {
			t.Fatal(err)
		}
		r := o.run(t, simulate.Config{Policy: p.Config, Limits: p.Limits, Initial: o.initial(), Gate: &backpressure.Config{
			TTFT: c.objective.TTFT, TPOT: c.objective.TPOT, LongPrompt: c.objective.LongPrompt, Window: c.window}})
		o.row(t, "preset "+c.preset, r)
		if r.WithinAdmitted < 0.95 || r.WithinOffered < 0.9 {
			t.Errorf("%s: %.1f %% of admitted and %.1f %% of offered within the objective: 95 and 90 are asked for", c.preset, 100*r.WithinAdmitted, 100*r.WithinOffered)
		}
	}
}

func preset(t testing.TB, name string) llm.Model {
	t.Helper()
	m, ok := llm.Preset(name)
	if !ok {
		t.Fatalf("no model %s", name)
	}
	return m
}

// variants plays chat with other settings: how much each buys, and whether a knee
// that is learned does better than one that is set.
func (h hour) variants(t *testing.T) {
	const capacity = "capacity: { demand: demand_work, rate: unit_rate, utilization: 70%, headroom: 0.5 }"
	for _, v := range []string{"utilization: 60%, headroom: 0.5", "utilization: 75%, headroom: 0.5", "utilization: 80%, headroom: 0.5", "utilization: 70%, headroom: 0.8"} {
		h.row(t, "chat, "+v, h.play(t, replaced(t, "chat", capacity, "capacity: { demand: demand_work, rate: unit_rate, "+v+" }")))
	}
	for _, begin := range []string{"50%", "70%", "95%"} {
		h.row(t, "chat, learned knee, from "+begin, h.play(t, replaced(t, "chat", capacity,
			"objective: { demand: demand_work, rate: unit_rate, utilization: "+begin+
				", goals: [{ signal: tpot_p95, most: 100ms }, { signal: shed_rate, per: demand, most: 2% }] }")))
	}
}
