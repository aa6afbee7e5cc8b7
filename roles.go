package evenkeel

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// The two policies of a pool, as indices of loop.roles. Which of them acts is
// another matter: see Pool.Promote.
const (
	rolePolicy = iota // Pool.Policy
	roleShadow        // Pool.Shadow
)

// A role is one of the two policies of a pool at work. It keeps its place, and
// with it its memory, when the two change parts.
type role struct {
	core     *decide.Core // nil: there is none
	state    decide.State // after the last step
	decision decide.Decision
}

// step decides on in.
func (r *role) step(in *decide.Input) {
	r.core.Step(&r.state, &r.state, in, &r.decision)
}

// shadowLine is a decision as the journal keeps it of a policy that only watches.
func shadowLine(core *decide.Core, d *decide.Decision) Shadow {
	s := Shadow{Desired: d.Desired, Binding: d.Binding, Reason: d.Reason, Without: d.Without}
	if d.Leader >= 0 {
		s.Leader = core.PolicyNames()[d.Leader]
	}
	return s
}

// acting is the policy whose decisions are carried out, and watching the one
// whose decisions are only compared with them.
func (l *loop) acting() *role   { return &l.roles[l.acts] }
func (l *loop) watching() *role { return &l.roles[1-l.acts] }

// compile returns the core of c with the pool's signals, nil for no policy.
func (l *loop) compile(field string, c decide.Config) (*decide.Core, error) {
	if len(c.Policies) == 0 {
		return nil, nil
	}
	if len(c.Signals) == 0 {
		c.Signals = l.collector.Schema().Defs()
	} else if s, err := signal.NewSchema(c.Signals...); err != nil {
		return nil, err
	} else if s.Hash() != l.collector.Schema().Hash() {
		return nil, fmt.Errorf("%s.Signals are not those of Gate and Sources, in that order: leave %s.Signals empty, or list just these", field, field)
	}
	return decide.New(c)
}

// SetPolicy puts another policy in the place of the one that acts for a pool,
// from its next tick on. It is compiled first, and refused whole if it cannot be:
// then the running one goes on. What policies have learned is kept under their
// names, and so are windows, rates and cooldowns, which belong to the pool. The
// journal notes the change with a new segment. It holds in this process until it
// ends, so change the policy in all that may come to lead. A change of the
// PolicyFile replaces it again.
//
// A pool that does not exist or has no policy is refused with [ErrNoPool].
func (k *Keel) SetPolicy(pool string, c decide.Config) error {
	return k.replace("SetPolicy", pool, c, false)
}

// SetShadow does what [Keel.SetPolicy] does for the policy that only watches, and
// begins the comparison anew. A Config without policies removes it.
func (k *Keel) SetShadow(pool string, c decide.Config) error {
	return k.replace("SetShadow", pool, c, true)
}

// SetLimits gives a pool other limits, from its next tick on. Limits that New
// would refuse are refused, and those that hold go on to hold. The journal notes the
// change, and each input has the limits of its tick. A change of the PolicyFile
// brings limits of its own again.
//
// A pool that does not exist or has no policy is refused with [ErrNoPool].
func (k *Keel) SetLimits(pool string, limits decide.Limits) error {
	l, err := k.deciding(pool)
	if err != nil {
		return err
	}
	if err := errors.Join(l.limitProblems(limits)...); err != nil {
		return fmt.Errorf("evenkeel: SetLimits of pool %q: %w", pool, err)
	}
	l.mu.Lock()
	l.newLimits = &limits
	l.mu.Unlock()
	l.poke()
	return nil
}

func (k *Keel) replace(what, pool string, c decide.Config, watching bool) error {
	l, err := k.deciding(pool)
	if err != nil {
		return err
	}
	core, err := l.compile("Config", c)
	if err == nil && core == nil && !watching {
		err = errors.New("it has no policies: to stop scaling, pause the pool")
	}
	if err != nil {
		return fmt.Errorf("evenkeel: %s of pool %q: %w", what, pool, err)
	}
	l.mu.Lock()
	if watching {
		l.newShadow = &core
	} else {
		l.newPolicy = core
	}
	l.mu.Unlock()
	l.poke()
	return nil
}

// deciding returns the loop of a pool that has a policy.
func (k *Keel) deciding(pool string) (*loop, error) {
	for _, l := range k.loops {
		if l.Name == pool && l.decides {
			return l, nil
		}
	}
	return nil, fmt.Errorf("%w: %q", ErrNoPool, pool)
}

// reload takes over what the policy file has and then what SetPolicy, SetShadow and
// SetLimits left. It reports whether a policy is another one.
func (l *loop) reload() bool {
	changed := l.reread()
	l.mu.Lock()
	policy, shadow, limits := l.newPolicy, l.newShadow, l.newLimits
	l.newPolicy, l.newShadow, l.newLimits = nil, nil, nil
	changed = changed || shadow != nil || policy != nil
	if changed {
		l.view.tally = decide.Tally{} // of policies that are gone
	}
	was := l.limits
	if limits != nil {
		l.limits = *limits
	}
	l.mu.Unlock()
	if limits != nil && *limits != was {
		l.event(Event{What: EventLimits, Detail: limitWords(*limits) + " in place of " + limitWords(was)})
	}
	if policy != nil {
		l.event(Event{What: EventPolicy, Detail: fmt.Sprintf("%s in place of %s", policyHash(policy), policyHash(l.acting().core))})
		l.acting().core = policy
	}
	if shadow != nil {
		if l.watching().core == nil && *shadow != nil {
			l.watching().state = copied(&l.acting().state) // what is known of the fleet, both may know
		}
		l.event(Event{What: EventPolicy, Detail: "the shadow is " + policyHash(*shadow)})
		l.watching().core = *shadow
	}
	return changed
}

func limitWords(l decide.Limits) string {
	return fmt.Sprintf("%d to %d replicas", l.Min, max(l.Min, l.Max))
}

// copied returns a copy of s that shares no memory with it; cold if it cannot be
// written down.
func copied(s *decide.State) (out decide.State) {
	if b, err := json.Marshal(s); err != nil || json.Unmarshal(b, &out) != nil {
		return decide.State{}
	}
	return out
}

// policyHash names a policy as the journal does: 16 hex digits, "none" for none.
func policyHash(c *decide.Core) string {
	if c == nil {
		return "none"
	}
	return fmt.Sprintf("%016x", c.Hash())
}
