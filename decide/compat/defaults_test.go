package compat

import (
	"testing"
	"time"
)

// What a rule's documentation says is the default is: a rule that says so and one
// that says nothing take the same walk, and tell the same of themselves.
func TestDefaultsAreAsDocumented(t *testing.T) {
	external := []HPAMetric{{Source: HPAExternal, Type: HPAAverageValue, Target: 3}}
	triggers := []KEDATrigger{{Target: 3}}
	tokens := WVATokens{KV: 1000, Input: 10, Output: 10, Batch: 100, Sequences: 10}
	explicit := tokens
	explicit.KVShare, explicit.Queue, explicit.Up, explicit.Down = 0.8, 5, 0.85, 0.7
	planner := throughput()
	planned := planner
	planned.TTFT, planned.TPOT, planned.Interval = 500*time.Millisecond, 50*time.Millisecond, 180*time.Second
	sameRule(t, HPA{Metrics: external}, HPA{Metrics: external, UpTolerance: 0.1, DownTolerance: 0.1, Window: 300 * time.Second}, 1)
	sameRule(t, HPA{Metrics: external, Behavior: &HPABehavior{}}, HPA{Metrics: external, Behavior: &HPABehavior{
		Up:   HPAScaling{Window: -1, Policies: []HPAPolicy{{Value: 4, Period: 15 * time.Second}, {Percent: true, Value: 100, Period: 15 * time.Second}}},
		Down: HPAScaling{Window: 300 * time.Second, Policies: []HPAPolicy{{Percent: true, Value: 100, Period: 15 * time.Second}}},
	}}, 1)
	sameRule(t, KPA{}, KPA{Target: 100, Utilization: 0.7, Stable: time.Minute, Panic: 6 * time.Second, PanicThreshold: 2, MaxUp: 1000, MaxDown: 2,
		Burst: 211, Activation: 1, Grace: 30 * time.Second}, 1)
	sameRule(t, KPA{Target: 2}, KPA{Target: 2, Utilization: 0.7, Stable: time.Minute, PanicThreshold: 2, MaxUp: 1000, MaxDown: 2, Activation: 1, Grace: 30 * time.Second}, 1)
	sameRule(t, KEDA{Triggers: triggers}, KEDA{Triggers: triggers, UpTolerance: 0.1, DownTolerance: 0.1, Polling: 30 * time.Second, Cooldown: 300 * time.Second}, 1)
	sameRule(t, Ray{}, Ray{Target: 2, UpFactor: 1, DownFactor: 1, UpDelay: 30 * time.Second, DownDelay: 600 * time.Second, ToZeroDelay: 600 * time.Second, Interval: 100 * time.Millisecond}, 1)
	sameRule(t, APA{Setpoints: []float64{3}}, APA{Setpoints: []float64{3}, UpTolerance: 0.1, DownTolerance: 0.1, MaxUp: 2, MaxDown: 2, UpWindow: -1, DownWindow: 300 * time.Second}, 1)
	sameRule(t, AIBrixKPA{Setpoint: 3, Repaired: true}, AIBrixKPA{Setpoint: 3, Repaired: true, PanicThreshold: 2, MaxUp: 2, MaxDown: 2, Stable: 180 * time.Second, UpWindow: -1, DownWindow: 300 * time.Second}, 1)
	sameRule(t, WVASaturation{}, WVASaturation{KV: 0.8, Queue: 5, KVSpare: 0.1, QueueSpare: 3}, 2)
	sameRule(t, tokens, explicit, 3)
	sameRule(t, planner, planned, 1)
	sameRule(t, Nomad{Checks: []NomadCheck{{Target: 3}}}, Nomad{Checks: []NomadCheck{{Target: 3}}, Threshold: 0.01, Cooldown: 5 * time.Minute, UpCooldown: 5 * time.Minute}, 1)
	sameRule(t, AWS{Setpoints: []float64{3}}, AWS{Setpoints: []float64{3}, OutPoints: 3, InPoints: 15, InShare: 0.9, InStep: 0.1, OutCooldown: -1, InCooldown: 300 * time.Second, Period: time.Minute}, 1)
}

func sameRule[S any](t *testing.T, silent, explicit Rule[S], metrics int) {
	t.Helper()
	name := silent.Facts().Name
	equal(t, name, silent.Facts(), explicit.Facts())
	equal(t, name, transcript(silent, metrics, 3000), transcript(explicit, metrics, 3000))
}

// A rule is total: what Validate refuses is still no reason to panic or to
// divide by nothing.
func TestRefusedSettingsDoNoHarm(t *testing.T) {
	sameRule(t, Ray{Interval: -1}, Ray{}, 1)
	width, ok := Buckets{Width: -1}.Average([]Point{{at(1), 3}, {at(2), 5}, {at(2.5), 7}}, t0, at(3))
	equal(t, "a negative width", width, 4.5)
	equal(t, "a negative width", ok, true)
	p, d := DynamoBudget(3, -2, 0, 0, 10, -1)
	equal(t, "engines that take nothing", p, 3)
	equal(t, "fewer than no engines", d, 0)
	p, d = DynamoBudget(1<<62, 1<<62, 1<<62, 1<<62, 1<<62, 0)
	if p < 0 || d < 0 || p+d > 1<<21 {
		t.Errorf("more than there is: %d and %d", p, d)
	}
}
