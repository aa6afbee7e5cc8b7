package compat

import (
	"math"
	"slices"
	"time"
)

// A Point is one measurement with its time.
type Point struct {
	At    time.Time
	Value float64
}

// Buckets are averages over windows as Knative's autoscaler and its kin compute
// them: measurements are averaged by the second, and the seconds then.
type Buckets struct {
	// Width of a bucket. Default 1 s.
	Width time.Duration
	// Weighted makes newer buckets count for more, exponentially, so that all but
	// a ten-thousandth of the weight lies within the window.
	Weighted bool
}

// Average returns the average of the points after from, up to and including to,
// which must be in order of time. Without any it reports false. Buckets without
// a point do not count as zero.
func (b Buckets) Average(points []Point, from, to time.Time) (float64, bool) {
	width := b.Width
	if width <= 0 {
		width = time.Second
	}
	var means []float64 // by bucket, oldest first
	last, n, sum := time.Time{}, 0.0, 0.0
	for _, p := range points {
		if !p.At.After(from) || p.At.After(to) || !finite(p.Value) {
			continue
		}
		at := p.At.Truncate(width)
		if n > 0 && !at.Equal(last) {
			means, n, sum = append(means, sum/n), 0, 0
		}
		last, n, sum = at, n+1, sum+p.Value
	}
	if n == 0 {
		return 0, false
	}
	means = append(means, sum/n)
	if !b.Weighted {
		total := 0.0
		for _, m := range means {
			total += m
		}
		total /= float64(len(means))
		return total, finite(total)
	}
	mean := weighted(means, to.Sub(from).Seconds()/width.Seconds())
	return mean, finite(mean)
}

// weighted is the average with weights that shrink by 1−α a bucket, newest
// first, and add up to 1.
func weighted(means []float64, buckets float64) float64 {
	alpha := max(1-math.Pow(1-0.9999, 1/max(buckets, 1)), 0.2)
	weight, total, weights := alpha, 0.0, 0.0
	for _, m := range slices.Backward(means) {
		total += float64(m * weight)
		weights += weight
		weight *= 1 - alpha
	}
	return total / weights
}

// SampleSize is how many of n replicas Knative scrapes: all up to three, and then
// as many as estimate the mean to within the error it allows, a number that never
// exceeds 16. A total is that of the sample times n ÷ SampleSize.
func SampleSize(n int64) int64 {
	if n <= 3 {
		return max(n, 0)
	}
	// 95 % confidence, a standard deviation of 10 and an error of 5.
	const x = 1.96 * 1.96 * 100 / 25
	pods := float64(n)
	return ceil(float64(pods*x) / (pods + x - 1))
}
