package decide

import "fmt"

// Text says in a few words why the policy said what it said. [Core.Explain]
// knows more: the names of the signals.
func (r Recommendation) Text() string {
	a, b := number(r.A), number(r.B)
	switch r.Reason {
	case ReasonSetpoint:
		return a + " measured, setpoint " + b
	case ReasonDemand:
		return a + "/s asked for, " + b + "/s each"
	case ReasonBacklog:
		return a + " queued, " + b + "/s each"
	case ReasonIdle:
		return "no demand"
	case ReasonFirst:
		return a + " asked for and nothing to serve it"
	case ReasonRemembered:
		return a + " asked for, " + b + "/s each when that was last known"
	case ReasonRule:
		return "its rule says so"
	case ReasonAbsent:
		return "a signal is absent"
	case ReasonStale:
		return "a signal is stale"
	case ReasonInvalid:
		return "a signal has a value that it cannot have"
	case ReasonUnknown:
		return "what one replica can take is not known yet"
	case ReasonObjective:
		return a + "/s asked for, " + b + "/s each within the objective"
	case ReasonUnlearned:
		return a + "/s asked for, and what one replica takes within the objective is not learned yet"
	case ReasonNoneReady:
		return a + " a replica, but none is ready"
	}
	return r.Reason.String()
}

// Text says in a few words what the stage did.
func (n Note) Text() string {
	a, b := number(n.A), number(n.B)
	switch n.Reason {
	case ReasonLargest:
		return fmt.Sprintf("the largest opinion is %d", n.Out)
	case ReasonSmallest:
		return fmt.Sprintf("the smallest opinion is %d", n.Out)
	case ReasonUnanimous:
		return fmt.Sprintf("all agree on %d", n.Out)
	case ReasonWeighted:
		return fmt.Sprintf("the weighted mean of the opinions is %d", n.Out)
	case ReasonDisagree:
		return fmt.Sprintf("opinions differ, so %d stays", n.Out)
	case ReasonAllHeld:
		return fmt.Sprintf("no policy can tell, so %d stays", n.Out)
	case ReasonBurst:
		return "in burst: " + a + " wanted of " + b + " ready of late, nothing is taken away and no guard delays growth"
	case ReasonWarm:
		return a + " to spare above the " + b + " needed"
	case ReasonStarting:
		return a + " on their way"
	case ReasonStuck:
		return fmt.Sprintf("%s on their way and %s stuck there, %d asked for on top", a, b, n.Out-n.In)
	case ReasonTolerance:
		return fmt.Sprintf("a change within %s %% of %d is left out", number(100*n.A), n.Out)
	case ReasonBacklogged:
		return fmt.Sprintf("work is queued for %d, so %s %% of tolerance does not apply", n.Out, number(100*n.A))
	case ReasonWindow:
		if n.In < n.Out {
			return "the most wanted in the last " + a + " s is " + b
		}
		return "the least wanted in the last " + a + " s is " + b
	case ReasonIdleWindow:
		return "idle for " + b + " s of " + a + " s"
	case ReasonRate:
		if n.In < n.Out {
			return "-" + a + " per " + b + " s"
		}
		return "+" + a + " per " + b + " s"
	case ReasonDisabled:
		if n.In < n.Out {
			return "scaling in is switched off"
		}
		return "scaling out is switched off"
	case ReasonCooldown:
		return a + " s left of a cooldown of " + b + " s"
	case ReasonHeld:
		return "nothing is taken away while a policy cannot tell"
	case ReasonMembersLost:
		return a + " of " + b + " members report"
	case ReasonFloor:
		return "bad data for " + b + " s: at least " + a
	case ReasonLastGood:
		return "bad data for " + b + " s: " + a + " were wanted of late"
	case ReasonFixed:
		return "bad data for " + b + " s: " + a + ", as configured"
	case ReasonScheduleMin:
		return "scheduled min " + a
	case ReasonScheduleMax:
		return "scheduled max " + a
	case ReasonPaused:
		if n.In < n.Out {
			return "scaling in is paused"
		}
		return "scaling out is paused"
	case ReasonOverride:
		return "override to " + a + " for " + b + " s more"
	case ReasonBudgetHour:
		return "the hour's budget of " + b + " pays for " + a
	case ReasonBudgetMonth:
		return b + " left of the month's budget, which pays for " + a + " now"
	case ReasonMin:
		return "min " + a
	case ReasonMax:
		return "max " + b
	}
	return n.Reason.String()
}
