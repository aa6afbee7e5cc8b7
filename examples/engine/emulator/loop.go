package emulator

import (
	"math/rand/v2"
	"time"

	"github.com/evenkeel/evenkeel/decide/simulate/llm"
)

// tooFarBehind is when the loop gives up catching up with its schedule: the
// machine was asleep, or is too busy to emulate at this rate.
const tooFarBehind = time.Second

// loop runs the engine in real time until it has drained or everything ends.
//
// Each step ends at a time on an absolute schedule: a sleep that comes back late
// shortens the next one, so that the error of a sleep does not add up and a
// token comes, on average, exactly when the model says.
func (s *Server) loop() {
	defer close(s.idle)
	rng := rand.New(rand.NewPCG(s.cfg.Seed, 0x6b65656c))
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	end := time.Now()
	for {
		d, events, last := s.step()
		if last {
			return
		}
		if d == 0 { // idle
			select {
			case <-s.wake:
			case <-s.dead:
				return
			}
			end = time.Now()
			continue
		}
		end = end.Add(time.Duration(float64(d) * s.fault.slowness() * s.noise(rng)))
		now := time.Now()
		var dropped time.Duration
		if end, dropped = catchUp(end, now); dropped > 0 {
			s.lag(dropped)
		}
		timer.Reset(end.Sub(now)) // fires at once when that is past
		select {
		case <-timer.C:
		case <-s.dead:
			return
		}
		if s.fault.hung() != nil { // a hung engine stands still here
			if !s.sound(nil) {
				return
			}
			end = time.Now() // and then goes on; it does not make up for it
		}
		s.deliver(time.Now(), events)
	}
}

// catchUp returns when the step that should end at end is to end: then, or now
// if the schedule is too far behind to be caught up with, and how much time was
// dropped for that. A little behind is made up for by steps that do not sleep.
func catchUp(end, now time.Time) (time.Time, time.Duration) {
	if behind := now.Sub(end); behind > tooFarBehind {
		return now, behind
	}
	return end, 0
}

// step takes the engine's next step. last reports that there is nothing to do
// and never will be.
func (s *Server) step() (d time.Duration, events []llm.Event, last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, events = s.engine.Step()
	return d, events, d == 0 && s.phase == draining
}

// noise is the factor by which one step differs from the model.
func (s *Server) noise(rng *rand.Rand) float64 {
	if s.cfg.Jitter == 0 {
		return 1
	}
	return 1 + s.cfg.Jitter*min(max(rng.NormFloat64(), -3), 3)
}

// deliver hands the step's tokens to the streams. It never waits for a client.
func (s *Server) deliver(now time.Time, events []llm.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ev := range events {
		st, ok := s.streams[ev.ID]
		if !ok {
			continue // cancelled during the step
		}
		if ev.First {
			s.metrics.ttft.observe(now.Sub(st.arrived))
			s.metrics.prompt += uint64(st.prompt)
		} else {
			s.metrics.itl.observe(now.Sub(st.last))
		}
		s.metrics.generated += uint64(ev.Tokens)
		st.last = now
		if ev.Done {
			s.metrics.e2e.observe(now.Sub(st.arrived))
			s.metrics.finished++
			delete(s.streams, ev.ID)
		}
		st.give(ev.Tokens, ev.Done)
	}
}

// lag books time that the emulation fell behind and dropped.
func (s *Server) lag(behind time.Duration) {
	s.mu.Lock()
	s.metrics.behind += behind
	s.mu.Unlock()
	s.cfg.Log.Warn("emulated engine cannot keep up with its schedule", "dropped", behind)
}
