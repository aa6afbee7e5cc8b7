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
	StageBurst                  // far more is wanted than there is: nothing is taken away
	StageWarm                   // so many to spare above what is needed
	StagePending                // replicas that are stuck on their way are made up for
	StageTolerance              // a change too small to be worth it is left out
	StageStabilise              // a change must have been wanted for a while
	StageRate                   // no more than so many in a period
	StageCooldown               // a pause after each change
	StageHold                   // bad data never scales down
	StageSchedule               // floors and ceilings by the clock
	StagePause                  // an operator's wish that nothing changes one way
	StageOverride               // an operator's wish
	StageBudget                 // no more than there is money for
	StageBounds                 // min and max; zero only if min is 0
)

var stageNames = [...]string{
	"recommend", "combine", "burst", "warm", "pending", "tolerance", "stabilise", "rate",
	"cooldown", "hold", "schedule", "pause", "override", "budget", "bounds",
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
	ReasonNone        Reason = iota // nothing to say
	ReasonSetpoint                  // a signal measured against its setpoint
	ReasonDemand                    // demand against what one replica can take
	ReasonBacklog                   // queued work, to be done within a time
	ReasonIdle                      // no demand at all
	ReasonFirst                     // demand, and nothing to serve it: one replica to begin with
	ReasonRemembered                // what one replica can take, from an earlier time
	ReasonRule                      // a rule of the user's own
	ReasonAbsent                    // a signal was never measured, or too long ago
	ReasonStale                     // a signal is older than it may be
	ReasonInvalid                   // a signal has a value that it cannot have
	ReasonUnknown                   // what one replica can take is not known yet
	ReasonNoneReady                 // a value per replica, but no replica is ready
	ReasonObjective                 // demand against what one replica takes within its objective
	ReasonRuleUnknown               // a condition rests on a signal that is stale or absent
	ReasonRuleWaits                 // a condition holds, but not for long enough
	ReasonRulePaced                 // a condition holds, but it is not time for another step
	ReasonUnlearned                 // what one replica takes within its objective is not learned yet

	ReasonLargest     // the largest opinion was taken
	ReasonSmallest    // the smallest opinion was taken
	ReasonUnanimous   // all want to go that way, at least so far
	ReasonWeighted    // the weighted mean of the opinions was taken
	ReasonDisagree    // some want more, some fewer, so nothing changes
	ReasonAllHeld     // no policy could tell
	ReasonBurst       // in burst: nothing is taken away, no guard delays growth
	ReasonWarm        // so many to spare
	ReasonStarting    // replicas are on their way and count as capacity
	ReasonStuck       // replicas on their way are stuck and were made up for
	ReasonTolerance   // too small a change
	ReasonBacklogged  // small, but work is waiting for it
	ReasonWindow      // not wanted for long enough yet
	ReasonIdleWindow  // not idle for long enough to give up the last replica
	ReasonRate        // too many in one period
	ReasonDisabled    // changes this way are switched off
	ReasonCooldown    // too soon after the last change
	ReasonHeld        // a policy could not tell, so nothing is taken away
	ReasonMembersLost // members do not report, so their part is not taken away
	ReasonFloor       // no policy can tell: at least so many, the fallback floor
	ReasonLastGood    // no policy can tell: what was wanted while they could
	ReasonFixed       // no policy can tell: so many, the fixed fallback
	ReasonScheduleMin // raised to the floor of the schedule
	ReasonScheduleMax // lowered to the ceiling of the schedule
	ReasonPaused      // an operator's wish that nothing changes this way
	ReasonOverride    // an operator's wish
	ReasonBudgetHour  // no more can be paid for in an hour
	ReasonBudgetMonth // the month's money is to last for the month
	ReasonMin         // raised to the minimum
	ReasonMax         // lowered to the maximum
)

var reasonNames = [...]string{
	"none", "setpoint", "demand", "backlog", "idle", "first", "remembered", "rule",
	"absent", "stale", "invalid", "unknown", "none_ready", "objective", "rule_unknown", "rule_waits", "rule_paced", "unlearned",
	"largest", "smallest", "unanimous", "weighted", "disagree", "all_held", "burst", "warm", "starting", "stuck", "tolerance", "backlogged", "window",
	"idle_window", "rate", "disabled", "cooldown", "held", "members_lost", "floor", "last_good",
	"fixed", "schedule_min", "schedule_max", "paused", "override", "budget_hour", "budget_month",
	"min", "max",
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
