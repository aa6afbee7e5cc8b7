package simulate

import (
	"time"

	"github.com/evenkeel/evenkeel/decide/simulate/llm"
)

// unitState is where a unit is in its life.
type unitState uint8

const (
	starting unitState = iota
	ready
	draining // finishes what it has and takes nothing new
	gone
)

// A unit is one replica: an engine, and when it was asked for.
type unit struct {
	id      int
	state   unitState
	since   time.Duration // when it was asked for
	readyAt time.Duration // when it will be, or was, ready
	engine  *llm.Engine
	load    int // requests it has
	silent  int // of them, those without a first token
	// events of the step under way, handed out at its end. The engine keeps them
	// until its next step. Stepping is false between steps.
	events   []llm.Event
	stepping bool
}

// begin starts the unit's next step if it is idle and there is work.
func (u *unit) begin(now time.Duration, a *agenda) {
	if u.stepping || u.engine.Idle() {
		return
	}
	d, events := u.engine.Step()
	u.events, u.stepping = events, true
	a.add(event{at: now + d, kind: evStep, unit: u})
}

// end ends the step under way.
func (u *unit) end() []llm.Event {
	u.stepping = false
	return u.events
}
