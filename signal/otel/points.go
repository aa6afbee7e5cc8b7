package otel

import (
	"errors"
	"fmt"
	"math"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/evenkeel/evenkeel/signal"
)

// overflowKey marks the point in which the SDK gathers the attribute sets beyond
// its limit.
const overflowKey = attribute.Key("otel.metric.overflow")

var errOverflow = errors.New("the instrument has more attribute sets than are kept apart, so a filter by attributes cannot be exact: raise Config.MaxSeries")

// A reading is what one collection says about one signal.
type reading struct {
	seen  bool // the instrument had a matching point
	start time.Time
	sum   float64     // Rate: the amount; Level: see add
	count int         // Level: number of points
	dist  signal.Dist // Distribution
	// totals of observable counters, which are not in sum
	totals map[attribute.Distinct]float64
	err    error
}

// read adds the matching points of one instrument. Scopes and attribute sets are
// many; the signal is one.
func (s *Signal) read(r *reading, data metricdata.Aggregation) {
	switch data := data.(type) {
	case metricdata.Sum[int64]:
		readSum(s, r, data)
	case metricdata.Sum[float64]:
		readSum(s, r, data)
	case metricdata.Gauge[int64]:
		readGauge(s, r, data)
	case metricdata.Gauge[float64]:
		readGauge(s, r, data)
	case metricdata.ExponentialHistogram[int64]:
		readExponential(s, r, data)
	case metricdata.ExponentialHistogram[float64]:
		readExponential(s, r, data)
	case metricdata.Histogram[int64]:
		readExplicit(s, r, data)
	case metricdata.Histogram[float64]:
		readExplicit(s, r, data)
	default:
		r.err = fmt.Errorf("it has data of type %T, which is not supported", data)
	}
}

func (s *Signal) mismatch(r *reading, is string, want Kind) bool {
	if s.Kind == want {
		return false
	}
	r.err = fmt.Errorf("it is %s, which has no %v: set Kind to %v", is, s.Kind, want)
	return true
}

// matches reports whether a point with these attributes belongs to the signal.
func (s *Signal) matches(r *reading, set *attribute.Set) bool {
	if len(s.Where) == 0 {
		return true
	}
	if v, ok := set.Value(overflowKey); ok && v.AsBool() {
		r.err = errOverflow
		return false
	}
	for _, kv := range s.Where {
		if v, ok := set.Value(kv.Key); !ok || v != kv.Value {
			return false
		}
	}
	return true
}

func readSum[N int64 | float64](s *Signal, r *reading, data metricdata.Sum[N]) {
	if data.IsMonotonic {
		if s.mismatch(r, "a counter", Rate) {
			return
		}
	} else if s.mismatch(r, "an up-down counter", Level) {
		return
	}
	for _, p := range data.DataPoints {
		if s.matches(r, &p.Attributes) {
			r.point(p.StartTime)
			r.count++
			if data.IsMonotonic && data.Temporality == metricdata.CumulativeTemporality {
				r.total(&p.Attributes, float64(p.Value))
				continue
			}
			r.sum += float64(p.Value)
		}
	}
}

func readGauge[N int64 | float64](s *Signal, r *reading, data metricdata.Gauge[N]) {
	if s.mismatch(r, "a gauge", Level) {
		return
	}
	for _, p := range data.DataPoints {
		if !s.matches(r, &p.Attributes) {
			continue
		}
		r.point(p.StartTime)
		v := float64(p.Value)
		switch s.Def.Merge {
		case signal.MergeMax, signal.MergeP90:
			if r.count == 0 || v > r.sum {
				r.sum = v
			}
		case signal.MergeMean:
			r.sum += (v - r.sum) / float64(r.count+1)
		default:
			r.sum += v
		}
		r.count++
	}
}

func readExponential[N int64 | float64](s *Signal, r *reading, data metricdata.ExponentialHistogram[N]) {
	if s.Kind == Level {
		s.mismatch(r, "a histogram", Distribution)
		return
	}
	for _, p := range data.DataPoints {
		if !s.matches(r, &p.Attributes) {
			continue
		}
		r.point(p.StartTime)
		r.sum += float64(p.Count)
		if s.Kind == Distribution {
			appendPoint(&r.dist, p.Scale, p.ZeroCount, p.PositiveBucket, p.NegativeBucket)
		}
	}
}

// readExplicit meets explicit buckets only where a view of the provider sets
// them. They still count; their quantiles can be wrong by any factor.
func readExplicit[N int64 | float64](s *Signal, r *reading, data metricdata.Histogram[N]) {
	if s.Kind == Level {
		s.mismatch(r, "a histogram", Distribution)
		return
	}
	if s.Kind == Distribution {
		r.err = errors.New("a view gives it explicit buckets, which are too coarse for a quantile: remove the view's aggregation")
		return
	}
	for _, p := range data.DataPoints {
		if s.matches(r, &p.Attributes) {
			r.point(p.StartTime)
			r.sum += float64(p.Count)
		}
	}
}

func (r *reading) point(start time.Time) {
	if !r.seen || start.Before(r.start) {
		r.start = start
	}
	r.seen = true
}

func (r *reading) total(set *attribute.Set, v float64) {
	if r.totals == nil {
		r.totals = map[attribute.Distinct]float64{}
	}
	r.totals[set.Equivalent()] += v
}

// appendPoint adds an exponential histogram to d. Bucket i of scale s reaches
// from base^i to base^(i+1), with base = 2^(2^-s), and is taken at its geometric
// middle, where the relative error is the least.
func appendPoint(d *signal.Dist, scale int32, zeros uint64, positive, negative metricdata.ExponentialBucket) {
	d.RecordN(0, zeros)
	width := math.Ldexp(1, int(-scale)) // of a bucket, in powers of two
	for i, n := range positive.Counts {
		d.RecordN(math.Exp2((float64(positive.Offset)+float64(i)+0.5)*width), n)
	}
	for i, n := range negative.Counts {
		d.RecordN(-math.Exp2((float64(negative.Offset)+float64(i)+0.5)*width), n)
	}
}
