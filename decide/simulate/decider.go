package simulate

import (
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// A Decider is what is tried out: it says at each tick how many replicas there
// should be. [Core] is evenkeel's own, [Constant] a fleet that never changes;
// a baseline is another implementation.
//
// Signals says which signals it reads: the input has their samples in that
// order. A signal that the simulation does not have stays absent; [Signals]
// lists those that it has. Decide fills d; only d.Desired matters to the fleet,
// the rest to the log. It is called from one goroutine.
type Decider interface {
	Signals() []signal.Def
	Decide(in *decide.Input, d *decide.Decision)
}

// Constant is the Decider that always wants this many replicas.
type Constant int64

// Signals returns nothing: no signal matters.
func (Constant) Signals() []signal.Def { return nil }

// Decide wants n replicas.
func (n Constant) Decide(in *decide.Input, d *decide.Decision) {
	*d = decide.Decision{Desired: int64(n), From: in.Fleet.Desired, Without: int64(n), Leader: -1}
}
