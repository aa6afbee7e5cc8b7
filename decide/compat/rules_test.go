package compat

import (
	"fmt"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// A tick of a table: the observation, and what must come of it.
type step struct {
	at   float64 // seconds
	spec int64
	in   []Metric
	want int64
	why  decide.Reason
	held bool
}

// play runs a rule through a table. All replicas are ready.
func play[S any](t *testing.T, r Rule[S], limits decide.Limits, steps []step) S {
	t.Helper()
	var s S
	for i, c := range steps {
		var v Verdict
		s, v = r.Next(s, Observation{Now: at(c.at), Spec: c.spec, Status: c.spec, Ready: c.spec, Limits: limits, Metrics: c.in})
		if v.Replicas != c.want || v.Held != c.held || (c.why != 0 && v.Reason != c.why) {
			t.Errorf("step %d at %v s: got %d, %v, held %v; want %d, %v, held %v", i, c.at, v.Replicas, v.Reason, v.Held, c.want, c.why, c.held)
		}
	}
	return s
}

func values(v ...float64) (m []Metric) {
	for _, x := range v {
		m = append(m, Metric{Value: x, Short: x})
	}
	return m
}

var failed = []Metric{{Failed: true}}

func TestRayDelays(t *testing.T) {
	limits := decide.Limits{Min: 0, Max: 20}
	r := Ray{Interval: time.Second, UpDelay: 3 * time.Second, DownDelay: 2 * time.Second, ToZeroDelay: 5 * time.Second}
	play(t, r, limits, []step{
		{0, 2, values(10), 2, decide.ReasonWindow, false},
		{1, 2, values(10), 2, 0, false},
		{2, 2, values(4), 2, decide.ReasonDemand, false}, // wants none: begins again
		{3, 2, values(10), 2, 0, false},
		{4, 2, values(10), 2, 0, false},
		{5, 2, values(10), 2, 0, false},
		{6, 2, values(10), 5, decide.ReasonDemand, false}, // the fourth
		{7, 5, values(0), 5, 0, false},
		{9, 5, values(0), 1, 0, false}, // two ticks in one; the last one goes by itself
		{10, 1, values(0), 1, 0, false},
		{14, 1, values(0), 1, 0, false},
		{15, 1, values(0), 0, 0, false},
		{16, 0, values(1), 1, decide.ReasonFirst, false}, // from zero at once
		{17, 1, failed, 1, decide.ReasonAbsent, true},
	})
}

func TestAIBrixMetrics(t *testing.T) {
	a := APA{Setpoints: []float64{0.5, 10}}
	play(t, a, decide.Limits{Min: 1, Max: 7}, []step{
		{0, 4, []Metric{{Value: 0.5}, {Value: 15}}, 6, 0, false},
		{10, 4, []Metric{{Failed: true}, {Value: 12}}, 5, 0, false},
		{20, 4, []Metric{{Failed: true}, {Failed: true}}, 4, 0, true},
		{30, 5, values(1, 1), 7, decide.ReasonMax, false},
	})
}

func TestAIBrixKPAPanic(t *testing.T) {
	o := Observation{Now: t0, Spec: 4, Ready: 4, Metrics: []Metric{{Value: 0.3, Short: 0.9}}}
	s, v := AIBrixKPA{Setpoint: 0.5}.Next(AIBrixState{}, o)
	equal(t, "as shipped, in panic", v.Replicas, 2)
	equal(t, "as shipped, never remembered", s.Panicking, false)
	s, v = AIBrixKPA{Setpoint: 0.5, Repaired: true}.Next(AIBrixState{}, o)
	equal(t, "repaired", v.Replicas, 8) // 4 × 0.9 ÷ 0.5
	o.Now, o.Metrics = at(170), values(0.1)
	s, v = AIBrixKPA{Setpoint: 0.5, Repaired: true, DownWindow: -1}.Next(s, o)
	equal(t, "repaired, holds", v.Replicas, 8)
	o.Now = at(181)
	_, v = AIBrixKPA{Setpoint: 0.5, Repaired: true, DownWindow: -1}.Next(s, o)
	equal(t, "repaired, over", v.Replicas, 2)
}

func TestAWS(t *testing.T) {
	a := AWS{Setpoints: []float64{0.5}, OutPoints: 2, InPoints: 3}
	play(t, a, decide.Limits{Min: 1, Max: 20}, []step{
		{0, 4, values(1), 4, decide.ReasonTolerance, false},
		{60, 4, values(1), 8, decide.ReasonSetpoint, false},
		{120, 8, values(0.1), 8, 0, false},
		{180, 8, values(0.1), 8, 0, false},
		{240, 8, values(0.1), 8, decide.ReasonCooldown, true},
		{360, 8, values(0.1), 7, decide.ReasonRate, false},
		{420, 7, values(0.1), 7, decide.ReasonCooldown, true},
		{430, 7, failed, 7, 0, false}, // no data never scales
	})
	two := AWS{Setpoints: []float64{0.5, 5}, OutPoints: 1, InPoints: 1}
	play(t, two, decide.Limits{Min: 1, Max: 20}, []step{
		{0, 4, values(0.1, 4.8), 4, 0, false},   // not all agree
		{60, 4, values(0.1, 10), 8, 0, false},   // one suffices
		{600, 8, values(0.1, 0.1), 7, 0, false}, // all agree
	})
	// Five of eight are on their way: no more is asked for.
	_, v := AWS{Setpoints: []float64{0.5}, OutPoints: 1}.Next(AWSState{}, Observation{Now: t0, Spec: 8, Ready: 3, Metrics: values(1)})
	equal(t, "warming up", v.Replicas, 8)
	_, v = AWS{Setpoints: []float64{0.5}, InPoints: 1, NoScaleIn: true}.Next(AWSState{}, Observation{Now: t0, Spec: 8, Ready: 8, Metrics: values(0)})
	equal(t, "no scale-in", v.Replicas, 8)
}

func TestNomad(t *testing.T) {
	n := Nomad{Checks: []NomadCheck{{Target: 10, Group: "a"}, {Target: 10, Group: "a"}, {Target: 10}}}
	limits := decide.Limits{Min: 1, Max: 20}
	play(t, n, limits, []step{
		{0, 4, values(5, 10, 10), 4, decide.ReasonTolerance, false}, // group a: down; the other: none, and none beats down
		{10, 4, values(5, 10, 7), 3, decide.ReasonSetpoint, false},  // 2 and 3: the larger
		{20, 3, values(20, 20, 20), 3, decide.ReasonCooldown, true},
		{310, 3, values(5, 20, 5), 6, 0, false}, // up beats down
		{620, 6, failed, 6, decide.ReasonAbsent, true},
	})
	_, v := Nomad{Checks: []NomadCheck{{Target: 10}}, MaxUp: 2, MaxDown: 1}.Next(NomadState{}, Observation{Now: t0, Spec: 8, Metrics: values(50)})
	equal(t, "max up", v.Replicas, 10)
	_, v = Nomad{Checks: []NomadCheck{{Target: 10}}, MaxUp: 2, MaxDown: 1}.Next(NomadState{}, Observation{Now: t0, Spec: 8, Metrics: values(1)})
	equal(t, "max down", v.Replicas, 7)
	equal(t, "no target", Nomad{}.Want(4, 1.5, 0), 6)
	for _, c := range []struct {
		deltas []int64
		want   int64
	}{{[]int64{0, 0}, 0}, {[]int64{0, -3}, -3}, {[]int64{-1, -3}, -1}, {[]int64{-3, 2, 0}, 2}, {nil, 0}} {
		equal(t, fmt.Sprint("group ", c.deltas), NomadGroup(c.deltas), c.want)
	}
}

func TestNomadThreshold(t *testing.T) {
	five, seven := []float64{1, 2, 3, 4, 5}, int64(7)
	for _, c := range []struct {
		t    NomadThreshold
		want int64
	}{
		{NomadThreshold{Lower: 1, Upper: 6, Delta: 2}, 6}, {NomadThreshold{Lower: 1, Upper: 5, Delta: 2}, 4}, {NomadThreshold{Lower: 1, Upper: 5, Points: 4, Delta: -9}, 0},
		{NomadThreshold{Lower: 0, Upper: 9, Percent: 30}, 6}, {NomadThreshold{Lower: 0, Upper: 9, Percent: -30}, 2}, {NomadThreshold{Lower: 0, Upper: 9, Value: &seven}, 7},
	} {
		equal(t, fmt.Sprintf("%+v", c.t), c.t.Want(4, five), c.want)
	}
}
