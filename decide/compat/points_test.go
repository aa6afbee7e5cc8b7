package compat

import (
	"math"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// The points at which rules turn, one by one: on a threshold, and just beside it.

func TestNomadPoints(t *testing.T) {
	for _, c := range []struct {
		n              Nomad
		count          int64
		metric, target float64
		want           int64
	}{
		{Nomad{}, 200, 1.0099, 1, 200}, {Nomad{}, 200, 1.02, 1, 204}, {Nomad{}, 200, 0.9901, 1, 200}, {Nomad{}, 200, 0.98, 1, 196},
		{Nomad{Threshold: -1}, 200, 1.001, 1, 201},
		{Nomad{}, 0, 0.3, 1, 1}, {Nomad{}, 0, 7, 2, 4}, {Nomad{}, 0, 1, 1, 0},
	} {
		equal(t, "nomad", c.n.Want(c.count, c.metric, c.target), c.want)
	}
	many := []float64{1, 1, 1, 1, 1}
	for percent, want := range map[float64]int64{30: 1300, -30: 700, 0.05: 1001, -0.05: 999} {
		equal(t, "percent", NomadThreshold{Upper: 9, Percent: percent}.Want(1000, many), want)
	}
}

func TestAIBrixPoints(t *testing.T) {
	k := AIBrixKPA{Setpoint: 1, Repaired: true}
	o := Observation{Now: t0, Spec: 4, Status: 4, Ready: 4, Metrics: []Metric{{Value: 0.5, Short: 1}}}
	s, _ := k.Next(AIBrixState{}, o)
	equal(t, "twice the mean is no panic", s.Panicking, false)
	o.Metrics[0].Short = 1.01
	s, _ = k.Next(AIBrixState{}, o)
	equal(t, "more than twice is", s.Panicking, true)
	o.Now, o.Metrics[0].Short = at(180), 0.5
	s, _ = k.Next(s, o)
	equal(t, "still, at the end of the window", s.Panicking, true)
	o.Now = at(180.1)
	s, _ = k.Next(s, o)
	equal(t, "over", s.Panicking, false)
}

func TestKPAPoints(t *testing.T) {
	k := KPA{Target: 10, Utilization: 1, DownDelay: time.Minute}
	o := Observation{Now: t0, Spec: 1, Status: 1, Ready: 1, Metrics: values(10)}
	s, _ := k.Scale(KPAState{}, o)
	for _, c := range []struct {
		short float64
		want  bool
	}{{11, true}, {10, false}} {
		o := o
		o.Metrics = []Metric{{Value: 10, Short: c.short}}
		s, _ := k.Scale(s, o)
		equal(t, "twice what is ready is a panic", s.Panicking, c.want)
	}
	// The delay holds up what is reachable, and nothing else.
	o = Observation{Now: t0, Spec: 4, Status: 4, Ready: 4, Metrics: values(40)}
	for _, c := range []struct {
		unreachable bool
		want        int64
	}{{false, 4}, {true, 1}} {
		k.Unreachable = c.unreachable
		s, _ := k.Scale(KPAState{Begun: true}, o)
		late := o
		late.Now, late.Metrics = at(30), values(10)
		_, v := k.Scale(s, late)
		equal(t, "with a delay", v.Replicas, c.want)
	}
}

func TestWVAPoints(t *testing.T) {
	w := WVASaturation{}
	next := func(n int, kv, queue float64) int64 {
		_, v := w.Next(WVAState{}, Observation{Now: t0, Spec: int64(n), Status: int64(n), Ready: int64(n),
			Metrics: []Metric{{Pods: pods(n, kv, PodReady)}, {Pods: pods(n, queue, PodReady)}}})
		return v.Replicas
	}
	equal(t, "queues alone", next(4, 0.1, 3), 5)
	equal(t, "queues just short enough", next(4, 0.5, 2), 4)
	equal(t, "caches alone", next(4, 0.75, 0), 5)
	equal(t, "caches just empty enough", next(4, 0.65, 0), 4)
	equal(t, "much to spare", next(4, 0.2, 0), 3)
	equal(t, "a queue as long as saturation", next(4, 0.2, 5), 5)
	_, v := w.Next(WVAState{}, Observation{Now: t0, Metrics: []Metric{{}, {}}})
	equal(t, "nothing there", v.Held, true)

	// What is observed counts for outputs of its own length, and for a day.
	for output, bucket := range map[float64]int{99: 0, 100: 1, 499: 1, 500: 2} {
		s := WVATokensState{}
		w := WVATokens{KV: 1000, Input: 10, Output: output}
		o := Observation{Now: t0, Spec: 1, Status: 1, Ready: 1, Metrics: []Metric{{Pods: pods(1, 300, PodReady)}, {Pods: pods(1, 5, PodReady)}}}
		s, _ = w.Next(s, o)
		for i := range s.Seen {
			equal(t, "observed", s.Seen[i].N == 1, i == bucket)
		}
		o.Metrics[1].Pods[0].Value = 0
		o.Now = t0.Add(24 * time.Hour)
		s, _ = w.Next(s, o)
		equal(t, "a day later", s.Seen[bucket].N, 1)
		o.Now = o.Now.Add(1)
		s, _ = w.Next(s, o)
		equal(t, "longer than a day", s.Seen[bucket].N, 0)
	}
	for _, w := range []WVATokens{{Sequences: 1, Input: 1}, {Batch: 1, Input: 1}, {Batch: 1, Sequences: 1}} {
		equal(t, "a batch that nobody knows", math.IsInf(w.Derived(), 1), true)
	}
}

// A queue that is full has ten batches waiting, which the engine takes as long to
// serve as it takes; the sums of large batches are far beyond what floats hold.
func TestWVAQueueFull(t *testing.T) {
	for _, batch := range []int{1, 64, 512} {
		q := WVAQueue{Alpha: 0.01, Beta: 1e-5, Gamma: 1e-8, Input: 500, Output: 200, Batch: batch}
		most := q.service(batch)
		wait, _, _ := q.Latency(10 * most)
		full := 10 * float64(batch) / most
		if !(wait > 0.8*full && wait <= full*1.0001) {
			t.Errorf("batch %d: a wait of %v, and a full queue takes %v", batch, wait, full)
		}
	}
}

func TestDynamoPoints(t *testing.T) {
	d := DynamoThroughput{Input: 1, Output: 1, KV: 100, Sequences: 7, Model: DynamoModel{PrefillBase: 0.5}}
	equal(t, "as long as the objective", d.Prefill(0.001), 1)
	d.Model.PrefillBase = 0.5001
	equal(t, "longer than the objective", d.Prefill(0.001), 2)
	d.Model.DecodeBase = 0.05
	equal(t, "a step as long as the objective", d.DecodeRate(), 7/0.05)
	d.Model.DecodeBase = 0.0501
	equal(t, "a step longer than it", d.DecodeRate(), 0.0)
	equal(t, "no engine could do", d.Decode(1), decide.MaxReplicas)
	equal(t, "nothing to do", d.Decode(0), 0)

	// No number is no traffic, but for the first one.
	d = throughput()
	o := Observation{Now: t0, Spec: 5, Limits: decide.Limits{Min: 1, Max: 50}, Metrics: failed}
	s, v := d.Next(DynamoState{}, o)
	equal(t, "nothing known yet", v.Held, true)
	o.Metrics = values(20)
	if s, v = d.Next(s, o); v.Replicas < 2 {
		t.Errorf("20 requests a second take %d", v.Replicas)
	}
	o.Metrics = failed
	_, v = d.Next(s, o)
	equal(t, "no number", v.Replicas, 1)

	slo := DynamoSLO{Model: DynamoModel{PrefillToken: 1, DecodeBase: 0.01}, Input: 100, Chunk: 100, KV: 50}
	for queued, want := range map[float64]float64{-5: 100, 0: 100, 0.5: 100.5, 100: 200, 150: 250} {
		equal(t, "time to first token", slo.First(queued), want)
	}
	slo.Role = DynamoDecode
	for scheduled, want := range map[float64]int{24: -1, 25: 0} { // twice that is what the cache holds
		equal(t, "room in one cache for two", slo.Change([]DynamoEngine{{Scheduled: scheduled}, {Scheduled: scheduled}}), want)
	}
}

// Forty pods of some terabytes: sums of thousandths, in percent, have no room in
// 64 bits.
func TestHPAManyTerabytes(t *testing.T) {
	h := HPA{Metrics: []HPAMetric{{Source: HPAResource, Type: HPAUtilization, Target: 50}}}
	all := pods(40, 3e12, PodReady)
	for i := range all {
		all[i].Request = 4e12
	}
	v := h.Propose(Observation{Now: t0, Spec: 40, Status: 40, Ready: 40, Metrics: []Metric{{Pods: all}}})
	equal(t, "75 % of 50 %", v.Replicas, 60)
	// By default a fleet of 200 doubles, and may go altogether.
	for _, c := range []struct {
		load float64
		want int64
	}{{1000, 400}, {0, 0}} {
		h = HPA{Metrics: []HPAMetric{{Source: HPAExternal, Type: HPAAverageValue, Target: 1}}, Behavior: &HPABehavior{Down: HPAScaling{Window: -1}}}
		_, v = h.Next(HPAState{Begun: true}, Observation{Now: t0, Spec: 200, Status: 200, Ready: 200, Metrics: values(c.load)})
		equal(t, "by default", v.Replicas, c.want)
	}
}

// KEDA's HPA goes to a hundred where nobody said how far.
func TestKEDAWithoutMaximum(t *testing.T) {
	k := KEDA{Triggers: []KEDATrigger{{Target: 1}}}
	_, v := k.Next(KEDAState{}, Observation{Now: t0, Spec: 80, Status: 80, Ready: 80, Metrics: values(1000)})
	equal(t, "without a maximum", v.Replicas, 100)
	_, v = k.Next(KEDAState{}, Observation{Now: t0, Spec: 80, Status: 80, Ready: 80, Metrics: values(1000), Limits: decide.Limits{Max: 130}})
	equal(t, "with one", v.Replicas, 130)
}
