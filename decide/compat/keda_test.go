package compat

import (
	"fmt"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

func TestKEDAZeroAndBack(t *testing.T) {
	k := KEDA{Triggers: []KEDATrigger{{Target: 10, Activation: 2}}}
	limits := decide.Limits{Max: 20}
	play(t, k, limits, []step{
		{0, 0, values(2), 0, 0, false},   // not above its activation
		{15, 0, values(50), 0, 0, false}, // polled every 30 s
		{30, 0, values(50), 1, decide.ReasonFirst, false},
		{45, 1, values(50), 4, decide.ReasonRate, false}, // the HPA's
		{60, 4, values(50), 5, 0, false},
		{75, 5, values(0), 5, decide.ReasonWindow, false},
		{90, 5, values(0), 5, decide.ReasonWindow, false},
		{360, 5, values(0), 5, 0, false},                 // 300 s after it was last seen active, and no more
		{390, 5, values(0), 0, decide.ReasonIdle, false}, // straight from five
	})
	play(t, KEDA{Triggers: k.Triggers, Initial: time.Minute}, limits, []step{
		{0, 3, values(0), 3, 0, false}, {60, 3, values(0), 3, 0, false}, {90, 3, values(0), 0, decide.ReasonIdle, false},
	})
	play(t, k, decide.Limits{Min: 2, Max: 20}, []step{{0, 3, values(0), 3, 0, false}, {900, 3, values(0), 2, 0, false}})
}

func TestKEDAIdle(t *testing.T) {
	idle := int64(1)
	play(t, KEDA{Triggers: []KEDATrigger{{Target: 10}}, Idle: &idle}, decide.Limits{Min: 4, Max: 20}, []step{
		{0, 4, values(5), 4, 0, false},
		{300, 4, values(0), 4, 0, false},
		{330, 4, values(0), 1, decide.ReasonIdle, false},
		{345, 1, values(0), 1, 0, false}, // the HPA's minimum does not count
		{361, 1, values(0), 1, 0, false}, // nor at KEDA's own tick
		{395, 1, values(1), 4, decide.ReasonMin, false},
	})
}

// The four ways that an error goes, of which the last is the dangerous one.
func TestKEDAErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		f    *KEDAFallback
		want int64
		held bool
	}{
		{"no fallback", nil, 3, true},
		{"a fallback, not yet", &KEDAFallback{After: 99, Replicas: 6}, 3, true},
		{"a fallback", &KEDAFallback{After: 1, Replicas: 6}, 6, false},
		{"a fallback of 0", &KEDAFallback{After: 1}, 0, false},
	} {
		k := KEDA{Triggers: []KEDATrigger{{Target: 10}}, Fallback: c.f, Initial: 0, Cooldown: -1}
		var s KEDAState
		var v Verdict
		for i := range 20 {
			s, v = k.Next(s, Observation{Now: at(float64(15 * i)), Spec: 3, Status: 3, Ready: 3, Limits: decide.Limits{Max: 20}, Metrics: failed})
			if v.Replicas != 3 {
				break
			}
		}
		equal(t, c.name, v.Replicas, c.want)
		equal(t, c.name+" held", v.Held, c.held)
	}
}

func TestKEDAFallbackBehaviors(t *testing.T) {
	for b, want := range map[KEDAFallbackBehavior][2]int64{FallbackStatic: {6, 6}, FallbackCurrent: {3, 8}, FallbackIfHigher: {6, 8}, FallbackIfLower: {3, 6}} {
		f := KEDAFallback{Replicas: 6, Behavior: b}
		equal(t, fmt.Sprint(b, " of 3"), f.count(3), want[0])
		equal(t, fmt.Sprint(b, " of 8"), f.count(8), want[1])
	}
	// The metric makes the HPA arrive at the count, by either kind of target.
	for _, trigger := range []KEDATrigger{{Target: 7}, {Target: 7, Value: true}} {
		o := Observation{Now: t0, Spec: 4, Status: 4, Ready: 4}
		f := KEDAFallback{Replicas: 9}
		h := HPA{Metrics: []HPAMetric{{Source: HPAExternal, Type: HPAAverageValue, Target: 7}}}
		if trigger.Value {
			h.Metrics[0].Type = HPAValue
		}
		o.Metrics = []Metric{f.metric(trigger, o)}
		equal(t, fmt.Sprintf("%+v", trigger), h.Propose(o).Replicas, 9)
		o.Ready = 0
		equal(t, "nothing ready", f.metric(trigger, o).Failed, trigger.Value)
	}
}

func TestKEDAFormula(t *testing.T) {
	// The first that can be read, or the second: what ?? does in KEDA's formulas.
	first := func(v []float64, ok []bool) (float64, bool) {
		if ok[0] {
			return v[0], true
		}
		return v[1], ok[1]
	}
	k := KEDA{Triggers: make([]KEDATrigger, 2), Formula: first, Composite: KEDATrigger{Target: 10, Activation: 5}}
	if err := k.Validate(); err != nil {
		t.Error(err)
	}
	limits := decide.Limits{Max: 20}
	play(t, k, limits, []step{{0, 0, values(5, 90), 0, 0, false}, {30, 0, values(6, 0), 1, decide.ReasonFirst, false}})
	play(t, k, limits, []step{{0, 4, values(60, 10), 6, 0, false}})
	play(t, k, limits, []step{{0, 4, []Metric{{Failed: true}, {Value: 70}}, 7, 0, false}})
	play(t, k, limits, []step{{0, 4, []Metric{{Failed: true}, {Failed: true}}, 4, 0, true}})
	// A fallback anywhere replaces the whole.
	k.Fallback = &KEDAFallback{Replicas: 8}
	play(t, k, limits, []step{{0, 4, []Metric{{Failed: true}, {Value: 50}}, 8, 0, false}})
}

func TestKEDAPause(t *testing.T) {
	two := int64(2)
	triggers := []KEDATrigger{{Target: 10}}
	for _, c := range []struct {
		name  string
		pause KEDAPause
		spec  int64
		load  float64
		want  int64
	}{
		{"all", KEDAPause{All: true}, 4, 80, 4},
		{"at a count", KEDAPause{Replicas: &two}, 4, 80, 2},
		{"out", KEDAPause{Out: true}, 4, 80, 4},
		{"in", KEDAPause{In: true}, 4, 80, 8},
		{"force", KEDAPause{Active: true}, 0, 0, 1},
	} {
		play(t, KEDA{Triggers: triggers, Pause: c.pause}, decide.Limits{Max: 20}, []step{{0, c.spec, values(c.load), c.want, 0, c.want == c.spec}})
	}
	play(t, KEDA{Triggers: triggers, Pause: KEDAPause{In: true}}, decide.Limits{Max: 20},
		[]step{{0, 4, values(10), 4, 0, false}, {900, 4, values(10), 4, decide.ReasonOverride, true}})
}

func TestKEDAJobs(t *testing.T) {
	for _, c := range []struct {
		j                           KEDAJobs
		wanted, running, pend, most int64
		want                        int64
	}{
		{JobsDefault, 8, 3, 2, 10, 5},
		{JobsAccurate, 8, 3, 2, 10, 6}, // 8 + 3 − 2 is within 10
		{JobsAccurate, 9, 4, 1, 10, 6}, // 12 is not
		{JobsEager, 8, 3, 2, 10, 5},
		{JobsEager, 3, 3, 2, 10, 3},
	} {
		equal(t, fmt.Sprintf("%+v", c), c.j.Create(c.wanted, c.running, c.pend, c.most), c.want)
	}
	equal(t, "custom", CreateCustom(8, 5, 10, 1, 0.5), 5)
	equal(t, "custom, at most", CreateCustom(80, 5, 10, 1, 0.5), 10)
}
