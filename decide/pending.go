package decide

import (
	"math"
	"time"
)

// Pending says what to make of replicas on their way. They count as capacity,
// since they are part of the desired count, until they are stuck: marked so by
// the platform, or older than Timeout. As many as are missing because of it are
// then asked for on top.
type Pending struct {
	// Timeout after which a starting replica counts as stuck. Set it to about
	// twice the time that a slow start takes. Default 10 min; negative: never.
	Timeout time.Duration
	// Extra bounds what is asked for on top, as a share of what is needed, rounded
	// up: a platform that is full gets no fuller by asking. Default 0.5; negative:
	// nothing on top.
	Extra float64
}

// count sorts the replicas that are on their way.
func (t *tick) count(s *State) {
	timeout := t.config.Pending.Timeout.Milliseconds()
	unaged := false
	for _, c := range t.in.Fleet.Starting {
		age := t.now - instantOf(c.Since)
		stuck := c.Stuck
		switch {
		case stuck || timeout == 0:
		case c.Since.IsZero() || age < -aheadOfClock.Milliseconds():
			// Nobody knows how old it is: by how long we have known of such.
			unaged = true
			stuck = s.unaged != 0 && s.observed+1-s.unaged >= timeout
		default:
			stuck = age >= timeout
		}
		if stuck {
			t.stuck = cleanCount(t.stuck + c.N)
		} else {
			t.starting = cleanCount(t.starting + c.N)
		}
	}
	switch {
	case !unaged:
		s.unaged = 0
	case s.unaged == 0:
		s.unaged = s.observed + 1
	}
}

// pending asks for as many on top as are missing because others are stuck. What
// is ready suffices or not, whatever is stuck, so a stuck replica never keeps
// the fleet from shrinking to what is ready. Only what is needed can be missing,
// not what is merely kept, in burst or while no policy can tell or opinions differ,
// nor what counts from the present count: that would grow with every step.
func (t *tick) pending(v int64) (int64, Reason, float64, float64) {
	a, b := float64(t.starting), float64(t.stuck)
	switch {
	case t.stuck > 0:
		return max(v, min(t.replaced(min(v, t.asked)), t.cur), t.replaced(min(v, t.agreed))), ReasonStuck, a, b
	case t.starting > 0:
		return v, ReasonStarting, a, b
	}
	return pass(v)
}

// replaced is n and what is missing of it because others are stuck.
func (t *tick) replaced(n int64) int64 {
	missing := max(n-t.in.Fleet.Ready, 0)
	bound := int64(min(math.Ceil(float64(t.config.Pending.Extra*float64(n))), MaxReplicas))
	return cleanCount(n + min(t.stuck, missing, bound))
}
