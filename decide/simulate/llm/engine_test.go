package llm

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// small is a model whose steps are easy to reckon by hand.
func small() Model {
	return Model{Name: "small", A: 10, B: 1, C: 0.01, P: 0.1, MaxBatchTokens: 100, MaxSeqs: 4, KVTokens: 1000}
}

func newEngine(t testing.TB, m Model) *Engine {
	t.Helper()
	e, err := NewEngine(m)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func add(t testing.TB, e *Engine, id uint64, prompt, output int64) {
	t.Helper()
	if err := e.Add(Request{ID: id, Prompt: prompt, Output: output}); err != nil {
		t.Fatal(err)
	}
}

// ms compares step times, which may be a nanosecond below what one reckons.
func ms(d time.Duration) float64 { return math.Round(float64(d)/1e3) / 1e3 }

func TestStepsOfOneRequest(t *testing.T) {
	e := newEngine(t, small())
	add(t, e, 7, 150, 3)
	for i, want := range []struct {
		ms    float64
		batch Batch
		kv    int64
		out   []Event
	}{
		{10 + 10, Batch{Prefill: 100}, 150, nil},
		{10 + 5, Batch{Prefill: 50}, 150, []Event{{ID: 7, Tokens: 1, First: true}}},
		{10 + 1 + 1.51, Batch{Decode: 1, KV: 151}, 151, []Event{{ID: 7, Tokens: 1}}},
		{10 + 1 + 1.52, Batch{Decode: 1, KV: 152}, 0, []Event{{ID: 7, Tokens: 1, Done: true}}},
		{0, Batch{}, 0, nil},
	} {
		d, out := e.Step()
		if ms(d) != want.ms || e.Batch() != want.batch || e.KVUsed() != want.kv || len(out) != len(want.out) {
			t.Fatalf("step %d: %v %+v kv %d %v; want %+v", i, d, e.Batch(), e.KVUsed(), out, want)
		}
		if len(out) == 1 && out[0] != want.out[0] {
			t.Errorf("step %d: %+v, want %+v", i, out[0], want.out[0])
		}
	}
	if !e.Idle() {
		t.Error("not idle after the last token")
	}
}

func TestDecodeGoesBeforePrefill(t *testing.T) {
	e := newEngine(t, small())
	add(t, e, 1, 10, 50)
	e.Step()
	add(t, e, 2, 300, 1)
	e.Step()
	if got, want := e.Batch(), (Batch{Decode: 1, KV: 11, Prefill: 99}); got != want {
		t.Errorf("batch %+v, want %+v", got, want)
	}
}

func TestMaxSeqsBoundsTheBatch(t *testing.T) {
	e := newEngine(t, small())
	for id := range uint64(6) {
		add(t, e, id, 5, 10)
	}
	e.Step()
	if e.Running() != 4 || e.Waiting() != 2 || e.WaitingTokens() != 10 {
		t.Errorf("running %d, waiting %d with %d tokens; want 4, 2, 10", e.Running(), e.Waiting(), e.WaitingTokens())
	}
}

// A request that does not fit the cache now holds up a smaller one behind it.
func TestNothingOvertakes(t *testing.T) {
	e := newEngine(t, small())
	add(t, e, 1, 600, 100)
	add(t, e, 2, 500, 1)
	add(t, e, 3, 1, 1)
	for range 20 {
		e.Step()
	}
	if e.Running() != 1 || e.Waiting() != 2 {
		t.Errorf("running %d, waiting %d; want 1, 2", e.Running(), e.Waiting())
	}
}

func TestPreemptionTakesTheNewest(t *testing.T) {
	m := small()
	m.KVTokens = 100
	e := newEngine(t, m)
	add(t, e, 1, 45, 50)
	add(t, e, 2, 45, 50)
	tokens := map[uint64]int{}
	firsts := map[uint64]int{}
	var order []uint64
	for !e.Idle() {
		_, out := e.Step()
		for _, ev := range out {
			tokens[ev.ID] += ev.Tokens
			if ev.First {
				firsts[ev.ID]++
			}
			if ev.Done {
				order = append(order, ev.ID)
			}
		}
	}
	if e.Preemptions() != 1 || tokens[1] != 50 || tokens[2] != 50 || firsts[2] != 1 {
		t.Errorf("preemptions %d, tokens %v, firsts %v; want 1, 50 each, 1 each", e.Preemptions(), tokens, firsts)
	}
	if len(order) != 2 || order[0] != 1 {
		t.Errorf("done in order %v, want the older first", order)
	}
}

func TestAddRefuses(t *testing.T) {
	e := newEngine(t, small())
	add(t, e, 1, 900, 100) // fits exactly
	for _, c := range []struct {
		r    Request
		want error
	}{
		{Request{ID: 2, Prompt: 901, Output: 100}, ErrTooLong},
		{Request{ID: 2, Prompt: 0, Output: 1}, ErrRequest},
		{Request{ID: 2, Prompt: 1, Output: 0}, ErrRequest},
		{Request{ID: 2, Prompt: math.MaxInt64, Output: math.MaxInt64}, ErrRequest},
		{Request{ID: 1, Prompt: 1, Output: 1}, ErrDuplicate},
	} {
		if err := e.Add(c.r); !errors.Is(err, c.want) {
			t.Errorf("Add(%+v) = %v, want %v", c.r, err, c.want)
		}
	}
	if e.Waiting() != 1 {
		t.Errorf("waiting %d after refusals, want 1", e.Waiting())
	}
}

func TestStepDoesNotAllocate(t *testing.T) {
	m, _ := Preset("llama-3.1-70b-fp8/h100x2")
	e := newEngine(t, m)
	rng := rand.New(rand.NewPCG(1, 2))
	var id uint64
	step := func() {
		for e.Running()+e.Waiting() < 100 {
			id++
			_ = e.Add(Request{ID: id, Prompt: 1 + rng.Int64N(1000), Output: 1 + rng.Int64N(100)})
		}
		e.Step()
	}
	for range 2000 {
		step()
	}
	if n := testing.AllocsPerRun(2000, step); n != 0 {
		t.Errorf("%v allocations a step, want 0", n)
	}
}

func BenchmarkStep(b *testing.B) {
	m, _ := Preset("llama-3.1-70b-fp8/h100x2")
	e := newEngine(b, m)
	var id uint64
	b.ReportAllocs()
	for b.Loop() {
		for e.Running()+e.Waiting() < 64 {
			id++
			_ = e.Add(Request{ID: id, Prompt: 500, Output: 200})
		}
		e.Step()
	}
}
