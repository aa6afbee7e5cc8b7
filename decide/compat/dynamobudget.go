package compat

import "math"

// DynamoBudget fits prefill engines p and decode engines d, which take pGPU and
// dGPU each, into a budget of GPUs with at least least of both: prefill in
// proportion, decode with what is left. It is (0, 0) if not even the least fits.
//
// What is left may be more than decode asked for, and decode gets it all the
// same: the total is within the budget, each part need not be within its wish.
func DynamoBudget(p, d, pGPU, dGPU, budget, least int64) (prefill, decode int64) {
	const most = 1 << 20 // products stay in range
	p, d, budget = clip(p, 0, most), clip(d, 0, most), clip(budget, 0, most*most)
	pGPU, dGPU, least = clip(pGPU, 1, most), clip(dGPU, 1, most), clip(least, 0, most)
	total := p*pGPU + d*dGPU
	switch {
	case total <= budget:
		return p, d
	case budget/(pGPU+dGPU) < least:
		return 0, 0
	}
	share := int64(math.Floor(float64(float64(p)*float64(budget)) / float64(total)))
	prefill = max(least, min((budget-least*dGPU)/pGPU, share))
	decode = max(least, (budget-prefill*pGPU)/dGPU)
	return prefill, decode
}

func clip(v, lo, hi int64) int64 { return min(max(v, lo), hi) }

// Kalman predicts the next of a series with a local linear trend, the model of
// the Dynamo planner's Kalman predictor, with its noises: 1 of the level, 0.1 of
// the trend, 10 of the measurement. Give it as DynamoThroughput.Predict.
func Kalman(history []float64) float64 {
	const level, trend, noise = 1.0, 0.1, 10.0
	if len(history) == 0 {
		return 0
	}
	// State: level and slope, with their covariance.
	x, v := history[0], 0.0
	xx, xv, vv := noise, 0.0, noise
	for _, z := range history[1:] {
		x += v
		xx, xv, vv = xx+2*xv+vv+level, xv+vv, vv+trend
		gain, slope := xx/(xx+noise), xv/(xx+noise)
		err := z - x
		x, v = x+float64(gain*err), v+float64(slope*err)
		xx, xv, vv = float64((1-gain)*xx), float64((1-gain)*xv), vv-float64(slope*xv)
	}
	return max(x+v, 0)
}

// ZalandoRamp is the value of a schedule that ramps up in steps, at fraction of
// the way: kube-metrics-adapter's scheduled scaling.
func ZalandoRamp(value int64, steps int64, fraction float64) int64 {
	if steps <= 0 || fraction >= 1 {
		return value
	}
	return int64(math.Floor(max(fraction, 0)*float64(steps))) * (value / steps)
}
