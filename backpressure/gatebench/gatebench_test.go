package main

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// quick runs what was chosen on a twentieth of the time.
func quick(t *testing.T, names, policies string, check func(*world)) []cell {
	t.Helper()
	p := plan{seeds: 1, scale: 0.05, check: check}
	if err := p.choose(names, policies); err != nil {
		t.Fatal(err)
	}
	cells, err := p.runAll(p.rows(func(policy string) bool { return !isPeer(policy) }), build)
	if err != nil {
		t.Fatal(err)
	}
	return p.finish(cells)
}

// Every arrival ends exactly once, in every scenario and with every policy, and
// every cell has a name, a unit and a figure.
func TestEveryScenario(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			cells := quick(t, s.name, "", func(w *world) {
				if w.arrivals == 0 || w.open() != 0 || w.twice != 0 {
					t.Errorf("%T: of %d arrivals %v have ended, %d twice", w.policy, w.arrivals, w.endings, w.twice)
				}
			})
			if ours := len(slices.DeleteFunc(slices.Clone(s.policies), isPeer)); len(cells) < len(s.loads)*ours {
				t.Errorf("%d cells for %d loads and %d policies", len(cells), len(s.loads), ours)
			}
			for _, c := range cells {
				if c.Scenario != s.name || c.Load == "" || c.Policy == "" || c.Metric == "" || c.Unit == "" || !(c.Value >= 0) {
					t.Errorf("an odd cell: %+v", c)
				}
			}
		})
	}
}

func TestSameSeedSameCells(t *testing.T) {
	const names, policies = "generic,llm-chat", "evenkeel,none,cap-32"
	a, b := quick(t, names, policies, nil), quick(t, names, policies, nil)
	if !reflect.DeepEqual(a, b) {
		t.Errorf("two runs differ:\n%v\n%v", a, b)
	}
}

func TestLinesOfJSON(t *testing.T) {
	var out bytes.Buffer
	if code := run([]string{"-json", "-seeds", "1", "-scenario", "generic", "-policy", "none"}, &out, io.Discard); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 5 {
		t.Fatalf("%d lines, want one for each of 5 loads", len(lines))
	}
	for _, line := range lines {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"scenario", "load", "policy", "metric", "unit"} {
			if s, ok := m[key].(string); !ok || s == "" {
				t.Errorf("%s: no %s", line, key)
			}
		}
		if _, ok := m["value"].(float64); !ok || len(m) != 6 {
			t.Errorf("%s: want six fields, the value a number", line)
		}
	}
}

func TestBadArguments(t *testing.T) {
	for _, args := range [][]string{{"-scenario", "nowhere"}, {"-policy", "nobody"}, {"-seeds", "0"}, {"-what"}} {
		var errs bytes.Buffer
		if code := run(args, io.Discard, &errs); code != 2 || errs.Len() == 0 {
			t.Errorf("%v: exit code %d, message %q; want 2 and what is wrong", args, code, errs.String())
		}
	}
}

// A server alone, its queue known: two slots, jobs of one second.
func TestSlots(t *testing.T) {
	f := newSlots(1, 2)
	var ends []float64
	i := 0
	w := newWorld(none{}, f, func() *job {
		if i++; i > 4 {
			return nil
		}
		j := &job{giveUp: never, service: 1e9}
		if i == 3 {
			j.giveUp = 5e8 // it leaves the queue
		}
		return j
	}, func(j *job) { ends = append(ends, j.last.Seconds()) })
	w.run()
	if want := []float64{0, 1, 1, 2}; !reflect.DeepEqual(ends, want) || w.endings[left] != 1 {
		t.Errorf("ends %v, endings %v; want %v and one that left", ends, w.endings, want)
	}
}
