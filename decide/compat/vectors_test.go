package compat

import (
	"fmt"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

var t0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return t0.Add(time.Duration(seconds * float64(time.Second)))
}

// pods are n pods with a value in a state.
func pods(n int, value float64, state PodState) []Pod {
	p := make([]Pod, n)
	for i := range p {
		p[i] = Pod{Value: value, State: state}
	}
	return p
}

func join(groups ...[]Pod) (all []Pod) {
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

func equal[T comparable](t *testing.T, row string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", row, got, want)
	}
}

func TestVectorHPAPods(t *testing.T) {
	h := HPA{Metrics: []HPAMetric{{Source: HPAPods, Type: HPAAverageValue, Target: 0.5}}}
	for _, c := range []struct {
		row  string
		cur  int64
		pods []Pod
		want int64
	}{
		{"4@900→8", 4, pods(4, .9, PodReady), 8},
		{"4@540→4", 4, pods(4, .54, PodReady), 4},
		{"4@560→5", 4, pods(4, .56, PodReady), 5},
		{"4@100→1", 4, pods(4, .1, PodReady), 1},
		{"cur4 {900,900}+2 missing→4", 4, join(pods(2, .9, PodReady), pods(2, 0, PodMissing)), 4},
		{"cur4 {100,100}+2 missing→3", 4, join(pods(2, .1, PodReady), pods(2, 0, PodMissing)), 3},
		{"cur8 4@900+4 unready→8", 8, join(pods(4, .9, PodReady), pods(4, .9, PodUnready)), 8},
		{"cur6 4@900+2 unready→8", 6, join(pods(4, .9, PodReady), pods(2, .9, PodUnready)), 8},
	} {
		o := Observation{Now: t0, Spec: c.cur, Status: c.cur, Ready: c.cur, Metrics: []Metric{{Pods: c.pods}}}
		equal(t, c.row, h.Propose(o).Replicas, c.want)
	}
}

func TestVectorHPAExternalAverageValue(t *testing.T) {
	for _, c := range []struct {
		target        float64
		status, total int64
		want          int64
	}{
		{10, 4, 40, 4}, {10, 4, 43, 4}, {10, 4, 45, 5},
		{4, 10, 40, 10}, {4, 10, 41, 10}, {4, 10, 44, 10}, {4, 10, 45, 12},
	} {
		h := HPA{Metrics: []HPAMetric{{Source: HPAExternal, Type: HPAAverageValue, Target: c.target}}}
		o := Observation{Now: t0, Spec: c.status, Status: c.status, Ready: c.status, Metrics: []Metric{{Value: float64(c.total)}}}
		equal(t, fmt.Sprintf("target %v, status %d: %d→%d", c.target, c.status, c.total, c.want), h.Propose(o).Replicas, c.want)
	}
}

func TestVectorHPADefaultUpLimit(t *testing.T) {
	h := HPA{Metrics: []HPAMetric{{Source: HPAPods, Type: HPAAverageValue, Target: 1}}, Behavior: &HPABehavior{}}
	for _, c := range [][2]int64{{1, 5}, {2, 6}, {3, 7}, {5, 10}, {10, 20}, {40, 80}} {
		o := Observation{Now: t0, Spec: c[0], Status: c[0], Ready: c[0], Limits: decide.Limits{Min: 1, Max: 1000},
			Metrics: []Metric{{Pods: pods(int(c[0]), 1000, PodReady)}}}
		s, v := h.Next(HPAState{Begun: true}, o)
		row := fmt.Sprintf("%d→%d", c[0], c[1])
		equal(t, row, v.Replicas, c[1])
		equal(t, row, v.Reason, decide.ReasonRate)
		// Within the same 15 s no more is allowed.
		o.Now, o.Spec = at(10), v.Replicas
		_, v = h.Next(s, o)
		equal(t, row+" 10 s later", v.Replicas, c[1])
	}
}

func TestVectorKPA(t *testing.T) {
	k := KPA{Target: 10, Utilization: 0.7}
	s := KPAState{}
	for _, c := range []struct {
		t, ready, stable, short float64
		want                    int64
		panics                  bool
		spare                   float64
	}{
		{0, 1, 5, 5, 1, false, -206},
		{2, 1, 10, 30, 5, true, -231},
		{4, 1, 12, 60, 9, true, -261},
		{40, 5, 20, 10, 9, true, -171},
		{70, 9, 10, 10, 4, false, -131},
	} {
		var v Verdict
		n := int64(c.ready)
		s, v = k.Scale(s, Observation{Now: at(c.t), Spec: n, Ready: n, Metrics: []Metric{{Value: c.stable, Short: c.short}}})
		row := fmt.Sprintf("t=%v", c.t)
		equal(t, row+" desired", v.Replicas, c.want)
		equal(t, row+" panic", s.Panicking, c.panics)
		equal(t, row+" EBC", s.Spare, c.spare)
		equal(t, row+" proxied", s.Proxied, c.spare < 0)
	}
}

func TestVectorKPARestart(t *testing.T) {
	k, s := KPA{Target: 10, Utilization: 0.7}, KPAState{}
	for _, c := range []struct {
		t           float64
		ready, want int64
		panics      bool
	}{{0, 4, 4, true}, {58, 4, 4, true}, {60, 4, 4, true}, {62, 4, 2, false}, {64, 2, 1, false}, {66, 1, 0, false}} {
		var v Verdict
		s, v = k.Scale(s, Observation{Now: at(c.t), Spec: c.ready, Ready: c.ready, Metrics: []Metric{{}}})
		row := fmt.Sprintf("t=%v ready %d", c.t, c.ready)
		equal(t, row, v.Replicas, c.want)
		equal(t, row+" panic", s.Panicking, c.panics)
	}
}

func TestVectorAIBrixAPA(t *testing.T) {
	a := APA{Setpoints: []float64{0.5}}
	for _, c := range []struct {
		cur  int64
		mean float64
		want int64
	}{{4, .9, 8}, {4, .54, 4}, {4, .56, 5}, {4, .1, 2}, {5, .1, 2}, {1, 1, 2}} {
		row := fmt.Sprintf("(%d,%v)→%d", c.cur, c.mean, c.want)
		n, _ := a.Propose(c.cur, c.mean, 0.5)
		equal(t, row, n, c.want)
		_, v := a.Next(AIBrixState{}, Observation{Now: t0, Spec: c.cur, Ready: c.cur, Metrics: []Metric{{Value: c.mean}}})
		equal(t, row+" Next", v.Replicas, c.want)
	}
}

// The cascade: two replicas are ready and full, all others on their way.
func TestVectorAIBrixRunaway(t *testing.T) {
	run := func(a APA) (counts []int64) {
		s, n := AIBrixState{}, int64(2)
		for i := range 6 {
			counts = append(counts, n)
			var v Verdict
			s, v = a.Next(s, Observation{Now: at(float64(10 * i)), Spec: n, Status: n, Ready: 2, Limits: decide.Limits{Min: 1, Max: 1000}, Metrics: []Metric{{Value: 1}}})
			n = v.Replicas
		}
		return counts
	}
	equal(t, "as shipped", fmt.Sprint(run(APA{Setpoints: []float64{0.5}})), "[2 4 8 16 32 64]")
	equal(t, "repaired", fmt.Sprint(run(APA{Setpoints: []float64{0.5}, Repaired: true})), "[2 4 4 4 4 4]")
}

func TestVectorAIBrixKPA(t *testing.T) {
	for _, c := range [][2]int64{{1, 2}, {2, 2}, {3, 2}, {4, 2}, {6, 3}, {8, 4}} {
		k := AIBrixKPA{Setpoint: 0.5}
		o := Observation{Now: t0, Spec: c[0], Ready: c[0], Metrics: []Metric{{Value: .9, Short: .9}}}
		_, v := k.Next(AIBrixState{}, o)
		equal(t, fmt.Sprintf("cur %d→%d", c[0], c[1]), v.Replicas, c[1])
		k.Repaired = true
		if _, v := k.Next(AIBrixState{}, o); v.Replicas < c[0] {
			t.Errorf("repaired: %d full replicas became %d", c[0], v.Replicas)
		}
	}
}

func TestVectorAIBrixDownWindow(t *testing.T) {
	// 2, 8 and 7 wanted of 8.
	o := Observation{Now: at(20), Spec: 8, Ready: 8}
	past := AIBrixState{Recommended: []Past{{at(0), 2}, {at(10), 8}}}
	_, v := cooldown(past, o, Verdict{Replicas: 7}, 0, 300*time.Second, false)
	equal(t, "as shipped", v.Replicas, 2)
	_, v = cooldown(past, o, Verdict{Replicas: 7}, 0, 300*time.Second, true)
	equal(t, "repaired", v.Replicas, 8)
	_, v = HPABehavior{}.apply(HPAState{Recommended: past.Recommended}, o, Verdict{Replicas: 7})
	equal(t, "HPA", v.Replicas, 8)
}

func TestVectorRay(t *testing.T) {
	for _, c := range []struct {
		rule  Ray
		cur   int64
		total float64
		want  int64
	}{
		{Ray{}, 2, 10, 5}, {Ray{}, 4, 4, 2}, {Ray{}, 4, 7.5, 4},
		{Ray{DownFactor: .15}, 10, 10, 9}, {Ray{}, 3, 4, 2},
	} {
		equal(t, fmt.Sprintf("(%d,%v)→%d", c.cur, c.total, c.want), c.rule.Want(c.cur, c.total), c.want)
	}
}

func TestVectorWVASaturation(t *testing.T) {
	same := func(n int, kv, queue float64) (r []WVAReplica) {
		for range n {
			r = append(r, WVAReplica{kv, queue})
		}
		return r
	}
	for _, c := range []struct {
		row  string
		r    []WVAReplica
		want int64
	}{
		{"{(.65,0),(.72,0)} spare .115→2", []WVAReplica{{.65, 0}, {.72, 0}}, 2},
		{"{(.65,0),(.76,0)} .095→3", []WVAReplica{{.65, 0}, {.76, 0}}, 3},
		{"4×(.3,0)→3", same(4, .3, 0), 3},
		{"4×(.3,1)→3", same(4, .3, 1), 3},
		{"3×(.9,9)→4", same(3, .9, 9), 4},
	} {
		n := int64(len(c.r))
		got := WVASaturation{}.Decide([]WVAVariant{{Desired: n, Current: n, Replicas: c.r}})
		equal(t, c.row, got[0], c.want)
		var kv, queue []Pod
		for _, r := range c.r {
			kv, queue = append(kv, Pod{Value: r.KV}), append(queue, Pod{Value: r.Queue})
		}
		_, v := WVASaturation{}.Next(WVAState{}, Observation{Now: t0, Spec: n, Status: n, Ready: n, Metrics: []Metric{{Pods: kv}, {Pods: queue}}})
		equal(t, c.row+" Next", v.Replicas, c.want)
	}
}

func TestVectorWVATokens(t *testing.T) {
	for _, c := range [][4]int64{{2, 0, 180, 3}, {2, 2, 180, 4}, {4, 0, 180, 3}, {8, 0, 180, 3}, {1, 0, 800, 10}} {
		got := WVATokens{}.Decide([]WVAPool{{Cost: 1, Capacity: 100, Ready: c[0], Pending: c[1]}}, float64(c[2]))
		equal(t, fmt.Sprintf("(%d,%d,%d)→%d", c[0], c[1], c[2], c[3]), got[0], c[3])
	}
}

func TestVectorNomad(t *testing.T) {
	for _, c := range []struct {
		count          int64
		metric, target float64
		want           int64
	}{{4, 70, 70, 4}, {4, 71, 70, 5}, {4, 60, 70, 4}, {0, 3, 2, 2}} {
		equal(t, fmt.Sprintf("(%d, %v vs %v)→%d", c.count, c.metric, c.target, c.want), Nomad{}.Want(c.count, c.metric, c.target), c.want)
	}
}

func TestVectorDynamoBudget(t *testing.T) {
	for _, c := range [][7]int64{{6, 4, 1, 2, 8, 3, 2}, {3, 3, 2, 2, 8, 2, 2}} {
		p, d := DynamoBudget(c[0], c[1], c[2], c[3], c[4], 1)
		equal(t, fmt.Sprint(c[:5]), [2]int64{p, d}, [2]int64{c[5], c[6]})
	}
}

func TestVectorZalandoRamp(t *testing.T) {
	for _, c := range []struct {
		fraction float64
		want     int64
	}{{0, 0}, {.05, 0}, {.10, 5}, {.55, 25}, {.99, 45}} {
		equal(t, fmt.Sprint(c.fraction), ZalandoRamp(50, 10, c.fraction), c.want)
	}
}
