package simulate

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/decide/simulate/llm"
)

// Run plays c from beginning to end in virtual time and reports what came of it.
// The same Config gives the same Report. It refuses a Config that makes no
// sense, naming its fields, and stops early only if ctx ends.
func Run(ctx context.Context, c Config) (Report, error) {
	s, err := newSimulation(c)
	if err != nil {
		return Report{}, err
	}
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return Report{}, context.Cause(ctx)
		}
		e, ok := s.agenda.next()
		if !ok {
			break
		}
		s.now = e.at
		if err := s.handle(e); err != nil {
			return Report{}, err
		}
	}
	s.abandon()
	needed := ReplicasNeeded(s.Arrivals, s.Model, s.Objective.TPOT, needWindow)
	return s.tally.report(&s.fleet, s.Length, ceil(needed)), nil
}

// needWindow is the window of Report.Needed and of Rush.
const needWindow = 10 * time.Second

// A simulation is one run under way.
type simulation struct {
	Config
	now     time.Duration
	agenda  agenda
	fleet   fleet
	gate    *gate
	decider Decider
	input   decide.Input
	tally   tally

	live []*request // by ID, those that have arrived; nil once ended
	held []*request // admitted while no unit was ready, in order
}

func newSimulation(c Config) (*simulation, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	s := &simulation{
		Config: c,
		fleet:  fleet{model: c.Model, startup: c.Startup, seed: c.Seed, desired: c.Initial},
		live:   make([]*request, 0, len(c.Arrivals)),
	}
	s.tally.Smallest, s.tally.Largest, s.tally.Final = c.Initial, c.Initial, c.Initial
	s.tally.ShedBy = make(map[string]int64)
	var err error
	if s.decider = c.Decider; s.decider == nil {
		if s.decider, err = Core(c.Policy); err != nil {
			return nil, err
		}
	}
	if s.gate, err = newGate(c.Gate, s.decider.Signals()); err != nil {
		return nil, err
	}
	for range c.Initial {
		if _, err := s.fleet.start(0, true); err != nil {
			return nil, err
		}
	}
	s.observe()
	if len(c.Arrivals) > 0 {
		s.agenda.add(event{at: c.Arrivals[0].At, kind: evArrival})
	}
	for _, f := range c.Faults {
		s.agenda.add(event{at: f.At, kind: evFault, n: f.Replicas})
	}
	if c.Tick <= c.Length {
		s.agenda.add(event{at: c.Tick, kind: evTick})
	}
	s.agenda.add(event{at: c.Length, kind: evEnd})
	return s, nil
}

func (s *simulation) handle(e event) error {
	switch e.kind {
	case evArrival:
		s.arrive()
	case evStep:
		s.step(e.unit)
	case evReady:
		s.started(e.unit)
	case evFault:
		return s.kill(e.n)
	case evLeave:
		s.leave(e.req)
	case evGate:
		s.gate.alarm = 0
	case evTick:
		if err := s.tick(); err != nil {
			return err
		}
	case evEnd:
		s.fleet.bill(s.now)
		s.fleet.closed = true
	}
	s.settle()
	return nil
}

// arrive offers the next request of the trace to the gate.
func (s *simulation) arrive() {
	r := &request{id: uint64(len(s.live)), rec: s.Arrivals[len(s.live)]}
	r.rec.Input, r.rec.Output = max(r.rec.Input, 1), max(r.rec.Output, 1)
	s.live = append(s.live, r)
	if len(s.live) < len(s.Arrivals) {
		s.agenda.add(event{at: s.Arrivals[len(s.live)].At, kind: evArrival})
	}
	s.tally.Offered++
	if s.Patience > 0 {
		s.agenda.add(event{at: s.now + s.Patience, kind: evLeave, req: r})
	}
	switch v := s.gate.offer(s.now, r); v.Action {
	case backpressure.Admit:
		s.admit(r)
	case backpressure.Hold:
		s.tally.Queued++
	default:
		s.refuse(r, v.Reason)
	}
}

// settle gives what the gate has decided in the meantime its way.
func (s *simulation) settle() {
	for r, reason := s.gate.next(s.now); r != nil; r, reason = s.gate.next(s.now) {
		if reason == backpressure.Admitted {
			s.admit(r)
		} else {
			s.refuse(r, reason)
		}
	}
	if at, ok := s.gate.wake(s.now); ok {
		s.agenda.add(event{at: at, kind: evGate})
	}
}

func (s *simulation) admit(r *request) {
	s.tally.Admitted++
	u := s.fleet.least()
	if u == nil {
		r.state = held
		s.held = append(s.held, r)
		return
	}
	s.place(r, u)
}

// place gives r to u.
func (s *simulation) place(r *request, u *unit) {
	if err := u.engine.Add(llm.Request{ID: r.id, Prompt: r.rec.Input, Output: r.rec.Output}); err != nil {
		// It can never fit the cache of this model: the engine answers with an
		// error at once.
		s.tally.Aborted++
		s.gate.done(s.now, r, backpressure.Failed)
		s.end(r)
		return
	}
	r.state, r.unit = running, u
	u.load++
	u.silent++
	u.begin(s.now, &s.agenda)
}

func (s *simulation) refuse(r *request, why backpressure.Reason) {
	s.tally.Shed++
	s.tally.ShedBy[why.String()]++
	s.end(r)
}

func (s *simulation) end(r *request) {
	r.state = ended
	s.live[r.id] = nil
}

// step hands out what a unit's step has produced and begins the next.
func (s *simulation) step(u *unit) {
	if u.state == gone {
		return // killed during the step
	}
	for _, e := range u.end() {
		r := s.live[e.ID]
		if r == nil || r.unit != u {
			continue // cancelled during the step
		}
		r.made += int64(e.Tokens)
		if e.First {
			r.first, r.started = s.now, true
			u.silent--
			s.gate.firstToken(s.now, r)
			e.Tokens--
		}
		if e.Tokens > 0 {
			s.gate.tokens(s.now, r, e.Tokens)
		}
		if e.Done {
			s.gate.done(s.now, r, backpressure.Completed)
			s.tally.complete(r, s.now, s.Objective)
			u.load--
			s.end(r)
		}
	}
	s.rest(u)
	u.begin(s.now, &s.agenda)
}

// rest takes a drained unit out of the fleet once it has nothing left.
func (s *simulation) rest(u *unit) {
	if u.state == draining && u.load == 0 {
		s.fleet.bill(s.now)
		s.fleet.remove(u)
	}
}

// leave ends a request whose client has waited long enough for its first token.
func (s *simulation) leave(r *request) {
	if r.state == ended || r.started {
		return
	}
	switch r.state {
	case waiting:
		s.gate.withdraw(s.now, r)
	case held:
		s.unhold(r)
		s.gate.done(s.now, r, backpressure.Abandoned)
	case running:
		r.unit.engine.Cancel(r.id)
		r.unit.load--
		r.unit.silent-- // only those are cancelled that have no token yet
		s.gate.done(s.now, r, backpressure.Abandoned)
		s.rest(r.unit)
	}
	s.tally.Abandoned++
	s.end(r)
}

// abandon ends what is left when nothing can happen any more: requests of
// clients that wait for ever for a fleet that never comes.
func (s *simulation) abandon() {
	for _, r := range s.live {
		if r != nil {
			s.tally.Abandoned++
			s.end(r)
		}
	}
}
