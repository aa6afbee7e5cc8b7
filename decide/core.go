package decide

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/signal"
)

// A Core decides. It is immutable, so any number of goroutines may use it at
// once, each with States of its own.
type Core struct {
	config   Config // with defaults
	signals  *signal.Schema
	maxAge   []time.Duration // by signal
	policies []named
	plan     plan
	hash     uint64
}

// A plan is what the stages read and what takes time, or a file, to find out.
type plan struct {
	up, down []Rate
	periods  []int64
	windows  []window
}

type named struct {
	name   string
	words  int
	weight float64
	Policy
}

// New returns the core that decides as c says. It refuses c whole, naming every
// field that makes no sense.
func New(c Config) (*Core, error) {
	schema, err := signal.NewSchema(c.Signals...)
	if err := errors.Join(err, c.validate()); err != nil {
		return nil, err
	}
	c.Signals, c.Policies = slices.Clone(c.Signals), slices.Clone(c.Policies)
	core := &Core{config: c.inForce(), signals: schema}
	if err := core.plan.make(&core.config); err != nil {
		return nil, err
	}
	for i := range schema.Len() {
		core.maxAge = append(core.maxAge, schema.Def(i).MaxAge)
	}
	var errs []error
	total := 0
	for _, p := range c.Policies {
		policy, err := p.Spec.Compile(schema)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("evenkeel: policy %q: %w", p.Name, err))
			continue
		case policy == nil:
			errs = append(errs, fmt.Errorf("evenkeel: policy %q: Compile of %T returned no policy", p.Name, p.Spec))
			continue
		}
		words := policy.Words()
		if words < 0 || words > maxWords-total {
			errs = append(errs, fmt.Errorf("evenkeel: policy %q: Words is %d: all policies together may have %d", p.Name, words, maxWords))
			continue
		}
		total += words
		core.policies = append(core.policies, named{p.Name, words, cmp.Or(p.Weight, 1), policy})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	core.hash = core.config.hash(schema, core.plan.windows)
	return core, nil
}

// make fills in p, and loads the rules of the time zones.
func (p *plan) make(c *Config) error {
	p.up, p.down = c.Up.withRates(), c.Down.withRates()
	p.periods = periods(append(slices.Clone(p.up), p.down...)...)
	var errs []error
	for i, w := range c.Schedule {
		compiled, err := w.compile(p.windows)
		if err != nil {
			errs = append(errs, fmt.Errorf("evenkeel: decide.Config: Schedule[%d].Zone is %w", i, err))
		}
		p.windows = append(p.windows, compiled)
	}
	return errors.Join(errs...)
}

// Signals returns the schema of Input.Signals.
func (c *Core) Signals() *signal.Schema { return c.signals }

// PolicyNames returns the names of the policies, in the order of
// Decision.Recommendations.
func (c *Core) PolicyNames() []string {
	names := make([]string, len(c.policies))
	for i, p := range c.policies {
		names[i] = p.name
	}
	return names
}

// Config returns the configuration with its defaults filled in.
func (c *Core) Config() Config {
	cfg := c.config
	cfg.Signals, cfg.Policies = slices.Clone(cfg.Signals), slices.Clone(cfg.Policies)
	cfg.Schedule, cfg.Up.Rates, cfg.Down.Rates = slices.Clone(cfg.Schedule), slices.Clone(cfg.Up.Rates), slices.Clone(cfg.Down.Rates)
	return cfg
}

// Hash identifies the configuration: two cores with the same hash and version
// decide alike. A Spec counts with its type and its JSON form, a time zone with
// its rules for the years 2020 to 2049.
func (c *Core) Hash() uint64 { return c.hash }

func (c Config) hash(schema *signal.Schema, windows []window) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%x %v %+v %+v %+v %+v\n", schema.Hash(), c.Combine, c.Up, c.Down, c.Pending, c.Hold)
	fmt.Fprintf(h, "%+v %+v %+v %+v\n", c.Burst, c.Warm, c.Schedule, c.Budget)
	for i := range schema.Len() { // the schema's own hash is of what goes over the wire
		fmt.Fprintf(h, "%v\n", schema.Def(i).MaxAge)
	}
	for i := range windows {
		if i == 0 || windows[i].loc != windows[i-1].loc {
			hashZone(h, windows[i].loc)
		}
	}
	for _, p := range c.Policies {
		text, err := json.Marshal(p.Spec)
		if err != nil { // not made of plain values: its type has to do
			text = nil
		}
		fmt.Fprintf(h, "%s %v %T %s\n", p.Name, cmp.Or(p.Weight, 1), p.Spec, text)
	}
	return h.Sum64()
}

// Next returns the decision for in, from state s, and the state that follows.
// It is the definition of what the core does: total, pure, and the same on every
// platform. The zero State is a cold start.
func (c *Core) Next(s State, in Input) (State, Decision) {
	var next State
	var d Decision
	c.Step(&next, &s, &in, &d)
	next.scratch = Input{}
	return next, d
}

// Step does what Next does, in memory that is used again: it replaces *next and
// *d and leaves *prev and *in alone. Once the slices of next and d have grown it
// allocates nothing. next may be prev. A copy of a State shares memory with it,
// so keep none of a State that is still to be a next.
func (c *Core) Step(next, prev *State, in *Input, d *Decision) {
	next.follow(prev, c.policies)
	cleanInput(&next.scratch, in, len(c.maxAge), c.maxAge)
	x := &next.scratch
	passed := next.advance(x, &c.config, c.plan.periods)

	t := tick{config: &c.config, plan: &c.plan, state: next, in: x, cur: x.Fleet.Desired, now: instantOf(x.Now), passed: passed, measured: -1, step: -1}
	t.count(next)
	c.recommend(next, x, d)
	t.gather(d)
	t.combine(c.policies, d)
	t.prepare()
	t.decide(d)
	next.remember(&t, d.Desired)
}

// recommend asks every policy and makes sure that what it says is in range.
func (c *Core) recommend(s *State, in *Input, d *Decision) {
	d.Recommendations = d.Recommendations[:0]
	for i, p := range c.policies {
		mem := s.policies[i].Words
		r := p.Recommend(mem, in)
		for _, w := range mem {
			if math.IsNaN(w) || math.IsInf(w, 0) {
				clear(mem) // no memory is better than one that cannot be written down
				break
			}
		}
		r.Replicas = cleanCount(r.Replicas)
		if r.Held {
			r.Replicas, r.Backlogged = 0, false
		}
		r.Headroom = min(max(r.Headroom, 0), r.Replicas)
		r.A, r.B = finite(r.A), finite(r.B)
		d.Recommendations = append(d.Recommendations, r)
	}
}

func finite(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return min(max(x, -math.MaxFloat64), math.MaxFloat64)
}
