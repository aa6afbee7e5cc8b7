package evenkeel_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel"
	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/actuatetest"
	"github.com/evenkeel/evenkeel/backpressure"
	policyfile "github.com/evenkeel/evenkeel/decide/policy"
	"github.com/evenkeel/evenkeel/gpu"
	"github.com/evenkeel/evenkeel/signal"
)

// The policy file that the README shows is one, for the pool that it shows.
func TestReadmePolicyFile(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(readme), "```yaml\n")
	text, after, closed := strings.Cut(rest, "```")
	if !ok || !closed || strings.Contains(after, "```yaml") {
		t.Fatal("README.md needs exactly one policy file")
	}
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	gate, err := backpressure.New(backpressure.Config{})
	if err != nil {
		t.Fatal(err)
	}
	gpus, err := gpu.NewSource(gpu.Config{Reader: gpu.None{}})
	if err != nil {
		t.Fatal(err)
	}
	target, err := actuate.New(actuate.Config{Target: &actuatetest.Fleet{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := evenkeel.New(evenkeel.Config{Pools: []evenkeel.Pool{{
		Gate: gate, Sources: []signal.Source{gpus}, PolicyFile: path, Target: target,
	}}}); err != nil {
		t.Error(err)
	}
	p, err := policyfile.Parse("README.md", []byte(text), append(gate.Defs(), gpus.Defs()...)...)
	if err != nil {
		t.Fatal(err)
	}
	if p.Limits.Min != 2 || p.Limits.Max != 16 || len(p.Config.Policies) != 1 || len(p.Config.Schedule) != 1 ||
		p.Config.Schedule[0].Zone != "Europe/Berlin" || p.Config.Schedule[0].From != 8*time.Hour || p.Config.Schedule[0].Min != 4 {
		t.Errorf("the file says %+v", p)
	}
}
