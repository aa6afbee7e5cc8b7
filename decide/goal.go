package decide

import (
	"errors"
	"fmt"
	"math"

	"github.com/evenkeel/evenkeel/signal"
)

// A Goal is one promise of an [Objective]: a signal that has to stay at or below
// Most. For a latency that is a quantile, for instance the p95 of the time to
// first token.
//
// A gate that sheds keeps latencies inside the objective, whatever is asked for:
// behind one the share that is shed has to be a Goal too, or the knee is learned
// far too high.
//
//	{Signal: shed, Per: demand, Most: 0.01} // requests per second, both
type Goal struct {
	// Signal to keep. Required.
	Signal signal.Key
	// Per makes it a share: Signal ÷ Per is what has to stay below Most. A Per of
	// zero keeps every promise. Optional.
	Per signal.Key
	// Most it may be, in the unit of Signal, or a share with Per. Required, above
	// 0.
	Most float64
}

// maxGoals bounds the goals of one Objective.
const maxGoals = 8

// A goal is a Goal, bound.
type goal struct {
	signal, per int // per -1: none
	most        float64
	least       float64 // values that a quantile must rest on, 0 for a plain number
}

func compileGoals(signals *signal.Schema, goals []Goal) ([]goal, error) {
	var errs []error
	if len(goals) == 0 || len(goals) > maxGoals {
		errs = append(errs, fmt.Errorf("Objective.Goals has %d entries: give it 1 to %d", len(goals), maxGoals))
	}
	var out []goal
	for n, g := range goals {
		field := func(name string) string { return fmt.Sprintf("Objective.Goals[%d].%s", n, name) }
		i, err := position(signals, field("Signal"), g.Signal)
		per, err2 := -1, error(nil)
		if g.Per != (signal.Key{}) {
			per, err2 = position(signals, field("Per"), g.Per)
		}
		if err := errors.Join(err, err2, positive(field("Most"), g.Most)); err != nil {
			errs = append(errs, err)
			continue
		}
		c := goal{signal: i, per: per, most: g.Most}
		if q := signals.Def(i).Quantile; q > 0 {
			c.least = math.Ceil(1/(1-q) - 1e-9)
		}
		out = append(out, c)
	}
	return out, errors.Join(errs...)
}

// judge returns how much of its room the goal takes up: 1 is all of it, above 1
// it is missed. It reports false if there is nothing to go by: no fresh value, a
// quantile of too few values to be one, or one of zero, which no latency has.
func (g *goal) judge(in *Input) (float64, bool) {
	v, why := read(in, g.signal)
	if why != ReasonNone {
		return 0, false
	}
	if g.least > 0 {
		if w := in.Signals[g.signal].Weight; v == 0 || (w > 0 && w < g.least) {
			return 0, false
		}
	}
	if g.per >= 0 {
		per, why := read(in, g.per)
		switch {
		case why != ReasonNone:
			return 0, false
		case per == 0:
			return 0, true
		}
		v /= per
	}
	return min(v/g.most, worst), true
}

// worst is as bad as it gets: from here on, worse says nothing more.
const worst = 10

// judge returns the verdict on all goals, and the room that the worst of those
// known takes up: one that is missed settles it, and it takes all of them to say
// that nothing is.
func judge(goals []goal, in *Input) (Truth, float64) {
	held, room := True, 0.0
	for i := range goals {
		w, ok := goals[i].judge(in)
		if !ok {
			held = Unknown
		}
		room = max(room, w)
	}
	if room > 1 {
		return False, room
	}
	return held, room
}
