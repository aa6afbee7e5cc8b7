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
	if d.Leader >= 0 && d.Leader < len(d.Recommendations) {
		r := d.Recommendations[d.Leader]
		fmt.Fprintf(&b, "%s wants %d: %s", c.policyName(d.Leader), r.Replicas, c.words(&x, d.Leader, r))
	} else {
		b.WriteString("no policy can tell")
	}
	for i, r := range d.Recommendations {
		if r.Held && (d.Leader < 0 || d.Reason == ReasonHeld) {
			fmt.Fprintf(&b, "; %s cannot tell: %s", c.policyName(i), c.words(&x, i, r))
		}
	}
	for _, n := range d.Notes {
		if n.Stage != d.Binding || n.In == n.Out || n.Stage <= StageCombine {
			continue
		}
		b.WriteString("; " + n.Text())
		if binds(n.Reason) {
			b.WriteString(" binds")
		}
		fmt.Fprintf(&b, "; without it %d", d.Without)
	}
	return b.String()
}

// binds reports whether the text of a reason names a bound, so that it reads
// well to say that it binds.
func binds(r Reason) bool {
	switch r {
	case ReasonRate, ReasonMin, ReasonMax, ReasonOverride, ReasonCooldown:
		return true
	}
	return false
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
	unit := func(k int) signal.Unit { return c.signals.Def(k).Unit }
	a, name := number(r.A), ""
	if reads := readsOf(policy, c.signals.Len()); len(reads) > 0 {
		a, name = quantity(r.A, unit(reads[0])), c.signals.Def(reads[0]).String()
	}
	switch r.Reason {
	case ReasonAbsent, ReasonStale, ReasonInvalid, ReasonUnknown:
		if k := int(r.A); k >= 0 && k < c.signals.Len() && float64(k) == r.A {
			return c.failing(in, k, r)
		}
	case ReasonFirst:
		return a + " asked for and nothing to serve it"
	case ReasonNoneReady:
		if name != "" {
			return name + " is " + a + ", but no replica is ready"
		}
	}
	switch p := policy.(type) {
	case *track:
		if r.Reason == ReasonSetpoint {
			return fmt.Sprintf("%s is %s, setpoint %s", name, a, quantity(r.B, unit(p.signal)))
		}
	case *capacity:
		each := quantity(r.B, unit(p.demand)) + " each"
		switch r.Reason {
		case ReasonDemand:
			return a + " asked for, " + each
		case ReasonRemembered:
			return a + " asked for, " + each + " when that was last known"
		}
	case *backlog:
		each := quantity(r.B, perSecond(unit(p.queue))) + " each"
		if p.demand >= 0 && in.Signals[p.demand].OK() {
			each += ", with " + quantity(in.Signals[p.demand].Value, unit(p.demand)) + " arriving"
		}
		switch r.Reason {
		case ReasonBacklog:
			return fmt.Sprintf("%s queued, drained in %s at %s", a, seconds(p.within), each)
		case ReasonRemembered:
			return fmt.Sprintf("%s queued, drained in %s at %s, as last known", a, seconds(p.within), each)
		}
	}
	return r.Text()
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
