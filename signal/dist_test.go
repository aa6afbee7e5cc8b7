package signal

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// inRange draws a value that the buckets resolve.
func inRange() *rapid.Generator[float64] {
	return rapid.Float64Range(0x1p-20, 0x1p24-1)
}

func distOf(values []float64) *Dist {
	d := new(Dist)
	for _, v := range values {
		d.Record(v)
	}
	return d
}

func TestDistQuantileWithinRelativeError(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(inRange(), 1, 200).Draw(t, "values")
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		d := distOf(values)
		slices.Sort(values)
		rank := max(int(math.Ceil(q*float64(len(values)))), 1)
		exact := values[rank-1]
		if got := d.Quantile(q); math.Abs(got-exact) > RelativeError*exact {
			t.Fatalf("quantile %v: %v, exact %v, off by %.2f %%", q, got, exact, 100*math.Abs(got-exact)/exact)
		}
	})
}

func TestDistMergeIsAssociativeAndCommutative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Integers, so that sums are exact in any order.
		value := rapid.Map(rapid.IntRange(-5, 1<<25), func(i int) float64 { return float64(i) })
		var in [3][]float64
		for i := range in {
			in[i] = rapid.SliceOfN(value, 0, 50).Draw(t, "values")
		}
		a, b, c := in[0], in[1], in[2]

		left := distOf(a) // (a+b)+c
		left.Merge(distOf(b))
		left.Merge(distOf(c))
		right := distOf(b) // a+(b+c), turned round
		right.Merge(distOf(c))
		right.Merge(distOf(a))
		all := distOf(slices.Concat(a, b, c))
		if !equalDists(left, all) || !equalDists(right, all) {
			t.Fatalf("merging %v, %v and %v depends on the order", a, b, c)
		}
	})
}

func TestDistBuckets(t *testing.T) {
	for b := range distBuckets {
		if got := bucketOf(bucketMid(b)); got != b {
			t.Fatalf("the middle of bucket %d, %v, is in bucket %d", b, bucketMid(b), got)
		}
	}
	tests := []struct {
		name  string
		value float64
		want  float64
	}{
		{"zero", 0, 0},
		{"negative", -3, 0},
		{"tiny", 1e-9, 0},
		{"just below the range", math.Nextafter(0x1p-20, 0), 0},
		{"huge", 1e300, 0x1p24},
		{"just above the range", 0x1p24, 0x1p24},
		{"negative zero", math.Copysign(0, -1), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := distOf([]float64{tt.value})
			if got := d.Quantile(0.5); got != tt.want {
				t.Errorf("quantile %v, want %v", got, tt.want)
			}
			if d.Sum() != tt.value || d.Mean() != tt.value {
				t.Errorf("sum %v and mean %v, want %v", d.Sum(), d.Mean(), tt.value)
			}
		})
	}
}

func TestDistEmpty(t *testing.T) {
	var d Dist
	d.Record(math.NaN())
	d.Record(math.Inf(1))
	d.RecordN(5, 0)
	d.Merge(nil)
	d.Merge(new(Dist))
	if d.Count() != 0 || d.Mean() != 0 || !math.IsNaN(d.Quantile(0.5)) {
		t.Errorf("count %d, mean %v, median %v", d.Count(), d.Mean(), d.Quantile(0.5))
	}
	d.Record(1)
	if !math.IsNaN(d.Quantile(math.NaN())) {
		t.Error("the NaN quantile is a number")
	}
	d.CopyFrom(&d)
	if d.Count() != 1 {
		t.Error("copying a distribution from itself changed it")
	}
	d.Reset()
	if d.Count() != 0 || d.Sum() != 0 || !math.IsNaN(d.Quantile(1)) {
		t.Error("not empty after Reset")
	}
}
