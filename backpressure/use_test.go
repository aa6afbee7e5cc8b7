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

// A machine that stands still for most of a second, and the tokens that then come
// all at once, leave what was learned as it is.
func TestStandstillIsNotFitted(t *testing.T) {
	const base, each = 0.01, 0.0002
	learned := func(standstill bool) step {
		u := use{steady: steadyFor}
		fold := func(sequences int, tokens, z float64) {
			u.add(0.25, 1, 0.25*float64(sequences), tokens, z, sequences, false)
		}
		for k := range 60 {
			n := 20 + 5*(k/4%10)
			z := base + each*float64(n)
			made := 0.25 * float64(n) / z
			switch {
			case standstill && k >= 21 && k < 24:
				fold(n, 0, z)
			case standstill && k == 24:
				fold(n, 4*made, z)
			default:
				fold(n, made, z)
			}
		}
		return u.step
	}
	want := learned(false)
	if math.Abs(want.base/base-1) > 0.02 || math.Abs(want.sequence/each-1) > 0.02 {
		t.Fatalf("learned %+v", want)
	}
	if got := learned(true); math.Abs(got.base/base-1) > 0.02 || math.Abs(got.sequence/each-1) > 0.02 {
		t.Errorf("after a standstill: %+v, without: %+v", got, want)
	}
}
