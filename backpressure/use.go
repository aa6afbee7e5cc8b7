package backpressure

import (
	"math"
	"time"
)

const (
	// OutputWeight is what one output token weighs in work, in prompt tokens. A
	// prompt is computed many tokens at a time, an output token costs every
	// sequence a pass of its own.
	OutputWeight = 8.0

	useEvery  = time.Second
	useTokens = 30   // tokens that a sample must rest on
	useOver   = 8.0  // time constant of the published use, seconds
	steadyFor = 10.0 // seconds of an unchanged unit count before samples are fitted: until then, work is spread unevenly

	meanPart    = 1.0 / 128 // weight of one request in the means
	outputGuess = 256       // output tokens, until the first request has finished
)

// A use learns how busy the units are and how much work one unit does at full
// use.
//
// A continuously batching engine makes steps of length t = a + (time that the
// requests arriving during t take up), so in steady state t = a/(1-u), with a the
// length of an idle step and u the use. The mean time per output token is t, and
// a comes from the fit of a [step]: u = 1 - a/t.
//
// The same fit tells how long the average request takes up a unit. Its work over
// that time is the unit rate. So the rate is known at any load, full or not, and
// a change in the requests' lengths changes it at once.
type use struct {
	// Of the sample that is open.
	seqTime, tokens, prefilled, busyUnits, secs float64

	fit    stepFit
	step   step // the last good fit
	fitted bool

	use, useConf float64 // decayed; u = use/useConf
	steady       float64 // seconds since the units last changed under load

	prompt, output mean // tokens of requests
	work           mean // of requests, as estimated on arrival
}

// add puts what passed in secs seconds into the open sample, and closes it if it
// is long enough.
func (u *use) add(secs, units, seqTime, tokens float64) {
	u.secs += secs
	u.busyUnits += secs * units
	u.seqTime += seqTime
	u.tokens += tokens
	u.steady += secs
	if u.secs >= useEvery.Seconds() {
		u.close()
	}
}

func (u *use) close() {
	secs, units, seqTime, tokens, prefilled := u.secs, u.busyUnits, u.seqTime, u.tokens, u.prefilled
	u.secs, u.busyUnits, u.seqTime, u.tokens, u.prefilled = 0, 0, 0, 0, 0

	now := 0.0
	if seqTime > 0 || tokens > 0 {
		if tokens < useTokens || units == 0 {
			return // too little to tell
		}
		t := seqTime / tokens
		if u.steady >= steadyFor {
			u.fit.add(secs, seqTime/units, prefilled/units*t, t)
			if s, ok := u.fit.solve(); ok {
				u.step, u.fitted = s, true
			}
		}
		if !u.fitted {
			return
		}
		now = max(0, 1-u.step.base/t)
	}
	keep := math.Exp(-secs / useOver)
	u.use = u.use*keep + (1-keep)*now
	u.useConf = u.useConf*keep + 1 - keep
}

// value returns the use, 0 to 1, and whether it is known.
func (u *use) value() (float64, bool) {
	if !u.fitted || u.useConf == 0 {
		return 0, false
	}
	return u.use / u.useConf, true
}

// unitRate returns the work per second of one unit at full use, the confidence
// in it (0 to 1), and whether it is known.
func (u *use) unitRate() (rate, confidence float64, ok bool) {
	if !u.fitted || u.prompt.n == 0 || u.output.n == 0 {
		return 0, 0, false
	}
	// Work as estimated, over the time that is really taken: whatever the estimate
	// gets wrong is in the demand too, and cancels in demand over rate.
	return u.work.value / u.step.seconds(u.prompt.value, u.output.value), 1 - math.Exp2(-u.fit.n/60), true
}

// arrived learns the mean prompt and work, and fills in what the cost does not
// say.
func (u *use) arrived(c Cost) (prompt, work float64) {
	prompt = float64(c.Prompt)
	if c.Prompt > 0 {
		u.prompt.add(prompt)
	} else {
		prompt = max(u.prompt.value, 1)
	}
	work = prompt + OutputWeight*u.expectOutput(c)
	u.work.add(work)
	return prompt, work
}

// expectOutput is how many tokens a request of that cost will probably make.
func (u *use) expectOutput(c Cost) float64 {
	output := u.output.value
	if u.output.n == 0 {
		output = outputGuess
	}
	if c.MaxOutput > 0 {
		output = min(output, float64(c.MaxOutput))
	}
	return output
}

// finished learns the mean output of requests that report one.
func (u *use) finished(output int64) {
	if output > 0 {
		u.output.add(float64(output))
	}
}

// A mean is the plain mean of the first values and then decays.
type mean struct {
	value float64
	n     int
}

func (m *mean) add(v float64) {
	m.n++
	m.value += (v - m.value) * max(meanPart, 1/float64(m.n))
}
