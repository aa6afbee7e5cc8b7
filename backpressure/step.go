package backpressure

import "math"

const (
	// stepOver is the time constant of the fit, in seconds of decoding: long
	// enough to hold lulls and rushes against each other, short enough to follow a
	// new model.
	stepOver = 600.0
	// stepMin samples are needed for a fit.
	stepMin = 20
	// stepError is how large the standard error of the idle step may be, relative
	// to what the mean step is above it, for a fit to be believed. What is learned
	// from the fit is as far off as that.
	stepError = 0.1
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
type stepFit struct {
	n                      float64
	x, y, z                float64 // sums of sequences, prompt tokens and time
	xx, xy, yy, xz, yz, zz float64
}

func (f *stepFit) add(secs, x, y, z float64) {
	k := math.Exp(-secs / stepOver)
	f.n = f.n*k + 1
	f.x, f.y, f.z = f.x*k+x, f.y*k+y, f.z*k+z
	f.xx, f.xy, f.yy = f.xx*k+x*x, f.xy*k+x*y, f.yy*k+y*y
	f.xz, f.yz, f.zz = f.xz*k+x*z, f.yz*k+y*z, f.zz*k+z*z
}

// solve returns the step, and whether the samples tell it. Under a constant load
// they may not; the last good fit then stays good. A slope that comes out negative
// is noise and left out.
func (f *stepFit) solve() (step, bool) {
	if f.n < stepMin {
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
	if !(noise/f.n*(1+lever) <= stepError*stepError*above*above) {
		return step{}, false
	}
	if above > mz { // no time is negative: the line through the origin, then
		b, p, above = b*mz/above, p*mz/above, mz
	}
	return step{mz - above, b, p}, true
}
