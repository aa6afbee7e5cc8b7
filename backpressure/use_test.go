package backpressure

import (
	"math"
	"testing"
)

// Sequences that begin one after the other, each with a token every z seconds
// from then on: how long a step is must not depend on how many began lately.
func TestStepOfAGrowingSample(t *testing.T) {
	const z = 0.05
	for _, begin := range []struct {
		name        string
		from, until float64 // seconds in which 200 sequences begin
		tells       bool
	}{{"before", -3, 0, true}, {"all along", -3, 1, true}, {"towards the end", 0.7, 1, false}} {
		s := sample{secs: 1, unitSecs: 1}
		for i := range 200 {
			at := begin.from + (begin.until-begin.from)*float64(i)/200
			old := max(-at, 0) // seconds of it before the sample
			s.seqTime += 1 - max(at, 0)
			s.tokens += math.Floor((1-at)/z) - math.Floor(old/z)
			if at > 0 {
				s.grown++
			}
		}
		if got := s.step(); s.tells() != begin.tells || math.Abs(got/z-1) > 0.02 {
			t.Errorf("%s: a step of %.4f s, want %.4f; tells: %v, want %v", begin.name, got, z, s.tells(), begin.tells)
		}
	}
}
