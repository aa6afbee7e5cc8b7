package compat

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"pgregory.net/rapid"
)

// anything draws an observation, with what no fleet should ever report.
func anything(t *rapid.T, now time.Time, metrics int) Observation {
	count := rapid.OneOf(rapid.Int64Range(0, 20), rapid.Int64Range(0, 500), rapid.SampledFrom([]int64{-1, math.MinInt64, math.MaxInt64, 1 << 21}))
	value := rapid.OneOf(rapid.Float64Range(0, 2), rapid.Float64Range(0, 1000), rapid.SampledFrom([]float64{0, -1, math.NaN(), math.Inf(1), math.Inf(-1), 1e300, -1e300, 1e-300}))
	o := Observation{Now: now, Spec: count.Draw(t, "spec"), Status: count.Draw(t, "status"), Ready: count.Draw(t, "ready"),
		Limits: decide.Limits{Min: rapid.Int64Range(-1, 5).Draw(t, "min"), Max: rapid.Int64Range(-1, 200).Draw(t, "max")}}
	for range rapid.IntRange(0, metrics).Draw(t, "metrics") {
		m := Metric{Value: value.Draw(t, "value"), Short: value.Draw(t, "short"), Failed: rapid.IntRange(0, 9).Draw(t, "failed") == 0}
		for range rapid.IntRange(0, 4).Draw(t, "pods") {
			m.Pods = append(m.Pods, Pod{Value: value.Draw(t, "pod"), Request: value.Draw(t, "request"), State: PodState(rapid.IntRange(0, 4).Draw(t, "state"))})
		}
		o.Metrics = append(o.Metrics, m)
	}
	return o
}

// lawful runs a rule through anything: it stays within its limits or holds, gives
// the same answer twice, and leaves alone what it is given.
func lawful[S any](r Rule[S], metrics int) func(t *rapid.T) {
	return func(t *rapid.T) {
		var s S
		now := t0
		for range rapid.IntRange(1, 5).Draw(t, "ticks") {
			now = now.Add(time.Duration(rapid.Int64Range(-int64(time.Minute), int64(10*time.Minute)).Draw(t, "gap")))
			o := anything(t, now, metrics)
			before := fmt.Sprintf("%+v %+v", s, o)
			next, v := r.Next(s, o)
			if after := fmt.Sprintf("%+v %+v", s, o); after != before {
				t.Fatalf("arguments changed:\n%s\n%s", before, after)
			}
			again, v2 := r.Next(s, o)
			if v != v2 || fmt.Sprintf("%+v", next) != fmt.Sprintf("%+v", again) {
				t.Fatalf("not the same twice: %+v and %+v", v, v2)
			}
			c := o.clean()
			lo, hi := c.limits()
			if v.Reason == decide.ReasonIdle {
				lo = 0 // KEDA's idle count is below its minimum
			}
			if (v.Held && v.Replicas != c.Spec) || (!v.Held && (v.Replicas < lo || v.Replicas > hi) && v.Replicas != c.Spec) {
				t.Fatalf("%+v of %d within %d to %d", v, c.Spec, lo, hi)
			}
			s = next
		}
	}
}

// A ruled is a rule of any state: its law, and its transcript.
type ruled struct {
	law        func(*rapid.T)
	transcript func(steps int) string
}

func rule[S any](r Rule[S], metrics int) ruled {
	return ruled{lawful(r, metrics), func(steps int) string { return transcript(r, metrics, steps) }}
}

// everyRule has each rule, set so that all of it is used.
func everyRule() map[string]ruled {
	pods := []HPAMetric{{Source: HPAPods, Type: HPAAverageValue, Target: 0.5}, {Source: HPAResource, Type: HPAUtilization, Target: 70},
		{Source: HPAExternal, Type: HPAValue, Target: 3}, {Source: HPAObject, Type: HPAAverageValue, Target: 3}}
	behavior := &HPABehavior{Up: HPAScaling{Window: time.Minute, Select: HPALeast}, Down: HPAScaling{Policies: []HPAPolicy{{Value: 1, Period: time.Minute}}}}
	idle := int64(2)
	triggers := []KEDATrigger{{Target: 5}, {Target: 2, Value: true, Activation: 1}}
	throughput := DynamoThroughput{Input: 100, Output: 100, Sequences: 64, KV: 1e5, Predict: Kalman,
		Model: DynamoModel{PrefillBase: .01, PrefillToken: 1e-4, DecodeBase: .01, DecodeSequence: 1e-4, DecodeToken: 1e-8}}
	return map[string]ruled{
		"hpa":             rule(HPA{Metrics: pods}, 5),
		"hpa behavior":    rule(HPA{Metrics: pods, Behavior: behavior}, 5),
		"kpa":             rule(KPA{Target: 5, DownDelay: time.Minute, Activation: 2}, 2),
		"keda":            rule(KEDA{Triggers: triggers}, 3),
		"keda fallback":   rule(KEDA{Triggers: triggers, Idle: &idle, Fallback: &KEDAFallback{After: 1, Replicas: 3}, Behavior: behavior}, 3),
		"keda formula":    rule(KEDA{Triggers: triggers, Composite: triggers[0], Formula: func(v []float64, _ []bool) (float64, bool) { return v[0] - v[1], true }}, 3),
		"ray":             rule(Ray{DownFactor: 0.2, UpDelay: time.Second}, 2),
		"apa":             rule(APA{Setpoints: []float64{0.5, 10}}, 3),
		"apa repaired":    rule(APA{Setpoints: []float64{0.5, 10}, Repaired: true, UpWindow: time.Minute}, 3),
		"aibrix kpa":      rule(AIBrixKPA{Setpoint: 0.5}, 2),
		"aibrix repaired": rule(AIBrixKPA{Setpoint: 0.5, Repaired: true}, 2),
		"wva v1":          rule(WVASaturation{}, 3),
		"wva v1 layered":  rule(Layered[WVAState]{Inner: WVASaturation{}, Outer: HPA{Behavior: behavior}}, 3),
		"wva v2":          rule(WVATokens{KV: 1000, Input: 10, Output: 10, Batch: 100, Sequences: 10, Idle: time.Minute}, 4),
		"dynamo load":     rule(DynamoLoad{}, 3),
		"dynamo":          rule(throughput, 2),
		"dynamo both":     rule(Dynamo{Load: DynamoLoad{Latency: true}, Throughput: throughput}, 4),
		"nomad":           rule(Nomad{Checks: []NomadCheck{{Target: 5, Group: "a"}, {Target: 0, Group: "a"}, {Target: 2}}, MaxUp: 3}, 4),
		"aws":             rule(AWS{Setpoints: []float64{0.5, 5}, OutPoints: 1, InPoints: 1}, 3),
	}
}

func TestLawsOfRules(t *testing.T) {
	for name, r := range everyRule() {
		t.Run(name, func(t *testing.T) { rapid.Check(t, r.law) })
	}
}

// TestFormsAgree: rules that divide demand by what a replica takes are one and
// the same while nothing bounds them.
func TestFormsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(2, 50).Draw(t, "replicas")
		each := rapid.Int64Range(1, 100).Draw(t, "each")
		target := float64(rapid.Int64Range(1, 100).Draw(t, "target"))
		total := float64(n * each)
		want := int64(math.Ceil(total / target))
		o := Observation{Now: t0, Spec: n, Status: n, Ready: n, Metrics: []Metric{{Value: total, Short: total, Pods: pods(int(n), float64(each), PodReady)}}}

		external := HPA{Metrics: []HPAMetric{{Source: HPAExternal, Type: HPAAverageValue, Target: target}}, UpTolerance: -1, DownTolerance: -1}
		byPod := HPA{Metrics: []HPAMetric{{Source: HPAPods, Type: HPAAverageValue, Target: target}}, UpTolerance: -1, DownTolerance: -1}
		value := HPA{Metrics: []HPAMetric{{Source: HPAObject, Type: HPAValue, Target: target * float64(n)}}, UpTolerance: -1, DownTolerance: -1}
		// A ratio is rounded before it is multiplied again, which may cost one more.
		near := func(name string, got int64) {
			if got != want && got != want+1 {
				t.Fatalf("%s: %d, want %d", name, got, want)
			}
		}
		if got := external.Propose(o).Replicas; got != want {
			t.Fatalf("external: %d, want %d", got, want)
		}
		near("pods", byPod.Propose(o).Replicas)
		near("value", value.Propose(o).Replicas)
		got := Ray{Target: target}.Want(n, total)
		near("ray", got)
		near("nomad", Nomad{Threshold: -1}.Want(n, float64(each), target))
		a := APA{UpTolerance: -1, DownTolerance: -1, MaxUp: 1e6, MaxDown: 1e6}
		apa, _ := a.Propose(n, float64(each), target)
		near("apa", apa)
		k := KPA{Target: target, Utilization: 1, MaxDown: 1e6}
		if _, v := k.Scale(KPAState{Begun: true}, o); v.Replicas != want {
			t.Fatalf("kpa: %+v, want %d", v, want)
		}
		o.Metrics[0].Value, o.Metrics[0].Short = float64(each), float64(each)
		repaired := AIBrixKPA{Setpoint: target, MaxUp: 1e6, MaxDown: 1e6, Repaired: true, DownWindow: -1}
		_, v := repaired.Next(AIBrixState{}, o)
		near("aibrix kpa repaired", v.Replicas)
	})
}

func TestBudgetLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, 40)
		p, d, b := n.Draw(t, "p"), n.Draw(t, "d"), n.Draw(t, "budget")
		pg, dg, least := rapid.Int64Range(1, 8).Draw(t, "pg"), rapid.Int64Range(1, 8).Draw(t, "dg"), rapid.Int64Range(0, 3).Draw(t, "least")
		gp, gd := DynamoBudget(p, d, pg, dg, b, least)
		switch {
		case gp*pg+gd*dg > b:
			t.Fatalf("(%d,%d) takes more than %d", gp, gd, b)
		case p*pg+d*dg <= b:
			if gp != p || gd != d {
				t.Fatalf("(%d,%d) fits, and became (%d,%d)", p, d, gp, gd)
			}
		case b < least*(pg+dg):
			if gp != 0 || gd != 0 {
				t.Fatalf("the least does not fit, and it became (%d,%d)", gp, gd)
			}
		case gp < least || gd < least || gp > max(p, least):
			t.Fatalf("(%d,%d) of (%d,%d), least %d", gp, gd, p, d, least)
		}
	})
}

// TestHPAUpLimitLaw: with the default behavior no step upwards is larger than the
// larger of 4 and the count itself, whatever was done in the period before.
func TestHPAUpLimitLaw(t *testing.T) {
	h := HPA{Metrics: []HPAMetric{{Source: HPAExternal, Type: HPAAverageValue, Target: 1}}, Behavior: &HPABehavior{}}
	rapid.Check(t, func(t *rapid.T) {
		s, n, now := HPAState{}, rapid.Int64Range(1, 30).Draw(t, "n"), t0
		counts := []Past{{now, n}}
		for range 12 {
			now = now.Add(time.Duration(rapid.IntRange(1, 20).Draw(t, "gap")) * time.Second)
			var v Verdict
			s, v = h.Next(s, Observation{Now: now, Spec: n, Status: n, Ready: n, Limits: decide.Limits{Min: 1, Max: 500},
				Metrics: []Metric{{Value: rapid.Float64Range(0, 600).Draw(t, "load")}}})
			n = v.Replicas
			counts = append(counts, Past{now, n})
			// What it was 15 s ago is the last count not younger than that.
			start := counts[0].Replicas
			for _, c := range counts {
				if now.Sub(c.At) >= 15*time.Second {
					start = c.Replicas
				}
			}
			if n > max(start+4, 2*start, counts[len(counts)-2].Replicas) {
				t.Fatalf("%d from %d in 15 s: %v", n, start, counts)
			}
		}
	})
}
