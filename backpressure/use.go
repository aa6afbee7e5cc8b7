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

	useEvery   = time.Second
	useTokens  = 30  // tokens that a sample must rest on
	useChange  = 4   // sequences that may come or go in it, and half of what there are
	useStill   = 0.2 // seconds without tokens that are a standstill, if they are several steps
	useOver    = 8.0 // time constant of the published use, seconds
	steadyFor  = 5.0 // seconds of an unchanged unit count before samples are fitted: until then, work is spread unevenly
	usePending = 4   // samples that wait for the first tokens of prompts computed in them

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
	open    sample             // what passes now
	pending [usePending]sample // closed, oldest first, not yet fitted
	waiting int                // of pending

	sequences int     // that decoded at the last add
	still     float64 // seconds almost without a token
	stalled   int     // samples that a standstill spoils

	fit    stepFit
	step   step // the last good fit
	fitted bool

	full full

	use, useConf float64 // decayed; u = use/useConf
	steady       float64 // seconds since the units last changed under load

	prompt, output mean // tokens of requests
	outputs        outputs
	work           mean // of requests, as estimated on arrival
}

// A sample is what passed in about a second.
type sample struct {
	secs, unitSecs  float64
	seqTime, tokens float64 // of sequences that decode
	grown           float64 // how many more sequences there were at its end than at its beginning
	prefilled       float64 // prompt tokens
	steady          bool    // the units had not changed for a while
	stalled         bool    // tokens did not come when they were made
}

// tells reports whether the sample rests on enough to say how long a step is: on
// tokens, and on a load that was there throughout. Where work has just begun or
// ended, the sequences of the mean second are not those that the steps were made
// with.
func (s *sample) tells() bool {
	change := math.Abs(s.grown)
	return !s.stalled && s.tokens >= useTokens && s.tokens > 5*change && s.unitSecs > 0 &&
		change <= useChange+s.seqTime/s.secs/2
}

// step is the mean length of a step: the time that sequences spent, per token. A
// sequence that has come is, on the average, halfway to its next token, and one
// that has gone has left that half behind.
func (s *sample) step() float64 { return s.seqTime / (s.tokens + s.grown/2) }

// add puts what passed in secs seconds into the open sample, and closes it if it
// is long enough.
//
// The time per output token until then says how many tokens were to be expected.
// Where for several steps there were hardly any, a machine or a network stood
// still: those that were late come all at once, and neither second tells how long
// a step is.
func (u *use) add(secs, units, seqTime, tokens, tpot float64, sequences int, isFull bool) {
	if tpot > 0 && tokens*tpot < seqTime/4 {
		u.still += secs
	} else {
		u.still = 0
	}
	if u.still > max(useStill, 4*tpot) {
		u.stalled = 2 // this sample and the next
	}
	u.full.fold(secs, units, isFull, u.steady >= steadyFor)
	u.open.secs += secs
	u.open.unitSecs += secs * units
	u.open.seqTime += seqTime
	u.open.tokens += tokens
	u.open.grown += float64(sequences - u.sequences)
	u.sequences = sequences
	u.steady += secs
	if u.open.secs >= useEvery.Seconds() {
		u.close()
	}
}

// close takes the open sample into the use now, and into the fit once no prompt
// that was computed in it can still be on its way to its first token.
func (u *use) close() {
	s := u.open
	s.steady = u.steady >= steadyFor
	if u.stalled > 0 {
		u.stalled--
		s.stalled = true
	}
	u.open = sample{}
	if u.waiting == usePending {
		u.learn(u.pending[0])
		copy(u.pending[:], u.pending[1:])
		u.waiting--
	}
	u.pending[u.waiting] = s
	u.waiting++

	now := 0.0
	if s.seqTime > 0 || s.tokens > 0 {
		if !s.tells() || !u.fitted {
			return
		}
		now = max(0, 1-u.step.base/s.step())
	}
	keep := math.Exp(-s.secs / useOver)
	u.use = u.use*keep + (1-keep)*now
	u.useConf = u.useConf*keep + 1 - keep
}

// learn fits the step to s as well.
func (u *use) learn(s sample) {
	if !s.tells() || !s.steady {
		return
	}
	t := s.step()
	u.fit.add(s.secs, s.seqTime/s.unitSecs, s.prefilled/s.unitSecs*t, t)
	if step, ok := u.fit.solve(); ok {
		u.step, u.fitted = step, true
	}
}

// prefill spreads the tokens of a prompt whose first token came now over the
// samples of the secs seconds since it was let in. A long prompt takes seconds:
// counted all at its end, it would be held against steps that it did not
// lengthen. What passed since the last add is unfolded seconds.
func (u *use) prefill(tokens, secs, unfolded float64) {
	rate, left := 0.0, secs
	if secs > 0 {
		rate = tokens / secs
	}
	part := min(left, u.open.secs+unfolded)
	u.open.prefilled += part * rate
	left -= part
	into := &u.open
	for i := u.waiting - 1; i >= 0 && left > 0; i-- {
		into = &u.pending[i]
		part = min(left, into.secs)
		into.prefilled += part * rate
		left -= part
	}
	if rate == 0 {
		into.prefilled += tokens
	} else {
		into.prefilled += left * rate
	}
}

// value returns the use, 0 to 1, and whether it is known.
func (u *use) value() (float64, bool) {
	if !u.fitted || u.useConf == 0 {
		return 0, false
	}
	return u.use / u.useConf, true
}

// unitRate returns the work per second of one unit at full use, the confidence
// in it (0 to 1), and whether it is known, with the work now offered per second
// and the number of units.
func (u *use) unitRate(demand, units float64) (rate, confidence float64, ok bool) {
	if !u.fitted || u.prompt.n == 0 || u.output.n == 0 {
		rate, ok = u.full.rate(demand, units)
		return rate, 0, ok
	}
	// Work as estimated, over the time that is really taken: whatever the estimate
	// gets wrong is in the demand too, and cancels in demand over rate.
	return u.work.value / u.step.seconds(u.prompt.value, u.output.value), 1 - math.Exp2(-u.fit.count/60), true
}

// arrived learns the mean prompt and work, and fills in what the cost does not
// say.
func (u *use) arrived(c Cost, rank int) (prompt, work float64) {
	if prompt = float64(c.Prompt); prompt > 0 {
		u.prompt.add(prompt)
	} else {
		prompt = max(u.prompt.value, 1)
	}
	work = prompt + OutputWeight*u.expectOutput(c, rank)
	u.work.add(work)
	return prompt, work
}

// A mean is the plain mean of the first values and then decays.
type mean struct {
	value float64
	n     int
}

func (m *mean) add(v float64) {
	if m.n >= 1/meanPart {
		m.value += (v - m.value) * meanPart
		return
	}
	m.n++
	m.value += (v - m.value) / float64(m.n)
}
