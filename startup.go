package evenkeel

import (
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// startup measures how long replicas take to start, and tells how long until the
// next one is ready.
type startup struct {
	learned time.Duration // decayed mean; 0: not known
}

// startupWeight is the weight of one new measurement: about the last five count.
const startupWeight = 0.3

// measured takes in that a replica took d from its start until it was ready.
func (s *startup) measured(d time.Duration) {
	if d <= 0 {
		return
	}
	if s.learned == 0 {
		s.learned = d
		return
	}
	s.learned += time.Duration(startupWeight * float64(d-s.learned))
}

// readyIn returns the time until the oldest of the starting replicas is expected
// to be ready, or one that would start now if none does; 0 if that is not known.
// One that is overdue is expected soon: a tenth of a start-up, at least a second.
// One of unknown age, or begun in the future by another clock, begins now.
func (s *startup) readyIn(st actuate.Status, now time.Time) time.Duration {
	if s.learned == 0 {
		return 0
	}
	left := s.learned // nothing starts yet: what would start now
	for _, c := range st.Fleet.Starting {
		if c.N > 0 && !c.Stuck && !c.Since.IsZero() && c.Since.Before(now) {
			left = min(left, s.learned-now.Sub(c.Since))
		}
	}
	return max(left, s.learned/10, time.Second)
}
