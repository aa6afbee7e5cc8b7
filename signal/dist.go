package signal

import "math"

// Buckets of a Dist: every power of two from 2^distMinExp up to 2^distMaxExp is
// cut into distSub equal parts, so that the middle of a bucket is within
// 1/(2*distSub), 1.6 %, of every value in it. One bucket below catches what is
// smaller, zero and negative numbers; one above catches what is larger. In
// seconds the range runs from a microsecond to half a year, in tokens to 16 M.
const (
	distSubBits = 5
	distSub     = 1 << distSubBits
	distMinExp  = -20
	distMaxExp  = 24
	distBuckets = (distMaxExp-distMinExp)*distSub + 2
)

// RelativeError bounds |quantile - true| / true of a [Dist], for values in its
// range.
const RelativeError = 1.0 / (2 * distSub)

// A Dist is a distribution that merges: a histogram with fixed log-linear
// buckets, so that merging adds counts and loses nothing. Its quantiles are
// within [RelativeError] of the exact ones. The zero Dist is empty and ready to
// use; it takes 256 bytes per power of two between its smallest and its largest
// value, 12 KB at most. Not safe for concurrent use.
type Dist struct {
	counts []uint64 // of buckets lo, lo+1, ...
	lo     int      // a multiple of distSub
	n      uint64
	sum    float64
}

// bucketOf returns the bucket of v. The exponent and the top bits of the
// mantissa are the bucket's number, so no logarithm is needed.
func bucketOf(v float64) int {
	if !(v >= 0x1p-20) { // also NaN
		return 0
	}
	if v >= 0x1p24 {
		return distBuckets - 1
	}
	return int(math.Float64bits(v)>>(52-distSubBits)) - (1023+distMinExp)<<distSubBits + 1
}

// bucketMid returns the value that stands for bucket b: its middle, or the
// nearest end of the range for the two outer ones.
func bucketMid(b int) float64 {
	switch {
	case b <= 0:
		return 0
	case b >= distBuckets-1:
		return 0x1p24
	}
	low := math.Float64frombits(uint64(b-1+(1023+distMinExp)<<distSubBits) << (52 - distSubBits))
	exp := math.Float64frombits(math.Float64bits(low) &^ (1<<52 - 1))
	return low + float64(exp/(2*distSub))
}

// Record adds one value. NaN and infinities are ignored.
func (d *Dist) Record(v float64) { d.RecordN(v, 1) }

// RecordN adds value v n times. NaN and infinities are ignored.
func (d *Dist) RecordN(v float64, n uint64) {
	if n == 0 || !finite(v) {
		return
	}
	d.addBucket(bucketOf(v), n)
	d.sum += float64(v * float64(n))
}

// addBucket counts n values in bucket b, without their sum.
func (d *Dist) addBucket(b int, n uint64) {
	d.span(b, b+1)
	d.counts[b-d.lo] += n
	d.n += n
}

// span makes room for buckets from up to, but not including, to.
func (d *Dist) span(from, to int) {
	if len(d.counts) > 0 {
		if from >= d.lo && to <= d.lo+len(d.counts) {
			return
		}
		from, to = min(from, d.lo), max(to, d.lo+len(d.counts))
	}
	from -= from % distSub
	to += (distSub - to%distSub) % distSub
	counts := make([]uint64, to-from)
	if len(d.counts) > 0 {
		copy(counts[d.lo-from:], d.counts)
	}
	d.counts, d.lo = counts, from
}

// Merge adds all of o to d.
func (d *Dist) Merge(o *Dist) {
	if o == nil || o.n == 0 {
		return
	}
	d.span(o.lo, o.lo+len(o.counts))
	to := d.counts[o.lo-d.lo:]
	to = to[:len(o.counts)]
	for i, c := range o.counts {
		to[i] += c
	}
	d.n += o.n
	d.sum += o.sum
}

// CopyFrom makes d equal to o without keeping a reference to it.
func (d *Dist) CopyFrom(o *Dist) {
	if d == o {
		return
	}
	d.Reset()
	d.Merge(o)
}

// Reset empties d and keeps its memory.
func (d *Dist) Reset() {
	clear(d.counts)
	d.n, d.sum = 0, 0
}

// Count returns how many values were recorded.
func (d *Dist) Count() uint64 { return d.n }

// Sum returns the exact sum of the values.
func (d *Dist) Sum() float64 { return d.sum }

// Mean returns the exact mean of the values, 0 if there are none.
func (d *Dist) Mean() float64 {
	if d.n == 0 {
		return 0
	}
	return d.sum / float64(d.n)
}

// Quantile returns the nearest-rank q-quantile, the smallest value that at least
// q of all values do not exceed, to within [RelativeError]. It is NaN if d is
// empty. A result of 2^24 means "at least that".
func (d *Dist) Quantile(q float64) float64 {
	if d.n == 0 || math.IsNaN(q) {
		return math.NaN()
	}
	rank := uint64(math.Ceil(min(max(q, 0), 1) * float64(d.n)))
	rank = min(max(rank, 1), d.n)
	for i, c := range d.counts {
		if rank <= c {
			return bucketMid(d.lo + i)
		}
		rank -= c
	}
	return bucketMid(distBuckets - 1)
}
