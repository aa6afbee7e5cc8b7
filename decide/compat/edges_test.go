package compat

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/signal"
)

// What a setting may be ends where the documentation says: the last value is
// taken, and the next one refused.
func TestSettingsUpToTheirEdge(t *testing.T) {
	const sec = float64(time.Second)
	nan, inf := math.NaN(), math.Inf(1)
	span := func(x float64) time.Duration { return time.Duration(x) }
	hpa := func(f func(*HPA)) validator {
		h := HPA{Metrics: []HPAMetric{{Source: HPAExternal, Type: HPAAverageValue, Target: 1}}, Behavior: &HPABehavior{}}
		f(&h)
		return h
	}
	keda := func(f func(*KEDA)) validator {
		k := KEDA{Triggers: []KEDATrigger{{Target: 1}}, Fallback: &KEDAFallback{}}
		f(&k)
		return k
	}
	planner := func(f func(*DynamoThroughput)) validator { d := throughput(); f(&d); return d }
	tokens := func(f func(*WVATokens)) validator {
		w := WVATokens{KV: 1, Input: 1, Output: 1}
		f(&w)
		return w
	}
	aws := func(f func(*AWS)) validator { a := AWS{Setpoints: []float64{1}}; f(&a); return a }
	apa := func(f func(*APA)) validator { a := APA{Setpoints: []float64{1}}; f(&a); return a }
	type list []float64
	for _, c := range []struct {
		field     string
		rule      func(x float64) validator
		good, bad list
	}{
		{"Metrics[0].Target", func(x float64) validator { return hpa(func(h *HPA) { h.Metrics[0].Target = x }) }, list{1e-9}, list{0, -1, inf, nan}},
		{"Metrics[0].Source", func(x float64) validator {
			return HPA{Metrics: []HPAMetric{{Source: HPASource(x), Type: HPAAverageValue, Target: 1}}}
		}, list{0, 1, 2, 3, 4}, list{5}},
		{"Metrics[0].Type", func(x float64) validator {
			return HPA{Metrics: []HPAMetric{{Source: HPASource(x), Type: HPAUtilization, Target: 1}}}
		}, list{0, 1}, list{2, 3, 4}},
		{"Metrics[0].Type", func(x float64) validator {
			return HPA{Metrics: []HPAMetric{{Source: HPASource(x), Type: HPAValue, Target: 1}}}
		}, list{3, 4}, list{0, 1, 2}},
		{"UpTolerance", func(x float64) validator { return hpa(func(h *HPA) { h.UpTolerance = x }) }, list{-1, 0, 1e6}, list{1e6 + 1, nan}},
		{"DownTolerance", func(x float64) validator { return hpa(func(h *HPA) { h.DownTolerance = x }) }, list{-1, 0, 1}, list{1.01, nan}},
		{"Policies[0].Value", func(x float64) validator {
			return hpa(func(h *HPA) { h.Behavior.Up.Policies = []HPAPolicy{{Value: int64(x), Period: 1}} })
		}, list{1, math.MaxInt32}, list{0, -1, math.MaxInt32 + 1}},
		{"Policies[0].Period", func(x float64) validator {
			return hpa(func(h *HPA) { h.Behavior.Down.Policies = []HPAPolicy{{Value: 1, Period: span(x)}} })
		}, list{1}, list{0, -1}},
		{"Up.Select", func(x float64) validator { return hpa(func(h *HPA) { h.Behavior.Up.Select = HPASelect(x) }) }, list{0, 1, 2}, list{3}},
		{"Target", func(x float64) validator { return KPA{Target: x} }, list{0, 1e-3}, list{-1, inf, nan}},
		{"Utilization", func(x float64) validator { return KPA{Utilization: x} }, list{0, 0.01, 1}, list{-1, 1.01, nan}},
		{"Stable", func(x float64) validator { return KPA{Stable: span(x)} }, list{0, 6 * sec, 3600 * sec}, list{5.9 * sec, 3601 * sec, -1}},
		{"Panic", func(x float64) validator { return KPA{Panic: span(x)} }, list{0, 1, 60 * sec}, list{60*sec + 1, -1}},
		{"PanicThreshold", func(x float64) validator { return KPA{PanicThreshold: x} }, list{0, 1.1, 10}, list{1.09, 10.1, -1, nan}},
		{"MaxUp", func(x float64) validator { return KPA{MaxUp: x} }, list{0, 1.01}, list{1, 0.5, -1, inf, nan}},
		{"MaxDown", func(x float64) validator { return KPA{MaxDown: x} }, list{0, 1.01}, list{1, 0.5, -1, inf, nan}},
		{"Burst", func(x float64) validator { return KPA{Burst: x} }, list{-1, 0, inf}, list{nan}},
		{"DownDelay", func(x float64) validator { return KPA{DownDelay: span(x)} }, list{0, 1}, list{-1}},
		{"Retention", func(x float64) validator { return KPA{Retention: span(x)} }, list{0, 1}, list{-1}},
		{"Grace", func(x float64) validator { return KPA{Grace: span(x)} }, list{-1, 0, 1}, nil},
		{"Activation", func(x float64) validator { return KPA{Activation: int64(x)} }, list{0, 1}, list{-1}},
		{"Triggers[0].Target", func(x float64) validator { return keda(func(k *KEDA) { k.Triggers[0].Target = x }) }, list{1e-9}, list{0, -1, inf, nan}},
		{"Triggers[0].Activation", func(x float64) validator { return keda(func(k *KEDA) { k.Triggers[0].Activation = x }) }, list{-1, 0, 1}, list{inf, nan}},
		{"Polling", func(x float64) validator { return keda(func(k *KEDA) { k.Polling = span(x) }) }, list{0, 1}, list{-1}},
		{"Fallback", func(x float64) validator { return keda(func(k *KEDA) { k.Fallback.Replicas = int64(x) }) }, list{0, 1}, list{-1}},
		{"Fallback", func(x float64) validator { return keda(func(k *KEDA) { k.Fallback.After = int(x) }) }, list{0, 1}, list{-1}},
		{"Fallback", func(x float64) validator {
			return keda(func(k *KEDA) { k.Fallback.Behavior = KEDAFallbackBehavior(x) })
		}, list{0, 1, 2, 3}, list{4}},
		{"Target", func(x float64) validator { return Ray{Target: x} }, list{0, 0.1}, list{-1, inf, nan}},
		{"UpFactor", func(x float64) validator { return Ray{UpFactor: x} }, list{0, 0.1, 3}, list{-1, inf, nan}},
		{"DownFactor", func(x float64) validator { return Ray{DownFactor: x} }, list{0, 0.1, 3}, list{-1, inf, nan}},
		{"Interval", func(x float64) validator { return Ray{Interval: span(x)} }, list{0, 1}, list{-1}},
		{"Setpoints[0]", func(x float64) validator { return apa(func(a *APA) { a.Setpoints[0] = x }) }, list{1e-9}, list{0, -1, inf, nan}},
		{"MaxUp", func(x float64) validator { return apa(func(a *APA) { a.MaxUp = x }) }, list{0, 1.01}, list{1, 0.5, -1, inf, nan}},
		{"MaxDown", func(x float64) validator { return apa(func(a *APA) { a.MaxDown = x }) }, list{0, 1.01}, list{1, 0.5, -1, inf, nan}},
		{"tolerances", func(x float64) validator { return apa(func(a *APA) { a.UpTolerance = x }) }, list{-1, 0, 5}, list{inf, nan}},
		{"tolerances", func(x float64) validator { return apa(func(a *APA) { a.DownTolerance = x }) }, list{-1, 0, 1}, list{1.01, nan}},
		{"PanicThreshold", func(x float64) validator { return AIBrixKPA{Setpoint: 1, PanicThreshold: x} }, list{0, 1}, list{-1, nan}},
		{"Stable", func(x float64) validator { return AIBrixKPA{Setpoint: 1, Stable: span(x)} }, list{0, 1}, list{-1}},
		{"KVSpare", func(x float64) validator { return WVASaturation{KVSpare: x} }, list{-1, 0, 1}, list{inf, nan}},
		{"KV", func(x float64) validator { return tokens(func(w *WVATokens) { w.KV = x }) }, list{1}, list{0.9, 0, -1, inf, nan}},
		{"Input", func(x float64) validator { return tokens(func(w *WVATokens) { w.Input = x }) }, list{1}, list{0.9, inf}},
		{"Output", func(x float64) validator { return tokens(func(w *WVATokens) { w.Output = x }) }, list{1}, list{0.9, inf}},
		{"Batch", func(x float64) validator { return tokens(func(w *WVATokens) { w.Batch = x }) }, list{0, 0.5}, list{-0.1, nan}},
		{"Sequences", func(x float64) validator { return tokens(func(w *WVATokens) { w.Sequences = x }) }, list{0, 0.5}, list{-0.1, nan}},
		{"Hit", func(x float64) validator { return tokens(func(w *WVATokens) { w.Hit = x }) }, list{0, 1}, list{-0.1, 1.1, nan}},
		{"KVShare", func(x float64) validator { return tokens(func(w *WVATokens) { w.KVShare = x }) }, list{0, 0.5}, list{-0.1, nan}},
		{"Up", func(x float64) validator { return tokens(func(w *WVATokens) { w.Up = x }) }, list{0, 0.5}, list{-0.1, nan}},
		{"Down", func(x float64) validator { return tokens(func(w *WVATokens) { w.Down = x }) }, list{0, 0.5}, list{-0.1, nan}},
		{"Role", func(x float64) validator { return DynamoLoad{Role: DynamoRole(x)} }, list{0, 1, 2}, list{3}},
		{"Floor", func(x float64) validator { return DynamoLoad{Floor: int64(x)} }, list{0, 1}, list{-1}},
		{"Role", func(x float64) validator { return planner(func(d *DynamoThroughput) { d.Role = DynamoRole(x) }) }, list{0, 1, 2}, list{3}},
		{"Input", func(x float64) validator { return planner(func(d *DynamoThroughput) { d.Input = x }) }, list{1e-9}, list{0, -1, inf, nan}},
		{"Output", func(x float64) validator { return planner(func(d *DynamoThroughput) { d.Output = x }) }, list{1e-9}, list{0, -1, inf, nan}},
		{"Sequences", func(x float64) validator { return planner(func(d *DynamoThroughput) { d.Sequences = x }) }, list{1e-9}, list{0, -1, inf, nan}},
		{"Hit", func(x float64) validator { return planner(func(d *DynamoThroughput) { d.Hit = x }) }, list{0, 1}, list{-0.1, 1.1, nan}},
		{"TPOT", func(x float64) validator { return planner(func(d *DynamoThroughput) { d.TPOT = span(x) }) }, list{0, 1}, list{-1}},
		{"Interval", func(x float64) validator { return planner(func(d *DynamoThroughput) { d.Interval = span(x) }) }, list{0, 1}, list{-1}},
		{"negative coefficient", func(x float64) validator { return planner(func(d *DynamoThroughput) { d.Model.PrefillToken = x }) }, list{0, 1}, list{-1e-9, inf, nan}},
		{"Checks[0].Target", func(x float64) validator { return Nomad{Checks: []NomadCheck{{Target: x}}} }, list{0, 1}, list{-0.1, inf, nan}},
		{"Threshold", func(x float64) validator { return Nomad{Checks: []NomadCheck{{}}, Threshold: x} }, list{-1, 0, 1}, list{nan}},
		{"MaxUp", func(x float64) validator { return Nomad{Checks: []NomadCheck{{}}, MaxUp: int64(x)} }, list{0, 1}, list{-1}},
		{"MaxDown", func(x float64) validator { return Nomad{Checks: []NomadCheck{{}}, MaxDown: int64(x)} }, list{0, 1}, list{-1}},
		{"Setpoints[0]", func(x float64) validator { return aws(func(a *AWS) { a.Setpoints[0] = x }) }, list{1e-9}, list{0, -1, inf, nan}},
		{"OutPoints", func(x float64) validator { return aws(func(a *AWS) { a.OutPoints = int(x) }) }, list{0, 1}, list{-1}},
		{"InPoints", func(x float64) validator { return aws(func(a *AWS) { a.InPoints = int(x) }) }, list{0, 1}, list{-1}},
		{"InShare", func(x float64) validator { return aws(func(a *AWS) { a.InShare = x }) }, list{0, 1}, list{-0.1, 1.1, nan}},
		{"InStep", func(x float64) validator { return aws(func(a *AWS) { a.InStep = x }) }, list{0, 1}, list{-0.1, 1.1, nan}},
		{"Period", func(x float64) validator { return aws(func(a *AWS) { a.Period = span(x) }) }, list{0, 1}, list{-1}},
	} {
		for _, x := range c.good {
			if err := c.rule(x).Validate(); err != nil {
				t.Errorf("%s %s: %v is refused: %v", c.rule(x).Facts().Name, c.field, x, err)
			}
		}
		for _, x := range c.bad {
			if err := c.rule(x).Validate(); err == nil || !strings.Contains(err.Error(), c.field) {
				t.Errorf("%s %s: %v is taken, or refused for something else: %v", c.rule(x).Facts().Name, c.field, x, err)
			}
		}
	}
}

func TestWiringUpToItsEdge(t *testing.T) {
	feed := Feed{Signal: signal.Def{Key: signal.Key{Name: "x"}, Unit: "1"}}
	for _, c := range []struct {
		w  Wiring
		ok bool
	}{
		{feeds(feed), true}, {feeds(), false},
		{feeds(Feed{Signal: feed.Signal, Per: PerEach}), true}, {feeds(Feed{Signal: feed.Signal, Per: PerEach + 1}), false},
		{feeds(Feed{Signal: feed.Signal, Scale: 0.5}), true}, {feeds(Feed{Signal: feed.Signal, Scale: -1}), false},
		{feeds(Feed{Signal: feed.Signal, Scale: math.Inf(1)}), false},
		{Wiring{Feeds: []Feed{feed}, Tick: 1}, true}, {Wiring{Feeds: []Feed{feed}, Tick: -1}, false},
		{Wiring{Feeds: []Feed{feed}, Delay: -1}, true},
	} {
		if _, err := NewBaseline(KPA{}, c.w); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c.w, err)
		}
	}
}

// The same of a manifest, where the limits are those of Kubernetes.
func TestManifestUpToItsEdge(t *testing.T) {
	rate := func(kind, value, period string) string {
		return "  maxReplicas: 9\n  behavior: { scaleUp: { policies: [ { type: " + kind + ", value: " + value + ", periodSeconds: " + period + " } ] } }\n"
	}
	utilization := func(x string) string {
		return "  maxReplicas: 9\n  metrics: [ { type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: " + x + " } } } ]\n"
	}
	behavior := func(x string) string { return "  maxReplicas: 9\n  behavior: { scaleDown: { " + x + " } }\n" }
	for _, c := range []struct{ spec, want string }{
		{"  minReplicas: 1\n  maxReplicas: 1\n", ""},
		{"  minReplicas: 9\n  maxReplicas: 9\n", ""},
		{"  maxReplicas: 2147483647\n", ""},
		{"  maxReplicas: 2147483648\n", "spec.maxReplicas"},
		{"  minReplicas: -1\n  maxReplicas: 9\n", "spec.minReplicas"},
		{"  minReplicas: 2147483648\n  maxReplicas: 9\n", "from 0 to 2147483647"},
		{rate("Pods", "1", "1"), ""},
		{rate("Percent", "2147483647", "1800"), ""},
		{rate("Pods", "0", "15"), "value"},
		{rate("Pods", "2147483648", "15"), "value"},
		{rate("Pods", "1", "0"), "periodSeconds"},
		{"  maxReplicas: 9\n  behavior: { scaleUp: { policies: [ { value: 1, periodSeconds: 15 } ] } }\n", "needs type"},
		{"  maxReplicas: 9\n  behavior: { scaleUp: { policies: [ { type: Pods, periodSeconds: 15 } ] } }\n", "needs type"},
		{"  maxReplicas: 9\n  behavior: { scaleUp: { policies: [ { type: Pods, value: 15 } ] } }\n", "needs type"},
		{utilization("1"), ""}, {utilization("250"), ""}, {utilization("0"), "from 1 to"}, {utilization("2147483648"), "from 1 to"},
		{behavior("stabilizationWindowSeconds: 0"), ""}, {behavior("stabilizationWindowSeconds: 3600"), ""}, {behavior("stabilizationWindowSeconds: -1"), "from 0 to 3600"},
		{behavior("tolerance: 0"), ""}, {behavior("tolerance: 1"), ""},
	} {
		_, report, err := FromHPA([]byte(manifestOf(c.spec)))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s\nis refused: %v", c.spec, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s\n%v, want an error about %s", c.spec, err, c.want)
		case c.want == "" && strings.Contains(c.spec, "tolerance") && has(report, Changed, "tolerance"):
			t.Errorf("%s\nis changed: %s", c.spec, &report)
		}
	}
	for _, c := range []struct {
		spec string
		kind Kind
		path string
	}{
		{behavior("tolerance: \"1.1\""), Changed, "spec.behavior.scaleDown.tolerance"},
		{"  minReplicas: 0\n  maxReplicas: 9\n  metrics: [ { type: External, external: { metric: { name: q }, target: { type: Value, value: 5 } } } ]\n", Changed, "spec.metrics[0]"},
		{"  minReplicas: 0\n  maxReplicas: 9\n  metrics: [ { type: Object, object: { describedObject: { kind: Service, name: s }, metric: { name: q }, target: { type: Value, value: 5 } } } ]\n", Changed, "spec.metrics[0]"},
		{"  maxReplicas: 2147483647\n", Changed, "spec.maxReplicas"},
	} {
		_, report, err := FromHPA([]byte(manifestOf(c.spec)))
		if err != nil || !has(report, c.kind, c.path) {
			t.Errorf("%s\n%v; the report does not say what becomes of %s: %s", c.spec, err, c.path, &report)
		}
	}
	// A tolerance with more digits than people write in percent is written as it is.
	out, _, err := FromHPA([]byte(manifestOf(behavior("tolerance: \"0.123456789\""))))
	if err != nil || !strings.Contains(string(out), "tolerance: 0.123456789\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

func has(r Report, kind Kind, path string) bool {
	for _, i := range r.Items {
		if i.Kind == kind && strings.HasSuffix(i.Path, path) {
			return true
		}
	}
	return false
}

func TestEveryQuantity(t *testing.T) {
	for text, want := range map[string]float64{
		"5n": 5e-9, "5u": 5e-6, "5m": 0.005, "5": 5, "5k": 5e3, "5M": 5e6, "5G": 5e9, "5T": 5e12, "5P": 5e15, "5E": 5e18,
		"5Ki": 5 << 10, "5Mi": 5 << 20, "5Gi": 5 << 30, "5Ti": 5 << 40, "5Pi": 5 << 50, "5Ei": 5 << 60,
		"1.5Gi": 3 << 29, "-3": -3, "+2e3": 2000, "2E-3": 0.002, "0.1": 0.1,
	} {
		if got, err := parseQuantity(text); err != nil || got != want {
			t.Errorf("%s is %v, %v, want %v", text, got, err, want)
		}
	}
}
