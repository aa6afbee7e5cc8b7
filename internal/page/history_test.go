package page

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// columnsOf reads a history back.
func columnsOf(t interface{ Fatalf(string, ...any) }, h *History, since int64) map[string][]*float64 {
	var out map[string][]*float64
	if err := json.Unmarshal(h.AppendJSON(nil, since), &out); err != nil {
		t.Fatalf("history is no JSON: %v", err)
	}
	return out
}

// Whatever is added, a history stays bounded, in order and square, and what is
// asked for since a time is exactly what lies after it.
func TestHistoryLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h History
		now := noon
		steps := rapid.SliceOfN(rapid.IntRange(-4000, 20000), 1, 60).Draw(t, "ms")
		repeat := rapid.IntRange(1, 60).Draw(t, "repeat")
		for range repeat {
			for _, ms := range steps {
				now = now.Add(time.Duration(ms) * time.Millisecond)
				h.Add(Point{At: now, Ready: Of(3), Demand: Value{}, Queue: Of(float64(ms))})
			}
		}
		all := columnsOf(t, &h, math.MinInt64)
		if len(all) != len(columns)+1 {
			t.Fatalf("%d columns, want %d", len(all), len(columns)+1)
		}
		at := all["t"]
		if len(at) == 0 || len(at) > MaxPoints {
			t.Fatalf("%d points, want 1 to %d", len(at), MaxPoints)
		}
		for i := 1; i < len(at); i++ {
			if *at[i] <= *at[i-1] {
				t.Fatalf("point %d at %v is not after %v", i, *at[i], *at[i-1])
			}
		}
		for name, col := range all {
			if len(col) != len(at) {
				t.Fatalf("column %s has %d values for %d points", name, len(col), len(at))
			}
		}
		for i := range at {
			if all["ready"][i] == nil || *all["ready"][i] != 3 || all["demand"][i] != nil {
				t.Fatalf("point %d: what is known is lost or what is absent invented", i)
			}
		}
		i := rapid.IntRange(0, len(at)-1).Draw(t, "since")
		if tail := columnsOf(t, &h, int64(*at[i]))["t"]; len(tail) != len(at)-i-1 {
			t.Fatalf("since point %d of %d: got %d", i, len(at), len(tail))
		}
	})
}

func TestHistoryThinsWithoutHidingWhatHurt(t *testing.T) {
	var h History
	start := noon // on a ten-second boundary
	for i := range fineCount + 20 {
		p := Point{At: start.Add(time.Duration(i) * time.Second), Ready: Of(5), Demand: Of(float64(i % 10)), Queue: Of(0), TTFT95: Of(0.5)}
		switch i {
		case 3:
			p.Queue, p.Ready, p.TTFT95 = Of(64), Of(2), Of(9)
		case 4:
			p.Queue, p.Ready, p.TTFT95, p.Demand = Value{}, Value{}, Value{}, Value{}
		}
		h.Add(p)
	}
	got := columnsOf(t, &h, 0)
	if n := len(got["t"]); n != fineCount+2 {
		t.Fatalf("%d points, want %d and two for the twenty oldest", n, fineCount)
	}
	for name, want := range map[string]float64{"t": float64(start.UnixMilli()), "queue": 64, "ready": 2, "ttft_p95": 9, "demand": 41. / 9} {
		if v := got[name][0]; v == nil || math.Abs(*v-want) > 1e-4 {
			t.Errorf("first ten seconds: %s is %v, want %v", name, v, want)
		}
	}
	if v := *got["queue"][1]; v != 0 {
		t.Errorf("next ten seconds: queue %v, want 0", v)
	}
}

func TestHistoryKeepsTwoHours(t *testing.T) {
	var h History
	for i := range 4 * 3600 {
		h.Add(Point{At: noon.Add(time.Duration(i) * time.Second), Ready: Of(1)})
	}
	at := columnsOf(t, &h, 0)["t"]
	if span := time.Duration(*at[len(at)-1]-*at[0]) * time.Millisecond; span < 2*time.Hour-time.Minute || span > 2*time.Hour+time.Minute {
		t.Errorf("%d points over %v, want two hours", len(at), span)
	}
}

func TestHistoryWhenTheClockStepsBack(t *testing.T) {
	var h History
	for i := range 100 {
		h.Add(Point{At: noon.Add(time.Duration(i) * time.Second)})
	}
	h.Add(Point{At: noon.Add(98500 * time.Millisecond)}) // a mere wobble
	h.Add(Point{At: noon.Add(99 * time.Second)})         // the same instant again
	if n := len(columnsOf(t, &h, 0)["t"]); n != 100 {
		t.Errorf("%d points, want 100", n)
	}
	h.Add(Point{At: noon.Add(40 * time.Second)})
	at := columnsOf(t, &h, 0)["t"]
	if len(at) != 41 || int64(*at[40]) != noon.Add(40*time.Second).UnixMilli() {
		t.Errorf("%d points, want the 40 before the step and the new one", len(at))
	}
}

func BenchmarkUpdate(b *testing.B) {
	p, err := New(Config{})
	if err != nil {
		b.Fatal(err)
	}
	s := full()
	for len(s.Pools[0].Instances) < 64 {
		s.Pools[0].Instances = append(s.Pools[0].Instances, s.Pools[0].Instances[0])
	}
	b.ReportAllocs()
	for b.Loop() {
		s.Now = s.Now.Add(time.Second)
		if err := p.Update(s); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHistoryJSON(b *testing.B) {
	var h History
	for i := range 3 * 3600 {
		h.Add(Point{At: noon.Add(time.Duration(i) * time.Second), Ready: Of(4), Demand: Of(3.14159), Queue: Of(7), TTFT95: Of(0.4213)})
	}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = h.AppendJSON(buf[:0], 0)
	}
	b.ReportMetric(float64(len(buf)), "bytes")
}
