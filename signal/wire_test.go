package signal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// wireSchema has every kind of sample.
func wireSchema(t testing.TB) *Schema {
	return mustSchema(t,
		Def{Key: Key{Name: NameDemandRequests}, Unit: RequestsPerSecond},
		Def{Key: Key{Name: NameSaturation}, Unit: Ratio},
		Def{Key: Key{Name: NameErrors}, Unit: Ratio, Merge: MergeMean},
		Def{Key: Key{Name: NameTTFT}, Unit: Seconds, Quantile: 0.95},
		Def{Key: Key{Name: NameTPOT}, Unit: Seconds, Quantile: 0.5},
	)
}

func goldenSnapshots(t testing.TB) map[string]*Snapshot {
	schema := wireSchema(t)
	full := NewSnapshot(schema)
	full.Set(0, Value(12.5))
	full.Set(1, Sample{Value: 1.25, Age: 20 * time.Second, Quality: Fresh})
	full.Set(2, Sample{Value: 0.01, Weight: 400, Age: 1500 * time.Millisecond, Quality: Fresh})
	full.SetDist(3, distOf([]float64{0, -1, 0.1, 0.1, 0.1, 0.4, 2, 1e9}), 250*time.Millisecond)
	full.SetDist(4, distOf([]float64{0.02, 0.03}), 30*time.Second)
	return map[string]*Snapshot{"absent": NewSnapshot(schema), "full": full}
}

// What one release sends, every later one must read: these files never change
// without a new version byte.
func TestWireGolden(t *testing.T) {
	for name, snap := range goldenSnapshots(t) {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", "snapshot-v1-"+name+".bin")
			got, err := snap.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("encoded\n%x, the file has\n%x", got, want)
			}
			back := NewSnapshot(snap.Schema())
			if err := back.UnmarshalBinary(want); err != nil {
				t.Fatal(err)
			}
			checkEqual(t, back, snap)
		})
	}
}

type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

func checkEqual(t fataler, got, want *Snapshot) {
	t.Helper()
	for i := range want.Schema().Len() {
		if got.At(i) != want.At(i) {
			t.Fatalf("%v: %+v, want %+v", want.Schema().Def(i).Key, got.At(i), want.At(i))
		}
		if want.At(i).Quality != Absent && want.Dist(i) != nil && !equalDists(got.Dist(i), want.Dist(i)) {
			t.Fatalf("%v: the distributions differ", want.Schema().Def(i).Key)
		}
	}
}

func TestWireRoundTrip(t *testing.T) {
	schema := wireSchema(t)
	back := NewSnapshot(schema) // reused: nothing of the one before may shine through
	rapid.Check(t, func(t *rapid.T) {
		s := NewSnapshot(schema)
		for i := range schema.Len() {
			if s.Dist(i) != nil && rapid.Bool().Draw(t, "dist") {
				d := distOf(rapid.SliceOfN(rapid.Float64(), 0, 20).Draw(t, "values"))
				s.SetDist(i, d, time.Duration(rapid.Int64Range(0, 100e9).Draw(t, "age")))
				continue
			}
			s.Set(i, Sample{
				Value:   rapid.Float64().Draw(t, "value"),
				Weight:  rapid.Float64Min(0).Draw(t, "weight"),
				Age:     time.Duration(rapid.Int64Range(0, 100e9).Draw(t, "age")),
				Quality: Quality(rapid.IntRange(0, 2).Draw(t, "quality")),
			})
		}
		prefix := []byte("before")
		data, err := s.AppendBinary(prefix)
		if err != nil || !bytes.HasPrefix(data, prefix) {
			t.Fatalf("%q, %v", data, err)
		}
		if err := back.UnmarshalBinary(data[len(prefix):]); err != nil {
			t.Fatal(err)
		}
		checkEqual(t, back, s)
	})
}

func TestWireRefuses(t *testing.T) {
	schema := wireSchema(t)
	good, err := goldenSnapshots(t)["full"].MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	// head begins a snapshot of this schema.
	head := func(rest ...byte) []byte {
		b := append([]byte{WireVersion}, binary.LittleEndian.AppendUint64(nil, schema.Hash())...)
		return append(append(b, 5), rest...)
	}
	dist := func(rest ...byte) []byte { // the fourth signal, with a sum of 0
		b := head(0, 0, 0, byte(Fresh)|wireDist, 0)
		b = appendFloat(b, 0)
		return append(append(b, rest...), 0)
	}
	nan := appendFloat(head(byte(Fresh), 0), math.NaN())
	weight := appendFloat(appendFloat(head(byte(Fresh)|wireWeight, 0), 1), -2)
	hugeAge := append(head(byte(Fresh)), bytes.Repeat([]byte{0xff}, 9)...)
	tests := []struct {
		name string
		data []byte
		want error
		text string
	}{
		{"nothing", nil, ErrWireForm, "version 0"},
		{"version", []byte{2}, ErrWireForm, "version 2"},
		{"schema", append([]byte{1}, "12345678"...), ErrSchema, "hash"},
		{"no end", append(append([]byte{}, good...), 0), ErrWireForm, "1 bytes too many"},
		{"size", make([]byte, MaxWireSize+1), ErrWireSize, "65537"},
		{"count", append(append([]byte{}, good[:9]...), 4), ErrWireForm, "4 signals"},
		{"flags", head(1 << 7), ErrWireForm, "flags"},
		{"quality 3", head(3), ErrWireForm, "flags"},
		{"absent with weight", head(wireWeight), ErrWireForm, "absent"},
		{"dist at a number", head(byte(Fresh) | wireDist), ErrWireForm, "a number is wanted"},
		{"dist with weight", head(0, 0, 0, byte(Fresh)|wireDist|wireWeight), ErrWireForm, "weight"},
		{"age", slices.Concat(hugeAge, []byte{1}), ErrWireForm, "age"},
		{"long integer", slices.Concat(hugeAge, []byte{0xff, 0xff}), ErrWireForm, "64 bits"},
		{"NaN", nan, ErrWireForm, "NaN"},
		{"negative weight", weight, ErrWireForm, "weight -2"},
		{"no buckets", dist(0), ErrWireForm, "0 buckets"},
		{"too many buckets", dist(0xff, 0x7f), ErrWireForm, "16383 buckets"},
		{"bucket beyond the last", dist(1, 0xff, 0x7f, 1), ErrWireForm, "step of 16383"},
		{"the same bucket twice", dist(2, 5, 1, 0, 1), ErrWireForm, "step of 0"},
		{"a count of zero", dist(1, 5, 0), ErrWireForm, "count of 0"},
		{"a count too large", dist(1, 5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), ErrWireForm, "a count of"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := NewSnapshot(schema)
			s.Set(0, Value(42))
			err := s.UnmarshalBinary(tt.data)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v, want %v with %q", err, tt.want, tt.text)
			}
			if s.At(0) != Value(42) {
				t.Error("refused data changed the snapshot")
			}
		})
	}
	s := NewSnapshot(schema)
	for n := range good { // cut off anywhere
		if err := s.UnmarshalBinary(good[:n]); err == nil {
			t.Errorf("the first %d of %d bytes were taken", n, len(good))
		}
	}
	if s.At(0).Quality != Absent || s.Dist(3).Count() != 0 {
		t.Error("cut off data changed the snapshot")
	}
}

func TestWireTooLargeToSend(t *testing.T) {
	var defs []Def
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x"} {
		defs = append(defs, Def{Key: Key{Name: name}, Unit: Seconds, Quantile: 0.5})
	}
	s := NewSnapshot(mustSchema(t, defs...))
	var wide Dist
	for b := range distBuckets {
		wide.addBucket(b, 300)
	}
	for i := range defs {
		s.SetDist(i, &wide, 0)
	}
	before := []byte("before")
	if b, err := s.AppendBinary(before); !errors.Is(err, ErrWireSize) || !bytes.Equal(b, before) {
		t.Errorf("got %d bytes, %v; want ErrWireSize", len(b), err)
	}
	one := NewSnapshot(mustSchema(t, defs[0]))
	var heavy Dist
	heavy.RecordN(1, maxWireCount+1)
	one.SetDist(0, &heavy, 0)
	if _, err := one.MarshalBinary(); !errors.Is(err, ErrWireSize) {
		t.Errorf("got %v; want ErrWireSize", err)
	}
}

// Nothing that can be read makes a panic or a snapshot that cannot be sent on,
// and what is refused changes nothing.
func FuzzSnapshotUnmarshal(f *testing.F) {
	for _, s := range goldenSnapshots(f) {
		data, err := s.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte{WireVersion})
	schema := wireSchema(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		s := NewSnapshot(schema)
		if err := s.UnmarshalBinary(data); err != nil {
			checkEqual(t, s, NewSnapshot(schema))
			return
		}
		for i, v := range s.Samples() {
			if !finite(v.Value) || !finite(v.Weight) || v.Weight < 0 || v.Age < 0 || v.Quality > Fresh {
				t.Fatalf("signal %d: %+v", i, v)
			}
		}
		again, err := s.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		back := NewSnapshot(schema)
		if err := back.UnmarshalBinary(again); err != nil {
			t.Fatal(err)
		}
		checkEqual(t, back, s)
	})
}

// A sender may know better than the age that a value is stale.
func TestWireKeepsStale(t *testing.T) {
	s := NewSnapshot(wireSchema(t))
	s.SetDist(3, distOf([]float64{1}), 0)
	data, err := s.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	flags := bytes.IndexByte(data[10:], byte(Fresh)|wireDist) + 10
	data[flags] = byte(Stale) | wireDist
	if err := s.UnmarshalBinary(data); err != nil || s.At(3).Quality != Stale || s.Dist(3).Count() != 1 {
		t.Errorf("got %+v, %v; want it stale", s.At(3), err)
	}
}
