package policy

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// everything sets every field of a file, none to its default.
const everything = `
extends: chat
name: everything
min: 0
max: 40
tick: 2s
signals:
  jobs: { unit: "{job}", merge: max, max_age: 1m }
  tail: { unit: seconds, merge: distribution, quantile: 0.99 }
policies:
  demand: { capacity: { demand: demand_work, rate: unit_rate, utilization: 80%, headroom: 0.8, reserve: 5% }, weight: 2 }
  fixed: { capacity: { demand: demand, per_replica: 40/s, headroom: off } }
  waiting: off
  drain: { backlog: { queue: queue_work, per_replica: 4k tokens/s, demand: demand_work, within: 2m } }
  queue: { backlog: { queue: queue_work, rate: unit_rate } }
  use: { track: { signal: gpu_utilization, setpoint: 70% } }
  jobs: { track: { signal: jobs, setpoint: 3, total: true } }
  learned:
    objective:
      { demand: demand_work, rate: unit_rate, utilization: 60%, floor: 40%, ceiling: 90%, headroom: 0.3, reserve: 10%, interval: 10s, warmup: 1m,
        goals: [{ signal: ttft_p95, most: 2s }, { signal: shed_rate, per: demand, most: 1% }] }
  alone: { objective: { demand: demand, utilization: 30/s, goals: [{ signal: tpot_p95, most: 50ms }] } }
  given: { objective: { demand: demand, per_replica: 40/s, goals: [{ signal: latency_p95, most: 5s }] } }
  twice: { rule: { up: { when: "queue_age > 3s" }, down: { when: "queue_age < 1s" }, monotone: true } }
  tail: { track: { signal: tail_p99, setpoint: 800ms } }
up: { when: "queue_depth > 50", for: 20s, share: 50%, count: 2, period: 30s, fast: true }
down: { when: "queue_depth < 5 and gpu_utilization < 30%", for: 5m, share: 20% }
combine: { up: weighted, down: all }
scale_up:
  tolerance: 7%
  window: 20s
  rate: { count: 4, share: 50%, period: 30s }
  rates: [{ count: 2, share: 20%, period: 10s }, { share: 300% }]
  select: min
  cooldown: 15s
scale_down:
  tolerance: off
  window: 4m
  rate: { count: 1, share: 10%, period: 2m }
  rates: [{ count: 3, share: 5%, period: 30s }]
  select: min
  cooldown: 1m
  idle: 20m
burst: { factor: 3, window: 10s, for: 90s }
warm: { replicas: 2, share: 10% }
pending: { timeout: 4m, extra: 25% }
hold: { coverage: 80%, fallback: floor, replicas: 3, after: 1m }
schedule:
  - { name: office, days: mon-fri, from: "08:00", to: "20:00", zone: Europe/Berlin, min: 4, max: 30, warm: { replicas: 3, share: 20% }, ramp: 30m }
  - { days: "sat,sun", max: 0 }
budget: { price: 2.5, per_hour: 60, per_month: 20k, pace: 1.5 }
`

func TestEveryFieldIsRead(t *testing.T) {
	p := parseText(t, everything)
	same(t, p)
	var zero func(v reflect.Value, path string)
	zero = func(v reflect.Value, path string) {
		switch v.Kind() {
		case reflect.Interface, reflect.Pointer:
			return // the policies, looked at below
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					zero(v.Field(i), path+"."+v.Type().Field(i).Name)
				}
			}
			return
		case reflect.Slice:
			if v.Len() > 0 && v.Index(0).Kind() == reflect.Struct {
				zero(v.Index(0), path+"[0]")
				return
			}
		}
		// Without a meaning: Closed is a ceiling of 0, and the first window has one of 30.
		if v.IsZero() && !slices.Contains([]string{".Up.Idle", ".Schedule[0].Closed", ".Signals[0].Key.Pool", ".Signals[0].Quantile"}, path) {
			t.Errorf("Config%s cannot be set in a file", path)
		}
	}
	zero(reflect.ValueOf(p.Config), "")
	if !p.Config.Schedule[1].Closed {
		t.Error("max: 0 is no ceiling of zero")
	}
	set := make(map[string]map[string]bool) // what the policies of each type set
	for _, s := range p.Config.Policies {
		v := reflect.ValueOf(s.Spec)
		for i := range v.NumField() {
			name := v.Type().Name()
			if set[name] == nil {
				set[name] = make(map[string]bool)
			}
			field := v.Type().Field(i).Name
			set[name][field] = set[name][field] || !v.Field(i).IsZero()
		}
	}
	for name, fields := range set {
		for field, ok := range fields {
			if !ok {
				t.Errorf("%s.%s cannot be set in a file", name, field)
			}
		}
	}
}

// fieldPaths are the names of all fields, once each.
func fieldPaths(t reflect.Type, path string, visit func(path string, f field)) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		if g, ok := reflect.TypeAssert[group](reflect.New(t.Elem())); ok {
			_, e := g.parts()
			fieldPaths(e.Type(), path+".*", visit)
			return
		}
		fieldPaths(t.Elem(), path, visit)
	case reflect.Struct:
		if _, ok := reflect.TypeAssert[scalar](reflect.New(t)); ok {
			return
		}
		for _, f := range fieldsOf(t) {
			p := strings.TrimPrefix(path+"."+f.name, ".")
			visit(p, f)
			fieldPaths(f.typ, p, visit)
		}
	}
}

func TestDefaultsAreReadable(t *testing.T) {
	fieldPaths(reflect.TypeFor[document](), "", func(path string, f field) {
		if f.tag.Get("doc") == "" {
			t.Errorf("%s has no doc", path)
		}
		s, ok := reflect.TypeAssert[scalar](reflect.New(f.typ))
		if def := f.tag.Get("default"); ok && def != "" {
			if err := s.read(def, place{}, f.tag); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	})
}

func TestReferenceNamesEveryField(t *testing.T) {
	doc := docText(t)
	fieldPaths(reflect.TypeFor[document](), "", func(path string, f field) {
		word := path[strings.LastIndexByte(path, '.')+1:]
		if !regexp.MustCompile(`\b` + word + `\b`).MatchString(doc) {
			t.Errorf("doc.go does not say what %s is", path)
		}
	})
	for _, n := range Names() {
		if !strings.Contains(doc, n.Short) || !strings.Contains(doc, n.Def.Name) {
			t.Errorf("doc.go does not say what %s is", n.Short)
		}
	}
}

// valid is a validator for as much of JSON Schema as the published schema uses.
func valid(schema map[string]any, v any) error {
	for word, want := range schema {
		var err error
		switch word {
		case "$schema", "title", "description", "default", "required":
		case "type":
			got := "something else"
			switch x := v.(type) {
			case map[string]any:
				got = "object"
			case []any:
				got = "array"
			case string:
				got = "string"
			case bool:
				got = "boolean"
			case float64:
				got = "number"
				if x == float64(int64(x)) && want == "integer" {
					got = "integer"
				}
			}
			if got != want {
				err = fmt.Errorf("%v is %s, not %v", v, got, want)
			}
		case "properties":
		case "additionalProperties":
			fields, _ := v.(map[string]any)
			known, _ := schema["properties"].(map[string]any)
			for name, value := range fields {
				of, ok := known[name].(map[string]any)
				if !ok {
					if of, ok = want.(map[string]any); !ok {
						return fmt.Errorf("no field %s", name)
					}
				}
				if err := valid(of, value); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
		case "items":
			items, _ := v.([]any)
			for i, item := range items {
				if err := valid(want.(map[string]any), item); err != nil {
					return fmt.Errorf("[%d]: %w", i, err)
				}
			}
		case "enum":
			if !slices.Contains(want.([]any), v) {
				err = fmt.Errorf("%v is none of %v", v, want)
			}
		case "const":
			if v != want {
				err = fmt.Errorf("%v is not %v", v, want)
			}
		case "pattern":
			if s, ok := v.(string); ok && !regexp.MustCompile(want.(string)).MatchString(s) {
				err = fmt.Errorf("%q does not match %v", s, want)
			}
		case "minimum":
			if x, ok := v.(float64); ok && x < want.(float64) {
				err = fmt.Errorf("%v is below %v", x, want)
			}
		case "minLength", "maxLength":
			s, _ := v.(string)
			if n := float64(utf8.RuneCountInString(s)); word == "minLength" && n < want.(float64) || word == "maxLength" && n > want.(float64) {
				err = fmt.Errorf("%d letters", int(n))
			}
		case "anyOf":
			var last error
			ok := slices.ContainsFunc(want.([]any), func(o any) bool {
				last = valid(o.(map[string]any), v)
				return last == nil
			})
			if !ok {
				err = last
			}
		default:
			err = fmt.Errorf("the validator of this test does not know %s", word)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bySchema validates a file by the published schema.
func bySchema(t testing.TB, text string) error {
	t.Helper()
	var schema map[string]any
	if err := json.Unmarshal([]byte(Schema()), &schema); err != nil {
		t.Fatal(err)
	}
	var file any
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		return err
	}
	data, err := json.Marshal(file)
	if err != nil {
		return err
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return valid(schema, v)
}

func TestSchemaTakesGoodFilesAndNoBadOnes(t *testing.T) {
	good := []string{minimal, everything, example}
	for _, name := range Presets() {
		text, _ := Preset(name)
		good = append(good, text)
	}
	for _, text := range good {
		p := parseText(t, text)
		full, err := Effective(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{text, string(full)} {
			if err := bySchema(t, text); err != nil {
				t.Errorf("%v\n%.300s", err, text)
			}
		}
	}
	for _, text := range []string{
		"mni: 2", "min: -1", "min: two", "scale_up: { tolerance: 5m }", "scale_down: { window: 180 }", "scale_down: { window: 3 minutes }",
		"combine: { up: most }", "scale_up: { fast: 1 }", "schedule: [{ days: mo-fr }]", `schedule: [{ from: "8" }]`, "schedule: { min: 2 }",
		"policies: { a: { capacity: { demnd: x } } }", "budget: { price: -2 }", "- 1", "up: { when: 3 }", "hold: off",
	} {
		if bySchema(t, text) == nil {
			t.Errorf("%s is valid by the schema", text)
		}
		if _, err := Parse("f.yaml", []byte(text)); err == nil {
			t.Errorf("%s is read", text)
		}
	}
}

func docText(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
