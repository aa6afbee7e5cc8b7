package backpressure

import "math"

const (
	// stepOver is the time constant of the fit, in seconds of decoding: long
	// enough to hold lulls and rushes against each other, short enough to follow a
	// new model.
	stepOver = 600.0
	// stepMin samples are needed for a fit.
	stepMin = 20
	// stepSpread is how far, relative to its mean, the number of sequences must
	// have varied.
	stepSpread = 0.03
	// stepExplains is the share of the variance of the samples that the fit must
	// explain to be believed.
	stepExplains = 0.5
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

// solve returns the step, and whether the samples tell it. A slope that comes out
// negative is noise and left out.
func (f *stepFit) solve() (step, bool) {
	if f.n < stepMin {
		return step{}, false
	}
	mx, my, mz := f.x/f.n, f.y/f.n, f.z/f.n
	vx, vy, vz := f.xx/f.n-mx*mx, f.yy/f.n-my*my, f.zz/f.n-mz*mz
	cxy, cxz, cyz := f.xy/f.n-mx*my, f.xz/f.n-mx*mz, f.yz/f.n-my*mz
	if vx <= stepSpread*stepSpread*mx*mx {
		return step{}, false
	}
	b, p := cxz/vx, 0.0
	if det := vx*vy - cxy*cxy; det > 1e-3*vx*vy {
		bb, pp := (vy*cxz-cxy*cyz)/det, (vx*cyz-cxy*cxz)/det
		if bb > 0 && pp > 0 {
			b, p = bb, pp
		}
	}
	if b <= 0 || b*cxz+p*cyz < stepExplains*vz {
		return step{}, false
	}
	base := mz - b*mx - p*my
	if base < 0 { // no time is negative: the line through the origin, then
		scale := mz / (mz - base)
		base, b, p = 0, b*scale, p*scale
	}
	return step{base, b, p}, true
}
