package backpressure

import "math"

const (
	// spreadOctaves, each cut into spreadParts, go from a sixteenth to sixteen times
	// the mean: one part is at most an eighth wide, as close as a deadline needs.
	spreadOctaves, spreadParts = 8, 8
	// spreadKeep requests are remembered; then all count half.
	spreadKeep = 512
	// spreadEvery so many, the quantiles are taken again.
	spreadEvery = 16
	// spreadAll requests are all taken in, of those after them one in spreadPick:
	// as good, and cheaper on a path that runs for each.
	spreadAll, spreadPick = 256, 8
)

// A spread learns how far the time that requests take is from what was to be
// expected of them: quantiles of the ratio, from a histogram of fixed size that
// forgets. The ratio holds when the requests, or the server, change.
type spread struct {
	counts   [spreadOctaves * spreadParts]float32
	total    float32
	n        int // taken in since the quantiles were
	seen     uint32
	p50, p90 float64 // of the ratio; 1 while nothing is learned
}

func newSpread() spread { return spread{p50: 1, p90: 1} }

// wants reports whether the next request is to be taken in.
func (s *spread) wants() bool {
	s.seen++
	return s.seen <= spreadAll || s.seen%spreadPick == 0
}

// add takes in a request that took that many seconds, of which mean were to be
// expected.
func (s *spread) add(took, mean float64) {
	if !(took > 0) || !(mean > 0) {
		return
	}
	s.counts[spreadPart(took/mean)]++
	s.total++
	if s.total >= spreadKeep {
		s.total = 0
		for i := range s.counts {
			s.counts[i] /= 2
			s.total += s.counts[i]
		}
	}
	if s.n++; s.n >= spreadEvery {
		s.n = 0
		s.p50, s.p90 = s.quantile(0.5), s.quantile(0.9)
	}
}

// The exponent and the first three bits of the fraction of a float64 are its
// place in a histogram of eight linear parts per octave.
const (
	spreadShift = 52 - 3
	spreadFirst = (1023 - spreadOctaves/2) * spreadParts
)

func spreadPart(ratio float64) int {
	return min(max(int(math.Float64bits(ratio)>>spreadShift)-spreadFirst, 0), spreadOctaves*spreadParts-1)
}

// spreadFrom is the lower end of part i.
func spreadFrom(i int) float64 {
	return math.Float64frombits(uint64(i+spreadFirst) << spreadShift)
}

func (s *spread) quantile(q float64) float64 {
	left := float64(s.total) * q
	for i, c := range s.counts {
		if c := float64(c); left > c {
			left -= c
		} else if c > 0 {
			return spreadFrom(i) + (spreadFrom(i+1)-spreadFrom(i))*left/c
		}
	}
	return spreadFrom(len(s.counts))
}
