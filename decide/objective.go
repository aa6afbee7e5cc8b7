package decide

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/evenkeel/evenkeel/signal"
)

// Objective is [Capacity] with a knee that is learned: it finds out at which load
// a replica still keeps all Goals, and asks for demand ÷ that, with the same
// headroom. Whoever has a latency to keep and a Capacity with a guess for
// Utilization renames the type, drops the guess and adds the Goals.
//
// A latency never scales anything in proportion; it only teaches. The count is
// demand ÷ knee, and the knee moves in small steps:
//
//   - down to just below a load at which a Goal was missed,
//   - up to a load at which all were kept,
//   - and, while all are kept, slowly towards where they are expected to be missed
//     by a server of which latency grows as 1 ÷ (1 − use): at most to half as much
//     again as was kept of late, and not to where one was missed of late. Without
//     a rate, use is not known: then no further than a tenth beyond what was kept.
//
// Each step is at most 2 % and there is one an Interval, so that a single bad
// sample does little. A load counts for a miss with its largest value of late and
// for a success with its smallest, since latency follows load with a delay. What
// an overload leaves behind is not held against the smaller load after it.
// Nothing is learned while replicas are cold, or from a quantile of fewer than
// 1 ÷ (1 − quantile) values.
//
// Keep what has nothing to do with load, such as the errors of a broken release,
// out of the Goals, or high: it takes the knee to its Floor, and the count with it.
//
// A Goal that cannot be read leaves the knee as it is. What the count rests on is
// demand, and the rate: without those it behaves as Capacity does. Without a
// Rate and a Utilization to begin with, it holds until a Goal has come within
// reach. It is [Monotone]: it learns after it has recommended.
type Objective struct {
	// Demand is offered work per second: admitted, queued and shed. Required.
	Demand signal.Key
	// Goals to keep, 1 to 8. Required.
	Goals []Goal
	// Rate is the work per second that one replica does at full use, a signal that
	// something learns. The knee is then a share of it, and follows when requests
	// become heavier. Without Rate and PerReplica the knee is a load per replica,
	// in the unit of Demand.
	Rate signal.Key
	// PerReplica is the same as a constant.
	PerReplica float64
	// Utilization is the knee to begin with. Default 0.7; without a rate, none.
	Utilization float64
	// Floor and Ceiling are what the knee never leaves. Default 0.3 and 1; without
	// a rate, 0.4 of Utilization or else of the first knee learned, and no ceiling.
	Floor, Ceiling float64
	// Headroom and Reserve are as in [Capacity].
	Headroom, Reserve float64
	// Interval between two steps of learning. Default 5 s.
	Interval time.Duration
	// Warmup is how long a replica is cold: nothing is learned for so long after
	// one began to start, or became ready. Default 30 s.
	Warmup time.Duration
}

// Compile implements [Spec].
func (o Objective) Compile(signals *signal.Schema) (Policy, error) {
	demand, err := position(signals, "Objective.Demand", o.Demand)
	goals, err2 := compileGoals(signals, o.Goals)
	h, err3 := compileHeadroom("Objective", o.Headroom, o.Reserve)
	errs := []error{err, err2, err3}
	p := &objective{
		demand: demand, goals: goals, headroom: h, unit: unit{constant: 1},
		start: o.Utilization, floor: o.Floor, ceiling: o.Ceiling, reach: reachBlind,
		interval: cmp.Or(o.Interval, 5*time.Second).Milliseconds(),
		warmup:   cmp.Or(o.Warmup, 30*time.Second).Milliseconds(),
	}
	if o.Rate.Name != "" || o.PerReplica != 0 {
		p.unit, err = compileUnit(signals, "Objective", o.Rate, o.PerReplica)
		errs = append(errs, err)
		p.start, p.floor, p.ceiling = cmp.Or(o.Utilization, defaultKnee), cmp.Or(o.Floor, 0.3), cmp.Or(o.Ceiling, 1)
		if p.share = o.Rate.Name != ""; p.share {
			p.reach = reachShare
		}
	}
	p.floor = cmp.Or(p.floor, float64(floorShare*p.start))
	p.ceiling = cmp.Or(p.ceiling, math.MaxFloat64)
	for _, f := range []struct {
		name string
		x    float64
	}{{"Objective.Utilization", p.start}, {"Objective.Floor", p.floor}, {"Objective.Ceiling", p.ceiling}} {
		if !(f.x >= 0) || math.IsInf(f.x, 0) {
			errs = append(errs, fmt.Errorf("%s is %v: it must not be negative", f.name, f.x))
		}
	}
	switch {
	case p.floor > p.ceiling:
		errs = append(errs, fmt.Errorf("Objective.Floor is %v and Ceiling %v: the floor must not be above", p.floor, p.ceiling))
	case p.start != 0 && (p.start < p.floor || p.start > p.ceiling):
		errs = append(errs, fmt.Errorf("Objective.Utilization is %v: it must lie within Floor, %v, and Ceiling, %v", p.start, p.floor, p.ceiling))
	}
	if p.interval <= 0 || o.Interval > longest {
		errs = append(errs, fmt.Errorf("Objective.Interval is %v: at least 1 ms and at most %v, or 0 for 5 s", o.Interval, longest))
	}
	if p.warmup < 0 || o.Warmup > longest {
		errs = append(errs, fmt.Errorf("Objective.Warmup is %v: at most %v, or 0 for 30 s", o.Warmup, longest))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return p, nil
}

type objective struct {
	demand                int
	goals                 []goal
	unit                  unit
	share                 bool // the rate is measured, so that loads are use
	headroom              headroom
	start, floor, ceiling float64
	reach                 float64 // of the largest load kept
	interval, warmup      int64   // ms
}

// Words implements [Policy].
func (o *objective) Words() int { return kneeWords + o.unit.words() }

// Monotone implements [Monotone]: more demand never asks for fewer.
func (*objective) Monotone() bool { return true }

// Reads implements [SignalReader].
func (o *objective) Reads() []int {
	out := append([]int{o.demand}, o.unit.reads()...)
	for _, g := range o.goals {
		out = append(out, g.signal)
		if g.per >= 0 {
			out = append(out, g.per)
		}
	}
	return out
}

// rate returns the rate. While an overload lasts it does not sink: what a full
// server does cannot be told from how its latency follows load, and a rate that
// is measured so may collapse just when the count rests on it most.
func (o *objective) rate(mem []float64, in *Input) (float64, doubt) {
	if !o.share {
		return o.unit.rate(mem[kneeWords:], in)
	}
	before := mem[kneeWords]
	rate, unsure := o.unit.rate(mem[kneeWords:], in)
	if over := mem[kneeOver]; over > 0 && over < overMost && rate < before {
		rate, mem[kneeWords] = before, before
	}
	return rate, unsure
}

func (o *objective) Recommend(mem []float64, in *Input) Recommendation {
	rate, unsure := o.rate(mem, in)
	demand, why := read(in, o.demand)
	knee := o.knee(mem)
	load := 0.0
	if why == ReasonNone && unsure.why == ReasonNone && in.Fleet.Ready > 0 {
		load = demand / rate / float64(in.Fleet.Ready)
	}
	o.learn(mem, in, load)

	r := Recommendation{Reason: ReasonObjective, A: demand}
	switch {
	case why != ReasonNone:
		return hold(o.demand, why)
	case demand == 0:
		return Recommendation{Reason: ReasonIdle}
	case knee == 0:
		if in.Fleet.Desired == 0 && in.Fleet.Ready == 0 {
			return Recommendation{Replicas: 1, Reason: ReasonFirst, A: demand}
		}
		return Recommendation{Held: true, Reason: ReasonUnlearned, A: demand}
	case rate > 0:
		r.B = float64(rate * knee)
		o.headroom.size(&r, demand/r.B)
	}
	return unsure.settle(r, in)
}
