package page

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
	"pgregory.net/rapid"
)

func TestDescribe(t *testing.T) {
	ago := func(d time.Duration) time.Time { return noon.Add(-d) }
	fleet := func(desired, ready int64) Replicas { return Replicas{Known: true, Desired: desired, Ready: ready} }
	with := func(r Replicas, f func(*Replicas)) Replicas { f(&r); return r }
	starting := func(n int64, age time.Duration) func(*Replicas) {
		return func(r *Replicas) { r.Starting, r.Cohorts = n, []Cohort{{N: n, Since: ago(age)}} }
	}
	busy := Demand{Requests: Of(48)}
	shed := []Shed{{Reason: "queue full", Rate: Of(12)}}
	for _, tt := range []struct {
		name string
		pool Pool
		tone Tone
		want string
	}{
		{"nothing known", Pool{}, Unknown, "The fleet could not be read yet."},
		{"steady", Pool{Replicas: fleet(4, 4), Demand: Demand{Requests: Of(31.2)}, Latency: Latencies{TTFT: Latency{P95: Of(0.42)}}}, Steady, "Steady: 4 of 4 replicas ready, serving 31 req/s, p95 first token 0.42 s."},
		{"steady, one, figures absent", Pool{Replicas: fleet(1, 1)}, Steady, "Steady: 1 of 1 replica ready."},
		{"steady, whole requests", Pool{Replicas: fleet(2, 2), Latency: Latencies{Duration: Latency{P95: Of(0.031)}}}, Steady, "Steady: 2 of 2 replicas ready, p95 31 ms."},
		{"starting", Pool{Replicas: with(fleet(6, 4), starting(2, 14*time.Second))}, Moving, "On the way to 6: 4 of 6 replicas ready, 2 starting for 14 s."},
		{"not created", Pool{Replicas: fleet(6, 4)}, Moving, "Waiting for the platform: 4 of 6 replicas ready, 2 not created yet."},
		{"draining", Pool{Replicas: with(fleet(3, 3), func(r *Replicas) { r.Draining = 1 })}, Moving, "Scaling in to 3: 1 replica finishing what it has."},
		{"too many", Pool{Replicas: fleet(3, 5)}, Moving, "Scaling in: 5 ready, 3 wanted."},
		{"stuck", Pool{Replicas: with(fleet(4, 3), func(r *Replicas) { r.Stuck = 1 })}, Strained, "1 replica cannot start; 3 of 4 are ready."},
		{"slow", Pool{Replicas: fleet(4, 4), Latency: Latencies{TTFT: Latency{P95: Of(2.4), Objective: Of(2)}}}, Strained, "Slower than wished: p95 first token 2.40 s, objective 2.00 s."},
		{"slow and starting", Pool{Replicas: with(fleet(5, 4), starting(1, 3*time.Minute)), Latency: Latencies{TPOT: Latency{P95: Of(0.12), Objective: Of(0.1)}}}, Strained, "Slower than wished: p95 time per token 0.12 s, objective 0.10 s; 1 starting for 3 min."},
		{"overloaded", Pool{Replicas: with(fleet(6, 4), starting(2, 0)), Demand: busy, Shed: shed}, Failing, "Overloaded: turning away 12 of 48 req/s; 2 starting."},
		{"overloaded, demand unknown", Pool{Replicas: fleet(4, 4), Shed: shed}, Failing, "Overloaded: turning away 12 req/s."},
		{"a caller over its quota is no overload", Pool{Replicas: fleet(4, 4), Shed: []Shed{{Reason: "quota", Rate: Of(12), Quota: true}}}, Steady, "Steady: 4 of 4 replicas ready."},
		{"from nothing", Pool{Replicas: with(fleet(2, 0), starting(2, 8*time.Second)), Queue: Queue{Requests: Of(1)}}, Moving, "Starting from nothing: 2 starting for 8 s, 1 request waiting."},
		{"from nothing, shedding", Pool{Replicas: with(fleet(2, 0), starting(2, 8*time.Second)), Queue: Queue{Requests: Of(64)}, Shed: shed}, Failing, "Starting from nothing: 2 starting for 8 s, 64 requests waiting, turning away 12 req/s."},
		{"none created", Pool{Replicas: fleet(2, 0)}, Failing, "Nothing serves yet: 2 replicas wanted, none created."},
		{"all stuck", Pool{Replicas: with(fleet(2, 0), func(r *Replicas) { r.Stuck = 2 })}, Failing, "Nothing can serve: 2 replicas cannot start."},
		{"idle", Pool{Replicas: with(fleet(0, 0), func(r *Replicas) { r.StartUp = Of(41) })}, Idle, "Idle at zero: the first request will wait about 41 s."},
		{"idle, start-up unknown", Pool{Replicas: fleet(0, 0)}, Idle, "Idle at zero: nothing is asked."},
		{"zero, asked", Pool{Replicas: fleet(0, 0), Queue: Queue{Requests: Of(3)}}, Moving, "At zero, 3 requests waiting."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tone, headline, _ := Describe(&tt.pool, noon)
			if tone != tt.tone || headline != tt.want {
				t.Errorf("got %q %q\nwant %q %q", tone, headline, tt.tone, tt.want)
			}
		})
	}
}

func TestDetailPrefersBadNews(t *testing.T) {
	p := Pool{
		Replicas:  Replicas{Known: true, Ready: 1, Desired: 1},
		Decisions: []Decision{{Summary: "1 is enough."}},
		Events:    []Event{{At: noon.Add(-5 * time.Second), Tone: Steady, Text: "b is ready"}, {At: noon.Add(-20 * time.Second), Tone: Failing, Text: "a ended by itself"}},
	}
	for after, want := range map[time.Duration]string{0: "a ended by itself", time.Minute: "1 is enough."} {
		if _, _, got := Describe(&p, noon.Add(after)); got != want {
			t.Errorf("after %v: %q, want %q", after, got, want)
		}
	}
}

// Any state at all is described, without figures that are none.
func TestDescribeIsTotal(t *testing.T) {
	value := rapid.Custom(func(t *rapid.T) Value {
		return Value{Num: rapid.Float64().Draw(t, "num"), Known: rapid.Bool().Draw(t, "known")}
	})
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(-1, 5)
		p := Pool{
			Replicas: Replicas{Known: true, Desired: n.Draw(t, "desired"), Ready: n.Draw(t, "ready"), Starting: n.Draw(t, "starting"), Stuck: n.Draw(t, "stuck"), Draining: n.Draw(t, "draining"), StartUp: value.Draw(t, "startup")},
			Demand:   Demand{Requests: value.Draw(t, "requests")}, Queue: Queue{Requests: value.Draw(t, "queue")},
			Shed:    []Shed{{Rate: value.Draw(t, "shed")}},
			Latency: Latencies{TTFT: Latency{P95: value.Draw(t, "p95"), Objective: value.Draw(t, "objective")}},
		}
		tone, headline, _ := Describe(&p, noon)
		if tone == Unknown || !strings.HasSuffix(headline, ".") || strings.Contains(headline, "NaN") {
			t.Fatalf("%q %q", tone, headline)
		}
	})
}

func TestValueJSON(t *testing.T) {
	for want, v := range map[string]Value{
		"null": {}, "0": Of(0), "1.5": Of(1.5), "-3": Of(-3), "1e+21": Of(1e21), `{"stale":2.5}`: {Num: 2.5, Known: true, Stale: true},
	} {
		got, err := json.Marshal(v)
		if err != nil || string(got) != want {
			t.Errorf("%+v: %s, %v; want %s", v, got, err, want)
		}
		var back Value
		if err := json.Unmarshal(got, &back); err != nil || back != v {
			t.Errorf("%s reads back as %+v, %v; want %+v", got, back, err, v)
		}
	}
	for _, v := range []Value{Of(math.NaN()), Of(math.Inf(-1)), {Num: math.NaN(), Known: true}, OfSample(signal.Sample{Value: 3}), OfSample(signal.Sample{Value: math.NaN(), Quality: signal.Fresh})} {
		if got, err := json.Marshal(v); err != nil || string(got) != "null" {
			t.Errorf("%+v: %s, %v; want null", v, got, err)
		}
	}
	if v := OfSample(signal.Sample{Value: 3, Quality: signal.Stale}); !v.Stale || v.Num != 3 {
		t.Errorf("stale sample: %+v", v)
	}
	for _, bad := range []string{`"x"`, `{}`, `{"stale":"x"}`, `[1]`} {
		if err := json.Unmarshal([]byte(bad), new(Value)); err == nil {
			t.Errorf("%s was taken for a value", bad)
		}
	}
}

func TestFromThePlatform(t *testing.T) {
	r := ReplicasOf(decide.Fleet{Desired: 6, Ready: 3, Draining: 1, Starting: []decide.Cohort{{N: 2, Since: noon}, {N: 1, Since: noon, Stuck: true}}}, decide.Limits{Min: 2, Max: 1})
	if !r.Known || r.Desired != 6 || r.Ready != 3 || r.Draining != 1 || r.Starting != 2 || r.Stuck != 1 || len(r.Cohorts) != 2 || r.Min != 2 || r.Max != 2 {
		t.Errorf("replicas %+v", r)
	}
	in := InstancesOf([]actuate.Instance{{ID: "a", Phase: actuate.Draining, InFlight: -1}, {ID: "b", InFlight: 0, Restarts: 2}})
	if in[0].Phase != "draining" || in[0].InFlight.Known || in[1].Phase != "starting" || in[1].InFlight != Of(0) || in[1].Restarts != 2 {
		t.Errorf("instances %+v", in)
	}
}

func TestLog(t *testing.T) {
	var l Log
	at := func(s int) time.Time { return noon.Add(time.Duration(s) * time.Second) }
	hold := func(s int, reason string) Decision {
		return Decision{At: at(s), From: 4, To: 4, Stage: "recommend", Reason: reason, Summary: reason}
	}
	l.Decide(Decision{At: at(0), From: 3, To: 4, Reason: "up"})
	for s := 1; s <= 10; s++ { // wavers between two reasons
		l.Decide(hold(s, []string{"even", "odd"}[s%2]))
	}
	got := l.Decisions()
	if len(got) != 3 {
		t.Fatalf("%d entries, want 3: %+v", len(got), got)
	}
	if d := got[0]; d.Reason != "even" || d.Times != 5 || !d.At.Equal(at(2)) || !d.Last.Equal(at(10)) {
		t.Errorf("newest %+v", d)
	}
	if d := got[1]; d.Reason != "odd" || d.Times != 5 || !d.Last.Equal(at(9)) {
		t.Errorf("second %+v", d)
	}
	l.Decide(hold(200, "odd")) // too long ago to be the same
	l.Decide(Decision{At: at(201), From: 4, To: 5})
	l.Decide(Decision{At: at(202), From: 4, To: 5}) // changes are never merged
	if n := len(l.Decisions()); n != 6 {
		t.Errorf("%d entries, want 6", n)
	}
	for s := range 3 * MaxDecisions {
		l.Decide(Decision{At: at(300 + s), From: int64(s), To: int64(s + 1)})
		l.Event(Event{At: at(s), Text: "x"})
	}
	if d, e := l.Decisions(), l.Events(); len(d) != MaxDecisions || len(e) != MaxEvents || !d[0].At.Equal(at(300+3*MaxDecisions-1)) || !e[0].At.After(e[1].At) {
		t.Errorf("%d decisions, %d events, newest %v", len(d), len(e), d[0].At)
	}
}
