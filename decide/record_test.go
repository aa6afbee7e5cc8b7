package decide_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// longest has, for each stage, its longest note: the reason, and those figures
// that go with it.
var longest = map[decide.Stage]decide.Note{
	decide.StageCombine:   {Reason: decide.ReasonAllHeld},
	decide.StageBurst:     {Reason: decide.ReasonBurst, A: 1234, B: 1003},
	decide.StageWarm:      {Reason: decide.ReasonWarm, A: 102, B: 1132},
	decide.StagePending:   {Reason: decide.ReasonStarting, A: 218, B: 106},
	decide.StageTolerance: {Reason: decide.ReasonBacklogged, A: 0.05},
	decide.StageStabilise: {Reason: decide.ReasonIdleWindow, A: 900, B: 123.456},
	decide.StageRate:      {Reason: decide.ReasonRate, A: 617, B: 3600},
	decide.StageCooldown:  {Reason: decide.ReasonCooldown, A: 123.456, B: 300},
	decide.StageHold:      {Reason: decide.ReasonMembersLost, A: 1012, B: 1024},
	decide.StageSchedule:  {Reason: decide.ReasonScheduleMin, A: 1200, B: 1500},
	decide.StagePause:     {Reason: decide.ReasonPaused},
	decide.StageOverride:  {Reason: decide.ReasonOverride, A: 1234, B: 86399.5},
	decide.StageBudget:    {Reason: decide.ReasonBudgetMonth, A: 1234, B: 123456.78},
	decide.StageBounds:    {Reason: decide.ReasonMax, A: 1000, B: 4000},
}

// everyStage is a decision in which every stage had something to say, and every
// other one changed the count, with counts and figures of four digits.
func everyStage(policies int) decide.Decision {
	d := decide.Decision{From: 1000, Desired: 1234, Without: 1111, Binding: decide.StageBudget, Reason: decide.ReasonBudgetMonth, Leader: policies - 1}
	for i := range policies {
		r := [...]decide.Reason{decide.ReasonRemembered, decide.ReasonSetpoint, decide.ReasonBacklog, decide.ReasonDemand}[i%4]
		d.Recommendations = append(d.Recommendations, decide.Recommendation{Replicas: 1234, Reason: r, A: 40123.456, B: 1487.6543})
	}
	for s := decide.StageCombine; s <= decide.StageBounds; s++ {
		n := longest[s]
		n.Stage, n.In, n.Out = s, 1000+int64(s)/2, 1000+int64(s+1)/2
		d.Notes = append(d.Notes, n)
	}
	return d
}

type record struct {
	At       time.Time
	From, To int64
	Stage    decide.Stage
	Without  int64
	Leader   string
	Policies map[string][]any
	Stages   map[string][]any
	Signals  map[string]any
	LeftOut  int `json:"left_out"`
}

func readRecord(t *testing.T, b []byte) (r record) {
	t.Helper()
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return r
}

func TestRecordOfEverythingFits(t *testing.T) {
	c := full()
	for i, k := range []int{5, 6, 7} { // read all eight
		c.Policies[i].Spec = decide.Track{Signal: c.Signals[k].Key, Setpoint: 1}
	}
	c.Policies[3].Spec = decide.Backlog{Queue: c.Signals[2].Key, Rate: c.Signals[1].Key, Demand: c.Signals[0].Key}
	c.Policies = append(c.Policies, decide.NamedSpec{Name: "more", Spec: opinionated{}})
	core := newCore(t, c)
	var in decide.Input
	fullInput(&in, 1, 20)
	for i := range in.Signals {
		in.Signals[i].Value *= 1.234567
	}
	d := everyStage(4)
	b := core.AppendRecord(nil, &in, &d)
	r := readRecord(t, b)
	t.Logf("%d bytes: %s", len(b), b)
	stages := int(decide.StageBounds - decide.StageRecommend)
	for s := range r.Stages {
		if strings.HasPrefix(s, "stage(") {
			t.Errorf("a stage without a name: %s", s)
		}
	}
	if len(b) > decide.MaxRecordBytes || r.LeftOut != 0 || len(r.Policies) != 4 || len(r.Signals) != 8 || len(r.Stages) != stages {
		t.Errorf("%d bytes with %d policies and %d stages, %d left out; want at most %d with all of 4 and %d", len(b), len(r.Policies), len(r.Stages), r.LeftOut, decide.MaxRecordBytes, stages)
	}
}

func TestRecord(t *testing.T) {
	core := newCore(t, simple(func(c *decide.Config) {
		c.Policies = []decide.NamedSpec{
			{Name: "backlog", Spec: decide.Backlog{Queue: queue, Rate: rate, Within: time.Minute}},
			{Name: "use", Spec: decide.Track{Signal: use, Setpoint: 0.7}},
		}
		c.Up.Rate = decide.Rate{Count: 3, Period: 30 * time.Second}
	}))
	in := decide.Input{
		Now: started, Fleet: decide.Fleet{Desired: 6, Ready: 6}, Limits: decide.Limits{Max: 100},
		Signals: []signal.Sample{{}, {Value: 2000, Age: 1230 * time.Millisecond, Quality: signal.Fresh}, signal.Value(3.1), {Value: 0.5, Age: time.Minute, Quality: signal.Fresh}},
	}
	_, d := core.Next(decide.State{}, in)
	got := string(core.AppendRecord([]byte("x"), &in, &d))
	want := `x{"at":"` + started.Format(time.RFC3339) + `","from":6,"to":9,"stage":"rate","without":11,"leader":"backlog",` +
		`"policies":{"backlog":[11,"backlog",2000,3.1],"use":["stale"]},` +
		`"stages":{"combine":[11,"largest"],"rate":[9,"",3,30],"hold":["held"]},` +
		`"signals":{"evenkeel.queue.requests":[2000,"fresh",1.2],"evenkeel.unit.rate":3.1,"evenkeel.unit.utilization":[0.5,"stale",60]}}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Whatever the names and figures are, the record is JSON, is bounded, and has
// the leading policy.
func TestRecordOfHostileValues(t *testing.T) {
	for _, tc := range []struct {
		name     string
		signal   string
		value    float64
		policies int
		policy   string
	}{
		{"long names", strings.Repeat("x", 900), 1, 16, strings.Repeat("p", 45)},
		{"names of control characters", "a\x00\"\\\n\xff\u2028" + strings.Repeat("\x01", 300), 1, 3, "p"},
		{"the largest", "big", math.MaxFloat64, 16, strings.Repeat("p", 20)},
		{"the smallest", "small", -math.SmallestNonzeroFloat64, 16, strings.Repeat("p", 30)},
		{"no number", "nan", math.NaN(), 4, "p"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var c decide.Config
			for i := range 16 {
				key := signal.Key{Name: fmt.Sprint(tc.signal, i), Pool: tc.signal}
				c.Signals = append(c.Signals, signal.Def{Key: key, Unit: signal.Ratio})
			}
			for i := range tc.policies {
				c.Policies = append(c.Policies, decide.NamedSpec{Name: fmt.Sprintf("%s-%02d", tc.policy, i), Spec: decide.Track{Signal: c.Signals[i].Key, Setpoint: 1}})
			}
			core := newCore(t, c)
			in := decide.Input{Now: started}
			d := everyStage(tc.policies)
			for i := range d.Recommendations {
				d.Recommendations[i].A, d.Recommendations[i].B = tc.value, tc.value
				d.Notes[i%len(d.Notes)].A = tc.value
				in.Signals = append(in.Signals, signal.Sample{Value: tc.value, Quality: signal.Fresh, Age: math.MaxInt64})
			}
			b := core.AppendRecord(nil, &in, &d)
			r := readRecord(t, b)
			if len(b) > decide.MaxRecordBytes {
				t.Errorf("%d bytes", len(b))
			}
			if _, ok := r.Policies[r.Leader]; !ok || r.Leader == "" {
				t.Errorf("the leader, %q, is not among the policies of %s", r.Leader, b)
			}
			if got := len(r.Policies) + len(r.Stages) + len(r.Signals) + r.LeftOut; got != 2*tc.policies+len(d.Notes) {
				t.Errorf("%d entries told or counted, want %d", got, 2*tc.policies+len(d.Notes))
			}
			_, _ = core.Explain(&in, &d), core.Table(&in, &d)
		})
	}
}

// Figures have four digits or are whole, and those of zero at the end are left
// out; text is plain, and a pool that all share is named once.
func TestRecordFigures(t *testing.T) {
	core := newCore(t, simple(nil))
	for _, tc := range []struct {
		a, b float64
		want string
	}{
		{0, 0, ""}, {3, 0, ",3"}, {0, 5, ",0,5"}, {-3, 0.5, ",-3,0.5"}, {999, 999.5, ",999,999.5"}, {0.12344, 12.3456, ",0.1234,12.35"},
		{1000, 1000.4, ",1000,1000"}, {999999999, 1e9, ",999999999,1e+09"}, {-1234.6, 123456789.4, ",-1235,123456789"}, {math.NaN(), math.Inf(1), ",null,null"},
		{9.99949e299, 1.23456e301, ",9.999e+299,1.23456e+301"}, {1.00001, 0, ",1"},
	} {
		d := decide.Decision{Leader: -1, Notes: []decide.Note{{Stage: decide.StageRate, Reason: decide.ReasonRate, A: tc.a, B: tc.b}}}
		got := string(core.AppendRecord(nil, &decide.Input{Now: started}, &d))
		if want := `"stages":{"rate":[""` + tc.want + `]}`; !strings.Contains(got, want) {
			t.Errorf("%v and %v: %s, want %s", tc.a, tc.b, got, want)
		}
	}
	for _, tc := range []struct {
		name, pool, want string
	}{
		{"a", "", `{"at":"2026-03-01T12:00:00Z","from":10,"to":11,"stage":"recommend","without":11,"leader":"p","policies":{"p":[12,"setpoint"]},"stages":{},"signals":{"a":7}}`},
		{"a", "chat", `{"at":"2026-03-01T12:00:00Z","from":10,"to":11,"stage":"recommend","without":11,"leader":"p","pool":"chat","policies":{"p":[12,"setpoint"]},"stages":{},"signals":{"a":7}}`},
		{" ~\x1f\x7f", strings.Repeat("x", 48), `"signals":{" ~\ufffd\ufffd":7}}`},
		{"a", strings.Repeat("x", 49), `"policies":{"p":[12,"setpoint"]},"stages":{},"signals":{"` + (signal.Key{Name: "a", Pool: strings.Repeat("x", 49)}).String() + `":7}}`},
	} {
		key := signal.Key{Name: tc.name, Pool: tc.pool}
		core := newCore(t, decide.Config{
			Signals:  []signal.Def{{Key: key, Unit: signal.Requests}},
			Policies: []decide.NamedSpec{{Name: "p", Spec: decide.Track{Signal: key, Setpoint: 1}}},
		})
		d := decide.Decision{From: 10, Desired: 11, Without: 11, Recommendations: []decide.Recommendation{{Replicas: 12, Reason: decide.ReasonSetpoint}}}
		got := string(core.AppendRecord(nil, &decide.Input{Now: started, Signals: []signal.Sample{signal.Value(7)}}, &d))
		if want := strings.ReplaceAll(tc.want, `\ufffd`, "\ufffd"); !strings.HasSuffix(got, want) {
			t.Errorf("%q in %q:\ngot  %s\nwant %s", tc.name, tc.pool, got, want)
		}
	}
}

// Where signals are of several pools, each name has its own.
func TestRecordOfTwoPools(t *testing.T) {
	a, b := signal.Key{Name: "load", Pool: "chat"}, signal.Key{Name: "load", Pool: "batch"}
	core := newCore(t, decide.Config{
		Signals: []signal.Def{{Key: a, Unit: signal.Requests}, {Key: b, Unit: signal.Requests}},
		Policies: []decide.NamedSpec{
			{Name: "a", Spec: decide.Track{Signal: a, Setpoint: 1}}, {Name: "b", Spec: decide.Track{Signal: b, Setpoint: 1}},
		},
	})
	record := core.AppendRecord(nil, &decide.Input{Now: started, Signals: []signal.Sample{signal.Value(1), signal.Value(2)}}, &decide.Decision{})
	r := readRecord(t, record)
	if strings.Contains(string(record), `"pool"`) || len(r.Signals) != 2 || r.Signals[a.String()] != 1.0 || r.Signals[b.String()] != 2.0 {
		t.Errorf("got %s", record)
	}
}

// A decision of a larger configuration is told as far as it can be.
func TestRecordOfAnotherCore(t *testing.T) {
	core := newCore(t, simple(nil))
	d := decide.Decision{Leader: 1, Recommendations: []decide.Recommendation{{Replicas: 1}, {Replicas: 2, Reason: decide.ReasonStale, A: 4}}}
	in := decide.Input{Now: started}
	got := string(core.AppendRecord(nil, &in, &d))
	if want := `"leader":"policy 1","policies":{"demand":[1,"none"],"policy 1":[2,"stale"]}`; !strings.Contains(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
	if got := core.Explain(&in, &d); !strings.Contains(got, "policy 1 wants 2: a signal is stale") {
		t.Error(got)
	}
}

// Whatever there is to tell, the record is as long as it may be at the most, and
// nothing is left out as long as all of it fits.
func TestRecordFillsItsRoom(t *testing.T) {
	whole, cut := 0, 0
	for n := range 220 {
		var c decide.Config
		for i := range 4 {
			key := signal.Key{Name: string(rune('a'+i)) + strings.Repeat("x", n)}
			c.Signals = append(c.Signals, signal.Def{Key: key, Unit: signal.Requests})
			c.Policies = append(c.Policies, decide.NamedSpec{Name: string(rune('a' + i)), Spec: decide.Track{Signal: key, Setpoint: 1}})
		}
		in := decide.Input{Now: started, Signals: []signal.Sample{signal.Value(1), signal.Value(2), signal.Value(3), signal.Value(4)}}
		d := decide.Decision{Recommendations: []decide.Recommendation{{Replicas: 12, Reason: decide.ReasonSetpoint}}}
		b := newCore(t, c).AppendRecord(nil, &in, &d)
		if len(b) > 1024 {
			t.Errorf("names of %d: %d bytes", n+1, len(b))
		}
		switch r := readRecord(t, b); {
		case r.LeftOut == 0:
			whole = len(b)
		case cut == 0:
			cut = len(b)
		}
	}
	if whole < decide.MaxRecordBytes-7 || cut == 0 { // names longer by one are four bytes more, and there are three commas
		t.Errorf("at the most %d bytes without anything left out, then %d", whole, cut)
	}
}
