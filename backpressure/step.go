package backpressure

import "math"

const (
	// stepOver is the time constant of the fit, in seconds of decoding: long
	// enough to hold lulls and rushes against each other, short enough to follow a
	// new model.
	stepOver = 600.0
	// stepMin samples are needed for a fit; with so few, stepError decides.
	stepMin = 6
	// stepFree is how many parameters a fit has: they take up that many samples.
	stepFree = 3
	// stepError is how large the standard error of the idle step may be, relative
	// to what the mean step is above it, for a fit to be believed. What is learned
	// from the fit is as far off as that.
	stepError = 0.15
)

// A step is what the units' steps are made of: a step lasts base seconds, and
// sequence more for each sequence that decodes, and prompt more for each prompt
// token computed in it.
type step struct {
	base, sequence, prompt float64
}

// seconds is how much of a unit's time one request takes up, beside the base of
// the steps that it shares.
func (s step) seconds(prompt, output float64) float64 {
	return s.prompt*prompt + s.sequence*output
}

// A stepFit finds the step by least squares from samples of a second each: the
// time per output token, which is the length of a step, against the sequences
// per unit and the prompt tokens per unit in that time. The intercept is the
// idle step, which a busy engine never shows. The sums decay, old samples fade.
// What counts is the relative error: in a rush a step lasts twenty times as long
// as usual and is as uneven, and one such second must not outweigh the rest.
type stepFit struct {
	count                  float64 // samples
	n                      float64 // sum of their weights
	x, y, z                float64 // sums of sequences, prompt tokens and time
	xx, xy, yy, xz, yz, zz float64
}

func (f *stepFit) add(secs, x, y, z float64) {
	k, w := math.Exp(-secs/stepOver), 1/(z*z)
	f.count, f.n = f.count*k+1, f.n*k+w
	f.x, f.y, f.z = f.x*k+w*x, f.y*k+w*y, f.z*k+w*z
	f.xx, f.xy, f.yy = f.xx*k+w*x*x, f.xy*k+w*x*y, f.yy*k+w*y*y
	f.xz, f.yz, f.zz = f.xz*k+w*x*z, f.yz*k+w*y*z, f.zz*k+w*z*z
}

// solve returns the step, and whether the samples tell it. Under a constant load
// they may not; the last good fit then stays good. A slope that comes out negative
// is noise and left out.
func (f *stepFit) solve() (step, bool) {
	if f.count < stepMin {
		return step{}, false
	}
	mx, my, mz := f.x/f.n, f.y/f.n, f.z/f.n
	vx, vy, vz := f.xx/f.n-mx*mx, f.yy/f.n-my*my, f.zz/f.n-mz*mz
	cxy, cxz, cyz := f.xy/f.n-mx*my, f.xz/f.n-mx*mz, f.yz/f.n-my*mz
	var b, p, lever float64 // lever: how far the mean is from the origin, in variances
	if det := vx*vy - cxy*cxy; det > 1e-3*vx*vy {
		b, p = (vy*cxz-cxy*cyz)/det, (vx*cyz-cxy*cxz)/det
		lever = (vy*mx*mx - 2*cxy*mx*my + vx*my*my) / det
	}
	switch {
	case b > 0 && p > 0:
	case cxz > 0 && p <= 0:
		b, p, lever = cxz/vx, 0, mx*mx/vx
	case cyz > 0:
		b, p, lever = 0, cyz/vy, my*my/vy
	default:
		return step{}, false
	}
	above := b*mx + p*my // of the mean step, above the idle one
	noise := max(vz-b*cxz-p*cyz, 0)
	if !(noise/(f.count-stepFree)*(1+lever) <= stepError*stepError*above*above) {
		return step{}, false
	}
	if above > mz { // no time is negative: the line through the origin, then
		b, p, above = b*mz/above, p*mz/above, mz
	}
	return step{mz - above, b, p}, true
}
