package simulate

import (
	"math"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide/simulate/llm"
	"github.com/evenkeel/evenkeel/decide/simulate/trace"
)

func preset(t testing.TB, name string) llm.Model {
	t.Helper()
	m, ok := llm.Preset(name)
	if !ok {
		t.Fatalf("no preset %s", name)
	}
	return m
}

// steady is a trace of equal requests at a fixed rate, no randomness.
func steady(rate float64, length time.Duration, input, output int64) trace.Trace {
	var t trace.Trace
	for i := 0; ; i++ {
		at := time.Duration(float64(i) / rate * float64(time.Second))
		if at >= length {
			return t
		}
		t = append(t, trace.Record{At: at, Input: input, Output: output})
	}
}

func TestReplicasNeeded(t *testing.T) {
	m := preset(t, "llama-3.1-70b-fp8/h100x4")
	knee := m.MaxRate(100*time.Millisecond, 1000, 200)
	tr := steady(20, time.Minute, 1000, 200)
	if got, want := ReplicasNeeded(tr, m, 100*time.Millisecond, 10*time.Second), 20/knee; math.Abs(got-want) > 0.01*want {
		t.Errorf("constant demand needs %v, want %v", got, want)
	}
	// Ten long prompts in a row outweigh a minute of short ones.
	mixed := append(steady(2, time.Minute, 100, 10), trace.Record{At: time.Minute, Input: 8000, Output: 1000})
	for range 9 {
		mixed = append(mixed, mixed[len(mixed)-1])
	}
	if got := ReplicasNeeded(mixed, m, 100*time.Millisecond, time.Second); got < 10/m.MaxRate(100*time.Millisecond, 8000, 1000)*0.99 {
		t.Errorf("the heavy second needs %v", got)
	}
	if got := ReplicasNeeded(tr, m, time.Millisecond, time.Second); !math.IsInf(got, 1) {
		t.Errorf("a tpot below one step needs %v replicas, want +Inf", got)
	}
	if ReplicasNeeded(nil, m, time.Second, time.Second) != 0 || ReplicasNeeded(tr, m, time.Second, 0) != 0 {
		t.Error("no trace, or no window, needs something")
	}
}

func TestSpeedFor(t *testing.T) {
	m := preset(t, "minimax-m2.5-fp8/h100x4")
	day, err := trace.Day(3, trace.Shape{Length: 20 * time.Minute, Mean: 4, Peak: 12})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []float64{1, 6, 20} {
		k, err := SpeedFor(day, m, want, 100*time.Millisecond, 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		got := ReplicasNeeded(day.Speed(k), m, 100*time.Millisecond, 10*time.Second)
		// One more request in the window may be a jump.
		if math.Abs(got-want) > 0.25 {
			t.Errorf("at speed %.2f the trace needs %.2f replicas, want %v", k, got, want)
		}
	}
	for name, ask := range map[string]func() (float64, error){
		"no trace":    func() (float64, error) { return SpeedFor(nil, m, 6, time.Second, time.Second) },
		"no replicas": func() (float64, error) { return SpeedFor(day, m, 0, time.Second, time.Second) },
		"NaN":         func() (float64, error) { return SpeedFor(day, m, math.NaN(), time.Second, time.Second) },
		"no window":   func() (float64, error) { return SpeedFor(day, m, 6, time.Second, 0) },
		"short trace": func() (float64, error) { return SpeedFor(day, m, 6, 100*time.Millisecond, time.Hour) },
		"too few":     func() (float64, error) { return SpeedFor(day, m, 1000, 100*time.Millisecond, 10*time.Second) },
		"hopeless":    func() (float64, error) { return SpeedFor(day, m, 6, time.Millisecond, 10*time.Second) },
	} {
		if k, err := ask(); err == nil {
			t.Errorf("%s: got speed %v", name, k)
		}
	}
}

func TestRushAndMiniature(t *testing.T) {
	m := preset(t, "minimax-m2.5-fp8/h100x4")
	day, err := trace.Day(3, trace.Shape{Length: time.Hour, Mean: 4, Peak: 12})
	if err != nil {
		t.Fatal(err)
	}
	const length = 90 * time.Second
	rush, speed, err := Rush(day, m, 6, DefaultTPOT, length)
	if err != nil {
		t.Fatal(err)
	}
	if need := ReplicasNeeded(rush, m, DefaultTPOT, 10*time.Second); math.Abs(need-6) > 0.25 || rush.Span() > length || speed < 2 {
		t.Errorf("the rush lasts %v at speed %.2f and needs %.2f replicas", rush.Span(), speed, need)
	}
	mini, speed, share, err := Miniature(day, m, 6, DefaultTPOT, length, 1)
	if err != nil {
		t.Fatal(err)
	}
	if need := ReplicasNeeded(mini, m, DefaultTPOT, 10*time.Second); math.Abs(need-6) > 0.25 || mini.Span() > length ||
		math.Abs(speed-40) > 1 || math.Abs(float64(len(mini))/float64(len(day))-share) > 0.05 {
		t.Errorf("the miniature lasts %v at speed %.2f, keeps %d of %d, %.3f, and needs %.2f replicas",
			mini.Span(), speed, len(mini), len(day), share, need)
	}
	for name, tr := range map[string]trace.Trace{"empty": nil, "sparse": day.Cut(time.Minute)} {
		if _, _, err := Rush(tr, m, 6, DefaultTPOT, length); err == nil {
			t.Errorf("%s: a rush was found", name)
		}
		if _, _, _, err := Miniature(tr, m, 6, DefaultTPOT, length, 1); err == nil {
			t.Errorf("%s: a miniature was made", name)
		}
	}
	if _, _, err := Rush(day, m, 6, DefaultTPOT, time.Second); err == nil {
		t.Error("a rush of a second was found")
	}
	if _, _, _, err := Miniature(day, m, math.NaN(), DefaultTPOT, length, 1); err == nil {
		t.Error("a miniature for NaN replicas was made")
	}
}
