package page

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// full is a State with every field set.
func full() State {
	return State{
		Version: "v0.1.0", Now: noon, StartedAt: noon.Add(-time.Hour), DryRun: true, Role: Leader, Leader: "keel-0",
		Members: Members{Expected: 3, Fresh: 2},
		Pools: []Pool{{
			Name: "chat",
			Replicas: Replicas{
				Known: true, Desired: 4, Ready: 2, Starting: 1, Stuck: 1, Draining: 1, Min: 1, Max: 8,
				Cohorts: []Cohort{{N: 1, Since: noon.Add(-20 * time.Second)}, {N: 1, Since: noon.Add(-time.Hour), Stuck: true}},
				StartUp: Of(41.5),
			},
			Instances: []Instance{
				{ID: "a", Phase: "ready", Since: noon.Add(-time.Minute), InFlight: Of(7), Restarts: 1},
				{ID: "b", Phase: "stuck", Since: noon.Add(-time.Hour), Detail: "image not found"},
			},
			Demand:     Demand{Requests: Of(31.25), Work: Of(9000), UnitRate: Of(4500), Output: Value{Num: 1200, Known: true, Stale: true}},
			Queue:      Queue{Requests: Of(3), Age: Of(0.4), Bound: 64},
			Shed:       []Shed{{Reason: "queue full", Rate: Of(0), Total: 12}, {Reason: "tenant quota", Rate: Of(2), Total: 5, Quota: true}},
			Latency:    Latencies{TTFT: Latency{Of(0.2), Of(0.42), Of(2)}, TPOT: Latency{Of(0.02), Of(0.03), Of(0.1)}},
			InFlight:   Of(14),
			Saturation: Of(0.71),
			Override:   Override{Replicas: 4, Until: noon.Add(time.Hour)},
			PausedOut:  true, PausedIn: true, Gate: "enforce", PolicyProblem: "policy.yaml:3:5: max: it is missing",
			Facts: []Fact{{"Budget", "12 of 40 GPU hours"}},
			Decisions: []Decision{{
				At: noon, From: 3, To: 4, Summary: "Demand fills 2.0 replicas.", Stage: "schedule", Reason: "floor",
				Notes: []Note{{Stage: "schedule", In: 3, Out: 4, Text: "at least 4 until 18:00"}}, Without: 3, Counterfactual: "Without the schedule it would be 3.",
				Last: noon, Times: 1,
			}},
			Events: []Event{{At: noon.Add(-2 * time.Second), Tone: Failing, Text: "b cannot start"}},
		}},
	}
}

func newPage(t *testing.T, cfg Config) *Page {
	t.Helper()
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func get(p http.Handler, method, target string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Host = "localhost:9000"
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w
}

func TestStateGolden(t *testing.T) {
	p := newPage(t, Config{Title: "chat", Journal: func(context.Context, io.Writer) error { return nil }})
	if err := p.Update(full()); err != nil {
		t.Fatal(err)
	}
	w := get(p, "GET", "/state.json")
	if ct := w.Header().Get("Content-Type"); w.Code != 200 || ct != "application/json" {
		t.Errorf("status %d, type %q", w.Code, ct)
	}
	var v any
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	got, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	const file = "testdata/state.json"
	if *update {
		if err := os.WriteFile(file, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(got)+"\n" {
		t.Errorf("the shape of state.json changed; scripts read it. If that is meant, run with -update.\n%s", got)
	}
}

func TestEmptyStateHasListsAndNoZeroFigures(t *testing.T) {
	p := newPage(t, Config{})
	if got, want := get(p, "GET", "/state.json").Body.String(), `{"schema":1,"title":"","journal":false,"explain":false,"members":{"expected":0,"fresh":0},"pools":[]}`; got != want {
		t.Errorf("before the first update:\n got %s\nwant %s", got, want)
	}
	if err := p.Update(State{Now: noon, Pools: []Pool{{Name: "a"}}}); err != nil {
		t.Fatal(err)
	}
	got := get(p, "GET", "/state.json").Body.String()
	for _, s := range []string{`"instances":[]`, `"decisions":[]`, `"events":[]`, `"shed":[]`, `"in_flight":null`, `"saturation":null`, `"p95_s":null`} {
		if !strings.Contains(got, s) {
			t.Errorf("no %s in %s", s, got)
		}
	}
}

func TestUpdateRefusesTwoPoolsOfOneName(t *testing.T) {
	p := newPage(t, Config{})
	if err := p.Update(full()); err != nil {
		t.Fatal(err)
	}
	before := get(p, "GET", "/state.json").Body.String()
	s := full()
	s.Pools = append(s.Pools, s.Pools[0])
	if err := p.Update(s); err == nil || !strings.Contains(err.Error(), `"chat"`) {
		t.Errorf("error %v, want one that names the pool", err)
	}
	if after := get(p, "GET", "/state.json").Body.String(); after != before {
		t.Error("a refused update changed the page")
	}
}

func TestUpdateDoesNotKeepOrChangeItsArgument(t *testing.T) {
	p := newPage(t, Config{})
	s := State{Now: noon, Pools: []Pool{{Name: "a", Instances: make([]Instance, MaxInstances+5)}}}
	if err := p.Update(s); err != nil {
		t.Fatal(err)
	}
	if s.Pools[0].Headline != "" || len(s.Pools[0].Instances) != MaxInstances+5 {
		t.Error("Update changed the State it was given")
	}
	var got State
	if err := json.Unmarshal(get(p, "GET", "/state.json").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if n := len(got.Pools[0].Instances); n != MaxInstances {
		t.Errorf("%d instances shown, want %d", n, MaxInstances)
	}
}

func TestPoolThatIsGoneTakesItsHistoryAlong(t *testing.T) {
	p := newPage(t, Config{})
	for i, names := range [][]string{{"a", "b"}, {"b"}} {
		s := State{Now: noon.Add(time.Duration(i) * time.Second)}
		for _, n := range names {
			s.Pools = append(s.Pools, Pool{Name: n})
		}
		if err := p.Update(s); err != nil {
			t.Fatal(err)
		}
	}
	if w := get(p, "GET", "/history.json?pool=a"); w.Code != 404 {
		t.Errorf("pool a: status %d, want 404", w.Code)
	}
	if w := get(p, "GET", "/history.json?pool=b"); w.Code != 200 || !strings.HasPrefix(w.Body.String(), `{"t":[1773489600000,1773489601000],"ready":[null,null]`) {
		t.Errorf("pool b: status %d, %s", w.Code, w.Body)
	}
}

func TestJournal(t *testing.T) {
	fail := errors.New("disk gone")
	for _, tt := range []struct {
		name    string
		journal func(context.Context, io.Writer) error
		code    int
		body    string
	}{
		{"none", nil, 404, "No journal is kept.\n"},
		{"whole", func(_ context.Context, w io.Writer) error { _, err := io.WriteString(w, "{\"a\":1}\n"); return err }, 200, "{\"a\":1}\n"},
		{"fails at once", func(context.Context, io.Writer) error { return fail }, 500, "The journal could not be read.\n"},
		{"fails half-way", func(_ context.Context, w io.Writer) error {
			_, err := io.WriteString(w, "{}\n")
			return errors.Join(err, fail)
		}, 200, "{}\n{\"incomplete\":true}\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := get(newPage(t, Config{Journal: tt.journal}), "GET", "/journal")
			if w.Code != tt.code || w.Body.String() != tt.body {
				t.Errorf("status %d, body %q; want %d, %q", w.Code, w.Body, tt.code, tt.body)
			}
			if tt.code == 200 && w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
				t.Errorf("type %q", w.Header().Get("Content-Type"))
			}
		})
	}
}

func TestExplain(t *testing.T) {
	p := newPage(t, Config{Explain: func(pool string) (string, bool) {
		return "stays at 2 in <b>" + pool + "</b>\n", pool == "a b"
	}})
	w := get(p, "GET", "/explain?pool=a%20b")
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" || w.Body.String() != "stays at 2 in <b>a b</b>\n" {
		t.Errorf("%d, %q: %s", w.Code, w.Header().Get("Content-Type"), w.Body.String())
	}
	for _, target := range []string{"/explain", "/explain?pool=b", "/explain?pool=%zz", "/explain/"} {
		if w := get(p, "GET", target); w.Code != 404 || strings.Contains(w.Body.String(), "stays") {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
	if w := get(newPage(t, Config{}), "GET", "/explain?pool=a"); w.Code != 404 {
		t.Errorf("without explanations: %d", w.Code)
	}
}
