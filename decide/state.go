package decide

import (
	"slices"
	"strings"
	"time"
)

// A State is what the core remembers from one step to the next. The zero State
// is a cold start. It is opaque, encodes as JSON in at most [MaxStateBytes], and
// outlives a change of configuration: a policy finds its memory by its name, and
// the memory of a policy that is not there now is kept.
//
// It holds no deadline, only what has happened. If the clock is set back, all of
// it goes back with the clock; what has not been observed does not count as time
// that has passed.
type State struct {
	started  bool
	last     instant // of the last step
	observed int64   // milliseconds of observation, at most longestGap a step
	from     int64   // Fleet.Desired at the last step
	decided  int64   // Decision.Desired of the last step

	up, down         ring // opinions of late, by observed time
	paces            [maxPeriods]pacing
	lastUp, lastDown instant
	busy             int64 // observed, when more than zero was last wanted
	unaged           int64 // observed+1, since when there are cohorts of unknown age
	spoilt           bool  // bad data kept the count up at the last step

	surge, burst int64 // observed+1, since when there is a surge; when there last was one
	bad          int64 // observed+1, since when nobody knows what is needed
	good         good
	bills        bills

	policies []memory // the core's, in its order, then those of others by name
	scratch  Input    // memory of Step
}

// A memory is what one policy remembers.
type memory struct {
	Name  string
	Words []float64
}

// longestGap is how much observed time one step counts for at most.
const longestGap = time.Minute

// aheadOfClock is how far in the future a cohort may have begun, by another
// machine's clock, and still have a known age.
const aheadOfClock = time.Minute

// follow makes s a copy of prev that shares nothing with it and has the memory
// of these policies first.
func (s *State) follow(prev *State, policies []named) {
	scratch, mem := s.scratch, s.policies
	if s != prev {
		*s = *prev
		if len(mem) > 0 && len(prev.policies) > 0 && &mem[0] == &prev.policies[0] {
			mem, scratch = nil, Input{} // s was a plain copy of prev
		}
	}
	s.scratch = scratch
	switch {
	case !fits(prev.policies, policies):
		s.policies = fit(prev.policies, policies)
	case s != prev:
		for len(mem) < len(prev.policies) {
			mem = append(mem[:cap(mem)], memory{})
		}
		mem = mem[:len(prev.policies)]
		for i, m := range prev.policies {
			mem[i].Name, mem[i].Words = m.Name, append(mem[i].Words[:0], m.Words...)
		}
		s.policies = mem
	}
}

// fits reports whether mem begins with the memory of the policies.
func fits(mem []memory, policies []named) bool {
	if len(mem) < len(policies) {
		return false
	}
	for i, p := range policies {
		if mem[i].Name != p.name || len(mem[i].Words) != p.words {
			return false
		}
	}
	return true
}

// fit returns a copy of mem that begins with the memory of the policies, all
// zeros for one that has none or another length, and then has what others left,
// in the order of their names and as far as there is room.
func fit(mem []memory, policies []named) []memory {
	out := make([]memory, 0, max(len(mem), len(policies)))
	words := 0
	for _, p := range policies {
		m := memory{p.name, make([]float64, p.words)}
		if i := slices.IndexFunc(mem, func(m memory) bool { return m.Name == p.name }); i >= 0 && len(mem[i].Words) == p.words {
			copy(m.Words, mem[i].Words)
		}
		words += p.words
		out = append(out, m)
	}
	var others []memory
	for _, m := range mem {
		if !slices.ContainsFunc(policies, func(p named) bool { return p.name == m.Name }) {
			others = append(others, m)
		}
	}
	slices.SortFunc(others, func(a, b memory) int { return strings.Compare(a.Name, b.Name) })
	for _, m := range others {
		if len(out) < maxMemories && words+len(m.Words) <= maxWords {
			words += len(m.Words)
			out = append(out, memory{m.Name, slices.Clone(m.Words)})
		}
	}
	return out
}

// advance brings s to the time of in and notes what has become of the count
// since the last step. It returns the milliseconds observed since then.
func (s *State) advance(in *Input, c *Config, periods []int64) (passed int64) {
	now, cur := instantOf(in.Now), in.Fleet.Desired
	foreign := !s.started
	if !s.started {
		s.started, s.last, s.from, s.decided = true, now, cur, cur
	}
	if now < s.last { // the clock was set back
		d := s.last - now
		for i := range s.paces {
			s.paces[i].Ups.shift(d)
			s.paces[i].Downs.shift(d)
		}
		s.lastUp, s.lastDown = max(s.lastUp-d, 0), max(s.lastDown-d, 0)
		s.last = now
	}
	passed = min(now-s.last, longestGap.Milliseconds())
	s.observed += passed
	if c.Budget.on() {
		s.bills.charge(in, c.Budget.Price, now-s.last)
	}

	s.pace(periods)
	if cur != s.from {
		at := s.last // when it was decided
		if cur != s.decided {
			at, foreign = now, true // by somebody else
		}
		if cur > s.from {
			s.lastUp = at
		} else {
			s.lastDown = at
		}
		s.moved(at, cur-s.from)
	}
	s.forget(now)
	s.up.advance(s.observed, c.Up.Window, true)
	s.down.advance(s.observed, c.Down.Window, false)
	if foreign { // a count that is new to us was wanted by someone: a window for it
		s.up.insert(cur, true)
		s.down.insert(cur, false)
	}
	s.last, s.from = now, cur
	return passed
}

// remember notes what was wanted and decided.
func (s *State) remember(t *tick, desired int64) {
	s.up.insert(t.wanted, true)
	if !s.spoilt {
		s.down.insert(t.evidence, false)
	}
	if t.evidence > 0 {
		s.busy = s.observed
	}
	if s.bad == 0 && !t.held {
		s.good.learn(t.opinion, t.passed)
	}
	switch {
	case desired > t.cur: // whatever raised it, it must not fall again at once
		s.down.insert(desired, false)
	case desired < t.cur:
		s.up.insert(desired, true)
	}
	s.decided = desired
}
