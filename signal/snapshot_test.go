package signal

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func mustSchema(t testing.TB, defs ...Def) *Schema {
	t.Helper()
	s, err := NewSchema(defs...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSampleAges(t *testing.T) {
	schema := mustSchema(t, Def{Key: Key{Name: "x"}, Unit: Requests, MaxAge: 10 * time.Second})
	s := NewSnapshot(schema)
	if s.At(0).Quality != Absent {
		t.Fatal("a new snapshot is not absent")
	}
	s.Set(0, Value(5))
	steps := []struct {
		grow    time.Duration
		quality Quality
		age     time.Duration
	}{
		{0, Fresh, 0},
		{10 * time.Second, Fresh, 10 * time.Second},
		{-time.Hour, Fresh, 10 * time.Second},
		{1, Stale, 10*time.Second + 1},
		{30*time.Second - 1, Stale, 40 * time.Second},
		{4, Absent, 0},
		{-time.Hour, Absent, 0}, // and never comes back
	}
	for i, step := range steps {
		s.Grow(step.grow)
		if got := s.At(0); got.Quality != step.quality || got.Age != step.age {
			t.Errorf("step %d: %v at %v, want %v at %v", i, got.Quality, got.Age, step.quality, step.age)
		}
	}
	s.Set(0, Value(5))
	s.Grow(math.MaxInt64)
	s.Grow(math.MaxInt64)
	if s.At(0).Quality != Absent {
		t.Errorf("after two eternities: %v, want absent", s.At(0).Quality)
	}
}

// Whatever is set, what can be read is a number, with a quality that fits its age.
func TestSnapshotHoldsOnlyNumbers(t *testing.T) {
	schema := mustSchema(t, Def{Key: Key{Name: "x"}, Unit: Requests, MaxAge: time.Second})
	odd := []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, -1, 1e308}
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.OneOf(rapid.SampledFrom(odd), rapid.Float64())
		in := Sample{
			Value:   number.Draw(t, "value"),
			Weight:  number.Draw(t, "weight"),
			Age:     time.Duration(rapid.Int64().Draw(t, "age")),
			Quality: Quality(rapid.IntRange(0, 2).Draw(t, "quality")),
		}
		s := NewSnapshot(schema)
		s.Set(0, in)
		got := s.At(0)
		bad := !finite(in.Value) || in.Quality == Absent
		switch {
		case !finite(got.Value) || !finite(got.Weight) || got.Weight < 0 || got.Age < 0:
			t.Fatalf("%+v became %+v", in, got)
		case bad && got != (Sample{}):
			t.Fatalf("%+v became %+v, want absent", in, got)
		case !bad && in.Age <= time.Second && (got.Quality != in.Quality || got.Value != in.Value):
			t.Fatalf("%+v became %+v", in, got)
		case got.Quality == Fresh && got.Age > time.Second:
			t.Fatalf("fresh at %v", got.Age)
		}
	})
}

func TestSnapshotDist(t *testing.T) {
	schema := mustSchema(t,
		Def{Key: Key{Name: "ttft"}, Unit: Seconds, Quantile: 0.95, MaxAge: time.Second},
		Def{Key: Key{Name: "load"}, Unit: Ratio},
	)
	s := NewSnapshot(schema)
	d := distOf([]float64{1, 2, 3})
	s.SetDist(0, d, 0)
	if got := s.At(0); !got.OK() || got.Weight != 3 || math.Abs(got.Value-3) > 3*RelativeError {
		t.Errorf("got %+v, want about 3 with weight 3", got)
	}
	d.Record(100) // the snapshot has a copy
	if s.Dist(0).Count() != 3 {
		t.Error("the snapshot shares the distribution that it was given")
	}
	s.SetDist(0, s.Dist(0), 0)
	if s.Dist(0).Count() != 3 {
		t.Error("setting a distribution to itself emptied it")
	}
	s.SetDist(1, d, 0)
	if s.Dist(1) != nil || s.At(1).Quality != Absent {
		t.Error("a plain number took a distribution")
	}
	c := NewSnapshot(schema)
	if !c.CopyFrom(s) || c.At(0) != s.At(0) || !equalDists(c.Dist(0), s.Dist(0)) {
		t.Error("the copy differs")
	}
	s.Grow(2 * time.Second)
	if s.At(0).Quality != Stale || s.Dist(0).Count() != 3 {
		t.Error("ageing touched the distribution")
	}
	s.Set(0, Value(5))
	if s.Dist(0).Count() != 0 {
		t.Error("a plain value left the old distribution behind it")
	}
	s.SetDist(0, new(Dist), 0)
	if s.At(0).Quality != Absent {
		t.Error("a quantile of nothing is a number")
	}
	s.SetDist(0, d, 0)
	s.Reset()
	if s.At(0).Quality != Absent || s.Dist(0).Count() != 0 {
		t.Error("not empty after Reset")
	}
	if s.CopyFrom(NewSnapshot(mustSchema(t, Def{Key: Key{Name: "x"}, Unit: Ratio}))) {
		t.Error("copied from another schema")
	}
}
