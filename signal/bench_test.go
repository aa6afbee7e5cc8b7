package signal

import (
	"testing"
	"time"
)

func BenchmarkHistogramRecord(b *testing.B) {
	h := NewHistogram(0, 0)
	now := time.Now()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		h.Record(now, float64(i&1023))
	}
}

func BenchmarkHistogramRecordParallel(b *testing.B) {
	h := NewHistogram(0, 0)
	now := time.Now()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			h.Record(now, float64(i&1023))
		}
	})
}

// Time runs on 1 µs per record, so that slots end.
func BenchmarkHistogramRecordMoving(b *testing.B) {
	h := NewHistogram(time.Second, 10)
	now := time.Now()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		now = now.Add(time.Microsecond)
		h.Record(now, float64(i&1023))
	}
}

func BenchmarkHistogramInto(b *testing.B) {
	h := NewHistogram(0, 0)
	now := time.Now()
	for i := range 10000 {
		h.Record(now.Add(time.Duration(i)*3*time.Millisecond), float64(i&1023))
	}
	var d Dist
	b.ReportAllocs()
	for b.Loop() {
		h.Into(now.Add(30*time.Second), &d)
	}
}

func BenchmarkCounterAdd(b *testing.B) {
	c := NewCounter(0, 0)
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		c.Add(now, 1)
	}
}

func BenchmarkGaugeSet(b *testing.B) {
	var g Gauge
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		g.Set(now, 1)
	}
}
