package decide

import (
	"fmt"
	"math"
	"time"
)

// A Tally compares what two policies asked for on the same inputs: the one that
// acts, and another that only watches, its shadow.
//
// The shadow's fleet is hypothetical. Each tick it starts from the real count,
// which the acting policy made, and the signals are those of the real fleet; only
// its memory is its own. So a tick where it asks for two more says that it would
// have taken that step, not where it would be by then: a bound on steps (a rate, a
// cooldown) makes it look closer to the acting policy than it would have gone, and
// load per replica that its own count would have changed is not changed. To see
// that, run it in a simulation.
//
// The zero Tally is empty. It fits into JSON as it is.
type Tally struct {
	// Ticks at which both decided, and those where the shadow asked for another
	// count than the acting policy, for More or for Fewer.
	Ticks int64 `json:"ticks"`
	More  int64 `json:"more"`
	Fewer int64 `json:"fewer"`
	// MostMore and MostFewer are the largest differences, in replicas.
	MostMore  int64 `json:"most_more"`
	MostFewer int64 `json:"most_fewer"`
	// Changes are the ticks at which the acting policy, and the shadow, asked for
	// another count than at the tick before.
	Changes       int64 `json:"changes"`
	ShadowChanges int64 `json:"shadow_changes"`
	// Seconds compared, and the replicas asked for over them, each from its tick
	// to the next. Of a longer gap only a minute counts.
	Seconds              float64 `json:"seconds"`
	ReplicaSeconds       float64 `json:"replica_seconds"`
	ShadowReplicaSeconds float64 `json:"shadow_replica_seconds"`
	// Last is the time of the last tick; Desired and ShadowDesired what was asked
	// for then.
	Last          time.Time `json:"last,omitzero"`
	Desired       int64     `json:"desired"`
	ShadowDesired int64     `json:"shadow_desired"`
}

// Add counts one tick: what the acting policy and the shadow asked for at now. It
// allocates nothing.
func (t *Tally) Add(now time.Time, desired, shadow int64) {
	if t.Ticks > 0 {
		gap := min(max(now.Sub(t.Last), 0), longestGap).Seconds()
		t.Seconds += gap
		t.ReplicaSeconds += float64(gap * float64(t.Desired))
		t.ShadowReplicaSeconds += float64(gap * float64(t.ShadowDesired))
		if desired != t.Desired {
			t.Changes++
		}
		if shadow != t.ShadowDesired {
			t.ShadowChanges++
		}
	}
	t.Ticks++
	switch diff := shadow - desired; {
	case diff > 0:
		t.More, t.MostMore = t.More+1, max(t.MostMore, diff)
	case diff < 0:
		t.Fewer, t.MostFewer = t.Fewer+1, max(t.MostFewer, -diff)
	}
	t.Last, t.Desired, t.ShadowDesired = now, desired, shadow
}

// Differ is the number of ticks at which the two asked for different counts.
func (t *Tally) Differ() int64 { return t.More + t.Fewer }

// Cost is what the shadow asked for in replica-seconds, as a share of what the
// acting policy did: 0.9 is a tenth less. It is 1 while there is nothing to compare.
func (t *Tally) Cost() float64 {
	switch {
	case t.ReplicaSeconds > 0:
		return t.ShadowReplicaSeconds / t.ReplicaSeconds
	case t.ShadowReplicaSeconds > 0:
		return math.Inf(1)
	}
	return 1
}

// String is the comparison in one line.
func (t *Tally) String() string {
	if t.Ticks == 0 {
		return "nothing compared yet"
	}
	s := fmt.Sprintf("differs at %d of %d ticks", t.Differ(), t.Ticks)
	if t.More > 0 {
		s += fmt.Sprintf("; more at %d, by up to %d", t.More, t.MostMore)
	}
	if t.Fewer > 0 {
		s += fmt.Sprintf("; fewer at %d, by up to %d", t.Fewer, t.MostFewer)
	}
	if t.ReplicaSeconds > 0 {
		s += "; " + percent(t.Cost()) + " of the replica-seconds"
	}
	return s + fmt.Sprintf("; %d changes against %d", t.ShadowChanges, t.Changes)
}
