package decide_test

import (
	"testing"

	"github.com/evenkeel/evenkeel/decide"
)

// All notes, so that they read alike.
func TestNoteText(t *testing.T) {
	for _, tc := range []struct {
		reason  decide.Reason
		in, out int64
		a, b    float64
		want    string
	}{
		{decide.ReasonLargest, 3, 5, 0, 0, "the largest opinion is 5"},
		{decide.ReasonSmallest, 3, 2, 0, 0, "the smallest opinion is 2"},
		{decide.ReasonUnanimous, 3, 2, 0, 0, "all agree on 2"},
		{decide.ReasonWeighted, 3, 4, 0, 0, "the weighted mean of the opinions is 4"},
		{decide.ReasonDisagree, 3, 3, 0, 0, "opinions differ, so 3 stays"},
		{decide.ReasonAllHeld, 3, 3, 0, 0, "no policy can tell, so 3 stays"},
		{decide.ReasonBurst, 3, 5, 42.5, 2, "in burst for 42.5 s more, so nothing is taken away and no guard delays growth"},
		{decide.ReasonWarm, 12, 18, 6, 12, "6 to spare above the 12 needed"},
		{decide.ReasonStarting, 5, 5, 2, 0, "2 on their way"},
		{decide.ReasonStuck, 5, 6, 2, 1, "2 on their way and 1 stuck there, 1 asked for on top"},
		{decide.ReasonStuck, 5, 6, 0, 1, "1 stuck on their way, 1 asked for on top"},
		{decide.ReasonTolerance, 22, 20, 0.1, 0, "a change within 10 % of 20 is left out"},
		{decide.ReasonBacklogged, 22, 22, 0.05, 0, "work is queued for 22, so 5 % of tolerance does not apply"},
		{decide.ReasonWindow, 3, 5, 180, 5, "the most wanted in the last 180 s is 5"},
		{decide.ReasonWindow, 7, 5, 10, 5, "the least wanted in the last 10 s is 5"},
		{decide.ReasonIdleWindow, 0, 1, 900, 61, "idle for 61 s of 15 min"},
		{decide.ReasonRate, 11, 9, 3, 30, "+3 per 30 s"},
		{decide.ReasonRate, 2, 5, 1, 60, "-1 per 60 s"},
		{decide.ReasonDisabled, 9, 5, 0, 0, "scaling out is switched off"},
		{decide.ReasonDisabled, 3, 5, 0, 0, "scaling in is switched off"},
		{decide.ReasonCooldown, 9, 5, 12.5, 60, "12.5 s left of a cooldown of 60 s"},
		{decide.ReasonHeld, 3, 5, 0, 0, "nothing is taken away while a policy cannot tell"},
		{decide.ReasonMembersLost, 3, 5, 7, 10, "7 of 10 members report"},
		{decide.ReasonFloor, 5, 4, 4, 1800, "bad data for 30 min, so at least 4"},
		{decide.ReasonLastGood, 5, 4, 4, 90, "bad data for 90 s, so 4, the most wanted while it was good"},
		{decide.ReasonFixed, 3, 4, 4, 90, "bad data for 90 s, so 4 as configured"},
		{decide.ReasonScheduleMin, 3, 4, 4, 8, "scheduled min 4"},
		{decide.ReasonScheduleMax, 9, 8, 8, 8, "scheduled max 8"},
		{decide.ReasonPaused, 9, 5, 9, 0, "scaling out is paused"},
		{decide.ReasonPaused, 3, 5, 3, 90, "scaling in is paused for 90 s more"},
		{decide.ReasonOverride, 8, 3, 3, 5400, "override to 3 for 90 min more"},
		{decide.ReasonBudgetHour, 9, 4, 4, 12.5, "a budget of 12.5 an hour allows 4"},
		{decide.ReasonBudgetMonth, 9, 4, 4, 230, "230 left in the month's budget allows 4"},
		{decide.ReasonMin, 1, 2, 2, 16, "min 2"},
		{decide.ReasonMax, 20, 16, 2, 16, "max 16"},
	} {
		n := decide.Note{Reason: tc.reason, In: tc.in, Out: tc.out, A: tc.a, B: tc.b}
		if got := n.Text(); got != tc.want {
			t.Errorf("%v: %q, want %q", tc.reason, got, tc.want)
		}
	}
}

// Opinions, as they are put without the names of signals.
func TestRecommendationText(t *testing.T) {
	for reason, want := range map[decide.Reason]string{
		decide.ReasonSetpoint:   "what is measured is 1, setpoint 2",
		decide.ReasonDemand:     "1/s asked for, 2/s each",
		decide.ReasonBacklog:    "1 queued, 2/s each",
		decide.ReasonIdle:       "no demand",
		decide.ReasonFirst:      "1 asked for and nothing to serve it",
		decide.ReasonRemembered: "1 asked for, 2/s each when that was last known",
		decide.ReasonObjective:  "1/s asked for, 2/s each within the objective",
		decide.ReasonUnlearned:  "1/s asked for, and what one replica takes within the objective is not learned yet",
		decide.ReasonNoneReady:  "what is measured is 1, but no replica is ready",
	} {
		if got := (decide.Recommendation{Reason: reason, A: 1, B: 2}).Text(); got != want {
			t.Errorf("%v: %q, want %q", reason, got, want)
		}
	}
	for want, r := range map[string]decide.Recommendation{
		"10/s asked for, 2/s each, with 1 to spare":                          {Reason: decide.ReasonDemand, A: 10, B: 2, Replicas: 6, Headroom: 1},
		"10/s asked for, 2/s each":                                           {Reason: decide.ReasonDemand, A: 10, B: 2, Replicas: 6, Headroom: 6},
		"its condition holds, so 2 more":                                     {Reason: decide.ReasonRule, B: 2},
		"its condition has held for 30 s, so 1 fewer":                        {Reason: decide.ReasonRule, A: 30, B: -1},
		"none of its conditions holds":                                       {Reason: decide.ReasonRule},
		"its condition has held for 5 s of 60 s":                             {Reason: decide.ReasonRuleWaits, A: 5, B: -60},
		"its condition holds; another step is not due, the last was 5 s ago": {Reason: decide.ReasonRulePaced, A: 5, B: -1},
	} {
		if got := r.Text(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
