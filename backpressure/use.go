package backpressure

import (
	"math"
	"slices"
	"time"
)

const (
	// OutputWeight is what one output token weighs in work, in prompt tokens. A
	// prompt is computed many tokens at a time, an output token costs every
	// sequence a pass of its own.
	OutputWeight = 8.0

	useEvery   = time.Second
	useTokens  = 30       // tokens that a sample must rest on
	useRecent  = 16       // samples of which the floor takes a low quantile
	useRank    = 2        // that quantile: third smallest, so two outliers do no harm
	useDouble  = 1800.0   // seconds in which an unseen floor doubles
	useOver    = 8.0      // time constant of the published use, seconds
	rateOver   = 45.0     // time constant of the unit rate, seconds
	rateUseMin = 0.15     // use below which the rate would be mostly noise
	rateUseMax = 0.95     // use above which it is no steady state
	steadyFor  = 15.0     // seconds of an unchanged unit count before learning
	outputPer  = 1.0 / 64 // weight of one finished request in the means
)

// A use learns how busy the units are and how much work one unit does at full
// use.
//
// A continuously batching engine makes steps of length t = a + (work of the
// requests that arrive during t), so in steady state t = a/(1-u), with a the
// length of an idle step and u the use. The mean time per output token is t, and
// its floor is a: u = 1 - a/t. The work admitted per unit and second, divided by
// u, is then the work that one unit can do.
type use struct {
	seqTime, tokens, work, busyUnits, secs float64 // of the sample that is open

	recent [useRecent]float64
	seen   int
	floor  float64 // idle time per output token, seconds; 0 while not known

	use, useConf float64 // decayed; u = use/useConf
	steady       float64 // seconds since the units last changed

	rateWork, rateUse, rateConf float64 // decayed while learning

	output, prompt float64 // mean tokens of requests
	outputs        bool    // output is known
	prompts        bool
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
	secs, units, seq, tok, work := u.secs, u.busyUnits, u.seqTime, u.tokens, u.work
	u.secs, u.busyUnits, u.seqTime, u.tokens, u.work = 0, 0, 0, 0, 0
	u.floor *= math.Exp2(secs / useDouble)

	var now float64
	switch {
	case seq == 0 && tok == 0: // nothing decodes: idle
	case tok < useTokens:
		return // too little to tell
	default:
		itl := seq / tok
		u.learnFloor(itl)
		if u.floor == 0 {
			return
		}
		now = max(0, 1-u.floor/itl)
	}
	keep := math.Exp(-secs / useOver)
	u.use = u.use*keep + (1-keep)*now
	u.useConf = u.useConf*keep + 1 - keep

	smooth, ok := u.value()
	if !ok || smooth < rateUseMin || smooth > rateUseMax || u.steady < steadyFor || units == 0 {
		return
	}
	keep = math.Exp(-secs / rateOver)
	u.rateWork = u.rateWork*keep + (1-keep)*work/units
	u.rateUse = u.rateUse*keep + (1-keep)*now
	u.rateConf = u.rateConf*keep + 1 - keep
}

func (u *use) learnFloor(itl float64) {
	u.recent[u.seen%useRecent] = itl
	u.seen++
	if u.seen < useRecent/2 {
		return
	}
	sorted := u.recent
	n := min(u.seen, useRecent)
	slices.Sort(sorted[:n])
	if low := sorted[useRank]; u.floor == 0 || low < u.floor {
		u.floor = low
	}
}

// value returns the use, 0 to 1, and whether it is known.
func (u *use) value() (float64, bool) {
	if u.floor == 0 || u.useConf == 0 {
		return 0, false
	}
	return u.use / u.useConf, true
}

// unitRate returns the work per second of one unit at full use, the confidence
// in it (0 to 1), and whether it is known.
func (u *use) unitRate() (rate, confidence float64, ok bool) {
	if u.rateConf < 0.2 || u.rateUse <= 0 {
		return 0, 0, false
	}
	return u.rateWork / u.rateUse, u.rateConf, true
}

// arrived learns the mean prompt, and fills in what the cost does not say.
func (u *use) arrived(c Cost) (prompt, output float64) {
	prompt = float64(c.Prompt)
	switch {
	case c.Prompt <= 0 && u.prompts:
		prompt = u.prompt
	case c.Prompt <= 0:
		prompt = 1
	case !u.prompts:
		u.prompt, u.prompts = prompt, true
	default:
		u.prompt += (prompt - u.prompt) * outputPer
	}
	return prompt, u.expectOutput(c)
}

// expectOutput is how many tokens a request of that cost will probably make.
func (u *use) expectOutput(c Cost) float64 {
	output := u.output
	if !u.outputs {
		output = outputGuess
	}
	if c.MaxOutput > 0 {
		output = min(output, float64(c.MaxOutput))
	}
	return output
}

// outputGuess stands in until the first request has finished.
const outputGuess = 256

// finished learns the mean output. The first few requests weigh more, so that
// the guess is soon forgotten.
func (u *use) finished(output int64, nth int64) {
	if output <= 0 {
		return
	}
	if !u.outputs {
		u.output, u.outputs = float64(output), true
		return
	}
	u.output += (float64(output) - u.output) * max(outputPer, 1/float64(max(nth, 1)))
}
