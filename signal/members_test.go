package signal

import (
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestMergeMembers(t *testing.T) {
	fresh := func(v float64) Sample { return Value(v) }
	weighted := func(v, w float64) Sample { return Sample{Value: v, Weight: w, Quality: Fresh} }
	aged := func(v float64, age time.Duration) Sample { return Sample{Value: v, Age: age, Quality: Fresh} }
	stale := aged(100, 20*time.Second)
	tests := []struct {
		name    string
		merge   Merge
		members []Sample
		want    Sample
		cover   Coverage
	}{
		{"sum", MergeSum, []Sample{fresh(1), fresh(2), fresh(3)}, Sample{6, 3, 0, Fresh}, Coverage{3, 3}},
		{"sum skips absent", MergeSum, []Sample{fresh(1), {}, fresh(3)}, Sample{4, 2, 0, Fresh}, Coverage{3, 2}},
		{"sum skips stale", MergeSum, []Sample{fresh(1), stale}, Sample{1, 1, 0, Fresh}, Coverage{2, 1}},
		{"only stale", MergeSum, []Sample{{}, stale, stale}, Sample{200, 2, 20 * time.Second, Stale}, Coverage{3, 0}},
		{"all absent", MergeSum, []Sample{{}, {}}, Sample{}, Coverage{2, 0}},
		{"nobody", MergeSum, nil, Sample{}, Coverage{}},
		{"sum overflows", MergeSum, []Sample{fresh(1e308), fresh(1e308)}, Sample{}, Coverage{2, 2}},
		{"oldest age", MergeSum, []Sample{aged(1, 5), aged(1, 9), aged(1, 2)}, Sample{3, 3, 9, Fresh}, Coverage{3, 3}},
		{"mean", MergeMean, []Sample{fresh(1), fresh(4)}, Sample{2.5, 2, 0, Fresh}, Coverage{2, 2}},
		{"weighted mean", MergeMean, []Sample{weighted(1, 3), weighted(5, 1)}, Sample{2, 4, 0, Fresh}, Coverage{2, 2}},
		{"max", MergeMax, []Sample{fresh(-3), fresh(-1), fresh(-2)}, Sample{-1, 3, 0, Fresh}, Coverage{3, 3}},
		{"p90 of one", MergeP90, []Sample{fresh(7)}, Sample{7, 1, 0, Fresh}, Coverage{1, 1}},
		{"p90 of two", MergeP90, []Sample{fresh(7), fresh(3)}, Sample{7, 2, 0, Fresh}, Coverage{2, 2}},
		{"p90 of ten", MergeP90, samples(10, 1, 9, 2, 8, 3, 7, 4, 6, 5), Sample{9, 10, 0, Fresh}, Coverage{10, 10}},
		{"p90 of eleven", MergeP90, samples(10, 1, 9, 2, 8, 3, 7, 4, 6, 5, 11), Sample{10, 11, 0, Fresh}, Coverage{11, 11}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			schema := mustSchema(t, Def{Key: Key{Name: "x"}, Unit: Requests, Merge: tt.merge})
			var members []*Snapshot
			for _, v := range tt.members {
				m := NewSnapshot(schema)
				m.Set(0, v)
				members = append(members, m)
			}
			into := NewSnapshot(schema)
			into.Set(0, Value(99)) // must not survive
			cover, err := MergeMembers(into, members)
			if err != nil {
				t.Fatal(err)
			}
			if into.At(0) != tt.want || cover != tt.cover {
				t.Errorf("got %+v, %+v; want %+v, %+v", into.At(0), cover, tt.want, tt.cover)
			}
		})
	}
}

func samples(values ...float64) []Sample {
	var out []Sample
	for _, v := range values {
		out = append(out, Value(v))
	}
	return out
}

// The fleet's quantile is that of all values together, however they are spread
// over the members.
func TestMergeMembersTakesQuantileLast(t *testing.T) {
	schema := mustSchema(t, Def{Key: Key{Name: "ttft"}, Unit: Seconds, Quantile: 0.95})
	rapid.Check(t, func(t *rapid.T) {
		var all Dist
		members := []*Snapshot{nil}
		for range rapid.IntRange(1, 5).Draw(t, "members") {
			d := distOf(rapid.SliceOfN(inRange(), 0, 30).Draw(t, "values"))
			m := NewSnapshot(schema)
			m.SetDist(0, d, 0)
			all.Merge(d)
			members = append(members, m)
		}
		into := NewSnapshot(schema)
		if _, err := MergeMembers(into, members); err != nil {
			t.Fatal(err)
		}
		got := into.At(0)
		if all.Count() == 0 {
			if got != (Sample{}) {
				t.Fatalf("got %+v of nothing", got)
			}
			return
		}
		if got.Value != all.Quantile(0.95) || got.Weight != float64(all.Count()) || !equalDists(into.Dist(0), &all) {
			t.Fatalf("got %+v, want %v of %d", got, all.Quantile(0.95), all.Count())
		}
	})
}

func TestMergeMembersStaleDistribution(t *testing.T) {
	schema := mustSchema(t, Def{Key: Key{Name: "ttft"}, Unit: Seconds, Quantile: 0.5, MaxAge: time.Second})
	a, b, bare := NewSnapshot(schema), NewSnapshot(schema), NewSnapshot(schema)
	a.SetDist(0, distOf([]float64{1}), 0)
	b.SetDist(0, distOf([]float64{9, 9, 9}), 3*time.Second)
	bare.Set(0, Value(50)) // a quantile without its distribution cannot be merged
	into := NewSnapshot(schema)
	cover, err := MergeMembers(into, []*Snapshot{a, b, bare})
	if err != nil || into.At(0).Weight != 1 || !into.At(0).OK() || (cover != Coverage{3, 2}) {
		t.Errorf("got %+v, %+v, %v; want only the fresh one", into.At(0), cover, err)
	}
	cover, err = MergeMembers(into, []*Snapshot{b, nil})
	if err != nil || into.At(0).Weight != 3 || into.At(0).Quality != Stale || (cover != Coverage{2, 0}) {
		t.Errorf("got %+v, %+v, %v; want the stale one", into.At(0), cover, err)
	}
}

func TestMergeMembersRefuses(t *testing.T) {
	schema := mustSchema(t, Def{Key: Key{Name: "x"}, Unit: Requests})
	other := mustSchema(t, Def{Key: Key{Name: "y"}, Unit: Requests})
	into := NewSnapshot(schema)
	into.Set(0, Value(5))
	if _, err := MergeMembers(into, []*Snapshot{NewSnapshot(schema), NewSnapshot(other)}); !errors.Is(err, ErrSchema) {
		t.Errorf("another schema: %v, want ErrSchema", err)
	}
	if _, err := MergeMembers(into, []*Snapshot{into}); err == nil {
		t.Error("merging a snapshot into itself: no error")
	}
	if into.At(0).Value != 5 {
		t.Error("a refused merge changed the result")
	}
}

// Sum, max, P90 and the merged distribution do not depend on the members' order.
func TestMergeMembersAnyOrder(t *testing.T) {
	schema := mustSchema(t,
		Def{Key: Key{Name: "sum"}, Unit: Requests},
		Def{Key: Key{Name: "max"}, Unit: Requests, Merge: MergeMax},
		Def{Key: Key{Name: "p90"}, Unit: Ratio},
		Def{Key: Key{Name: "mean"}, Unit: Ratio, Merge: MergeMean},
		Def{Key: Key{Name: "dist"}, Unit: Seconds, Quantile: 0.9},
	)
	rapid.Check(t, func(t *rapid.T) {
		var members []*Snapshot
		for range rapid.IntRange(1, 8).Draw(t, "members") {
			m := NewSnapshot(schema)
			for i := range 4 {
				m.Set(i, Sample{
					Value:   float64(rapid.IntRange(-100, 100).Draw(t, "v")),
					Weight:  float64(rapid.IntRange(0, 3).Draw(t, "w")),
					Age:     time.Duration(rapid.IntRange(0, 70).Draw(t, "age")) * time.Second,
					Quality: Fresh,
				})
			}
			m.SetDist(4, distOf(rapid.SliceOfN(inRange(), 0, 5).Draw(t, "d")), 0)
			members = append(members, m)
		}
		a, b := NewSnapshot(schema), NewSnapshot(schema)
		coverA, err := MergeMembers(a, members)
		if err != nil {
			t.Fatal(err)
		}
		coverB, err := MergeMembers(b, rapid.Permutation(members).Draw(t, "order"))
		if err != nil || coverA != coverB {
			t.Fatalf("coverage %+v and %+v, %v", coverA, coverB, err)
		}
		for i := range schema.Len() {
			x, y := a.At(i), b.At(i)
			if math.Abs(x.Value-y.Value) > 1e-12 || x.Weight != y.Weight || x.Age != y.Age || x.Quality != y.Quality {
				t.Fatalf("%v: %+v, and in another order %+v", schema.Def(i).Key, x, y)
			}
		}
	})
}
