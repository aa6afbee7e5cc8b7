package compat

import (
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// A plant is a fleet whose replicas take a hundred seconds to start, under a load
// that steps from what half a replica does to what three do.
type plant struct {
	n        int64
	ready    int64
	starting []decide.Cohort
	largest  int64
	trace    []int64 // the counts, in order
}

const (
	plantStart = 100 * time.Second
	plantLoad  = 3.0
)

// decider is simulate.Decider.
type decider interface {
	Signals() []signal.Def
	Decide(in *decide.Input, d *decide.Decision)
}

// run plays the plant for an hour with the load from 5 min on, and returns the
// largest count and the last. The signals are the load in flight and how busy a
// replica is, 1 at most.
func (p plant) run(d decider, limits decide.Limits) plant {
	p.n, p.ready = 2, 2
	for s := range 3600 {
		now := at(float64(s))
		rest := p.starting[:0]
		for _, c := range p.starting {
			if now.Sub(c.Since) >= plantStart {
				p.ready += c.N
			} else {
				rest = append(rest, c)
			}
		}
		p.starting = rest
		load := 0.5
		if s >= 300 {
			load = plantLoad
		}
		busy := 1.0
		if p.ready > 0 {
			busy = min(load/float64(p.ready), 1)
		}
		in := decide.Input{Now: now, Limits: limits, Signals: []signal.Sample{signal.Value(load), signal.Value(busy)}}
		in.Fleet = decide.Fleet{Desired: p.n, Ready: p.ready, Starting: p.starting}
		var out decide.Decision
		d.Decide(&in, &out)
		p.scale(out.Desired, now)
	}
	return p
}

func (p *plant) scale(n int64, now time.Time) {
	switch {
	case n > p.n:
		p.starting = append(p.starting, decide.Cohort{N: n - p.n, Since: now})
	case n < p.n:
		away := p.n - n
		for i := len(p.starting) - 1; i >= 0 && away > 0; i-- {
			k := min(away, p.starting[i].N)
			p.starting[i].N -= k
			away -= k
		}
		p.ready -= away
	}
	if n != p.n {
		p.trace = append(p.trace, n)
	}
	p.n, p.largest = n, max(p.largest, n)
}

var (
	inFlight = signal.Def{Key: signal.Key{Name: "load"}, Unit: signal.Requests}
	busy     = signal.Def{Key: signal.Key{Name: "busy"}, Unit: signal.Ratio}
)

// feeds gives a rule both signals in the plant's order, each possibly unused.
func feeds(f ...Feed) Wiring { return Wiring{Feeds: f} }

func baseline[S any](t *testing.T, r Rule[S], w Wiring) decider {
	t.Helper()
	b, err := NewBaseline(r, w)
	if err != nil {
		t.Fatal(err)
	}
	return align{b, b.Signals()}
}

// align hands a baseline those of the plant's two signals that it asked for.
type align struct {
	decider
	defs []signal.Def
}

func (a align) Decide(in *decide.Input, d *decide.Decision) {
	all := in.Signals
	in.Signals = nil
	for _, def := range a.defs {
		if def.Key == busy.Key {
			in.Signals = append(in.Signals, all[1])
		} else {
			in.Signals = append(in.Signals, all[0])
		}
	}
	a.decider.Decide(in, d)
}

// TestCascade: under a step and a slow start AIBrix as shipped runs to its limit,
// and every rule that counts what is ready, or demand, does not.
func TestCascade(t *testing.T) {
	limits := decide.Limits{Min: 1, Max: 64}
	total, each := Feed{Signal: inFlight}, Feed{Signal: busy, Per: PerEach}
	pods := []HPAMetric{{Source: HPAPods, Type: HPAAverageValue, Target: 0.5}}
	external := []HPAMetric{{Source: HPAExternal, Type: HPAAverageValue, Target: 0.5}}
	const need = 6 // half a replica's worth each
	for _, c := range []struct {
		name  string
		d     decider
		worst int64 // largest count allowed
		runs  bool  // runs away
	}{
		{"aibrix-apa@as-shipped", baseline(t, APA{Setpoints: []float64{0.5}}, feeds(each)), 64, true},
		{"aibrix-apa@repaired", baseline(t, APA{Setpoints: []float64{0.5}, Repaired: true}, feeds(each)), 3 * need, false},
		{"hpa pods", baseline(t, HPA{Metrics: pods}, feeds(each)), 2 * need, false},
		{"hpa external", baseline(t, HPA{Metrics: external}, feeds(total)), need, false},
		{"hpa behavior", baseline(t, HPA{Metrics: external, Behavior: &HPABehavior{}}, feeds(total)), need, false},
		{"keda", baseline(t, KEDA{Triggers: []KEDATrigger{{Target: 0.5}}}, feeds(total)), need, false},
		{"knative", baseline(t, KPA{Target: 0.5, Utilization: 1}, feeds(total)), need, false},
		{"ray", baseline(t, Ray{Target: 0.5}, feeds(total)), need, false},
		{"aibrix-kpa@repaired", baseline(t, AIBrixKPA{Setpoint: 0.5, Repaired: true}, feeds(each)), 3 * need, false},
		{"aws", baseline(t, AWS{Setpoints: []float64{0.5}}, feeds(each)), 3 * need, false},
		{"wva-v2", baseline(t, WVATokens{KV: 1250, Input: 1, Output: 1}, feeds(Feed{Signal: inFlight, Scale: 1000}, Feed{Signal: inFlight, Scale: 1e-9})), need, false},
		{"dynamo-throughput", baseline(t, DynamoThroughput{Role: DynamoPrefill, Input: 1, Output: 1, Sequences: 1, KV: 10,
			Model: DynamoModel{PrefillToken: 2}, TTFT: 10 * time.Second}, feeds(total)), need, false},
	} {
		p := plant{}.run(c.d, limits)
		t.Logf("%-22s largest %2d, last %2d", c.name, p.largest, p.n)
		if runaway := p.largest == 64; runaway != c.runs {
			t.Errorf("%s: largest %d: runaway is %v, want %v", c.name, p.largest, runaway, c.runs)
		}
		// Its window then makes it fall all the way at once, and it begins again.
		if c.runs && !falls(p.trace, 64, 1) {
			t.Errorf("%s: %v: want a fall from 64 to 1", c.name, p.trace)
		}
		if p.largest > c.worst || p.largest < 4 {
			t.Errorf("%s: largest %d: want 4 to %d", c.name, p.largest, c.worst)
		}
	}
}

// falls reports whether the counts have from and to next to each other.
func falls(counts []int64, from, to int64) bool {
	for i := 1; i < len(counts); i++ {
		if counts[i-1] == from && counts[i] == to {
			return true
		}
	}
	return false
}
