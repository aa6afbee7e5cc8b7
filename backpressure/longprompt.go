package backpressure

import (
	"math"
	"time"
)

// A LongPrompt gives long prompts more time for their first token. A prompt is
// computed at a finite speed, so that one objective for all is either beyond
// reach for the longest or too slow for the rest. 2 s, and a second more for every
// 10,000 tokens above 4,000, is
//
//	Config{TTFT: 2 * time.Second, LongPrompt: LongPrompt{Above: 4000, PerToken: 100 * time.Microsecond}}
//
// The gate then also reckons with prompts that take seconds: a free unit is there
// at once, and the drain rate rests on more than those that end within two seconds.
//
// The zero LongPrompt is one objective for all.
type LongPrompt struct {
	// Above so many prompt tokens the objective grows. Default 0: with the first.
	Above int64
	// PerToken is by how much, for every token beyond. Default 0: it does not.
	PerToken time.Duration
}

// Extra is how much later than TTFT the first token of a prompt of so many tokens
// may be. It never overflows.
func (l LongPrompt) Extra(prompt int64) time.Duration {
	over := max(prompt-max(l.Above, 0), 0)
	if over == 0 || l.PerToken <= 0 {
		return 0
	}
	if over > math.MaxInt64/int64(l.PerToken) {
		return math.MaxInt64
	}
	return time.Duration(over) * l.PerToken
}

// firstTokenOf is how many seconds the first token of such a prompt may be
// predicted to take behind the gate.
func (a *Admission) firstTokenOf(prompt float64) float64 {
	return a.firstToken + a.perPrompt*max(prompt-a.longFrom, 0)
}

// promptsOver is the time constant of the prompts' drain rate, in seconds.
func (a *Admission) promptsOver() float64 {
	if a.perPrompt == 0 { // prompts are not said to be long
		return learnOver
	}
	each := a.use.prompt.value / max(a.lines[prompts].rate, 1e-9)
	return max(learnOver, min(learnPrompts*each, learnMost))
}
