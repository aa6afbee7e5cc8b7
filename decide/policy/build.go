package policy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// A builder turns a document into a Policy.
type builder struct {
	doc     *document
	file    string
	places  map[string]place
	signals *signal.Schema
	used    []bool // by signal
	errs    []error
}

func (b *builder) add(err error) {
	if err != nil {
		b.errs = append(b.errs, err)
	}
}

// missing reports a field that has to be there, at the place of what it is in.
func (b *builder) missing(path, in, what string) {
	at := b.places[in]
	at.path = path
	b.add(at.problem("it is missing: %s", what))
}

func (b *builder) build(signals []signal.Def) Policy {
	doc := b.doc
	if !b.schema(signals) {
		return Policy{}
	}
	p := Policy{Name: doc.Name, Tick: time.Duration(doc.Tick)}
	p.Limits.Min = 1
	if doc.Min != nil {
		p.Limits.Min = *doc.Min
	}
	switch {
	case doc.Max == nil:
		b.missing("max", "", "say how many replicas there may be at most")
	case *doc.Max < max(p.Limits.Min, 1) || *doc.Max > decide.MaxReplicas:
		b.add(b.places["max"].problem("it is %d: it must be at least 1, no less than min, which is %d, and at most %d", *doc.Max, p.Limits.Min, decide.MaxReplicas))
	default:
		p.Limits.Max = *doc.Max
	}
	c := &p.Config
	b.opinions(c)
	c.Combine = decide.Combine{Up: word[decide.Combination](b, doc.Combine.Up), Down: word[decide.Combination](b, doc.Combine.Down)}
	b.guards(c)
	b.clockwork(c)
	for i := range b.signals.Len() {
		if len(signals) > 0 || b.used[i] {
			c.Signals = append(c.Signals, b.signals.Def(i))
		}
	}
	return p
}

// word reads an enumeration; the schema of the file has made sure of the word.
func word[T any, P interface {
	*T
	UnmarshalText([]byte) error
}](b *builder, text string) (v T) {
	if text != "" {
		b.add(P(&v).UnmarshalText([]byte(text)))
	}
	return v
}

func (b *builder) guards(c *decide.Config) {
	up, down := b.doc.ScaleUp, b.doc.ScaleDown
	c.Up = decide.Direction{
		Tolerance: float64(up.Tolerance), Window: time.Duration(up.Window), Rate: up.Rate.value(), Rates: rates(up.Rates),
		Select: word[decide.Select](b, up.Select), Cooldown: time.Duration(up.Cooldown),
	}
	c.Down = decide.Direction{
		Tolerance: float64(down.Tolerance), Window: time.Duration(down.Window), Rate: down.Rate.value(), Rates: rates(down.Rates),
		Select: word[decide.Select](b, down.Select), Cooldown: time.Duration(down.Cooldown), Idle: time.Duration(down.Idle),
	}
	c.Burst = decide.Burst{Factor: float64(b.doc.Burst.Factor), Window: time.Duration(b.doc.Burst.Window), For: time.Duration(b.doc.Burst.For)}
	c.Warm = b.doc.Warm.value()
	c.Pending = decide.Pending{Timeout: time.Duration(b.doc.Pending.Timeout), Extra: float64(b.doc.Pending.Extra)}
	h := b.doc.Hold
	c.Hold = decide.Hold{Coverage: float64(h.Coverage), Fallback: word[decide.Fallback](b, h.Fallback), Replicas: h.Replicas, After: time.Duration(h.After)}
	m := b.doc.Budget
	c.Budget = decide.Budget{Price: float64(m.Price), PerHour: float64(m.PerHour), PerMonth: float64(m.PerMonth), Pace: float64(m.Pace)}
}

func (r rate) value() decide.Rate {
	return decide.Rate{Count: r.Count, Share: float64(r.Share), Period: time.Duration(r.Period)}
}

func rates(from []rate) (out []decide.Rate) {
	for _, r := range from {
		out = append(out, r.value())
	}
	return out
}

func (w warm) value() decide.Warm {
	return decide.Warm{Replicas: w.Replicas, Share: float64(w.Share)}
}

func (b *builder) clockwork(c *decide.Config) {
	for _, w := range b.doc.Schedule {
		out := decide.Window{
			Name: w.Name, Days: decide.Days(w.Days), From: time.Duration(w.From), To: time.Duration(w.To), Zone: w.Zone,
			Min: w.Min, Warm: w.Warm.value(), Ramp: time.Duration(w.Ramp),
		}
		if w.Max != nil {
			out.Max, out.Closed = *w.Max, *w.Max == 0
		}
		c.Schedule = append(c.Schedule, out)
	}
}

// opinions turns the policies, and the two conditions that need no name.
func (b *builder) opinions(c *decide.Config) {
	for _, e := range b.doc.Policies {
		spec, err := b.spec(e.name, &e.value)
		if err != nil {
			b.add(e.at.problem("%v", err))
		}
		if spec != nil {
			c.Policies = append(c.Policies, decide.NamedSpec{Name: e.name, Spec: spec, Weight: float64(e.value.Weight)})
		}
	}
	b.rule(c)
	if len(b.doc.Policies) == 0 && b.doc.Up == nil && b.doc.Down == nil {
		b.missing("policies", "", "say when to grow and when to shrink, with up and down or with policies, or extend a preset")
	}
}

func (b *builder) objective(t *objective, path string) decide.Spec {
	key, def := b.key(t.Demand, path+"demand", "name what is demanded per second, such as demand_work")
	load := def.Unit // of the knee: without a rate, a load per replica
	if t.Rate.text != "" || t.PerReplica.text != "" {
		load = signal.Ratio
		b.either(t.Rate, t.PerReplica, strings.TrimSuffix(path, "."))
	}
	out := decide.Objective{
		Demand: key, Rate: b.optional(t.Rate), PerReplica: b.amount(t.PerReplica, def.Unit, path+"per_replica", false),
		Utilization: b.amount(t.Utilization, load, path+"utilization", false),
		Floor:       b.amount(t.Floor, load, path+"floor", false),
		Ceiling:     b.amount(t.Ceiling, load, path+"ceiling", false),
		Headroom:    float64(t.Headroom), Reserve: float64(t.Reserve),
		Interval: time.Duration(t.Interval), Warmup: time.Duration(t.Warmup),
	}
	for i, g := range t.Goals {
		at := fmt.Sprintf("%sgoals[%d].", path, i)
		kept, def := b.key(g.Signal, at+"signal", "name what has to be kept, such as ttft_p95")
		unit := def.Unit
		if g.Per.text != "" {
			unit = signal.Ratio
		}
		out.Goals = append(out.Goals, decide.Goal{Signal: kept, Per: b.optional(g.Per), Most: b.amount(g.Most, unit, at+"most", true)})
	}
	if len(t.Goals) == 0 {
		b.missing(path+"goals", strings.TrimSuffix(path, "."), "say what has to be kept, as in [{ signal: ttft_p95, most: 2s }]")
	}
	return out
}

// ruleName is the name of the policy that up and down make.
const ruleName = "rule"

// rule turns up and down into one policy.
func (b *builder) rule(c *decide.Config) {
	if b.doc.Up == nil && b.doc.Down == nil {
		return
	}
	switch at := b.places["up"]; {
	case slices.ContainsFunc(b.doc.Policies, func(e entry[opinion]) bool { return e.name == ruleName }):
		b.add(b.places["policies."+ruleName].problem("up and down make a policy of that name: call this one another"))
	case b.doc.Down == nil:
		b.add(at.problem("nothing says when to shrink, and a rule without down never agrees to fewer: add down"))
	}
	spec := decide.Rule{Up: b.step(b.doc.Up, "up"), Down: b.step(b.doc.Down, "down")}
	c.Policies = append(c.Policies, decide.NamedSpec{Name: ruleName, Spec: spec})
}

func (b *builder) step(from *step, path string) decide.Step {
	if from == nil {
		return decide.Step{}
	}
	out := decide.Step{For: time.Duration(from.For), Count: from.Count, Share: float64(from.Share), Period: time.Duration(from.Period), Fast: from.Fast}
	if from.When.root == nil {
		b.missing(path+".when", path, `give it a condition, such as "queue_depth > 50"`)
		return out
	}
	test, err := compile(from.When.root, b.signals)
	if err != nil {
		b.add(from.When.at.expression(err))
		return out
	}
	for _, i := range test.reads {
		b.used[i] = true
	}
	out.When = from.When.Expression
	return out
}

func (b *builder) spec(name string, o *opinion) (spec decide.Spec, err error) {
	path := "policies." + name + "."
	kinds := 0
	if t := o.Track; t != nil {
		kinds++
		key, def := b.key(t.Signal, path+"track.signal", "name the signal to track")
		spec = decide.Track{Signal: key, Setpoint: b.amount(t.Setpoint, def.Unit, path+"track.setpoint", true), Total: t.Total}
	}
	if t := o.Capacity; t != nil {
		kinds++
		key, def := b.key(t.Demand, path+"capacity.demand", "name what is demanded per second, such as demand_work")
		spec = decide.Capacity{
			Demand: key, Rate: b.optional(t.Rate), PerReplica: b.amount(t.PerReplica, def.Unit, path+"capacity.per_replica", false),
			Utilization: float64(t.Utilization), Headroom: float64(t.Headroom), Reserve: float64(t.Reserve),
		}
		b.either(t.Rate, t.PerReplica, path+"capacity")
	}
	if t := o.Backlog; t != nil {
		kinds++
		key, def := b.key(t.Queue, path+"backlog.queue", "name what waits, such as queue_work")
		spec = decide.Backlog{
			Queue: key, Rate: b.optional(t.Rate), PerReplica: b.amount(t.PerReplica, def.Unit+"/s", path+"backlog.per_replica", false),
			Demand: b.optional(t.Demand), Within: time.Duration(t.Within),
		}
		b.either(t.Rate, t.PerReplica, path+"backlog")
	}
	if t := o.Rule; t != nil {
		kinds++
		spec = decide.Rule{Up: b.step(t.Up, path+"rule.up"), Down: b.step(t.Down, path+"rule.down"), Monotone: t.Monotone}
	}
	if t := o.Objective; t != nil {
		kinds++
		spec = b.objective(t, path+"objective.")
	}
	if kinds != 1 {
		return spec, fmt.Errorf("it has %d kinds: give it one of track, capacity, backlog, objective and rule", kinds)
	}
	return spec, nil
}

func (b *builder) either(rate name, perReplica amount, path string) {
	if (rate.text == "") == (perReplica.text == "") {
		b.missing(path, path, "give it either rate, a signal that something learns, or per_replica, a number, and not both")
	}
}

// schema collects the signals that may be named.
func (b *builder) schema(given []signal.Def) bool {
	defs := slices.Clone(given)
	if len(given) == 0 {
		for _, n := range Names() {
			defs = append(defs, n.Def)
		}
	}
	for _, e := range b.doc.Signals {
		def, err := e.value.def(e.name)
		if err != nil {
			b.add(e.at.problem("%v", err))
			continue
		}
		i := slices.IndexFunc(defs, func(d signal.Def) bool { return d.Key == def.Key })
		switch {
		case len(given) > 0 && i < 0:
			b.add(e.at.problem("no source of this program has that signal: add one that has"))
		case len(given) > 0 && (defs[i].Unit != def.Unit || defs[i].Quantile != def.Quantile):
			b.add(e.at.problem("its source says unit %q and quantile %v: write the same, or leave it out here", defs[i].Unit, defs[i].Quantile))
		case len(given) > 0:
		case i >= 0:
			defs[i] = def
		default:
			defs = append(defs, def)
		}
	}
	var err error
	if b.signals, err = signal.NewSchema(defs...); err != nil {
		at := b.places["signals"]
		at.file, at.path = cmp.Or(at.file, b.file), "signals"
		b.add(at.problem("%v", err))
		return false
	}
	b.used = make([]bool, b.signals.Len())
	return true
}

// friendly are words for units.
var friendly = map[string]signal.Unit{
	"share": signal.Ratio, "seconds": signal.Seconds, "bytes": signal.Bytes, "requests": signal.Requests, "tokens": signal.Tokens,
	"replicas": signal.Replicas, "requests/s": signal.RequestsPerSecond, "tokens/s": signal.TokensPerSecond, "bytes/s": "By/s",
}

func (s declared) def(name string) (signal.Def, error) {
	key, err := parseKey(name)
	if err != nil {
		return signal.Def{}, err
	}
	for _, n := range Names() {
		if n.Short == key.Name {
			key.Name = n.Def.Name
		}
	}
	def := signal.Def{Key: key, Unit: signal.Unit(s.Unit), Quantile: float64(s.Quantile), MaxAge: time.Duration(s.MaxAge)}
	if u, ok := friendly[s.Unit]; ok {
		def.Unit = u
	}
	for m := signal.MergeSum; m <= signal.MergeDistribution; m++ {
		if m.String() == s.Merge {
			def.Merge = m
		}
	}
	_, err = signal.NewSchema(def)
	return def.WithDefaults(), err
}

// parseKey reads a name with a pool in braces behind it, perhaps.
func parseKey(text string) (signal.Key, error) {
	l := &lexer{text: text}
	t, err := l.next()
	if err != nil || t.kind != tokName || l.pos != len(text) {
		return signal.Key{}, errors.Join(fmt.Errorf("%q is no name of a signal: use letters, digits, '_', '.' and ':', and a pool in braces, as in jobs{chat}", clip(text)), err)
	}
	return signal.Key{Name: t.text, Pool: t.pool}, nil
}

// key finds a signal that must be named.
func (b *builder) key(n name, path, what string) (signal.Key, signal.Def) {
	if n.text == "" {
		b.missing(path, parent(path), what)
		return signal.Key{}, signal.Def{}
	}
	key, err := parseKey(n.text)
	if err != nil {
		b.add(n.at.problem("%v", err))
		return signal.Key{}, signal.Def{}
	}
	i, err := resolve(b.signals, key.Name, key.Pool)
	if err != nil {
		b.add(n.at.problem("%v", err))
		return signal.Key{}, signal.Def{}
	}
	b.used[i] = true
	return b.signals.Def(i).Key, b.signals.Def(i)
}

func (b *builder) optional(n name) signal.Key {
	if n.text == "" {
		return signal.Key{}
	}
	key, _ := b.key(n, n.at.path, "")
	return key
}

// amount reads a value in a unit, "" where that is not known.
func (b *builder) amount(a amount, unit signal.Unit, path string, required bool) float64 {
	switch {
	case a.text == "" && required:
		b.missing(path, parent(path), "give it a value, in the unit of the signal")
		return 0
	case a.text == "" || unit == "" || unit == "/s":
		return 0
	}
	d, scale := dimensionOf(unit)
	if _, ok := d.meets(a.q.dim); !ok {
		b.add(a.at.problem("%s is %v, and the signal is %v: write %s", clip(a.text), a.q.dim, d, d.sample()))
	}
	if a.q.dim.plain() && len(d.atoms) == 0 && a.q.value > 5 {
		b.add(a.at.problem("%s is a share, where 1 is the whole: write %s%%", clip(a.text), clip(a.text)))
	}
	return inUnit(a.q.value, scale)
}

// parent returns the path of what the field is in.
func parent(path string) string { return path[:max(strings.LastIndexByte(path, '.'), 0)] }
