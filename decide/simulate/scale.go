package simulate

import (
	"math"
	"slices"

	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// tick asks the decider and does what it says.
func (s *simulation) tick() error {
	s.input = decide.Input{
		Now:     epoch.Add(s.now),
		Fleet:   s.fleet.status(epoch),
		Members: signal.Coverage{Expected: 1, Fresh: 1},
		Signals: s.gate.collect(s.now, &s.fleet),
		Limits:  s.Limits,
	}
	var d decide.Decision
	s.decider.Decide(&s.input, &d)
	if s.Log {
		in := s.input
		in.Signals = slices.Clone(in.Signals)
		s.tally.Decisions = append(s.tally.Decisions, Tick{At: s.now, Input: in, Decision: d})
	}
	if next := s.now + s.Tick; next <= s.Length {
		s.agenda.add(event{at: next, kind: evTick})
	}
	// A decider is another's code: the fleet keeps to its limits whatever it says.
	return s.scale(min(max(d.Desired, s.Limits.Min), s.Limits.Max))
}

// scale brings the fleet to n replicas that are ready or starting. Those taken
// away finish what they have. While they do, they are called back before another
// is started.
func (s *simulation) scale(n int64) error {
	s.tally.desire(n)
	s.fleet.desired = n
	have := s.fleet.count(ready) + s.fleet.count(starting)
	if n == have {
		return nil
	}
	s.fleet.bill(s.now)
	for ; have < n; have++ {
		if u := s.fleet.busiestDraining(); u != nil {
			u.state = ready
			continue
		}
		u, err := s.fleet.start(s.now, false)
		if err != nil {
			return err
		}
		s.agenda.add(event{at: u.readyAt, kind: evReady, unit: u})
	}
	for _, u := range s.fleet.victims(int(have - n)) {
		if u.state == starting {
			s.fleet.remove(u)
			continue
		}
		u.state = draining
		s.rest(u)
	}
	s.observe()
	s.unholdAll()
	return nil
}

// started puts u to work.
func (s *simulation) started(u *unit) {
	if u.state != starting {
		return // taken away while it started
	}
	u.state = ready
	s.observe()
	s.unholdAll()
}

// unholdAll gives the requests that wait for a first unit to those that are
// ready now, if any is.
func (s *simulation) unholdAll() {
	if s.fleet.count(ready) == 0 {
		return
	}
	queue := s.held
	s.held = nil
	for _, r := range queue {
		s.place(r, s.fleet.least())
	}
}

// kill ends n ready units on the spot, and asks for others in their place.
func (s *simulation) kill(n int) error {
	s.fleet.bill(s.now)
	for _, u := range slices.Clone(s.fleet.units) {
		if n == 0 || u.state != ready {
			continue
		}
		n--
		s.fleet.remove(u)
		for _, r := range s.live {
			if r != nil && r.unit == u {
				s.gate.done(s.now, r, backpressure.Failed)
				s.tally.Aborted++
				s.end(r)
			}
		}
	}
	if err := s.scale(s.fleet.desired); err != nil {
		return err
	}
	s.observe()
	return nil
}

// unhold takes r out of the requests that wait for a first unit.
func (s *simulation) unhold(r *request) {
	s.held = slices.DeleteFunc(s.held, func(x *request) bool { return x == r })
}

// observe tells the gate of the fleet.
func (s *simulation) observe() {
	s.gate.observe(s.now, backpressure.Outlook{
		Ready:    int(s.fleet.count(ready)),
		Starting: int(s.fleet.count(starting)),
		Members:  1,
		ReadyIn:  s.fleet.readyIn(s.now),
	})
}

// ceil rounds a count up, and keeps what is too large for one at the largest.
func ceil(f float64) int64 {
	if !(f < decide.MaxReplicas) {
		return decide.MaxReplicas
	}
	return int64(math.Ceil(f))
}
