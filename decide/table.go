package decide

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/evenkeel/evenkeel/signal"
)

// Table is the whole explanation, for a terminal: the line of [Core.Explain],
// then every policy's opinion, every signal that was used with its value, age
// and quality, and what every stage did. The leading policy and the binding
// stage have a star.
func (c *Core) Table(in *Input, d *Decision) string {
	x := c.seen(in)
	var b strings.Builder
	b.WriteString(c.Explain(in, d) + "\n")
	fmt.Fprintf(&b, "%s: %s\n\n", x.Now.Format("2006-01-02T15:04:05.000Z07:00"), fleetWords(&x))

	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(star bool, cells ...string) {
		mark := " "
		if star {
			mark = "*"
		}
		// A strings.Builder never fails.
		_, _ = fmt.Fprintln(w, mark+" "+strings.Join(cells, "\t"))
	}
	row(false, "POLICY", "WANTS", "WHY")
	for i, r := range d.Recommendations {
		wants := fmt.Sprint(r.Replicas)
		if r.Held {
			wants = "–"
		}
		row(i == d.Leader, c.policyName(i), wants, c.words(&x, i, r))
	}
	_ = w.Flush()

	if used := c.used(); len(used) > 0 {
		b.WriteByte('\n')
		row(false, "SIGNAL", "VALUE", "AGE", "QUALITY", "READ BY")
		for _, u := range used {
			def, s := c.signals.Def(u.signal), x.Signals[u.signal]
			value, age := "–", "–"
			if s.Quality != signal.Absent {
				value, age = quantity(s.Value, def.Unit), seconds(s.Age.Seconds())
			}
			row(false, def.String(), value, age, s.Quality.String(), strings.Join(u.by, ", "))
		}
		_ = w.Flush()
	}

	b.WriteByte('\n')
	row(false, "STAGE", "IN", "OUT", "WHAT IT DID")
	for _, n := range d.Notes {
		row(n.Stage == d.Binding && n.In != n.Out && n.Stage > StageCombine,
			n.Stage.String(), fmt.Sprint(n.In), fmt.Sprint(n.Out), n.Text())
	}
	_ = w.Flush()
	switch {
	case d.Binding > StageCombine:
		fmt.Fprintf(&b, "\nWithout %s it would %sbe %d.\n", d.Binding, still(d), d.Without)
	case d.Reason == ReasonAllHeld:
		fmt.Fprintf(&b, "\nNo policy can tell, so %d stays.\n", d.Desired)
	case d.Reason == ReasonDisagree:
		fmt.Fprintf(&b, "\nThe policies differ, so %d stays.\n", d.Desired)
	default:
		fmt.Fprintf(&b, "\n%d is what the policies want.\n", d.Desired)
	}
	return b.String()
}

// fleetWords says what there is, who reports, and what is allowed.
func fleetWords(in *Input) string {
	f := in.Fleet
	var starting, stuck int64
	for _, c := range f.Starting {
		if c.Stuck {
			stuck += c.N
		} else {
			starting += c.N
		}
	}
	var s strings.Builder
	fmt.Fprintf(&s, "%d desired, %d ready", f.Desired, f.Ready)
	for _, part := range []struct {
		n    int64
		name string
	}{{starting, "starting"}, {stuck, "stuck"}, {f.Draining, "draining"}} {
		if part.n > 0 {
			fmt.Fprintf(&s, ", %d %s", part.n, part.name)
		}
	}
	if m := in.Members; m.Expected > 0 {
		fmt.Fprintf(&s, "; %d of %d members report", m.Fresh, m.Expected)
	}
	fmt.Fprintf(&s, "; limits %d to %d", in.Limits.Min, in.Limits.Max)
	return s.String()
}

// A use is a signal and the policies that read it.
type use struct {
	signal int
	by     []string
}

// used returns the signals that anybody reads, in their order: all of them if
// some policy does not say what it reads.
func (c *Core) used() []use {
	by := make([][]string, c.signals.Len())
	all := false
	for _, p := range c.policies {
		reads := readsOf(p.Policy, len(by))
		all = all || len(reads) == 0
		for _, i := range reads {
			by[i] = append(by[i], p.name)
		}
	}
	var out []use
	for i, names := range by {
		if all || len(names) > 0 {
			out = append(out, use{i, names})
		}
	}
	return out
}
