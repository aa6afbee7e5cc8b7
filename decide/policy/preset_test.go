package policy

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/decide/simulate"
	"github.com/evenkeel/evenkeel/decide/simulate/llm"
	"github.com/evenkeel/evenkeel/decide/simulate/trace"
)

// A bench is a preset with what it is tried on.
type bench struct {
	preset    string
	model     llm.Model
	objective simulate.Objective
	input     int64 // tokens of a request
	output    int64
	rate      float64       // requests per second of one replica at full use
	changes   string        // to the preset, as a user would make them
	window    time.Duration // of the gate; 0 is its default
}

func benches(t testing.TB) []bench {
	t.Helper()
	model := func(name string) llm.Model {
		m, ok := llm.Preset(name)
		if !ok {
			t.Fatalf("no model %s", name)
		}
		return m
	}
	chat := bench{model: model("llama-3.1-70b-fp8/h100x4"), input: 1000, output: 200}
	if os.Getenv("EVENKEEL_TRACES") == "" { // half as fast: half as much to simulate
		chat.model.A, chat.model.B, chat.model.C, chat.model.P = 2*chat.model.A, 2*chat.model.B, 2*chat.model.C, 2*chat.model.P
	}
	chat.rate = 1 / chat.model.Work(1000, 200).Seconds()
	jobs := chat
	jobs.objective = simulate.Objective{TTFT: 10 * time.Minute, TPOT: time.Second}
	short := bench{model: model("llama-3.1-8b/h100"), input: 500, output: 1}
	short.rate = 1 / short.model.Work(500, 1).Seconds()
	// An image is 20 steps of half a second, one at a time.
	picture := bench{
		model:  llm.Model{Name: "diffusion", A: 500, B: 0, C: 0, P: 0.01, MaxBatchTokens: 8192, MaxSeqs: 1, KVTokens: 100000},
		window: time.Minute, // as the preset says
		input:  50, output: 20, rate: 0.1, objective: simulate.Objective{TTFT: 2 * time.Minute, TPOT: time.Second},
	}
	measured := func(b bench) string {
		return fmt.Sprintf("policies:\n  demand: { capacity: { per_replica: %.4f/s } }\n  waiting: { backlog: { per_replica: %.4f/s } }\n", b.rate, b.rate)
	}
	with := func(b bench, preset, changes string) bench {
		b.preset, b.changes = preset, changes
		return b
	}
	return []bench{
		with(chat, "chat", ""), with(jobs, "batch", ""), with(chat, "gateway", ""),
		with(short, "embeddings", measured(short)), with(picture, "image", measured(picture)),
	}
}

// policy is the preset, changed as a user would.
func (b bench) policy(t testing.TB, max int) Policy {
	t.Helper()
	return parseText(t, fmt.Sprintf("extends: %s\nmax: %d\n%s", b.preset, max, b.changes))
}

// play runs the preset on a trace, with replicas that take 100 s to start; from 0
// on it is seven replicas that never change.
func (b bench) play(t testing.TB, tr trace.Trace, initial int64) simulate.Report {
	t.Helper()
	p := b.policy(t, 64)
	var still simulate.Decider
	if initial == 0 {
		still, initial = simulate.Constant(7), 7
	}
	r, err := simulate.Run(context.Background(), simulate.Config{
		Model: b.model, Startup: llm.Startup{Median: 100 * time.Second}, Arrivals: tr,
		Policy: p.Config, Decider: still, Limits: p.Limits, Initial: initial, Log: true,
		Gate:      &backpressure.Config{TTFT: b.objective.TTFT, TPOT: b.objective.TPOT, Window: b.window},
		Objective: b.objective, Patience: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// steady is a load of so many requests a second.
func (b bench) steady(rate float64, length time.Duration) trace.Trace {
	var tr trace.Trace
	for i := 0; ; i++ {
		at := time.Duration(float64(i) / rate * float64(time.Second))
		if at >= length {
			return tr
		}
		tr = append(tr, trace.Record{At: at, Input: b.input, Output: b.output})
	}
}

func TestPresetsSurviveWriting(t *testing.T) {
	for _, name := range Presets() {
		text, ok := Preset(name)
		if !ok {
			t.Fatalf("no text of %s", name)
		}
		same(t, parseText(t, text))
	}
}

func TestPresetsSettle(t *testing.T) {
	for _, b := range benches(t) {
		if os.Getenv("EVENKEEL_LONG") == "" && (b.preset == "batch" || b.preset == "gateway") {
			continue // below they follow a step, and settle too
		}
		t.Run(b.preset, func(t *testing.T) {
			t.Parallel()
			length := 20 * time.Minute
			r := b.play(t, b.steady(2.6*b.rate, length), 8)
			log := r.Decisions
			for _, d := range log[len(log)*3/4:] {
				if d.Decision.Desired != r.Final {
					t.Fatalf("at %v the fleet wants %d replicas, at the end %d", d.At, d.Decision.Desired, r.Final)
				}
			}
			if r.Final < 3 || r.Final > 7 || r.WithinOffered < 0.99 {
				t.Errorf("%d replicas for the load of 2.6, %.1f %% within the objective", r.Final, 100*r.WithinOffered)
			}
			t.Logf("%d replicas, %.2f %% within", r.Final, 100*r.WithinOffered)
		})
	}
}

func TestPresetsFollowAStep(t *testing.T) {
	for _, b := range benches(t) {
		t.Run(b.preset, func(t *testing.T) {
			t.Parallel()
			tr := b.steady(1.6*b.rate, 2*time.Minute)
			for _, r := range b.steady(4.6*b.rate, 8*time.Minute) {
				r.At += 2 * time.Minute
				tr = append(tr, r)
			}
			r := b.play(t, tr, 4)
			if r.Largest > r.Final+1 {
				t.Errorf("the fleet went up to %d and settled at %d", r.Largest, r.Final)
			}
			t.Logf("up to %d, then %d; %.2f %% of admitted and %.2f %% of offered within, %.2f %% shed", r.Largest, r.Final, 100*r.WithinAdmitted, 100*r.WithinOffered, 100*float64(r.Shed)/float64(r.Offered))
		})
	}
}

// Embeddings and images have no trace of their own: an hour with two swells and
// three bursts, from two replicas' worth to six.
func TestPresetsOnASyntheticHour(t *testing.T) {
	for _, b := range benches(t) {
		if b.preset != "embeddings" && b.preset != "image" {
			continue
		}
		t.Run(b.preset, func(t *testing.T) {
			length := time.Hour
			if b.preset == "embeddings" && os.Getenv("EVENKEEL_LONG") == "" {
				length = 12 * time.Minute // a hundred requests a second for each replica
			}
			day, err := trace.Day(1, trace.Shape{Length: length, Mean: 2 * b.rate, Peak: 5 * b.rate, Input: float64(b.input), Output: float64(b.output), Spread: 0.3})
			if err != nil {
				t.Fatal(err)
			}
			for i := range day {
				day[i].Output = b.output
			}
			r := b.play(t, day, 2)
			still := b.play(t, day, 0)
			t.Logf("%d requests in %v: %.1f %% of admitted and %.1f %% of offered within, %.1f %% shed, %d to %d replicas, %.2f of a static fleet of %d, which has %.1f %%",
				r.Offered, length, 100*r.WithinAdmitted, 100*r.WithinOffered, 100*float64(r.Shed)/float64(r.Offered), r.Smallest, r.Largest,
				r.ReplicaSeconds/still.ReplicaSeconds, still.Largest, 100*still.WithinOffered)
			if r.WithinAdmitted < 0.95 {
				t.Errorf("%.1f %% of admitted within the objective: 95 are asked for", 100*r.WithinAdmitted)
			}
		})
	}
}
