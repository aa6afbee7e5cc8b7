package simulate

import (
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// core is the Decider that evenkeel itself is: a decide.Core with its state.
type core struct {
	core  *decide.Core
	defs  []signal.Def
	state decide.State
}

// Core returns the Decider of a policy: the real core, with a fresh state. If
// c.Signals is empty it gets all of [Signals]. A Decider remembers what it has
// seen, so that each run needs its own.
func Core(c decide.Config) (Decider, error) {
	if len(c.Signals) == 0 {
		c.Signals = Signals()
	}
	k, err := decide.New(c)
	if err != nil {
		return nil, err
	}
	return &core{core: k, defs: c.Signals}, nil
}

func (c *core) Signals() []signal.Def { return c.defs }

func (c *core) Decide(in *decide.Input, d *decide.Decision) {
	c.core.Step(&c.state, &c.state, in, d)
}
