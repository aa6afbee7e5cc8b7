package signal

import (
	"math"
	"testing"
	"time"
)

func TestCounter(t *testing.T) {
	c := NewCounter(4*time.Second, 4)
	steps := []struct {
		ms    int
		add   float64
		rate  float64
		total float64
	}{
		{0, 0, 0, 0},
		{100, 10, 10, 10},  // at least over one second
		{1000, 0, 10, 10},  // 10 in 1 s
		{2000, 10, 10, 20}, // 20 in 2 s
		{3999, 0, 20 / 3.999, 20},
		{4000, 0, 10 / 3., 20}, // covers 1..4 s: the first slot is out
		{-5000, 2, 12 / 3., 22},
		{6000, 0, 2 / 3., 22},
		{60000, 0, 0, 22},
		{60000, math.NaN(), 0, 22},
		{60000, math.Inf(1), 0, 22},
		{60000, -1, 0, 22},
		{60500, 7, 2, 29}, // covers 57..60.5 s
	}
	for i, s := range steps {
		c.Add(at(s.ms), s.add)
		if got := c.PerSecond(at(s.ms)); math.Abs(got-s.rate) > 1e-9 {
			t.Errorf("step %d, at %d ms: %v per second, want %v", i, s.ms, got, s.rate)
		}
		if got := c.Total(); got != s.total {
			t.Errorf("step %d, at %d ms: total %v, want %v", i, s.ms, got, s.total)
		}
	}
}

func TestCounterShortSlots(t *testing.T) {
	c := NewCounter(time.Second, 10)
	c.Add(at(0), 1)
	if got := c.PerSecond(at(1)); math.Abs(got-10) > 1e-9 {
		t.Errorf("got %v per second, want 10: one in a slot of 100 ms", got)
	}
}

func TestCounterFarTimes(t *testing.T) {
	c := NewCounter(time.Nanosecond, 2) // the shortest slot there is
	c.Add(epoch, 1)
	far := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) // further than a Duration reaches
	c.Add(far, 1)
	c.Add(epoch, 1)
	if c.Total() != 3 {
		t.Errorf("total %v, want 3", c.Total())
	}
	if r := c.PerSecond(far); !finite(r) || r < 0 {
		t.Errorf("rate %v, want a number", r)
	}
}

func TestGauge(t *testing.T) {
	var g Gauge
	if s := g.Sample(epoch); s != (Sample{}) {
		t.Errorf("never set: %+v, want absent", s)
	}
	g.Set(at(0), 5)
	g.Add(at(1000), -2)
	g.Set(at(2000), math.NaN())
	g.Add(at(2000), math.Inf(1))
	if want := (Sample{Value: 3, Age: 2 * time.Second, Quality: Fresh}); g.Sample(at(3000)) != want {
		t.Errorf("got %+v, want %+v", g.Sample(at(3000)), want)
	}
	if s := g.Sample(at(-5000)); s.Age != 0 {
		t.Errorf("age %v before it was set, want 0", s.Age)
	}
	g.Set(at(500), 7) // an earlier time never makes the value younger or older
	if s := g.Sample(at(3000)); s.Value != 7 || s.Age != 2*time.Second {
		t.Errorf("got %+v, want 7 at 2 s", s)
	}
}
