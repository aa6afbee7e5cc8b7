package compat

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// manifestOf is a manifest with these lines in its spec.
func manifestOf(spec string) string {
	return "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: { name: x }\nspec:\n" +
		"  scaleTargetRef: { kind: Deployment, name: x }\n" + spec
}

func TestFromHPARefuses(t *testing.T) {
	const metric = "  maxReplicas: 5\n  metrics:\n    - "
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "empty"},
		{"a comment", "# nothing\n", "empty"},
		{"no yaml", "a: [", "neither YAML nor JSON"},
		{"a list", "- 1", "must be a group of fields"},
		{"two documents", manifestOf("  maxReplicas: 5\n") + "---\n" + manifestOf("  maxReplicas: 5\n"), "several documents"},
		{"a second that is broken", manifestOf("  maxReplicas: 5\n") + "---\n[", "several documents"},
		{"version 1", "apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\n", "autoscaling/v2"},
		{"a deployment", "apiVersion: apps/v1\nkind: Deployment\n", "HorizontalPodAutoscaler"},
		{"no maximum", manifestOf("  minReplicas: 1\n"), "spec.maxReplicas: it is missing"},
		{"no target", "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nspec: { maxReplicas: 3 }\n", "spec.scaleTargetRef: it is missing"},
		{"least above most", manifestOf("  minReplicas: 9\n  maxReplicas: 5\n"), "the least must not be above the most"},
		{"zero without a way back", manifestOf("  minReplicas: 0\n  maxReplicas: 5\n"), "nothing could ever start"},
		{"a maximum of 0", manifestOf("  maxReplicas: 0\n"), "line 6: spec.maxReplicas"},
		{"a fraction", manifestOf("  maxReplicas: 2.5\n"), "whole number"},
		{"a text", manifestOf("  maxReplicas: \"5\"\n"), "whole number"},
		{"twice", manifestOf("  maxReplicas: 5\n  maxReplicas: 6\n"), "given twice"},
		{"an alias", manifestOf("  maxReplicas: &a 5\n  minReplicas: *a\n"), "an alias"},
		{"a merge", manifestOf("  maxReplicas: 5\n  <<: { minReplicas: 2 }\n"), "write merged and shared parts out"},
		{"no block", manifestOf(metric + "type: Resource\n"), "0 blocks"},
		{"another block", manifestOf(metric + "{ type: Pods, resource: { name: cpu, target: { type: Utilization, averageUtilization: 5 } } }\n"), "1 blocks"},
		{"no name", manifestOf(metric + "{ type: Resource, resource: { target: { type: Utilization, averageUtilization: 5 } } }\n"), "no name"},
		{"no container", manifestOf(metric + "{ type: ContainerResource, containerResource: { name: cpu, target: { type: Utilization, averageUtilization: 5 } } }\n"), "no container"},
		{"no target value", manifestOf(metric + "{ type: Resource, resource: { name: cpu, target: { type: Utilization } } }\n"), "has 0 values"},
		{"no target", manifestOf(metric + "{ type: Resource, resource: { name: cpu } }\n"), "has 0 values"},
		{"value of pods", manifestOf(metric + "{ type: Pods, pods: { metric: { name: q }, target: { type: Value, value: 5 } } }\n"), "target"},
		{"utilisation of an external metric", manifestOf(metric + "{ type: External, external: { metric: { name: q }, target: { type: Utilization, averageUtilization: 5 } } }\n"), "target"},
		{"a negative target", manifestOf(metric + "{ type: External, external: { metric: { name: q }, target: { type: Value, value: \"-5\" } } }\n"), "above 0"},
		{"no quantity", manifestOf(metric + "{ type: External, external: { metric: { name: q }, target: { type: Value, value: 5x } } }\n"), "no quantity"},
		{"no policies", manifestOf("  maxReplicas: 5\n  behavior: { scaleUp: { policies: [] } }\n"), "it is empty"},
		{"half a policy", manifestOf("  maxReplicas: 5\n  behavior: { scaleUp: { policies: [ { type: Pods } ] } }\n"), "needs type, value and periodSeconds"},
		{"a policy's type", manifestOf("  maxReplicas: 5\n  behavior: { scaleUp: { policies: [ { type: Nodes, value: 1, periodSeconds: 15 } ] } }\n"), "neither Pods nor Percent"},
		{"a long period", manifestOf("  maxReplicas: 5\n  behavior: { scaleUp: { policies: [ { type: Pods, value: 1, periodSeconds: 1801 } ] } }\n"), "from 1 to 1800"},
		{"a selection", manifestOf("  maxReplicas: 5\n  behavior: { scaleUp: { selectPolicy: Some } }\n"), "none of Max, Min and Disabled"},
		{"a long window", manifestOf("  maxReplicas: 5\n  behavior: { scaleDown: { stabilizationWindowSeconds: 3601 } }\n"), "from 0 to 3600"},
		{"a negative tolerance", manifestOf("  maxReplicas: 5\n  behavior: { scaleDown: { tolerance: \"-0.1\" } }\n"), "it is negative"},
		{"a name with a line in it", "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: { name: \"x\\nmin: 0\" }\n", "is no name"},
		{"too large", strings.Repeat("#", maxManifest+1), "at most"},
	} {
		out, report, err := FromHPA([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
		if out != nil || len(report.Items)+len(report.Signals) > 0 {
			t.Errorf("%s: something came of it all the same: %q", c.name, out)
		}
	}
}

// TestFromHPATellsAll: whatever is in a manifest is either carried over or named
// in the report, unknown fields at every level among them.
func TestFromHPATellsAll(t *testing.T) {
	_, report, err := FromHPA([]byte(manifestOf(`  maxReplicas: 5
  extra1: { deep: 1 }
  metrics:
    - type: External
      extra2: 1
      external:
        extra3: 1
        metric: { name: q, extra4: 1 }
        target: { type: Value, value: 5, extra5: [1] }
  behavior:
    extra6: 1
    scaleUp:
      extra7: 1
      policies: [ { type: Pods, value: 1, periodSeconds: 15, extra8: 1 } ]
extra9: 1
`)))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"spec.extra1", "spec.metrics[0].extra2", "spec.metrics[0].external.extra3",
		"spec.metrics[0].external.metric.extra4", "spec.metrics[0].external.target.extra5", "spec.behavior.extra6",
		"spec.behavior.scaleUp.extra7", "spec.behavior.scaleUp.policies[0].extra8", "extra9"} {
		found := false
		for _, i := range report.Items {
			found = found || i.Path == path && i.Kind == Unknown
		}
		if !found {
			t.Errorf("%s is not in the report:\n%s", path, &report)
		}
	}
	if report.Complete() {
		t.Error("a report with unknown fields says that it is complete")
	}
}

// TestFromHPAManyMetrics: more than a policy file holds are named, not dropped.
func TestFromHPAManyMetrics(t *testing.T) {
	spec := "  maxReplicas: 5\n  metrics:\n"
	for range maxTracks + 2 {
		spec += "    - { type: External, external: { metric: { name: same }, target: { type: AverageValue, averageValue: 1 } } }\n"
	}
	_, report, err := FromHPA([]byte(manifestOf(spec)))
	if err != nil {
		t.Fatal(err)
	}
	left := 0
	for _, i := range report.Items {
		if i.Kind == Left {
			left++
		}
	}
	if len(report.Signals) != maxTracks || left != 2 {
		t.Errorf("%d signals and %d left: want %d and 2", len(report.Signals), left, maxTracks)
	}
}

func TestParseQuantity(t *testing.T) {
	for s, want := range map[string]float64{
		"10": 10, "500m": 0.5, "1.5": 1.5, "2k": 2000, "1Ki": 1024, "1.5Gi": 1.5 * (1 << 30), "3e2": 300, "3E2": 300, "1E": 1e18,
		"-5": -5, "+5": 5, "100u": 1e-4, "7n": 7e-9, "1e-3": 1e-3, "70m": 0.07,
	} {
		if v, err := parseQuantity(s); err != nil || v != want {
			t.Errorf("%q: got %v, %v, want %v", s, v, err, want)
		}
	}
	for _, s := range []string{"", "m", "x", "5x", "5 m", "inf", "NaN", "0x10", "1_0", "1e", "e5", "1e9999", "1Kib", "5mm", "--5", "1.2.3", "5e5x", "１"} {
		if v, err := parseQuantity(s); err == nil {
			t.Errorf("%q was read as %v", s, v)
		}
	}
}

func FuzzFromHPA(f *testing.F) {
	f.Add([]byte(manifestOf("  maxReplicas: 5\n")))
	f.Add([]byte(manifestOf("  minReplicas: 0\n  maxReplicas: 5\n  metrics:\n    - { type: External, external: { metric: { name: \"a|b c\" }, target: { type: AverageValue, averageValue: 1500m } } }\n")))
	f.Add([]byte(`{"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","spec":{"scaleTargetRef":{"kind":"D","name":"x"},"maxReplicas":3,"behavior":{"scaleUp":{"tolerance":"0.3","policies":[{"type":"Percent","value":50,"periodSeconds":15}]}}}}`))
	f.Add([]byte("a: &a [*a, *a]"))
	f.Add([]byte("<<: {a: 1}\nspec: null\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		out, report, err := FromHPA(text)
		if err != nil {
			if out != nil || len(report.Items) > 0 {
				t.Fatal("an error, and something came of it all the same")
			}
			if strings.Contains(err.Error(), "is no policy") {
				t.Fatal(err) // a manifest that is good must become one
			}
			return
		}
		var file struct {
			Min, Max *int64
			Policies map[string]any
			Signals  map[string]any
		}
		if err := yaml.Unmarshal(out, &file); err != nil {
			t.Fatalf("not YAML: %v\n%s", err, out)
		}
		if file.Min == nil || file.Max == nil || *file.Min > *file.Max || len(file.Policies) == 0 || len(file.Policies) != len(file.Signals) {
			t.Fatalf("no whole policy:\n%s", out)
		}
		again, _, _ := FromHPA(text)
		if string(again) != string(out) {
			t.Fatal("not the same twice")
		}
		_ = report.String()
	})
}
