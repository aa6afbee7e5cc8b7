package signal

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

// BenchmarkDecodeAndMerge is one tick of a leader: a thousand members with eight
// signals each, six of them distributions of 500 log-normal values.
func BenchmarkDecodeAndMerge(b *testing.B) {
	const members = 1000
	defs := []Def{
		{Key: Key{Name: "demand"}, Unit: RequestsPerSecond},
		{Key: Key{Name: "use"}, Unit: Ratio},
	}
	for i := range 6 {
		defs = append(defs, Def{Key: Key{Name: "latency" + strconv.Itoa(i)}, Unit: Seconds, Quantile: 0.95})
	}
	schema := mustSchema(b, defs...)
	r := rand.New(rand.NewPCG(1, 2))
	wire := make([][]byte, members)
	size := 0
	for m := range wire {
		s := NewSnapshot(schema)
		s.Set(0, Value(r.Float64()*100))
		s.Set(1, Value(r.Float64()))
		for i := 2; i < len(defs); i++ {
			var d Dist
			for range 500 {
				d.Record(0.4 * math.Exp(0.8*r.NormFloat64()))
			}
			s.SetDist(i, &d, 0)
		}
		var err error
		if wire[m], err = s.MarshalBinary(); err != nil {
			b.Fatal(err)
		}
		size += len(wire[m])
	}
	snaps := make([]*Snapshot, members)
	for m := range snaps {
		snaps[m] = NewSnapshot(schema)
	}
	into := NewSnapshot(schema)
	b.ReportAllocs()
	for b.Loop() {
		for m, s := range snaps {
			if err := s.UnmarshalBinary(wire[m]); err != nil {
				b.Fatal(err)
			}
		}
		cover, err := MergeMembers(into, snaps)
		if err != nil || cover.Fresh != members {
			b.Fatal(cover, err)
		}
	}
	b.ReportMetric(float64(size)/members, "B/member")
}

func BenchmarkMarshal(b *testing.B) {
	s := goldenSnapshots(b)["full"]
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = s.AppendBinary(buf[:0]); err != nil {
			b.Fatal(err)
		}
	}
}
