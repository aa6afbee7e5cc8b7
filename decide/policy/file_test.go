package policy

import (
	"cmp"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

var update = flag.Bool("update", false, "write policy.schema.json anew")

const minimal = `
min: 2
max: 16
policies:
  demand: { capacity: { demand: demand_work, rate: unit_rate } }
`

func parseText(t testing.TB, text string, signals ...signal.Def) Policy {
	t.Helper()
	p, err := Parse("policy.yaml", []byte(text), signals...)
	if err != nil {
		t.Fatalf("%v\n%.300s", err, text)
	}
	return p
}

func TestFileErrors(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown field", "mni: 2", "f.yaml:1:1: mni: there is no such field: did you mean min?"},
		{"twice", "min: 2\nmax: 3\nmin: 4", "f.yaml:3:1: min: it is given twice, first in line 1"},
		{"wrong unit", "scale_up: { tolerance: 5m }", "f.yaml:1:24: scale_up.tolerance: 5m is a time: write a share such as 70%"},
		{"a negative share", "scale_up: { tolerance: -0.5 }", "f.yaml:1:24: scale_up.tolerance: -0.5 is negative: write off"},
		{"a negative time", "scale_up: { window: -1s }", "f.yaml:1:21: scale_up.window: -1s is negative: write off"},
		{"no unit", "scale_down:\n  window: 180", "f.yaml:2:11: scale_down.window: 180 is a plain number: write a time"},
		{"fraction", "min: 2.5", "min: it is \"2.5\": write a whole number"},
		{"hexadecimal", "min: 0x10", "min: it is \"0x10\": write a whole number"},
		{"negative", "min: -1", "min: it is \"-1\": write a whole number"},
		{"infinite", "budget: { price: .inf }", "budget.price"},
		{"quoted number", `min: "2"`, "min: it is \"2\": write a whole number"},
		{"empty value", "min:", "min: it is empty"},
		{"a list", "scale_up: [1]", "scale_up: it is a list: write fields"},
		{"fields", "schedule: { min: 2 }", "schedule: it is a group of fields: write a list"},
		{"a group for a scalar", "tick: { a: 1 }", "tick: it is a group of fields: write a time"},
		{"enum", "combine: { up: most }", "combine.up: \"most\" is none of max, min, all, weighted"},
		{"bool", "scale_up: { fast: 1 }", "scale_up.fast: it is \"1\": write true or false"},
		{"fast and slow", "scale_up: { fast: true, window: 5m }", "f.yaml:1:25: scale_up.window: it contradicts fast"},
		{"share above one", "scale_up: { tolerance: 70 }", "70 is a share, where 1 is the whole: write 70%"},
		{"not to be switched off", "scale_down: { rate: { count: 2, period: off } }", "scale_down.rate.period: off is not possible here"},
		{"day", "schedule: [{ days: mo-fr }]", "schedule[0].days: \"mo\" is no day"},
		{"clock", `schedule: [{ from: "8" }]`, "schedule[0].from: \"8\" is no time of the day"},
		{"alias", "min: &a 2\nmax: *a", "anchors and aliases are not allowed"},
		{"merge", "a: { b: 1 }\n<<: { min: 2 }", "merge keys are not allowed"},
		{"tag", "min: !!int 2", "the tag !!int is not allowed"},
		{"second document", "min: 2\n---\nmax: 3", "f.yaml:2:1: a second document begins here"},
		{"no mapping", "- 1", "f.yaml:1:1: it is a list"},
		{"nothing", "# nothing\n", "it is empty: give it min"},
		{"no yaml", "min: [", "f.yaml:1:1: it is neither YAML nor JSON"},
		{"deep", "a: " + strings.Repeat("[", 40) + strings.Repeat("]", 40), "deeper than 32 levels"},
		{"long", strings.Repeat("#", maxFile+1), "1 MiB"},
		{"preset", "extends: chatt", "f.yaml:1:10: extends: \"chatt\" is no preset: did you mean chat?"},
		{"no max", "min: 2\npolicies: {}", "max: it is missing"},
		{"max below min", strings.ReplaceAll(minimal, "16", "1"), "f.yaml:3:6: max: it is 1: it must be at least 1, no less than min, which is 2"},
		{"no policies", "max: 2", "policies: it is missing"},
		{"no kind", "max: 2\npolicies: { a: { weight: 2 } }", "f.yaml:2:13: policies.a: it has 0 kinds"},
		{"two kinds", "max: 2\npolicies: { a: { track: { signal: gpu_utilization, setpoint: 70% }, backlog: { queue: queue_depth, per_replica: 2/s } } }", "it has 2 kinds"},
		{"off without one", minimal + "  x: off", "policies.x: there is none that could be taken away"},
		{"signal", strings.ReplaceAll(minimal, "demand_work", "demand_wrk"), `f.yaml:5:33: policies.demand.capacity.demand: no signal is called "demand_wrk": did you mean demand_work?`},
		{"setpoint", "max: 2\npolicies: { a: { track: { signal: gpu_utilization, setpoint: 70 } } }", "setpoint: 70 is a share, where 1 is the whole: write 70%"},
		{"setpoint's unit", "max: 2\npolicies: { a: { track: { signal: latency_p95, setpoint: 70% } } }", "70% is a share, and the signal is a time"},
		{"no setpoint", "max: 2\npolicies: { a: { track: { signal: latency_p95 } } }", "policies.a.track.setpoint: it is missing"},
		{"no rate", "max: 2\npolicies: { a: { capacity: { demand: demand } } }", "give it either rate"},
		{"the core's", minimal + "scale_up: { tolerance: 3 }", "f.yaml:6:24: scale_up.tolerance: it is 3: it is a share, at most 1"},
		{"the policy's", strings.ReplaceAll(minimal, "unit_rate", "unit_rate, utilization: 300%"), "f.yaml:5:76: policies.demand.capacity.utilization: it is 3"},
		{"zone", minimal + "schedule: [{ min: 3, zone: Nowhere/Land }]", "Nowhere/Land"},
		{"unit", minimal + "signals: { jobs: { quantile: 0.5 } }", "f.yaml:6:12: signals.jobs"},
		{"longer than a year", "scale_down: { window: 366d }", "scale_down.window: 366d is longer than a year"},
		{"nothing as a setpoint", "max: 2\npolicies: { a: { track: { signal: gpu_utilization, setpoint: 0 } } }", "setpoint: 0: it must be above 0"},
		{"a condition", "max: 2\nup: { when: \"queue_depth >\" }", "the expression ends here"},
		{"extends itself", "extends: [chat]", "is no preset"},
		{"a list as a text", "max: 2\nschedule: [ { zone: [a] } ]", "zone: it is a list"},
		{"true as a text", "max: 2\npolicies: { a: { track: { signal: true } } }", "signal: it is"},
		{"name", strings.ReplaceAll(minimal, "demand: {", `"a b": {`), "is \"a b\": use 1 to 48 letters"},
	} {
		_, err := Parse("f.yaml", []byte(c.text))
		var fe *FileError
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.As(err, &fe) {
			t.Errorf("%s: %v\nwant %s", c.name, err, c.want)
		}
	}
	_, err := Parse("f.yaml", []byte("mni: 2\nmin: x\nscale_up: { tolerance: 5m, window: 3 }\n"))
	if n := strings.Count(err.Error(), "f.yaml:"); n != 4 {
		t.Errorf("%d of 4 mistakes are reported: %v", n, err)
	}
}

func TestJSONIsRead(t *testing.T) {
	yaml := parseText(t, minimal)
	json := parseText(t, "{\n\t\"min\": 2, \"max\": 16,\n\t\"policies\": {\"demand\": {\"capacity\": {\"demand\": \"demand_work\", \"rate\": \"unit_rate\"}}}\n}\n")
	if !reflect.DeepEqual(yaml, json) {
		t.Errorf("YAML gives %+v\nJSON gives %+v", yaml, json)
	}
}

// A program that says which signals it has gets exactly these, and a file that
// needs another is refused.
func TestSignalsOfTheProgram(t *testing.T) {
	var defs []signal.Def
	for _, n := range Names() {
		d := n.Def
		d.Pool = "chat"
		defs = append(defs, d)
	}
	p := parseText(t, minimal, defs...)
	if !reflect.DeepEqual(p.Config.Signals, func() []signal.Def {
		s, _ := signal.NewSchema(defs...)
		return s.Defs()
	}()) {
		t.Error("Config.Signals are not those of the program")
	}
	if got := p.Config.Policies[0].Spec.(decide.Capacity).Demand; got != (signal.Key{Name: signal.NameDemandWork, Pool: "chat"}) {
		t.Errorf("demand is %v", got)
	}
	if _, err := Parse("f.yaml", []byte(minimal), defs[:2]...); err == nil || !strings.Contains(err.Error(), "unit_rate") {
		t.Errorf("a signal that is not there: %v", err)
	}
	if _, err := Parse("f.yaml", []byte(minimal+"signals: { jobs: { unit: requests } }"), defs...); err == nil {
		t.Error("a declared signal that no source has was taken")
	}
	if _, err := Parse("f.yaml", []byte(minimal+"signals: { \"demand{chat}\": { unit: seconds } }"), defs...); err == nil {
		t.Error("a declaration that contradicts the source was taken")
	}
}

func TestDeclaredSignals(t *testing.T) {
	p := parseText(t, `
max: 4
signals:
  jobs: { unit: "{job}", merge: max, max_age: 1m }
  latency: { unit: seconds, quantile: 0.99 }
policies:
  jobs: { track: { signal: jobs, setpoint: 3, total: true } }
  slow: { track: { signal: latency_p99, setpoint: 800ms } }
`)
	want := []signal.Def{
		{Key: signal.Key{Name: signal.NameDuration}, Unit: signal.Seconds, Quantile: 0.99, Merge: signal.MergeDistribution, MaxAge: signal.DefaultMaxAge},
		{Key: signal.Key{Name: "jobs"}, Unit: "{job}", Merge: signal.MergeMax, MaxAge: 60e9},
	}
	if !reflect.DeepEqual(p.Config.Signals, want) {
		t.Errorf("signals are %+v\nwant %+v", p.Config.Signals, want)
	}
	if got := p.Config.Policies[1].Spec.(decide.Track).Setpoint; got != 0.8 {
		t.Errorf("setpoint is %v", got)
	}
	same(t, p)
}

// same checks that p survives being written and read, with and without defaults.
func same(t testing.TB, p Policy) {
	t.Helper()
	text, err := Format(p)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("again.yaml", text, p.Config.Signals...)
	if err != nil {
		t.Fatalf("%v\n%.300s", err, text)
	}
	if a, b := withoutZeros(p), withoutZeros(again); !reflect.DeepEqual(a, b) {
		t.Fatalf("%+v\nis written as\n%s\nwhich reads as\n%+v", a, text, b)
	}
	full, err := Effective(p)
	if err != nil {
		t.Fatal(err)
	}
	again, err = Parse("full.yaml", full, p.Config.Signals...)
	if err != nil {
		t.Fatalf("%v\n%s", err, full)
	}
	a, b := p.Config.WithDefaults(), again.Config.WithDefaults()
	a.Policies, b.Policies = nil, nil
	for i, w := range a.Schedule { // which have no defaults of their own
		a.Schedule[i].Zone = cmp.Or(w.Zone, "UTC")
		a.Schedule[i].Days = cmp.Or(w.Days, decide.EveryDay)
	}
	if !reflect.DeepEqual(a, b) {
		t.Fatalf("%+v\nis in full\n%s\nwhich reads as\n%+v", a, full, b)
	}
	if fuller, err := Effective(again); err != nil || string(fuller) != string(full) {
		t.Fatalf("in full\n%s\nand again\n%s\n%v", full, fuller, err)
	}
}

// withoutZeros levels what means the same.
func withoutZeros(p Policy) Policy {
	for i, s := range p.Config.Policies {
		if s.Weight == 0 {
			p.Config.Policies[i].Weight = 1
		}
		if rule, ok := s.Spec.(decide.Rule); ok { // places in the text are no part of what it means
			for _, step := range []*decide.Step{&rule.Up, &rule.Down} {
				if e, ok := step.When.(Expression); ok {
					step.When, _ = ParseExpression(e.String())
				}
			}
			p.Config.Policies[i].Spec = rule
		}
	}
	return p
}

func TestSchemaIsPublished(t *testing.T) {
	want, err := generateSchema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("policy.schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(want) != Schema() {
		t.Error("policy.schema.json is not what the fields say: run go test ./decide/policy -run Schema -update")
	}
}

// What decide/compat makes of other scalers' manifests are policy files.
func TestConvertedManifestsAreRead(t *testing.T) {
	paths, err := filepath.Glob("../compat/testdata/hpa/*.policy.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Parse(path, text)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		same(t, p)
	}
}

// A time of 0 is none, where that is what it means to leave it out.
func TestNoTimeIsZero(t *testing.T) {
	for _, text := range []string{"0", "0s", "0.0h"} {
		p := parseText(t, "min: 1\nmax: 9\nup: { when: queue_depth > 5, for: "+text+" }\ndown: { when: queue_depth < 2 }\nscale_up: { cooldown: "+text+" }\n")
		rule, ok := p.Config.Policies[0].Spec.(decide.Rule)
		if !ok || rule.Up.For != 0 || p.Config.Up.Cooldown > 0 {
			t.Errorf("%s: %+v", text, p.Config)
		}
	}
}

// example is what the package comment begins with.
const example = `
min: 2
max: 16
up:   { when: "gpu_utilization > 70% or latency_p95 > 800ms or queue_depth > 50" }
down: { when: "gpu_utilization < 35% and queue_depth < 5", for: 5m }
scale_up: { fast: true }
schedule:
  - { days: mon-fri, from: "08:00", to: "20:00", zone: Europe/Berlin, min: 4 }
`
