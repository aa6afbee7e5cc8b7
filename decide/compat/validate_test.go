package compat

import (
	"math"
	"strings"
	"testing"
	"time"
)

type validator interface {
	Facts() Facts
	Validate() error
}

func TestValidate(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	external := HPAMetric{Source: HPAExternal, Type: HPAAverageValue, Target: 1}
	good := throughput()
	with := func(f func(*DynamoThroughput)) DynamoThroughput { d := good; f(&d); return d }
	for _, c := range []struct {
		rule validator
		want string // part of the error, "" for none
	}{
		{HPA{Metrics: []HPAMetric{external}}, ""},
		{HPA{}, "Metrics is empty"},
		{HPA{Metrics: []HPAMetric{{Source: 9, Type: HPAValue, Target: 1}}}, "Metrics[0].Source"},
		{HPA{Metrics: []HPAMetric{{Type: 9, Target: 1}}}, "Metrics[0].Type"},
		{HPA{Metrics: []HPAMetric{{Source: HPAPods, Type: HPAUtilization, Target: 1}}}, "only a resource"},
		{HPA{Metrics: []HPAMetric{{Source: HPAPods, Type: HPAValue, Target: 1}}}, "takes HPAAverageValue"},
		{HPA{Metrics: []HPAMetric{{Target: nan}}}, "Metrics[0].Target"},
		{HPA{Metrics: []HPAMetric{external}, UpTolerance: nan}, "UpTolerance"},
		{HPA{Metrics: []HPAMetric{external}, DownTolerance: 2}, "DownTolerance"},
		{HPA{Metrics: []HPAMetric{external}, Behavior: &HPABehavior{Up: HPAScaling{Policies: []HPAPolicy{{Period: time.Second}}}}}, "Behavior.Up.Policies[0].Value"},
		{HPA{Metrics: []HPAMetric{external}, Behavior: &HPABehavior{Down: HPAScaling{Policies: []HPAPolicy{{Value: 1}}}}}, "Behavior.Down.Policies[0].Period"},
		{HPA{Metrics: []HPAMetric{external}, Behavior: &HPABehavior{Down: HPAScaling{Select: 9}}}, "Behavior.Down.Select"},
		{KPA{}, ""},
		{KPA{Target: inf}, "Target"},
		{KPA{Utilization: 2}, "Utilization"},
		{KPA{Stable: time.Second}, "Stable"},
		{KPA{Panic: time.Hour}, "Panic"},
		{KPA{PanicThreshold: 1}, "PanicThreshold"},
		{KPA{MaxUp: 1}, "MaxUp"},
		{KPA{MaxDown: 0.5}, "MaxDown"},
		{KPA{Burst: nan}, "Burst"},
		{KPA{DownDelay: -1}, "DownDelay"},
		{KPA{Activation: -1}, "Activation"},
		{KEDA{Triggers: []KEDATrigger{{Target: 1}}}, ""},
		{KEDA{}, "Triggers is empty"},
		{KEDA{Triggers: []KEDATrigger{{}}}, "Triggers[0].Target"},
		{KEDA{Triggers: []KEDATrigger{{Target: 1, Activation: nan}}}, "Triggers[0].Activation"},
		{KEDA{Triggers: []KEDATrigger{{}}, Formula: func([]float64, []bool) (float64, bool) { return 0, true }}, "Composite.Target"},
		{KEDA{Triggers: []KEDATrigger{{Target: 1}}, Polling: -1}, "Polling"},
		{KEDA{Triggers: []KEDATrigger{{Target: 1}}, Fallback: &KEDAFallback{Replicas: -1}}, "Fallback"},
		{KEDA{Triggers: []KEDATrigger{{Target: 1}}, Behavior: &HPABehavior{Up: HPAScaling{Select: 9}}}, "Behavior.Up.Select"},
		{Ray{}, ""},
		{Ray{Target: -1}, "Target"},
		{Ray{DownFactor: nan}, "DownFactor"},
		{Ray{Interval: -1}, "Interval"},
		{APA{Setpoints: []float64{1}}, ""},
		{APA{}, "APA: Setpoints is empty"},
		{APA{Setpoints: []float64{0}}, "Setpoints[0]"},
		{APA{Setpoints: []float64{1}, MaxUp: 1}, "MaxUp"},
		{APA{Setpoints: []float64{1}, DownTolerance: nan}, "tolerances"},
		{AIBrixKPA{Setpoint: 1}, ""},
		{AIBrixKPA{}, "AIBrixKPA: Setpoints[0]"},
		{AIBrixKPA{Setpoint: 1, PanicThreshold: nan}, "PanicThreshold"},
		{WVASaturation{}, ""},
		{WVASaturation{KV: nan}, "KV"},
		{WVATokens{KV: 1, Input: 1, Output: 1}, ""},
		{WVATokens{KV: 1, Input: 1}, "Output"},
		{WVATokens{KV: 1, Input: 1, Output: 1, Hit: 2}, "Hit"},
		{DynamoLoad{}, ""},
		{DynamoLoad{Role: 9}, "Role"},
		{good, ""},
		{with(func(d *DynamoThroughput) { d.KV = 0 }), "KV"},
		{with(func(d *DynamoThroughput) { d.Hit = nan }), "Hit"},
		{with(func(d *DynamoThroughput) { d.TTFT = -1 }), "TTFT"},
		{with(func(d *DynamoThroughput) { d.Model.DecodeBase = -1 }), "negative coefficient"},
		{Dynamo{Throughput: good}, ""},
		{Dynamo{Load: DynamoLoad{Floor: -1}, Throughput: good}, "Floor"},
		{Nomad{Checks: []NomadCheck{{}}}, ""},
		{Nomad{}, "Checks is empty"},
		{Nomad{Checks: []NomadCheck{{Target: -1}}}, "Checks[0].Target"},
		{Nomad{Checks: []NomadCheck{{}}, MaxUp: -1}, "MaxUp"},
		{AWS{Setpoints: []float64{1}}, ""},
		{AWS{}, "Setpoints is empty"},
		{AWS{Setpoints: []float64{nan}}, "Setpoints[0]"},
		{AWS{Setpoints: []float64{1}, InPoints: -1}, "InPoints"},
		{AWS{Setpoints: []float64{1}, InStep: 2}, "InStep"},
		{AWS{Setpoints: []float64{1}, Period: -1}, "Period"},
		{Layered[WVAState]{Inner: WVASaturation{KV: nan}}, "KV"},
		{Layered[WVAState]{Inner: WVASaturation{}, Outer: HPA{UpTolerance: nan}}, "UpTolerance"},
	} {
		err := c.rule.Validate()
		name := c.rule.Facts().Name
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "evenkeel: ")):
			t.Errorf("%s: %v, want an error about %q", name, err, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	equal(t, "counts", (Spec | Ready).String(), "spec+ready")
	equal(t, "no count", Count(0).String(), "none")
	equal(t, "a shape", Step.String(), "step")
	equal(t, "no shape", Shape(9).String(), "unknown")
	equal(t, "a kind", Changed.String(), "changed")
	equal(t, "no kind", Kind(9).String(), "unknown")
	equal(t, "layered", Layered[WVAState]{Inner: WVASaturation{}}.Facts().Name, "llm-d-wva-v1+hpa")
}
