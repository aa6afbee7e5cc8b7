package decide

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/evenkeel/evenkeel/signal"
)

// Explain says in one line why the core decided d on in: what the leading policy
// wanted and on which figures, which stage bound it, and what would have been
// without that stage. The words are for people and may change; programs read the
// fields.
func (c *Core) Explain(in *Input, d *Decision) string {
	var b strings.Builder
	if d.Desired == d.From {
		fmt.Fprintf(&b, "stays at %d: ", d.From)
	} else {
		fmt.Fprintf(&b, "%d → %d: ", d.From, d.Desired)
	}
	if d.Leader >= 0 && d.Leader < len(d.Recommendations) {
		r := d.Recommendations[d.Leader]
		fmt.Fprintf(&b, "%s wants %d: %s", c.policyName(d.Leader), r.Replicas, c.recommendation(in, d.Leader, r))
	} else {
		b.WriteString("no policy can tell")
	}
	for i, r := range d.Recommendations {
		if r.Held && (d.Leader < 0 || d.Reason == ReasonHeld) {
			fmt.Fprintf(&b, "; %s cannot tell: %s", c.policyName(i), c.recommendation(in, i, r))
		}
	}
	for _, n := range d.Notes {
		if n.Stage != d.Binding || n.In == n.Out || n.Stage <= StageCombine {
			continue
		}
		b.WriteString("; " + n.Text())
		switch n.Reason {
		case ReasonRate, ReasonMin, ReasonMax, ReasonOverride, ReasonCooldown:
			b.WriteString(" binds")
		}
		fmt.Fprintf(&b, "; without it %d", d.Without)
	}
	return b.String()
}

func (c *Core) policyName(i int) string {
	if i < len(c.policies) {
		return c.policies[i].name
	}
	return "policy " + strconv.Itoa(i) // of another configuration
}

// recommendation words r with what only the core knows: the names of signals and
// the settings of policies.
func (c *Core) recommendation(in *Input, i int, r Recommendation) string {
	switch r.Reason {
	case ReasonAbsent, ReasonStale, ReasonInvalid, ReasonUnknown:
		k := int(r.A)
		if k < 0 || k >= c.signals.Len() || float64(k) != r.A {
			break
		}
		name := c.signals.Def(k).String()
		switch {
		case r.Reason == ReasonAbsent:
			return name + " is absent"
		case r.Reason == ReasonUnknown:
			return name + " is not known yet"
		case k >= len(in.Signals):
		case r.Reason == ReasonStale:
			return name + " is stale, " + seconds(in.Signals[k].Age.Seconds()) + " old"
		case in.Signals[k].Quality != signal.Absent:
			return name + " cannot be " + number(in.Signals[k].Value)
		}
	case ReasonBacklog:
		if i < len(c.policies) {
			if b, ok := c.policies[i].Policy.(*backlog); ok {
				return fmt.Sprintf("%s queued, drained in %s at %s/s each", number(r.A), seconds(b.within), number(r.B))
			}
		}
	}
	return r.Text()
}

// number writes x with three or so digits, from ten thousand on in thousands (k)
// or millions (M), and never in another form for the same x.
func number(x float64) string {
	switch a := math.Abs(x); {
	case a >= 1e9 || (a < 1e-3 && a > 0):
		return strconv.FormatFloat(x, 'g', 3, 64)
	case a >= 1e6:
		return number(x/1e6) + "M"
	case a >= 1e4:
		return number(x/1e3) + "k"
	case a >= 100:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case a >= 10:
		return trim(strconv.FormatFloat(x, 'f', 1, 64))
	case a >= 1:
		return trim(strconv.FormatFloat(x, 'f', 2, 64))
	}
	return trim(strconv.FormatFloat(x, 'f', 3, 64))
}

func trim(s string) string { return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") }

func seconds(x float64) string { return number(x) + " s" }
