package llm

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func drawPreset(t *rapid.T) Model { return rapid.SampledFrom(Presets()).Draw(t, "model") }

// At MaxRate the inter-token latency is the setpoint, or the batch is at one of
// its bounds; and no more than Replicas engines are needed.
func TestMaxRateIsTheKnee(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawPreset(t)
		prompt := rapid.Float64Range(1, 16000).Draw(t, "prompt")
		output := rapid.Float64Range(1, 8000).Draw(t, "output")
		itl := time.Duration(rapid.Int64Range(int64(20*time.Millisecond), int64(time.Second)).Draw(t, "itl"))
		rate := m.MaxRate(itl, prompt, output)
		at := m.ITL(rate, prompt, output)
		if at > itl+itl/1000 {
			t.Fatalf("at MaxRate %v the latency is %v, above %v", rate, at, itl)
		}
		batch := m.Concurrency(rate, prompt, output)
		seqs := batch / float64(m.MaxSeqs)
		kv := batch * (prompt + output/2) / float64(m.KVTokens)
		bound := max(seqs, kv, float64(at)/float64(itl))
		if math.Abs(bound-1) > 1e-3 {
			t.Fatalf("MaxRate %v is at no bound: sequences %.3f, KV %.3f, latency %v of %v", rate, seqs, kv, at, itl)
		}
		if n := m.Replicas(3.5*rate, itl, prompt, output); n != 4 {
			t.Fatalf("Replicas for 3.5 knees = %d", n)
		}
	})
}

func TestSizingAtTheEdges(t *testing.T) {
	m, _ := Preset("llama-3.1-70b-fp8/h100x2")
	if got := m.MaxRate(10*time.Millisecond, 1000, 200); got != 0 {
		t.Errorf("MaxRate with a setpoint below one step = %v", got)
	}
	if got := m.Replicas(1, 10*time.Millisecond, 1000, 200); got != -1 {
		t.Errorf("Replicas with a setpoint below one step = %v", got)
	}
	if got := m.Replicas(0, time.Second, 1000, 200); got != 0 {
		t.Errorf("Replicas for no load = %v", got)
	}
	if got := m.ITL(1e6, 1000, 200); got != math.MaxInt64 {
		t.Errorf("ITL past saturation = %v", got)
	}
	if got := m.Concurrency(1e6, 1000, 200); !math.IsInf(got, 1) {
		t.Errorf("Concurrency past saturation = %v", got)
	}
	if got := m.Utilization(0, 1000, 200); got != 0 {
		t.Errorf("Utilization of no load = %v", got)
	}
}
