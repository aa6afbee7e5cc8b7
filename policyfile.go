package evenkeel

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/decide/policy"
)

// follow reads the pool's policy file and puts it in force. From then on the
// loader looks at it while Run runs, and the loop takes what it finds at a tick.
func (l *loop) follow() error {
	loader, err := policy.NewLoader(policy.LoaderConfig{
		Path:     l.PolicyFile,
		Signals:  l.collector.Schema().Defs(),
		Check:    l.allows,
		OnChange: func(*policy.Loaded) { l.poke() },
		OnError:  func(error) { l.poke() },
		Logger:   l.keel.cfg.Logger.With("pool", l.Name),
	})
	if err != nil {
		return fmt.Errorf("PolicyFile: %w", err)
	}
	l.file, l.inForce = loader, loader.Current()
	l.roles[rolePolicy].core = l.inForce.Core
	l.limits, l.tick = l.inForce.Policy.Limits, l.tickOf(l.inForce)
	return nil
}

// allows says what this pool asks of a policy file beyond what the file says of
// itself.
func (l *loop) allows(p policy.Policy) error {
	errs := l.limitProblems(p.Limits)
	if p.Tick != 0 && p.Tick < minStep {
		errs = append(errs, fmt.Errorf("tick is %v: it must be at least %v", p.Tick, minStep))
	}
	return errors.Join(errs...)
}

// tickOf is the time between decisions under a policy file: its own, or else that
// of the Config.
func (l *loop) tickOf(f *policy.Loaded) time.Duration {
	return cmp.Or(f.Policy.Tick, l.keel.cfg.Tick)
}

// reread takes over what is in the policy file now, policy, limits and tick in one,
// and tells why if that is not in force. It reports whether the policy is another
// one.
func (l *loop) reread() (changed bool) {
	if l.file == nil {
		return false
	}
	if is := l.file.Current(); is != l.inForce {
		l.inForce = is
		role := &l.roles[rolePolicy]
		hash, was := policyHash(is.Core), policyHash(role.core)
		if changed = hash != was; changed {
			role.core = is.Core
			hash += " in place of " + was
		}
		l.tick = l.tickOf(is)
		l.mu.Lock()
		l.limits = is.Policy.Limits
		l.mu.Unlock()
		l.event(Event{What: EventPolicy, Detail: fmt.Sprintf("%s: %s, %s, a decision every %v", l.PolicyFile, hash, limitWords(is.Policy.Limits), l.tick)})
	}
	problem := ""
	if err := l.file.Err(); err != nil {
		problem = short(firstOf(err))
	}
	l.mu.Lock()
	told := l.view.problem
	l.view.problem = problem
	l.mu.Unlock()
	switch {
	case problem == told:
	case problem != "":
		l.refusedFor = l.inForce
		l.event(Event{What: EventRefused, Detail: problem + "; what was in force stays"})
	case l.refusedFor == l.inForce: // else what is new in it was told
		l.event(Event{What: EventPolicy, Detail: l.PolicyFile + " is good again"})
	}
	return changed
}

// firstOf returns the first of the errors joined in err, and how many more there
// are, in one line.
func firstOf(err error) string {
	first, rest, more := strings.Cut(err.Error(), "\n")
	first = strings.TrimPrefix(first, "evenkeel: ")
	if more {
		first += fmt.Sprintf(" (and %d more)", 1+strings.Count(rest, "\n"))
	}
	return first
}
