package process

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// Scale asks for a count. It returns as soon as the instances to start, to keep
// and to end are chosen and the Traffic knows; Status says how far they are.
//
// It refuses an epoch older than one it has accepted (Fenced), a count below 0 or
// above Config.Max (Invalid), a Version that is not the present one (Conflict),
// and everything once the context of Run has ended (NotFound).
func (s *Supervisor) Scale(ctx context.Context, req actuate.Request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	busy := s.busy()
	s.mu.Lock()
	if err := s.admit(req); err != nil {
		s.mu.Unlock()
		return err
	}
	s.epoch = req.Epoch
	if req.Desired == s.desired {
		s.mu.Unlock()
		return nil
	}
	s.desired = req.Desired
	s.version++
	woken := s.plan(req.Victims, busy, time.Now())
	s.mu.Unlock()
	// Before anybody is told to go, so that what is said of in flight holds.
	s.publish()
	for _, in := range woken {
		wake(in.wake)
	}
	wake(s.kick)
	return nil
}

// admit refuses what cannot be done. The caller holds mu.
func (s *Supervisor) admit(req actuate.Request) error {
	refuse := func(c actuate.Class, format string, args ...any) error {
		return &actuate.Error{Class: c, Err: fmt.Errorf("evenkeel: process: "+format, args...)}
	}
	switch {
	case s.state >= ending:
		return refuse(actuate.NotFound, "the supervisor has ended")
	case req.Epoch < s.epoch:
		return refuse(actuate.Fenced, "epoch %d is older than %d", req.Epoch, s.epoch)
	case req.Desired < 0:
		return refuse(actuate.Invalid, "%d instances: use 0 or more", req.Desired)
	case s.cfg.Max > 0 && req.Desired > s.cfg.Max:
		return refuse(actuate.Invalid, "%d instances are more than Max, %d", req.Desired, s.cfg.Max)
	case req.Version != "" && req.Version != fmt.Sprint(s.version):
		return refuse(actuate.Conflict, "version %q is not the present one, %d", req.Version, s.version)
	}
	return nil
}

// busy asks the Traffic for the requests at every instance, with no lock held.
func (s *Supervisor) busy() map[string]int64 {
	if s.cfg.Traffic == nil {
		return nil
	}
	s.mu.Lock()
	set := slices.Clone(s.set)
	s.mu.Unlock()
	out := make(map[string]int64, len(set))
	for _, in := range set {
		out[in.id] = s.cfg.Traffic.InFlight(in.id)
	}
	return out
}

// plan brings the instances in line with the desired count and returns those
// whose facts changed. The caller holds mu.
func (s *Supervisor) plan(victims []string, busy map[string]int64, now time.Time) (changed []*instance) {
	var keep, leaving []*instance
	for _, in := range s.set {
		switch {
		case in.stopping:
		case in.retired():
			leaving = append(leaving, in)
		default:
			keep = append(keep, in)
		}
	}
	missing := s.desired - int64(len(keep))
	if missing < 0 {
		slices.SortStableFunc(keep, byWorth(victims, busy))
		for _, in := range keep[:-missing] {
			in.retiredAt = now
			if in.alive {
				in.refresh(now)
				changed = append(changed, in)
			} else {
				s.remove(in) // Run has not begun: there is nothing to end
			}
		}
		return changed
	}
	// Those that serve already come before those that still start.
	slices.SortStableFunc(leaving, func(a, b *instance) int { return -cmp.Compare(a.phase, b.phase) })
	for _, in := range leaving[:min(missing, int64(len(leaving)))] {
		in.retiredAt = time.Time{}
		in.refresh(now)
		changed = append(changed, in)
		missing--
	}
	for range missing {
		s.named++
		s.add(fmt.Sprintf("%s-%d", s.cfg.Name, s.named), now)
	}
	return changed
}

// byWorth orders instances by how little is lost when they go: the victims as
// they are named, those still starting (stuck ones first), those that drain
// anyway, then the least busy; among equals the youngest.
func byWorth(victims []string, busy map[string]int64) func(a, b *instance) int {
	rank := func(in *instance) (class, n int64) {
		if i := slices.Index(victims, in.id); i >= 0 {
			return 0, int64(i)
		}
		switch {
		case in.phase == actuate.Starting && in.stuck:
			return 1, 0
		case in.phase == actuate.Starting:
			return 2, 0
		case in.phase == actuate.Draining:
			return 3, busy[in.id]
		}
		return 4, busy[in.id]
	}
	return func(a, b *instance) int {
		ac, an := rank(a)
		bc, bn := rank(b)
		return cmp.Or(cmp.Compare(ac, bc), cmp.Compare(an, bn), b.since.Compare(a.since), cmp.Compare(b.slot, a.slot))
	}
}
