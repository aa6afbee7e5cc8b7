package compat

import (
	"math"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

func TestHPAEnvelope(t *testing.T) {
	h := HPA{Metrics: []HPAMetric{{Source: HPAExternal, Type: HPAAverageValue, Target: 10}}}
	play(t, h, decide.Limits{Min: 2, Max: 20}, []step{
		{0, 0, values(100), 0, 0, true},                           // switched off by hand
		{0, 25, values(100), 20, decide.ReasonMax, false},         // no metric is asked
		{0, 1, values(100), 2, decide.ReasonMin, false},           //
		{15, 4, values(200), 8, decide.ReasonRate, false},         // 20 wanted, twice at most
		{30, 8, values(100), 16, decide.ReasonRate, false},        // the 20 of 15 s ago, twice at most    //
		{45, 10, failed, 10, decide.ReasonHeld, true},             //
		{60, 10, values(30), 20, decide.ReasonWindow, false},      // the 20 of 45 s ago still counts
		{320, 20, values(30), 10, decide.ReasonWindow, false},     // now the 10 of 290 s ago
		{400, 10, values(30), 3, decide.ReasonSetpoint, false},    //
		{700, 3, values(1), 3, decide.ReasonWindow, false},        //
		{1001, 3, values(0), 2, decide.ReasonMin, false},          //
		{1016, 2, values(21.5), 2, decide.ReasonTolerance, false}, // 7.5 % over
	})
}

func TestHPAFirstTickTakesNothingAway(t *testing.T) {
	h := HPA{Metrics: []HPAMetric{{Source: HPAExternal, Type: HPAAverageValue, Target: 10}}}
	play(t, h, decide.Limits{Min: 1, Max: 20}, []step{
		{0, 8, values(20), 8, decide.ReasonWindow, false},
		{300, 8, values(20), 8, decide.ReasonWindow, false},
		{301, 8, values(20), 2, decide.ReasonSetpoint, false},
	})
}

func TestHPASeveralMetrics(t *testing.T) {
	h := HPA{Metrics: []HPAMetric{{Source: HPAExternal, Type: HPAAverageValue, Target: 10}, {Source: HPAObject, Type: HPAValue, Target: 5}}}
	bad := Metric{Failed: true}
	for _, c := range []struct {
		name string
		in   []Metric
		want int64
		held bool
	}{
		{"the larger", values(80, 5), 8, false},
		{"the larger, by value", values(40, 15), 12, false},
		{"one failed, up", []Metric{{Value: 80}, bad}, 8, false},
		{"one failed, down", []Metric{{Value: 10}, bad}, 4, true},
		{"one failed, the same", []Metric{{Value: 40}, bad}, 4, false},
		{"both failed", []Metric{bad, bad}, 4, true},
		{"not a number", []Metric{{Value: math.NaN()}, {Value: 10}}, 8, false},
		{"one missing", values(80), 8, false},
	} {
		v := h.Propose(Observation{Now: t0, Spec: 4, Status: 4, Ready: 4, Metrics: c.in})
		equal(t, c.name, v.Replicas, c.want)
		equal(t, c.name+" held", v.Held, c.held)
	}
}

func TestHPAResource(t *testing.T) {
	util := HPA{Metrics: []HPAMetric{{Source: HPAResource, Type: HPAUtilization, Target: 50}}}
	pod := func(use, request float64, s PodState) Pod { return Pod{Value: use, Request: request, State: s} }
	for _, c := range []struct {
		name string
		spec int64
		pods []Pod
		want int64
		held bool
	}{
		{"80 % of 50 %", 2, []Pod{pod(.8, 1, PodReady), pod(.8, 1, PodReady)}, 4, false},
		{"weighted by request", 2, []Pod{pod(.1, 1, PodReady), pod(3, 3, PodReady)}, 4, false}, // 77 %, cut off: 1.54
		{"cut off to a whole percent", 2, []Pod{pod(.559, 1, PodReady), pod(.559, 1, PodReady)}, 2, false},
		{"missing counts as its whole request", 4, []Pod{pod(.1, 1, PodReady), pod(0, 1, PodMissing), pod(0, 1, PodMissing), pod(0, 1, PodMissing)}, 4, false},
		{"unready is left out on the way down", 4, []Pod{pod(.1, 1, PodReady), pod(.1, 1, PodReady), pod(9, 1, PodUnready), pod(9, 1, PodUnready)}, 1, false},
		{"ignored never counts", 2, []Pod{pod(.8, 1, PodReady), pod(.8, 1, PodReady), pod(9, 1, PodIgnored)}, 4, false},
		{"no requests", 2, []Pod{pod(.8, 0, PodReady)}, 2, true},
		{"nothing ready", 2, []Pod{pod(.8, 1, PodUnready)}, 2, true},
		{"no pods", 2, nil, 2, true},
	} {
		v := util.Propose(Observation{Now: t0, Spec: c.spec, Status: c.spec, Ready: c.spec, Metrics: []Metric{{Pods: c.pods}}})
		equal(t, c.name, v.Replicas, c.want)
		equal(t, c.name+" held", v.Held, c.held)
	}
	// Half of 1 GiB is the same for a mean.
	average := HPA{Metrics: []HPAMetric{{Source: HPAContainerResource, Type: HPAAverageValue, Target: 1 << 30}}}
	v := average.Propose(Observation{Now: t0, Spec: 4, Status: 4, Ready: 4, Metrics: []Metric{{Pods: pods(4, 1<<29, PodReady)}}})
	equal(t, "memory", v.Replicas, 2)
}

func TestHPAValueFromZero(t *testing.T) {
	h := HPA{Metrics: []HPAMetric{{Source: HPAExternal, Type: HPAValue, Target: 10}}}
	v := h.Propose(Observation{Now: t0, Metrics: values(25)})
	equal(t, "from zero", v.Replicas, 3)
	h.Metrics[0].Type = HPAAverageValue
	v = h.Propose(Observation{Now: t0, Metrics: values(25)})
	equal(t, "from zero, average", v.Replicas, 3)
	v = h.Propose(Observation{Now: t0, Metrics: values(0)})
	equal(t, "at zero without load", v.Replicas, 0)
}

func TestHPABehavior(t *testing.T) {
	h := HPA{Metrics: []HPAMetric{{Source: HPAExternal, Type: HPAAverageValue, Target: 10}}}
	limits := decide.Limits{Min: 1, Max: 100}
	for name, c := range map[string]struct {
		b     HPABehavior
		steps []step
	}{
		"up window takes the least": {HPABehavior{Up: HPAScaling{Window: time.Minute}}, []step{
			{0, 4, values(80), 4, decide.ReasonWindow, false},
			{30, 4, values(70), 4, decide.ReasonWindow, false},
			{61, 4, values(80), 7, decide.ReasonWindow, false},
		}},
		"least of two up": {HPABehavior{Up: HPAScaling{Select: HPALeast}}, []step{
			{0, 10, values(900), 14, decide.ReasonRate, false},
			{5, 14, values(900), 14, decide.ReasonRate, false}, // used up
			{16, 14, values(900), 18, decide.ReasonRate, false},
		}},
		"up disabled": {HPABehavior{Up: HPAScaling{Select: HPADisabled}}, []step{{0, 4, values(900), 4, decide.ReasonRate, false}}},
		"down by one a minute": {HPABehavior{Down: HPAScaling{Window: -1, Policies: []HPAPolicy{{Value: 1, Period: time.Minute}}}}, []step{
			{0, 9, values(10), 8, decide.ReasonRate, false},
			{15, 8, values(10), 8, decide.ReasonRate, false},
			{60, 8, values(10), 7, decide.ReasonRate, false},
		}},
		"down by a tenth": {HPABehavior{Down: HPAScaling{Window: -1, Policies: []HPAPolicy{{Percent: true, Value: 10, Period: time.Minute}}}}, []step{
			{0, 25, values(10), 22, decide.ReasonRate, false}, // 22.5, cut off
		}},
		"what was added may go again": {HPABehavior{Up: HPAScaling{Policies: []HPAPolicy{{Value: 5, Period: time.Minute}}},
			Down: HPAScaling{Window: -1, Policies: []HPAPolicy{{Value: 2, Period: time.Minute}}}}, []step{
			{0, 5, values(900), 10, decide.ReasonRate, false},
			{15, 10, values(10), 3, decide.ReasonRate, false}, // from 5, as it was a minute ago
			{30, 3, values(900), 10, decide.ReasonRate, false},
		}},
	} {
		h.Behavior = &c.b
		t.Run(name, func(t *testing.T) { play(t, h, limits, c.steps) })
	}
}

func TestHPAPodState(t *testing.T) {
	now := at(1000)
	ok := HPAPod{HasMetric: true, HasReady: true, Ready: true, Started: at(0), LastChange: at(20), Sampled: at(990), Window: 30 * time.Second}
	with := func(f func(*HPAPod)) HPAPod { p := ok; f(&p); return p }
	for _, c := range []struct {
		name string
		p    HPAPod
		cpu  bool
		want PodState
	}{
		{"ready", ok, true, PodReady},
		{"deleting", with(func(p *HPAPod) { p.Deleting = true }), true, PodIgnored},
		{"failed", with(func(p *HPAPod) { p.Failed = true }), false, PodIgnored},
		{"pending", with(func(p *HPAPod) { p.Pending = true }), false, PodUnready},
		{"no value", with(func(p *HPAPod) { p.HasMetric = false }), true, PodMissing},
		{"not ready, but no CPU", with(func(p *HPAPod) { p.Ready = false }), false, PodReady},
		{"no condition", with(func(p *HPAPod) { p.HasReady = false }), true, PodUnready},
		{"not started", with(func(p *HPAPod) { p.Started = time.Time{} }), true, PodUnready},
		{"initialising and not ready", with(func(p *HPAPod) { p.Started, p.Ready = at(800), false }), true, PodUnready},
		{"initialising, sample too early", with(func(p *HPAPod) { p.Started, p.LastChange = at(800), at(970) }), true, PodUnready},
		{"initialising, sample in time", with(func(p *HPAPod) { p.Started, p.LastChange = at(800), at(950) }), true, PodReady},
		{"never became ready", with(func(p *HPAPod) { p.Ready = false }), true, PodUnready},
		{"was ready once", with(func(p *HPAPod) { p.Ready, p.LastChange = false, at(500) }), true, PodReady},
	} {
		equal(t, c.name, c.p.State(now, c.cpu, 300*time.Second, 30*time.Second), c.want)
	}
}
