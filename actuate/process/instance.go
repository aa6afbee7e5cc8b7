package process

import (
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/decide"
)

// An instance is one replica through all its lives. Its phase follows from the
// facts; refresh is the only place that sets it.
type instance struct {
	id   string
	slot int
	// wake tells its goroutine that facts have changed. Capacity 1.
	wake chan struct{}

	// The rest is guarded by Supervisor.mu.

	alive bool // has a goroutine

	// The facts. stopping is final: once it is set nothing brings the instance
	// back.
	up         bool      // has answered the probe in this life
	retiredAt  time.Time // when a scale-in took it; zero if none did
	drainUntil time.Time
	stopping   bool

	phase    actuate.Phase
	since    time.Time
	addr     string
	restarts int64
	failures int // lives in a row that ended before they were ready
	stuck    bool
	detail   string
}

func (in *instance) retired() bool { return !in.retiredAt.IsZero() }

// refresh derives the phase from the facts.
func (in *instance) refresh(now time.Time) {
	p := actuate.Ready
	switch {
	case in.stopping:
		p = actuate.Stopping
	case !in.up:
		p = actuate.Starting
	case in.retired() || now.Before(in.drainUntil):
		p = actuate.Draining
	}
	if p != in.phase {
		in.phase, in.since = p, now
	}
}

// add makes an instance in phase Starting. The caller holds mu.
func (s *Supervisor) add(name string, now time.Time) {
	slot := 0
	for slices.ContainsFunc(s.set, func(in *instance) bool { return in.slot == slot }) {
		slot++
	}
	s.set = append(s.set, &instance{id: name, slot: slot, wake: make(chan struct{}, 1), since: now})
}

// remove forgets an instance. The caller holds mu.
func (s *Supervisor) remove(in *instance) {
	if i := slices.Index(s.set, in); i >= 0 {
		s.set = slices.Delete(s.set, i, i+1)
	}
}

// find returns the instance or nil. The caller holds mu.
func (s *Supervisor) find(id string) *instance {
	for _, in := range s.set {
		if in.id == id {
			return in
		}
	}
	return nil
}

// instances lists what there is, oldest first. The caller holds mu.
func (s *Supervisor) instances() []actuate.Instance {
	out := make([]actuate.Instance, len(s.set))
	for i, in := range s.set {
		out[i] = actuate.Instance{
			ID: in.id, Addr: in.addr, Phase: in.phase, Since: in.since,
			InFlight: -1, Restarts: in.restarts, Detail: in.detail,
		}
	}
	return out
}

// fleet counts the instances. Those in phase Stopping count as nothing: they
// take no requests and have none. The caller holds mu.
func (s *Supervisor) fleet() decide.Fleet {
	f := decide.Fleet{Desired: s.desired}
	for _, in := range s.set {
		switch in.phase {
		case actuate.Ready:
			f.Ready++
		case actuate.Draining:
			f.Draining++
		case actuate.Starting:
			i := slices.IndexFunc(f.Starting, func(c decide.Cohort) bool {
				return c.Since.Equal(in.since) && c.Stuck == in.stuck
			})
			if i < 0 {
				i = len(f.Starting)
				f.Starting = append(f.Starting, decide.Cohort{Since: in.since, Stuck: in.stuck})
			}
			f.Starting[i].N++
		}
	}
	return f
}
