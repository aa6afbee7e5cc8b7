package compat

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

func TestKPAToZero(t *testing.T) {
	k := KPA{Target: 10}
	// Traffic ends at 10 s. The last replica has to have served for a minute, and
	// then stays for the grace period.
	s := play(t, k, decide.Limits{Max: 10}, []step{
		{0, 1, values(5), 1, 0, false},
		{10, 1, values(0), 1, decide.ReasonIdleWindow, false},
		{59, 1, values(0), 1, decide.ReasonIdleWindow, false},
		{60, 1, values(0), 1, decide.ReasonIdleWindow, false}, // the proxy takes over
		{89, 1, values(0), 1, decide.ReasonIdleWindow, false},
		{90, 1, values(0), 0, decide.ReasonIdle, false},
		{92, 0, values(0), 0, decide.ReasonNone, false},
		{94, 0, values(5), 1, 0, false},
	})
	if s.Inactive != (time.Time{}) {
		t.Error("active again, and still on the way to zero")
	}
	// Traffic that comes back in the grace period keeps it.
	play(t, k, decide.Limits{Max: 10}, []step{
		{0, 1, values(5), 1, 0, false}, {70, 1, values(0), 1, 0, false}, {80, 1, values(5), 1, 0, false}, {101, 1, values(0), 1, 0, false},
	})
	play(t, k, decide.Limits{Min: 1, Max: 10}, []step{{0, 1, values(0), 1, 0, false}, {500, 1, values(0), 1, decide.ReasonIdleWindow, false}, {600, 1, values(0), 1, decide.ReasonMin, false}})
}

func TestKPARates(t *testing.T) {
	o := Observation{Now: t0, Spec: 8, Ready: 8, Metrics: values(0)}
	begun := KPAState{Begun: true}
	scale := func(k KPA, s KPAState, value float64) (KPAState, Verdict) {
		o.Metrics = values(value)
		return k.Scale(s, o)
	}
	_, v := scale(KPA{Target: 10, Utilization: 1}, begun, 0)
	equal(t, "at most halved", v.Replicas, 4)
	_, v = scale(KPA{Target: 10, Utilization: 1, Unreachable: true}, begun, 0)
	equal(t, "without traffic at once", v.Replicas, 0)
	s, v := scale(KPA{Target: 10, Utilization: 1, MaxUp: 1.5}, begun, 900)
	equal(t, "at most half as many again", v.Replicas, 12)
	equal(t, "panic", s.Panicking, true)
	_, v = scale(KPA{Target: 10, Utilization: 1, Activation: 20}, begun, 5)
	equal(t, "activation", v.Replicas, 20)
	_, v = scale(KPA{Target: 10, Utilization: 1, DownDelay: time.Minute}, KPAState{Begun: true, Wanted: []Past{{at(-59), 7}, {at(-61), 9}}}, 10)
	equal(t, "down delay", v.Replicas, 7)
	for _, c := range []struct {
		k    KPA
		want float64
	}{{KPA{Target: 10, Burst: -1}, 0}, {KPA{Target: 10, Unlimited: true}, -1}, {KPA{Target: 10, Burst: 20}, 55}} {
		s, _ = scale(c.k, begun, 5)
		equal(t, fmt.Sprint("spare of ", c.k.Burst), s.Spare, c.want)
	}
	o.Metrics = failed
	_, v = KPA{}.Scale(begun, o)
	equal(t, "no data", v, Verdict{Replicas: 8, Held: true, Reason: decide.ReasonAbsent})
}

func TestSampleSize(t *testing.T) {
	for n, want := range map[int64]int64{-1: 0, 0: 0, 1: 1, 3: 3, 4: 4, 10: 7, 100: 14, 1000: 16, 1 << 20: 16} {
		equal(t, fmt.Sprint(n), SampleSize(n), want)
	}
}

func TestBuckets(t *testing.T) {
	ps := []Point{{at(0), 100}, {at(1), 2}, {at(1.5), 4}, {at(2), 6}, {at(3), math.NaN()}, {at(4), 9}}
	v, ok := Buckets{}.Average(ps, at(0), at(4))
	equal(t, "by the second", fmt.Sprint(v, ok), "6 true") // (3 + 6 + 9) ÷ 3
	_, ok = Buckets{}.Average(ps, at(4), at(9))
	equal(t, "no points", ok, false)
	v, _ = Buckets{Weighted: true}.Average(ps, at(0), at(4))
	if !(v > 6 && v < 9) {
		t.Errorf("weighted: %v: newer seconds must count for more", v)
	}
	v, _ = Buckets{Weighted: true}.Average([]Point{{at(1), 5}, {at(2), 5}, {at(3), 5}}, at(0), at(60))
	equal(t, "weights add up", math.Round(v*1e9)/1e9, 5)
	v, _ = Buckets{Width: 2 * time.Second}.Average(ps, at(0), at(4))
	equal(t, "wider buckets", v, 6) // 3, 6, 9
}
