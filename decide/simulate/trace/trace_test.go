package trace

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func at(seconds ...float64) Trace {
	var t Trace
	for i, s := range seconds {
		t = append(t, Record{At: time.Duration(s * float64(time.Second)), Input: int64(i + 1), Output: 1})
	}
	return t
}

func TestBusiest(t *testing.T) {
	tr := at(0, 5, 6, 7, 20, 21, 22, 23.5)
	for _, c := range []struct {
		window time.Duration
		want   []int64 // inputs, which number the records
		rate   float64
	}{
		{time.Second, []int64{1}, 1}, // half-open: 5 and 6 are not together
		{1001 * time.Millisecond, []int64{2, 3}, 2 / 1.001},
		{3 * time.Second, []int64{2, 3, 4}, 1}, // the earliest of equals
		{4 * time.Second, []int64{5, 6, 7, 8}, 1},
		{time.Hour, []int64{1, 2, 3, 4, 5, 6, 7, 8}, 8.0 / 3600},
	} {
		got := tr.Busiest(c.window)
		var ids []int64
		for _, r := range got {
			ids = append(ids, r.Input)
		}
		if !slices.Equal(ids, c.want) || got[0].At != 0 {
			t.Errorf("Busiest(%v) = %v, want records %v from 0", c.window, got, c.want)
		}
		if rate := tr.PeakRate(c.window); math.Abs(rate-c.rate) > 1e-9 {
			t.Errorf("PeakRate(%v) = %v, want %v", c.window, rate, c.rate)
		}
	}
	if got := tr.Busiest(0); len(got) != 0 {
		t.Errorf("Busiest(0) = %v, want nothing", got)
	}
	if tr.PeakRate(0) != 0 || (Trace{}).PeakRate(time.Second) != 0 || len(Trace(nil).Busiest(time.Second)) != 0 {
		t.Error("no window and no trace must have no rate")
	}
	if tr[1].At != 5*time.Second {
		t.Error("Busiest changed the trace it was asked of")
	}
}

func TestSpeedAndCut(t *testing.T) {
	tr := at(0, 2, 10)
	if got := tr.Speed(2); got[2].At != 5*time.Second || got[1].At != time.Second || tr[2].At != 10*time.Second {
		t.Errorf("Speed(2) = %v", got)
	}
	for _, k := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if got := tr.Speed(k); !slices.Equal(got, tr) {
			t.Errorf("Speed(%v) = %v, want it unchanged", k, got)
		}
	}
	if got := tr.Speed(1e-300); got[2].At != maxArrival {
		t.Errorf("Speed(1e-300) ends at %v, want the largest arrival", got[2].At)
	}
	if got := tr.Cut(10 * time.Second); len(got) != 2 {
		t.Errorf("Cut(10s) = %v, want the two records before it", got)
	}
	if in, out := tr.MeanTokens(); in != 2 || out != 1 {
		t.Errorf("MeanTokens = %v, %v, want 2, 1", in, out)
	}
}

func TestThin(t *testing.T) {
	day, err := Day(1, Shape{Length: 10 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	half := day.Thin(0.5, 1)
	if share := float64(len(half)) / float64(len(day)); math.Abs(share-0.5) > 0.04 {
		t.Errorf("%.3f of the requests were kept, want half", share)
	}
	if !slices.Equal(half, day.Thin(0.5, 1)) || slices.Equal(half, day.Thin(0.5, 2)) {
		t.Error("the seed does not decide what is kept")
	}
	if !slices.Equal(day, day.Thin(1, 1)) || len(day.Thin(0, 1)) != 0 || len(day.Thin(math.NaN(), 1)) != 0 {
		t.Error("all must be kept at 1, and nothing at 0")
	}
}

// Busiest is compared with trying every window, the slow way.
func TestBusiestLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gaps := rapid.SliceOfN(rapid.Int64Range(0, 20), 1, 40).Draw(t, "gaps")
		window := time.Duration(rapid.Int64Range(1, 60).Draw(t, "window"))
		var tr Trace
		var now time.Duration
		for _, g := range gaps {
			now += time.Duration(g)
			tr = append(tr, Record{At: now})
		}
		most := 0
		for begin := range now + 1 {
			n := 0
			for _, r := range tr {
				if r.At >= begin && r.At < begin+window {
					n++
				}
			}
			most = max(most, n)
		}
		got := tr.Busiest(window)
		if len(got) != most || got[0].At != 0 || got.Span() >= window {
			t.Fatalf("Busiest(%d) has %d records up to %d, want %d", window, len(got), got.Span(), most)
		}
	})
}

func TestDay(t *testing.T) {
	shape := Shape{Length: 10 * time.Minute, Mean: 20, Peak: 60}
	a, err := Day(7, shape)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := Day(7, shape)
	c, _ := Day(8, shape)
	if !slices.Equal(a, b) {
		t.Error("the same seed gave two traces")
	}
	if slices.Equal(a, c) {
		t.Error("two seeds gave the same trace")
	}
	// 12,000 arrivals expected; a Poisson count strays by 1 % a sigma.
	if rate := float64(len(a)) / 600; math.Abs(rate-20) > 1 {
		t.Errorf("mean rate is %.1f, want 20", rate)
	}
	if peak := a.PeakRate(10 * time.Second); peak < 48 || peak > 75 {
		t.Errorf("peak rate is %.1f, want about 60", peak)
	}
	in, out := a.MeanTokens()
	if math.Abs(in-1000) > 50 || math.Abs(out-200) > 10 {
		t.Errorf("mean lengths are %.0f and %.0f, want 1000 and 200", in, out)
	}
	if !slices.IsSortedFunc(a, func(x, y Record) int { return int(x.At - y.At) }) || a.Span() >= shape.Length {
		t.Error("the day is not sorted, or longer than asked")
	}
	if quick, err := Day(1, Shape{}); err != nil || len(quick) < 400 || len(quick) > 800 {
		t.Errorf("the default day has %d requests, %v: want about 600", len(quick), err)
	}
}

func TestDayRefuses(t *testing.T) {
	for name, s := range map[string]Shape{
		"length":  {Length: -1},
		"mean":    {Mean: math.NaN()},
		"peak":    {Mean: 8, Peak: 4},
		"bursts":  {Bursts: 400},
		"tokens":  {Input: -4},
		"spread":  {Spread: math.Inf(1)},
		"too big": {Mean: 1e9},
	} {
		if tr, err := Day(1, s); err == nil || tr != nil {
			t.Errorf("%s: Day accepted %+v", name, s)
		}
	}
}

func TestShake(t *testing.T) {
	day, err := Day(3, Shape{})
	if err != nil {
		t.Fatal(err)
	}
	const by = 20 * time.Millisecond
	shaken := day.Shake(by, 1)
	if !slices.Equal(shaken, day.Shake(by, 1)) {
		t.Error("the same seed gives another trace")
	}
	if slices.Equal(shaken, day.Shake(by, 2)) || slices.Equal(shaken, day) {
		t.Error("nothing was shaken")
	}
	if !slices.Equal(day.Shake(0, 1), day) {
		t.Error("a shake of 0 changes the trace")
	}
	var before, after int64
	for i, r := range day {
		before, after = before+r.Input+r.Output, after+shaken[i].Input+shaken[i].Output
		// Sorted, the k-th arrival is late by as much as a single one can be.
		if late := shaken[i].At - r.At; late < 0 || late >= by {
			t.Fatalf("arrival %d moved by %v", i, late)
		}
	}
	if before != after {
		t.Errorf("%d tokens before, %d after", before, after)
	}
}
