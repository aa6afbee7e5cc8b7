package decide

import (
	"fmt"
	"math"

	"github.com/evenkeel/evenkeel/signal"
)

// Text says in a few words why the policy said what it said. [Core.Explain]
// knows more: the names and units of the signals.
func (r Recommendation) Text() string {
	switch r.Reason {
	case ReasonSetpoint, ReasonNoneReady:
		return r.text("", "")
	}
	return r.text("", signal.Requests)
}

// text puts r in words, with the name and the unit of the signal that A is of. A
// demand is per second whatever the unit says.
func (r Recommendation) text(name string, u signal.Unit) string {
	a, rate := quantity(r.A, u), u
	if len(u) < 2 || u[len(u)-2:] != "/s" {
		rate = perSecond(u)
	}
	asked, each := quantity(r.A, rate)+" asked for", quantity(r.B, rate)+" each"
	if name == "" {
		name = "what is measured"
	}
	switch r.Reason {
	case ReasonSetpoint:
		return fmt.Sprintf("%s is %s, setpoint %s", name, a, quantity(r.B, u))
	case ReasonDemand:
		return asked + ", " + each + r.spare()
	case ReasonBacklog:
		return a + " queued, " + each
	case ReasonIdle:
		return "no demand"
	case ReasonFirst:
		return a + " asked for and nothing to serve it"
	case ReasonRemembered:
		return a + " asked for, " + each + " when that was last known" + r.spare()
	case ReasonObjective:
		return asked + ", " + each + " within the objective" + r.spare()
	case ReasonRuleUnknown:
		return "a signal of its conditions is stale or absent"
	case ReasonUnlearned:
		return asked + ", and what one replica takes within the objective is not learned yet"
	case ReasonRule, ReasonRuleWaits, ReasonRulePaced:
		return r.rule("its condition")
	case ReasonAbsent:
		return "a signal is absent"
	case ReasonStale:
		return "a signal is stale"
	case ReasonInvalid:
		return "a signal has a value that it cannot have"
	case ReasonUnknown:
		return "what one replica can take is not known yet"
	case ReasonNoneReady:
		return fmt.Sprintf("%s is %s, but no replica is ready", name, a)
	}
	return r.Reason.String()
}

// spare says how many of the replicas are headroom, if not all of them are.
func (r Recommendation) spare() string {
	if r.Headroom <= 0 || r.Headroom >= r.Replicas {
		return ""
	}
	return fmt.Sprintf(", with %d to spare", r.Headroom)
}

// rule puts what a rule does or waits for, whose condition reads so.
func (r Recommendation) rule(condition string) string {
	step := ", so " + number(r.B) + " more"
	switch {
	case r.Reason == ReasonRuleWaits:
		return condition + " has held for " + seconds(r.A) + " of " + seconds(math.Abs(r.B))
	case r.Reason == ReasonRulePaced:
		return condition + " holds; another step is not due, the last was " + seconds(r.A) + " ago"
	case r.B == 0:
		return "none of its conditions holds"
	case r.B < 0:
		step = ", so " + number(-r.B) + " fewer"
	}
	if r.A > 0 {
		return condition + " has held for " + seconds(r.A) + step
	}
	return condition + " holds" + step
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
		return "in burst for " + seconds(n.A) + " more, so nothing is taken away and no guard delays growth"
	case ReasonWarm:
		return a + " to spare above the " + b + " needed"
	case ReasonStarting:
		return a + " on their way"
	case ReasonStuck:
		if n.A == 0 {
			return fmt.Sprintf("%s stuck on their way, %d asked for on top", b, n.Out-n.In)
		}
		return fmt.Sprintf("%s on their way and %s stuck there, %d asked for on top", a, b, n.Out-n.In)
	case ReasonTolerance:
		return fmt.Sprintf("a change within %s of %d is left out", percent(n.A), n.Out)
	case ReasonBacklogged:
		return fmt.Sprintf("work is queued for %d, so %s of tolerance does not apply", n.Out, percent(n.A))
	case ReasonWindow:
		return "the " + n.way("least", "most") + " wanted in the last " + seconds(n.A) + " is " + b
	case ReasonIdleWindow:
		return "idle for " + seconds(n.B) + " of " + seconds(n.A)
	case ReasonRate:
		return n.way("+", "-") + a + " per " + seconds(n.B)
	case ReasonDisabled:
		return "scaling " + n.way("out", "in") + " is switched off"
	case ReasonCooldown:
		return seconds(n.A) + " left of a cooldown of " + seconds(n.B)
	case ReasonHeld:
		return "nothing is taken away while a policy cannot tell"
	case ReasonMembersLost:
		return a + " of " + b + " members report"
	case ReasonFloor:
		return "bad data for " + seconds(n.B) + ", so at least " + a
	case ReasonLastGood:
		return "bad data for " + seconds(n.B) + ", so " + a + ", the most wanted while it was good"
	case ReasonFixed:
		return "bad data for " + seconds(n.B) + ", so " + a + " as configured"
	case ReasonScheduleMin:
		return "scheduled min " + a
	case ReasonScheduleMax:
		return "scheduled max " + a
	case ReasonPaused:
		if n.B > 0 {
			return "scaling " + n.way("out", "in") + " is paused for " + seconds(n.B) + " more"
		}
		return "scaling " + n.way("out", "in") + " is paused"
	case ReasonOverride:
		return "override to " + a + " for " + seconds(n.B) + " more"
	case ReasonBudgetHour:
		return "a budget of " + b + " an hour allows " + a
	case ReasonBudgetMonth:
		return b + " left in the month's budget allows " + a
	case ReasonMin:
		return "min " + a
	case ReasonMax:
		return "max " + b
	}
	return n.Reason.String()
}

// way returns what fits the direction that the stage held back or took.
func (n Note) way(up, down string) string {
	if n.In < n.Out {
		return down
	}
	return up
}

// binds reports whether the text of a reason names a bound, so that it reads
// well to say that it binds.
func binds(r Reason) bool {
	switch r {
	case ReasonRate, ReasonMin, ReasonMax, ReasonOverride, ReasonScheduleMin, ReasonScheduleMax:
		return true
	}
	return false
}
