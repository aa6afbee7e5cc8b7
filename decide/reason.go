package decide

import (
	"errors"
	"fmt"
	"strconv"
)

// Stage is one step of the decision, in the order of the constants. Text and
// JSON carry the name, never the number, so a stage can be added between two
// others without making a journal unreadable.
type Stage uint8

// The stages, in the order in which they act. A later stage has the last word.
const (
	StageRecommend Stage = iota // the policies say what demand needs
	StageCombine                // their opinions become one
	StagePending                // replicas that are stuck on their way are made up for
	StageTolerance              // a change too small to be worth it is left out
	StageStabilise              // a change must have been wanted for a while
	StageRate                   // no more than so many in a period
	StageCooldown               // a pause after each change
	StageHold                   // bad data never scales down
	StageOverride               // an operator's wish
	StageBounds                 // min and max; zero only if min is 0
)

var stageNames = [...]string{
	"recommend", "combine", "pending", "tolerance", "stabilise",
	"rate", "cooldown", "hold", "override", "bounds",
}

// String returns the lower-case name of s.
func (s Stage) String() string { return nameOf(stageNames[:], "stage", uint8(s)) }

// MarshalText returns the name of s.
func (s Stage) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the name of a stage and refuses one that it does not know.
func (s *Stage) UnmarshalText(text []byte) error {
	i, err := indexOf(stageNames[:], "stage", text)
	if err == nil {
		*s = Stage(i)
	}
	return err
}

// Reason is why a policy or a stage said what it said: few, fixed, and fit for a
// metric label. Text and JSON carry the name, never the number.
type Reason uint8

// The reasons. The first group comes from policies, the second from stages. With
// ReasonAbsent, ReasonStale, ReasonInvalid and ReasonUnknown, A is the position
// of the signal.
const (
	ReasonNone       Reason = iota // nothing to say
	ReasonSetpoint                 // a signal measured against its setpoint
	ReasonDemand                   // demand against what one replica can take
	ReasonBacklog                  // queued work, to be done within a time
	ReasonIdle                     // no demand at all
	ReasonFirst                    // demand, and nothing to serve it: one replica to begin with
	ReasonRemembered               // what one replica can take, from an earlier time
	ReasonRule                     // a rule of the user's own
	ReasonAbsent                   // a signal was never measured, or too long ago
	ReasonStale                    // a signal is older than it may be
	ReasonInvalid                  // a signal has a value that it cannot have
	ReasonUnknown                  // what one replica can take is not known yet
	ReasonNoneReady                // a value per replica, but no replica is ready

	ReasonLargest     // the largest opinion was taken
	ReasonAllHeld     // no policy could tell
	ReasonStarting    // replicas are on their way and count as capacity
	ReasonStuck       // replicas on their way are stuck and were made up for
	ReasonTolerance   // too small a change
	ReasonBacklogged  // small, but work is waiting for it
	ReasonWindow      // not wanted for long enough yet
	ReasonIdleWindow  // not idle for long enough to give up the last replica
	ReasonRate        // too many in one period
	ReasonCooldown    // too soon after the last change
	ReasonHeld        // a policy could not tell, so nothing is taken away
	ReasonMembersLost // members do not report, so their part is not taken away
	ReasonOverride    // an operator's wish
	ReasonMin         // raised to the minimum
	ReasonMax         // lowered to the maximum
)

var reasonNames = [...]string{
	"none", "setpoint", "demand", "backlog", "idle", "first", "remembered", "rule",
	"absent", "stale", "invalid", "unknown", "none_ready",
	"largest", "all_held", "starting", "stuck", "tolerance", "backlogged", "window",
	"idle_window", "rate", "cooldown", "held", "members_lost", "override", "min", "max",
}

// String returns the lower-case name of r.
func (r Reason) String() string { return nameOf(reasonNames[:], "reason", uint8(r)) }

// MarshalText returns the name of r.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads the name of a reason and refuses one that it does not know.
func (r *Reason) UnmarshalText(text []byte) error {
	i, err := indexOf(reasonNames[:], "reason", text)
	if err == nil {
		*r = Reason(i)
	}
	return err
}

// ErrUnknownName is wrapped by the errors of UnmarshalText: the text comes from
// another version, or is no name at all.
var ErrUnknownName = errors.New("evenkeel: unknown name")

func nameOf(names []string, kind string, i uint8) string {
	if int(i) < len(names) {
		return names[i]
	}
	return kind + "(" + strconv.Itoa(int(i)) + ")"
}

func indexOf(names []string, kind string, text []byte) (uint8, error) {
	for i, n := range names {
		if n == string(text) {
			return uint8(i), nil
		}
	}
	return 0, fmt.Errorf("%w: %q is no %s: use one of %q", ErrUnknownName, text, kind, names)
}
