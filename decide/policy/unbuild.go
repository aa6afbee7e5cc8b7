package policy

import (
	"errors"
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// documentOf is the file that p is read from: the reverse of build.
func documentOf(p Policy) (*document, error) {
	c := p.Config
	doc := &document{Name: p.Name, Tick: span(p.Tick), Min: &p.Limits.Min, Max: &p.Limits.Max}
	u := &unbuilder{signals: c.Signals}
	for _, d := range c.Signals {
		u.declare(doc, d)
	}
	for _, s := range c.Policies {
		u.opinion(doc, s)
	}
	if c.Combine.Up != 0 {
		doc.Combine.Up = c.Combine.Up.String()
	}
	if c.Combine.Down != 0 {
		doc.Combine.Down = c.Combine.Down.String()
	}
	up, down := c.Up, c.Down
	doc.ScaleUp = upward{
		Tolerance: ratio(up.Tolerance), Window: span(up.Window), Rate: rateOf(up.Rate), Rates: ratesOf(up.Rates), Cooldown: span(up.Cooldown),
	}
	doc.ScaleDown = downward{
		Tolerance: ratio(down.Tolerance), Window: span(down.Window), Rate: rateOf(down.Rate), Rates: ratesOf(down.Rates), Cooldown: span(down.Cooldown), Idle: span(down.Idle),
	}
	if up.Select != 0 {
		doc.ScaleUp.Select = up.Select.String()
	}
	if down.Select != 0 {
		doc.ScaleDown.Select = down.Select.String()
	}
	doc.Burst = burst{number(c.Burst.Factor), span(c.Burst.Window), span(c.Burst.For)}
	doc.Warm = warm{max(c.Warm.Replicas, 0), ratio(max(c.Warm.Share, 0))}
	doc.Pending = pending{span(c.Pending.Timeout), ratio(c.Pending.Extra)}
	doc.Hold = hold{Coverage: ratio(c.Hold.Coverage), Replicas: c.Hold.Replicas, After: span(c.Hold.After)}
	if c.Hold.Fallback != 0 {
		doc.Hold.Fallback = c.Hold.Fallback.String()
	}
	doc.Budget = budget{number(max(c.Budget.Price, 0)), number(max(c.Budget.PerHour, 0)), number(max(c.Budget.PerMonth, 0)), number(c.Budget.Pace)}
	for _, w := range c.Schedule {
		out := scheduleWindow{
			Name: w.Name, Days: days(w.Days), From: clock(w.From), To: clock(w.To), Zone: w.Zone, Min: w.Min,
			Warm: warm{max(w.Warm.Replicas, 0), ratio(max(w.Warm.Share, 0))}, Ramp: span(w.Ramp),
		}
		if w.Max > 0 || w.Closed {
			out.Max = &w.Max
		}
		doc.Schedule = append(doc.Schedule, out)
	}
	return doc, errors.Join(u.errs...)
}

// rateOf and ratesOf leave out what limits nothing.
func rateOf(r decide.Rate) rate {
	return rate{max(r.Count, 0), ratio(max(r.Share, 0)), span(r.Period)}
}

func ratesOf(from []decide.Rate) (out []rate) {
	for _, r := range from {
		out = append(out, rateOf(r))
	}
	return out
}

type unbuilder struct {
	signals []signal.Def
	errs    []error
}

func (u *unbuilder) name(k signal.Key) name {
	text, _, err := keyText(u.signals, k)
	if err != nil {
		u.errs = append(u.errs, err)
	}
	return name{text: text}
}

func (u *unbuilder) amount(x float64, k signal.Key, per string) amount {
	_, unit, _ := keyText(u.signals, k) // name reports what is wrong with k
	return u.value(x, unit+signal.Unit(per))
}

// value writes x in a unit, and nothing if it is left out.
func (u *unbuilder) value(x float64, unit signal.Unit) amount {
	if x == 0 {
		return amount{}
	}
	text := valueText(x, unit)
	q, err := parseQuantity(text)
	if err != nil {
		u.errs = append(u.errs, fmt.Errorf("evenkeel: policy file: the value %v cannot be written", x))
	}
	return amount{text: text, q: q}
}

// declare writes a signal that is not as its short name says.
func (u *unbuilder) declare(doc *document, d signal.Def) {
	d = d.WithDefaults()
	for _, n := range Names() {
		if n.Def.WithDefaults() == d {
			return
		}
	}
	out := declared{Unit: string(d.Unit), Quantile: number(d.Quantile), Merge: d.Merge.String()}
	for word, unit := range friendly {
		if unit == d.Unit {
			out.Unit = word
		}
	}
	plain := d
	plain.Merge = signal.MergeDefault
	if plain.WithDefaults().Merge == d.Merge {
		out.Merge = ""
	}
	if d.MaxAge != signal.DefaultMaxAge {
		out.MaxAge = span(d.MaxAge)
	}
	if _, err := parseKey(d.String()); err != nil {
		return // refused where it is used
	}
	doc.Signals = append(doc.Signals, entry[declared]{name: d.String(), value: out})
}

func (u *unbuilder) opinion(doc *document, s decide.NamedSpec) {
	out := opinion{Weight: number(s.Weight)}
	switch spec := s.Spec.(type) {
	case decide.Track:
		out.Track = &track{u.name(spec.Signal), u.amount(spec.Setpoint, spec.Signal, ""), spec.Total}
	case decide.Capacity:
		out.Capacity = &capacity{u.name(spec.Demand), u.name(spec.Rate), u.amount(spec.PerReplica, spec.Demand, ""), ratio(spec.Utilization), number(spec.Headroom), ratio(max(spec.Reserve, 0))}
	case decide.Backlog:
		out.Backlog = &backlog{u.name(spec.Queue), u.name(spec.Rate), u.amount(spec.PerReplica, spec.Queue, "/s"), u.name(spec.Demand), span(spec.Within)}
	case decide.Objective:
		out.Objective = u.objective(spec)
	case decide.Rule:
		up, down := u.step(spec.Up), u.step(spec.Down)
		if s.Name == ruleName && (s.Weight == 0 || s.Weight == 1) && !spec.Monotone && up != nil && down != nil {
			doc.Up, doc.Down = up, down
			return
		}
		out.Rule = &steps{up, down, spec.Monotone}
	default:
		u.errs = append(u.errs, fmt.Errorf("evenkeel: policy file: the policy %q is a %T, for which a file has no words", s.Name, s.Spec))
		return
	}
	if slices.ContainsFunc(doc.Policies, func(e entry[opinion]) bool { return e.name == s.Name }) {
		u.errs = append(u.errs, fmt.Errorf("evenkeel: policy file: two policies are called %q", s.Name))
	}
	doc.Policies = append(doc.Policies, entry[opinion]{name: s.Name, value: out})
}

func (u *unbuilder) objective(o decide.Objective) *objective {
	load := func(x float64) amount {
		if o.Rate == (signal.Key{}) && o.PerReplica == 0 {
			return u.amount(x, o.Demand, "")
		}
		return u.value(x, signal.Ratio)
	}
	out := &objective{
		Demand: u.name(o.Demand), Rate: u.name(o.Rate), PerReplica: u.amount(o.PerReplica, o.Demand, ""),
		Utilization: load(o.Utilization), Floor: load(o.Floor), Ceiling: load(o.Ceiling),
		Headroom: number(o.Headroom), Reserve: ratio(max(o.Reserve, 0)), Interval: span(o.Interval), Warmup: span(o.Warmup),
	}
	for _, g := range o.Goals {
		most := u.amount(g.Most, g.Signal, "")
		if g.Per != (signal.Key{}) {
			most = u.value(g.Most, signal.Ratio)
		}
		out.Goals = append(out.Goals, goal{u.name(g.Signal), u.name(g.Per), most})
	}
	return out
}

func (u *unbuilder) step(s decide.Step) *step {
	if s.When == nil {
		return nil
	}
	e, ok := s.When.(Expression)
	if !ok {
		u.errs = append(u.errs, fmt.Errorf("evenkeel: policy file: a condition is a %T, for which a file has no words", s.When))
	}
	return &step{condition{Expression: e}, span(s.For), s.Count, ratio(s.Share), span(s.Period), s.Fast}
}
