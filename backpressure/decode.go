package backpressure

import "math"

const (
	// decodeOver is the time constant of the measured time per output token, in
	// seconds.
	decodeOver = 2.0
	// decodeTokens is how many tokens a time per output token must rest on.
	decodeTokens = 20
	// decodeFew sequences per unit are let in without a look at the guard: below
	// that, the ratio of sequences says little.
	decodeFew = 8.0
)

// A decode watches the running sequences. The mean time per output token across
// them is the time they spent, the integral of their number, divided by the
// tokens they made; no token needs a clock of its own.
type decode struct {
	sequences int // that report tokens, after their first token

	seqTime, tokens float64 // decayed over decodeOver
	newTime         float64 // sequence-seconds since the last fold
	newTokens       float64 // tokens since the last fold
	secs            float64

	tpot float64 // mean seconds per output token, 0 while not known
}

func (d *decode) pass(dt float64) {
	d.secs += dt
	d.newTime += dt * float64(d.sequences)
}

// fold takes in what was measured since the last fold and returns it.
func (d *decode) fold() (seqTime, tokens float64) {
	seqTime, tokens = d.newTime, d.newTokens
	keep := math.Exp(-d.secs / decodeOver)
	d.seqTime = d.seqTime*keep + seqTime
	d.tokens = d.tokens*keep + tokens
	d.newTime, d.newTokens, d.secs = 0, 0, 0
	d.tpot = 0
	if d.tokens >= decodeTokens {
		d.tpot = d.seqTime / d.tokens
	}
	return seqTime, tokens
}

// predict is the time per output token with ahead more sequences, if it grew in
// proportion to their number. It grows less, because each step has a fixed part;
// so the gate approaches the objective from below, in a few rounds.
func (d *decode) predict(ahead, units float64) float64 {
	if d.tpot == 0 || d.sequences == 0 {
		return 0
	}
	b := float64(d.sequences)
	few := decodeFew * max(units, 1)
	if b+ahead <= few {
		return 0
	}
	return d.tpot * (b + ahead) / max(b, few)
}
