package backpressure

import "math/bits"

const (
	// outputBounds is how many sizes of Cost.MaxOutput are told apart: none, and one
	// for each power of two up to 64k.
	outputBounds = 18
	// outputFew requests of a kind count alone; until then the mean of all makes up
	// for what is missing.
	outputFew = 8
)

// An outputs learns how long answers become, by the class of the caller and by the
// size of the bound that it sets: who asks for at most 50 tokens asks for something
// else than who allows 4,000.
type outputs [classes][outputBounds]mean

func (o *outputs) of(c Cost, rank int) *mean {
	return &o[rank][min(bits.Len64(uint64(max(c.MaxOutput, 0))), outputBounds-1)]
}

// expectOutput is how many tokens a request of that cost and class will probably
// make.
func (u *use) expectOutput(c Cost, rank int) float64 {
	kind := u.outputs.of(c, rank)
	if kind.n >= outputFew {
		return kind.value
	}
	all := u.output.value
	if u.output.n == 0 {
		all = outputGuess
	}
	if c.MaxOutput > 0 {
		all = min(all, float64(c.MaxOutput))
	}
	return all + (kind.value-all)*float64(kind.n)*(1.0/outputFew)
}

// finished learns the mean output of requests that report one.
func (u *use) finished(output int64, c Cost, rank int) {
	if output > 0 {
		u.output.add(float64(output))
		u.outputs.of(c, rank).add(float64(output))
	}
}
