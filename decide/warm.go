package decide

import (
	"cmp"
	"math"
)

// Warm is how many replicas are kept to spare above what is needed: Replicas, or
// a Share of what is needed, whichever is more. They buy what no forecast buys,
// replicas that need not start. The zero Warm is none.
//
// Headroom that a policy has already added is to spare too and counts towards
// it: a fleet that needs 10, for which [Capacity] asks for 12, gets 13 with 3
// warm, not 15. What is to spare is asked for like everything else: it counts
// before the guards, so that neither a rate nor a window is got round, and the
// ceilings, budgets and bounds that follow may leave none of it. While no policy
// can tell what is needed, Replicas is all that is wanted; nor can a policy that
// counts from the present count, such as [Rule].
type Warm struct {
	// Replicas to spare. Default none.
	Replicas int64
	// Share of what is needed to spare, rounded up: 0.2 is a fifth more. Default
	// none.
	Share float64
}

func (w Warm) withDefaults() Warm {
	return Warm{max(w.Replicas, 0), max(cmp.Or(w.Share, 0), 0)}
}

func (w Warm) validate(field string, bad func(string, ...any)) {
	if w.Replicas > MaxReplicas {
		bad("%s.Replicas is %d: at most %d", field, w.Replicas, MaxReplicas)
	}
	if !isFinite(w.Share) || w.Share > 10 {
		bad("%s.Share is %v: at most 10", field, w.Share)
	}
}

// of returns how many are to be spare where n are needed.
func (w Warm) of(n int64) int64 {
	return max(w.Replicas, int64(math.Ceil(float64(w.Share*float64(n))-1e-9)))
}

// warm asks for what is to spare. Where opinions differ, what all agree to keep
// is kept, but it grows only above what all agree is needed: each step would be a
// reason for the next one otherwise.
func (t *tick) warm(v int64) (int64, Reason, float64, float64) {
	need, n := t.need, cleanCount(t.need+t.spare)
	if sure := cleanCount(t.sure + t.keep.of(t.sure)); n > t.cur && sure < n {
		if n = t.cur; sure > n {
			need, n = t.sure, sure
		}
	}
	if n > v && n > need {
		return n, ReasonWarm, float64(n - need), float64(need)
	}
	return pass(v)
}
