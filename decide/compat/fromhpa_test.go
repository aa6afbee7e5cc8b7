package compat

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/decide/policy"
	"github.com/evenkeel/evenkeel/signal"
)

// TestFromHPAGolden turns every manifest under testdata/hpa into what lies beside
// it. With EVENKEEL_UPDATE=1 the files are written anew.
func TestFromHPAGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/hpa/*")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, path := range paths {
		ext := filepath.Ext(path)
		if strings.Contains(path, ".policy.") || ext != ".yaml" && ext != ".json" {
			continue
		}
		seen++
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		policy, report, err := FromHPA(text)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		base := strings.TrimSuffix(path, ext)
		golden(t, base+".policy.yaml", policy)
		golden(t, base+".report.txt", []byte(report.String()))
	}
	if seen < 4 {
		t.Errorf("%d manifests found", seen)
	}
}

// TestFromHPAMeans: the policy that comes of the full manifest decides by what
// that says.
func TestFromHPAMeans(t *testing.T) {
	text, err := os.ReadFile("testdata/hpa/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file, _, err := FromHPA(text)
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Parse("full.policy.yaml", file)
	if err != nil {
		t.Fatal(err)
	}
	key := func(name string) signal.Key { return signal.Key{Name: name} }
	want := map[string]decide.Spec{
		"cpu":                       decide.Track{Signal: key("k8s.pod.cpu_request_utilization"), Setpoint: 0.7},
		"memory":                    decide.Track{Signal: key("k8s.pod.memory.usage"), Setpoint: 1536 << 20},
		"cpu_2":                     decide.Track{Signal: key("k8s.container.engine.cpu.usage"), Setpoint: 3.5},
		"vllm_num_requests_waiting": decide.Track{Signal: key("vllm:num_requests_waiting"), Setpoint: 5},
		"requests_per_second":       decide.Track{Signal: key("requests_per_second"), Setpoint: 2000},
		"requests_per_second_2":     decide.Track{Signal: key("requests_per_second_2"), Setpoint: 12.5, Total: true},
		"pubsub.googleapis.com_subscription_num_u": decide.Track{
			Signal: key("pubsub.googleapis.com_subscription_num_undelivered_messages"), Setpoint: 30, Total: true},
	}
	for _, s := range p.Config.Policies {
		if s.Spec != want[s.Name] {
			t.Errorf("policy %s: got %+v, want %+v", s.Name, s.Spec, want[s.Name])
		}
		delete(want, s.Name)
	}
	if len(want) > 0 {
		t.Errorf("policies missing: %v", want)
	}
	equal(t, "limits", p.Limits, decide.Limits{Min: 2, Max: 40})
	up, down := p.Config.Up, p.Config.Down
	equal(t, "up tolerance", up.Tolerance, 0.05)
	equal(t, "up window", up.Window, 45*time.Second)
	equal(t, "up select", up.Select, decide.SelectMin)
	if want := []decide.Rate{{Share: 2, Period: time.Minute}, {Count: 6, Period: 30 * time.Second}}; !slices.Equal(up.Rates, want) {
		t.Errorf("up rates: %v, want %v", up.Rates, want)
	}
	equal(t, "down tolerance", down.Tolerance, 0.1)
	equal(t, "down window", down.Window, -1) // off, as 0 there
	if want := []decide.Rate{{Share: 0.1, Period: time.Minute}}; !slices.Equal(down.Rates, want) {
		t.Errorf("down rates: %v, want %v", down.Rates, want)
	}
}

// TestFromHPANames: a metric may be called anything, and the policy is still one.
func TestFromHPANames(t *testing.T) {
	for _, name := range []string{"and", "NOT", "demand", "queue_depth", "hw.gpu.utilization", "9lives", "a-b/c", "s0-prometheus", "…", "ü", "a b",
		"x{y}", "off", "true", "null", "1e3", "k8s.pod.cpu_request_utilization", ".", ":", "'", "\\\"", "#x", "latency_p95", "- a", strings.Repeat("x", 900)} {
		text := manifestOf("  maxReplicas: 5\n  metrics:\n    - { type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 50 } } }\n" +
			"    - { type: External, external: { metric: { name: \"" + name + "\" }, target: { type: AverageValue, averageValue: 7 } } }\n")
		file, report, err := FromHPA([]byte(text))
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		p, err := policy.Parse("policy", file)
		if err != nil || len(p.Config.Policies) != 2 || len(p.Config.Signals) != 2 {
			t.Errorf("%q: %v\n%s", name, err, file)
			continue
		}
		equal(t, name, p.Config.Signals[1].Name, report.Signals[1].Name)
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if os.Getenv("EVENKEEL_UPDATE") != "" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}
