package policy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/signal"
)

// What is wrong inside of an expression is said once, at its own place.
func TestMistakesInsideOfExpressions(t *testing.T) {
	s := known(t)
	for _, c := range []struct{ text, want string }{
		{"-) > 5", `at character 2: ")" closes nothing`},
		{"-", "at character 2: the expression ends here"},
		{"-(queue_depth > 5) > 2", `"-" needs a number`},
		{"--x{ > 5", "the brace is never closed"},
		{"not )", `at character 5: ")" closes nothing`},
		{"not not", "at character 8: the expression ends here"},
		{"not -queue_depth", `"not" needs a condition`},
		{"(queue_depth > 5 queue_age > 2s)", `at character 18: "queue_age" stands where ")" is expected`},
		{"(queue_depth > 5 5)", `at character 18: "5" stands where ")" is expected`},
		{"min(1 2) > queue_depth", `at character 7: "2" stands where ")" is expected`},
		{"min(queue_depth, > 5", `at character 18: ">" stands where`},
		{"min(queue_depth > 5, 2) > 5", `at character 17: ">" stands where ")" is expected`},
		{"min((queue_depth > 5), 2) > 5", `"min" needs a number`},
		{"min{chat}(queue_depth, 1) > 5", "at character 1: a function has no pool"},
		{"max() > 5", `at character 5: ")" closes nothing`},
		{"queue_depth + > 5", `at character 15: ">" stands where`},
		{"queue_depth > 5 and or", `at character 21: "or" stands where`},
		{"queue_depth > 5 and (in_flight", "at character 21: the parenthesis is never closed"},
		{"queue_depth > 5 or not queue_depth{", "the brace is never closed"},
		{"queue_depth > (5", "the parenthesis is never closed"},
		{"queue_depth{} > 5", `at character 12: "" is no pool`},
		{"queue_depth{ chat} > 5", `" chat" is no pool`},
		{"queue_depth{a{b} > 5", `"a{b" is no pool`},
		{"queue_depth{a\nb} > 5", "is no pool"},
		{"queue_depth{\xff} > 5", "is no pool"},
		{"gpu_utilization > 5.1", "write 5.1% or 0.051"},
		{"queue_depth > 5 and latency_p95 > 3 / 2s", "at character 33"},
	} {
		e, err := ParseExpression(c.text)
		if err == nil {
			_, err = e.Bind(s)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Count(err.Error(), "at character") != 1 {
			t.Errorf("%.60q: %v\nwant %s", c.text, err, c.want)
		}
	}
	for text, want := range map[string]string{"{request}/s": "requests per second", "{token}": "tokens", "By/s": "bytes per second", "s/{request}": "s per request", "{a}/s/s": "as per s^2", "By/{token}": "bytes per token", "1/s": "a number per second"} {
		if d, _ := dimensionOf(signal.Unit(text)); d.String() != want {
			t.Errorf("%s is called %s, want %s", text, d, want)
		}
	}
}

// Each mistake in a file is reported once, at its place, as many as there are.
func TestMistakesOfFiles(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"no max", "min: 2\n", []string{"evenkeel: f.yaml:1:1: max: it is missing", "evenkeel: f.yaml:1:1: policies: it is missing"}},
		{"no setpoint", "max: 2\npolicies:\n  a:\n    track: { signal: latency_p95 }\n", []string{"f.yaml:4:12: policies.a.track.setpoint: it is missing"}},
		{"two of the core's", minimal + "scale_up: { tolerance: 3 }\nscale_down: { tolerance: 4 }\n", []string{"f.yaml:6:24: scale_up.tolerance: it is 3", "f.yaml:7:26: scale_down.tolerance: it is 4"}},
		{"two of one policy's", strings.ReplaceAll(minimal, "unit_rate", "unit_rate, utilization: 300%, reserve: 1100%"), []string{"f.yaml:5:76: policies.demand.capacity.utilization: it is 3", "policies.demand.capacity.reserve"}},
		{"deep", "a: " + strings.Repeat("[", 60) + strings.Repeat("]", 60), []string{"deeper than 32 levels"}},
		{"amount", "max: 2\npolicies: { a: { track: { signal: gpu_utilization, setpoint: 5.1 } } }", []string{"setpoint: 5.1 is a share, where 1 is the whole: write 5.1%"}},
		{"a policy without a name", "max: 2\npolicies: { [a]: { weight: 2 } }", []string{"f.yaml:2:13: policies: a field is a list: its name must be a word", "policies"}},
	} {
		_, err := Parse("f.yaml", []byte(c.text))
		if err == nil {
			t.Errorf("%s: it is taken", c.name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v\nwant %s", c.name, err, want)
			}
		}
		if n := strings.Count(err.Error(), "f.yaml"); n > len(c.want) {
			t.Errorf("%s: %d mistakes are reported, not %d: %v", c.name, n, len(c.want), err)
		}
	}
	for _, text := range []string{strings.Repeat("[&a 1, ", 300) + strings.Repeat("]", 300), "x: [" + strings.Repeat("&a 1, ", 300) + "1]", "policies: {" + strings.Repeat("a: {b: 1}, ", 300) + "}"} {
		if _, err := Parse("f.yaml", []byte(text)); err == nil || strings.Count(err.Error(), "f.yaml") > maxErrors+1 {
			t.Errorf("%d mistakes are reported at once", strings.Count(err.Error(), "f.yaml"))
		}
	}
	twice := signal.Def{Key: signal.Key{Name: "x"}, Unit: "1"}
	if _, err := Parse("f.yaml", []byte(minimal), twice, twice); err == nil || !strings.Contains(err.Error(), "evenkeel: f.yaml: signals: ") {
		t.Errorf("a program with two signals of one name: %v", err)
	}
}

// A declaration may say a signal of evenkeel's own anew, the first of the list as
// well as the last.
func TestOwnSignalsDeclaredAnew(t *testing.T) {
	for _, n := range Names() {
		p := parseText(t, "max: 4\nsignals: { "+n.Short+": { unit: seconds, max_age: 77s } }\npolicies: { a: { track: { signal: "+n.Short+", setpoint: 2s } } }\n")
		if len(p.Config.Signals) != 1 || p.Config.Signals[0].Name != n.Def.Name || p.Config.Signals[0].MaxAge != 77e9 || p.Config.Signals[0].Unit != signal.Seconds {
			t.Errorf("%s: %+v", n.Short, p.Config.Signals)
		}
		same(t, p)
	}
	p := parseText(t, "max: 4\npolicies: { a: { track: { signal: gpu_utilization, setpoint: 5 } } }\nscale_down: { window: 1d }\n")
	if len(p.Config.Policies) != 1 {
		t.Errorf("five times the whole: %+v", p.Config.Policies)
	}
}

// A file may have 1 MiB, for Parse and for the Loader alike.
func TestLargestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	for size, ok := range map[int]bool{maxFile: true, maxFile + 1: false, maxFile + 2: false} {
		text := minimal + strings.Repeat("#", size-len(minimal))
		_, err := Parse("f.yaml", []byte(text))
		if (err == nil) != ok || !ok && !strings.Contains(err.Error(), "may have 1 MiB") {
			t.Errorf("%d bytes: %v", size, err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := NewLoader(LoaderConfig{Path: path}); (err == nil) != ok || !ok && !strings.Contains(err.Error(), "may have 1 MiB") {
			t.Errorf("%d bytes in a file: %v", size, err)
		}
	}
}
