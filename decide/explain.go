package decide

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/signal"
)

// Explain says in one line why the core decided d on in: what the leading policy
// wanted and on which figures, which stage bound it, and what would have been
// without that stage. The words are for people and may change; programs read the
// fields, or [Core.AppendRecord].
func (c *Core) Explain(in *Input, d *Decision) string {
	x := c.seen(in)
	var b strings.Builder
	if d.Desired == d.From {
		fmt.Fprintf(&b, "stays at %d: ", d.From)
	} else {
		fmt.Fprintf(&b, "%d → %d: ", d.From, d.Desired)
	}
	b.WriteString(strings.Join(c.clauses(&x, d), "; "))
	return b.String()
}

// clauses are what Explain has to say: the opinions that made the count, who
// cannot tell, how the opinions became one if that is not plain, and what bound.
func (c *Core) clauses(in *Input, d *Decision) []string {
	var out []string
	for i, r := range d.Recommendations {
		if i == d.Leader || d.Leader < 0 && !r.Held {
			out = append(out, fmt.Sprintf("%s wants %d: %s", c.policyName(i), r.Replicas, c.words(in, i, r)))
		}
	}
	for i, r := range d.Recommendations {
		if r.Held && (d.Leader < 0 || d.Reason == ReasonHeld) {
			out = append(out, fmt.Sprintf("%s cannot tell: %s", c.policyName(i), c.words(in, i, r)))
		}
	}
	if len(out) == 0 {
		out = append(out, "no policy can tell")
	}
	for _, n := range d.Notes {
		switch {
		case n.Reason == ReasonWeighted || n.Reason == ReasonDisagree:
			out = append(out, n.Text())
		case n.Stage == d.Binding && n.In != n.Out && n.Stage > StageCombine:
			text := n.Text()
			if binds(n.Reason) {
				text += " binds"
			}
			out = append(out, text, "without it "+still(d)+fmt.Sprint(d.Without))
		}
	}
	return out
}

// still marks a Without that is what was decided: another stage says the same.
func still(d *Decision) string {
	if d.Without == d.Desired {
		return "still "
	}
	return ""
}

// seen returns in as the core sees it: as many signals as it has, in range, and
// stale where they are too old.
func (c *Core) seen(in *Input) Input {
	var x Input
	cleanInput(&x, in, len(c.maxAge), c.maxAge)
	return x
}

func (c *Core) policyName(i int) string {
	if i < len(c.policies) {
		return c.policies[i].name
	}
	return "policy " + strconv.Itoa(i) // of another configuration
}

// words puts r, the opinion of policy i, with what only the core knows: the
// names and units of signals, and the settings of policies.
func (c *Core) words(in *Input, i int, r Recommendation) string {
	var policy Policy
	if i < len(c.policies) {
		policy = c.policies[i].Policy
	}
	switch r.Reason {
	case ReasonAbsent, ReasonStale, ReasonInvalid, ReasonUnknown:
		if k := int(r.A); k >= 0 && k < c.signals.Len() && float64(k) == r.A {
			return c.failing(in, k, r)
		}
	}
	reads := readsOf(policy, c.signals.Len())
	switch r.Reason {
	case ReasonRule, ReasonRuleWaits, ReasonRulePaced:
		return r.rule(c.condition(i, r.B > 0))
	case ReasonRuleUnknown:
		for _, k := range reads {
			switch in.Signals[k].Quality {
			case signal.Absent:
				return c.failing(in, k, Recommendation{Reason: ReasonAbsent})
			case signal.Stale:
				return c.failing(in, k, Recommendation{Reason: ReasonStale})
			}
		}
	}
	if len(reads) == 0 {
		return r.Text()
	}
	first := c.signals.Def(reads[0])
	if p, ok := policy.(*backlog); ok && (r.Reason == ReasonBacklog || r.Reason == ReasonRemembered) {
		s := fmt.Sprintf("%s queued, drained in %s at %s each", quantity(r.A, first.Unit), seconds(p.within), quantity(r.B, perSecond(first.Unit)))
		if p.demand >= 0 && in.Signals[p.demand].OK() {
			s += ", with " + quantity(in.Signals[p.demand].Value, c.signals.Def(p.demand).Unit) + " arriving"
		}
		if r.Reason == ReasonRemembered {
			s += ", as last known"
		}
		return s
	}
	return r.text(first.String(), first.Unit)
}

// condition is that of the rule at i, as it is written if it can be.
func (c *Core) condition(i int, up bool) string {
	if i < len(c.config.Policies) {
		if spec, ok := c.config.Policies[i].Spec.(Rule); ok {
			when := spec.Down.When
			if up {
				when = spec.Up.When
			}
			if s, ok := when.(fmt.Stringer); ok {
				return s.String()
			}
		}
	}
	return "its condition"
}

// failing says what is wrong with the signal at position k.
func (c *Core) failing(in *Input, k int, r Recommendation) string {
	def, s := c.signals.Def(k), in.Signals[k]
	switch {
	case r.Reason == ReasonUnknown:
		return def.String() + " is not known yet"
	case r.Reason == ReasonAbsent || s.Quality == signal.Absent:
		return def.String() + " is absent"
	case r.Reason == ReasonStale:
		return def.String() + " is stale, " + seconds(s.Age.Seconds()) + " old"
	}
	return def.String() + " cannot be " + quantity(s.Value, def.Unit)
}
