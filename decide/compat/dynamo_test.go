package compat

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

func TestDynamoLoad(t *testing.T) {
	both := func(prefill, kv []float64) []Metric {
		m := make([]Metric, 2)
		for i := range prefill {
			m[0].Pods, m[1].Pods = append(m[0].Pods, Pod{Value: prefill[i]}), append(m[1].Pods, Pod{Value: kv[i]})
		}
		return m
	}
	for _, c := range []struct {
		name        string
		d           DynamoLoad
		prefill, kv []float64
		status      int64
		want        int64
		held        bool
	}{
		{"one queue is long", DynamoLoad{}, []float64{0, 1, 0}, []float64{0, 0, 0}, 3, 4, false},
		{"one cache is over", DynamoLoad{}, []float64{0, 0, 0}, []float64{1.1, 0, 0}, 3, 4, false},
		{"idle", DynamoLoad{}, []float64{0, .05, 0}, []float64{.5, .5, .5}, 3, 2, false},
		{"one part is not", DynamoLoad{}, []float64{0, .05, 0}, []float64{.5, .7, .5}, 3, 3, false},
		{"prefill looks at its queue only", DynamoLoad{Role: DynamoPrefill}, []float64{0, 0, 0}, []float64{2, 2, 2}, 3, 2, false},
		{"decode at its cache only", DynamoLoad{Role: DynamoDecode}, []float64{2, 2, 2}, []float64{.1, .1, .1}, 3, 2, false},
		{"latency, up early", DynamoLoad{Latency: true}, []float64{.1, 0, 0}, []float64{0, 0, 0}, 3, 4, false},
		{"latency, down with empty queues", DynamoLoad{Latency: true}, []float64{0, 0, 0}, []float64{0, 0, 0}, 3, 2, false},
		{"a floor", DynamoLoad{Floor: 3}, []float64{0, 0, 0}, []float64{0, 0, 0}, 3, 3, false},
		{"one is starting", DynamoLoad{}, []float64{9, 9, 9}, []float64{9, 9, 9}, 4, 3, true},
		{"one does not report", DynamoLoad{}, []float64{9, 9}, []float64{9, 9}, 3, 3, true},
	} {
		_, v := c.d.Next(DynamoState{}, Observation{Now: t0, Spec: 3, Status: c.status, Ready: 3, Metrics: both(c.prefill, c.kv)})
		equal(t, c.name, v.Replicas, c.want)
		equal(t, c.name+" held", v.Held, c.held)
	}
	_, v := DynamoLoad{}.Next(DynamoState{}, Observation{Now: t0, Spec: 1, Status: 1, Ready: 1, Metrics: both([]float64{0}, []float64{0})})
	equal(t, "never below one", v.Replicas, 1)
}

func throughput() DynamoThroughput {
	return DynamoThroughput{Input: 1000, Output: 200, Sequences: 64, KV: 100_000,
		Model: DynamoModel{PrefillBase: 0.02, PrefillToken: 1e-4, DecodeBase: 0.01, DecodeSequence: 5e-4, DecodeToken: 1e-7}}
}

func TestDynamoThroughput(t *testing.T) {
	d := throughput()
	// A prompt takes 0.12 s.
	equal(t, "prefill", d.Prefill(30), 4) // 3.6
	d.Hit = 0.5
	equal(t, "prefill, half cached", d.Prefill(30), 3) // 30 × 0.07 is 2.1
	d.Hit, d.TTFT = 0, 50*time.Millisecond
	equal(t, "prefill, within its objective", d.Prefill(0.1), 3) // ⌈0.12 ÷ 0.05⌉
	// 64 at once take 10 + 32 + 7.04 ms: within 50 ms.
	rate := 64 / (200 * 0.04904)
	if got := d.DecodeRate(); math.Abs(got-rate) > 1e-9 {
		t.Errorf("decode rate %v, want %v", got, rate)
	}
	equal(t, "decode", d.Decode(20), 4)
	d.TPOT = 30 * time.Millisecond // (30 − 10) ÷ (0.5 + 0.11): 32 at once
	if got, want := d.DecodeRate(), 32/(200*(0.01+32*6.1e-4)); math.Abs(got-want) > 1e-9 {
		t.Errorf("decode rate %v, want %v", got, want)
	}
	d.TPOT = time.Millisecond
	equal(t, "no batch is fast enough", d.Decode(1), decide.MaxReplicas)
	equal(t, "nothing to do", d.Decode(0), 0)
}

func TestDynamoThroughputNext(t *testing.T) {
	d := throughput()
	play(t, d, decide.Limits{Min: 1, Max: 20}, []step{
		{0, 3, values(0), 3, decide.ReasonUnknown, true}, // zeros before any demand are no history
		{180, 3, values(30), 5, 0, false},                // 3.6 for prompts, 4.6 for answers
		{360, 5, failed, 1, 0, false},                    // no number counts as no traffic
	})
	d.Predict = func(h []float64) float64 { return 2 * h[len(h)-1] }
	play(t, d, decide.Limits{Min: 1, Max: 20}, []step{{0, 3, values(30), 10, 0, false}})
	d.Predict = func([]float64) float64 { return math.NaN() }
	play(t, d, decide.Limits{Min: 1, Max: 20}, []step{{0, 3, values(30), 5, 0, false}})
}

// Both modes: what throughput says is the floor until it speaks again.
func TestDynamoBoth(t *testing.T) {
	idle := Metric{Pods: pods(5, 0, PodReady)}
	both := Dynamo{Throughput: throughput()}
	play(t, both, decide.Limits{Min: 1, Max: 20}, []step{
		{0, 5, []Metric{idle, idle, {Value: 30}}, 5, 0, false},
		{5, 5, []Metric{idle, idle, {Value: 1}}, 5, 0, false},
		{180, 5, []Metric{idle, idle, {Value: 1}}, 4, 0, false},
	})
}

func TestDynamoSLO(t *testing.T) {
	d := DynamoSLO{Model: throughput().Model, Input: 1000, Chunk: 2000, KV: 100_000}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	near("alone", d.First(0), 0.12)
	near("two steps and a half", d.First(4000), 2*0.22+0.12)
	near("two whole steps", d.First(3000), 2*0.22)
	busy, free := DynamoEngine{Queued: 9000}, DynamoEngine{}
	for _, c := range []struct {
		name    string
		d       DynamoSLO
		engines []DynamoEngine
		want    int
	}{
		{"all beyond", d, []DynamoEngine{busy, busy}, 1},
		{"not all", d, []DynamoEngine{busy, free}, 0},
		{"all free", d, []DynamoEngine{free, free}, -1},
		{"the last", d, []DynamoEngine{free}, 0},
		{"none", d, nil, 0},
		{"decode is full", d, []DynamoEngine{{Decoding: 90}, {Decoding: 90}}, 1},
		{"decode would be", d, []DynamoEngine{{Decoding: 40}, {Decoding: 40}}, 0},
		{"its cache would be", d, []DynamoEngine{{Scheduled: 60_000}, {Scheduled: 60_000}}, 0},
		{"prefill does not look at that", DynamoSLO{Role: DynamoPrefill, Model: d.Model, Input: 1000}, []DynamoEngine{{Decoding: 90}, {Decoding: 90}}, -1},
		{"decode does not look at queues", DynamoSLO{Role: DynamoDecode, Model: d.Model, KV: 1e5}, []DynamoEngine{busy, busy}, -1},
	} {
		equal(t, c.name, c.d.Change(c.engines), c.want)
	}
}

func TestFitPrefill(t *testing.T) {
	tokens := []float64{100, 500, 1000, 2000, 4000}
	times := make([]float64, len(tokens))
	for i, x := range tokens {
		times[i] = 0.02 + 1e-4*x
	}
	m, err := DynamoModel{}.FitPrefill(tokens, times)
	if err != nil || math.Abs(m.PrefillBase-0.02) > 1e-9 || math.Abs(m.PrefillToken-1e-4) > 1e-9 {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := (DynamoModel{}).FitPrefill(tokens[:4], times); !errors.Is(err, ErrSamples) {
		t.Errorf("four samples: %v", err)
	}
	if _, err := (DynamoModel{}).FitPrefill([]float64{5, 5, 5, 5, 5}, times); !errors.Is(err, ErrSamples) {
		t.Errorf("samples that are alike: %v", err)
	}
	if _, err := (DynamoModel{}).FitPrefill(tokens, []float64{5, 4, 3, 2, 1}); !errors.Is(err, ErrNegative) {
		t.Errorf("more work, less time: %v", err)
	}
}

func TestKalman(t *testing.T) {
	equal(t, "no history", Kalman(nil), 0)
	equal(t, "one", Kalman([]float64{5}), 5)
	var steady, rising []float64
	for i := range 60 {
		steady, rising = append(steady, 20), append(rising, float64(10+3*i))
	}
	if got := Kalman(steady); math.Abs(got-20) > 1e-6 {
		t.Errorf("steady: %v, want 20", got)
	}
	if got := Kalman(rising); math.Abs(got-190) > 1 {
		t.Errorf("rising: %v, want about 190", got)
	}
	if got := Kalman([]float64{100, 50, 0}); got < 0 {
		t.Errorf("falling: %v is no demand", got)
	}
}
