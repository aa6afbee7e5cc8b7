package evenkeel

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/evenkeel/evenkeel/actuate/actuatetest"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/internal/page"
	"github.com/evenkeel/evenkeel/signal"
)

// perReplica is a policy that wants one replica for each n of load.
func perReplica(n float64, change ...func(*decide.Config)) decide.Config {
	c := decide.Config{
		Policies: []decide.NamedSpec{{Name: "load", Spec: decide.Track{Signal: loadKey, Setpoint: n, Total: true}}},
		Down:     decide.Direction{Window: 10 * time.Second},
	}
	for _, f := range change {
		f(&c)
	}
	return c
}

func coreOf(t *testing.T, c decide.Config) *decide.Core {
	t.Helper()
	c.Signals = (&load{}).Defs()
	core, err := decide.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return core
}

// linesOf returns the journal's lines of a kind.
func linesOf(t *testing.T, journal []byte, kind string) (out []Line) {
	t.Helper()
	for text := range bytes.Lines(journal) {
		var l Line
		if err := json.Unmarshal(text, &l); err != nil {
			t.Fatal(err)
		}
		if l.Kind == kind {
			out = append(out, l)
		}
	}
	return out
}

func TestShadowWatchesAndChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader := sdkmetric.NewManualReader()
		r := newRig(t, func(c *Config) {
			c.MeterProvider = sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
			c.Pools[0].Shadow = perReplica(5)
		})
		r.load.value.Store(20)
		r.run(t, func() {
			time.Sleep(30500 * time.Millisecond)
			if n := r.ready(t); n != 2 {
				t.Errorf("%d ready, want 2: the shadow must not scale", n)
			}
			got := published(t, reader)
			for name, want := range map[string]float64{metricDesired: 2, metricShadow: 4} {
				if v := got[signal.Key{Name: name, Pool: "p"}]; v != want {
					t.Errorf("%s is %v, want %v", name, v, want)
				}
			}
			r.load.value.Store(5)
			time.Sleep(2 * time.Minute)
		})
		tally, err := r.keel.Shadow("p")
		if err != nil || tally.More < 30 || tally.More > 50 || tally.Fewer != 0 || tally.MostMore != 2 || tally.Ticks < 150 || tally.Cost() < 1.1 {
			t.Errorf("%+v, %v", tally, err)
		}
		// Where it agrees there is a line a minute, where not one a tick.
		lines := linesOf(t, r.journal.Bytes(), KindShadow)
		same, tallies := 0, 0
		for _, l := range lines {
			if l.Shadow.Tally != nil {
				tallies++
				if l.Shadow.Tally.Desired == l.Shadow.Desired {
					same++
				}
			}
		}
		if tallies != 3 || same == 0 || len(lines) != int(tally.More)+same {
			t.Errorf("%d shadow lines with %d tallies, %d of those where they agree; %d ticks differ", len(lines), tallies, same, tally.More)
		}
		cores := map[string]*decide.Core{policyHash(r.core): r.core}
		shadow := coreOf(t, perReplica(5))
		cores[policyHash(shadow)] = shadow
		got, err := ReplayFunc(bytes.NewReader(r.journal.Bytes()), func(_, hash string) *decide.Core { return cores[hash] })
		if err != nil || got.Differ != 0 || got.Shadows != len(lines) || got.Decisions != int(tally.Ticks) {
			t.Errorf("replay: %+v, %v", got, err)
		}
		// A shadow that decides otherwise is seen.
		cores[policyHash(shadow)] = coreOf(t, perReplica(4))
		if got, err := ReplayFunc(bytes.NewReader(r.journal.Bytes()), func(_, hash string) *decide.Core { return cores[hash] }); err != nil || got.Differ == 0 || !strings.Contains(got.First, "shadow") {
			t.Errorf("replay with another shadow: %+v, %v", got, err)
		}
		if _, err := r.keel.Shadow("q"); !errors.Is(err, ErrNoPool) {
			t.Errorf("of no pool: %v", err)
		}
	})
}

func TestShadowOnThePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.Pools[0].Shadow = perReplica(5) })
		r.load.value.Store(20)
		r.run(t, func() {
			time.Sleep(20500 * time.Millisecond)
			p := r.keel.pageState(time.Now()).Pools[0]
			if p.Shadow.ShadowDesired != 4 || p.Shadow.Differ() == 0 || !strings.Contains(p.Shadow.Summary, "more at") {
				t.Errorf("%+v", p.Shadow)
			}
			want := []page.Fact{{Label: "Shadow wants", Value: "4 (+2)"}, {Label: "Shadow differs", Value: "100 % of ticks, at 200 % of the cost"}}
			if len(p.Facts) != 2 || p.Facts[0] != want[0] || p.Facts[1] != want[1] {
				t.Errorf("facts %v, want %v", p.Facts, want)
			}
		})
	})
	if s := page.ShadowOf(decide.Tally{}); s != (page.Shadow{}) || s.Facts() != nil {
		t.Errorf("nothing compared is shown as %+v", s)
	}
}

// After a change of the flag, over a restart, either policy goes on with its own
// memory: the one that acts now keeps its window, and the rate it has learned.
func TestPromotionKeepsBothMemories(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept store
		var log logBuffer
		fleet := &actuatetest.Fleet{}
		capacity := func(name string, utilization float64) decide.Config {
			return decide.Config{Policies: []decide.NamedSpec{{Name: name, Spec: decide.Capacity{Demand: demandKey, Rate: rateKey, Utilization: utilization, Headroom: -1}}}}
		}
		run := func(epoch uint64, promote bool, s *rated) []Line {
			r := newRig(t, func(c *Config) {
				slowDown(&kept, epoch, &log)(c)
				p := &c.Pools[0]
				p.Sources, p.Target, p.Promote = []signal.Source{s}, targetOf(t, fleet), promote
				p.Policy, p.Shadow = capacity("full", 1), capacity("half", 0.5)
			})
			r.run(t, func() { time.Sleep(10 * time.Second) })
			return linesOf(t, r.journal.Bytes(), KindSegment)
		}
		desired := func() int64 {
			st, err := fleet.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return st.Fleet.Desired
		}
		first := run(1, false, &rated{demand: 20, known: true})
		if n := desired(); n != 2 {
			t.Fatalf("the policy made %d, want 2", n)
		}
		// The rate is no longer known: only what each has learned can tell.
		second := run(2, true, &rated{demand: 20})
		if n := desired(); n != 4 {
			t.Errorf("promoted, the shadow made %d, want 4 by the rate it had learned", n)
		}
		if a, b := first[0].Segment, second[0].Segment; a.Hash != b.Shadow.Hash || b.Hash != a.Shadow.Hash || a.Policies[0] != "full" || b.Policies[0] != "half" {
			t.Errorf("segments %+v and %+v", a, b)
		}
		third := run(3, false, &rated{demand: 60})
		if n := desired(); n != 6 {
			t.Errorf("put back, the policy made %d, want 6", n)
		}
		for _, s := range []*Segment{second[0].Segment, third[0].Segment} {
			if text, err := json.Marshal(s.Shadow.State); err != nil || !strings.Contains(string(text), s.Shadow.Policies[0]) {
				t.Errorf("the state of %v knows nothing of it: %s, %v", s.Shadow.Policies, text, err)
			}
		}
	})
}

// A shadow that is promoted in the first moment of its life begins with what the
// other knows: it takes nothing away before a window has passed.
func TestPromotionOfANewShadowIsNoColdStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept store
		var log logBuffer
		fleet := &actuatetest.Fleet{}
		one := newRig(t, func(c *Config) {
			slowDown(&kept, 1, &log)(c)
			c.Pools[0].Target = targetOf(t, fleet)
		})
		one.load.value.Store(40)
		one.run(t, func() { time.Sleep(20 * time.Second) })
		observed := func(raw []byte) int64 {
			var st struct{ Observed int64 }
			if err := json.Unmarshal(raw, &st); err != nil {
				t.Fatal(err)
			}
			return st.Observed
		}
		two := newRig(t, func(c *Config) {
			slowDown(&kept, 2, &log)(c)
			c.Pools[0].Target = targetOf(t, fleet)
			c.Pools[0].Shadow, c.Pools[0].Promote = perReplica(20), true
		})
		two.load.value.Store(40)
		two.run(t, func() { time.Sleep(5 * time.Second) })
		var s saved
		if err := json.Unmarshal(kept.get(), &s); err != nil {
			t.Fatal(err)
		}
		if a, b := observed(s.Pools["p"]), observed(s.Shadows["p"]); a < 23_000 || b < 23_000 {
			t.Errorf("the policy has observed for %d ms, the shadow for %d; want 24 s or so for both", a, b)
		}
		if st, err := fleet.Status(t.Context()); err != nil || st.Fleet.Desired != 4 {
			t.Errorf("%d replicas, %v; want still 4: the shadow wants 2, in a window", st.Fleet.Desired, err)
		}
	})
}

func TestShadowIsRefused(t *testing.T) {
	r := newRig(t, nil)
	base := r.keel.cfg.Pools[0]
	for _, tc := range []struct {
		name, want string
		change     func(*Pool)
	}{
		{"without a policy", "make it the Policy", func(p *Pool) { p.Shadow, p.Policy, p.Target = perReplica(5), decide.Config{}, nil }},
		{"promotion of nothing", "nothing to promote", func(p *Pool) { p.Promote = true }},
		{"a bad one", "Shadow: evenkeel: policy", func(p *Pool) { p.Shadow = perReplica(-1) }},
		{"other signals", "Shadow.Signals are not those", func(p *Pool) { p.Shadow = perReplica(5); p.Shadow.Signals = (&rated{}).Defs() }},
	} {
		p := base
		tc.change(&p)
		if _, err := New(Config{Pools: []Pool{p}}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
}
