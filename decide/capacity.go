package decide

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"github.com/evenkeel/evenkeel/signal"
)

// Capacity divides demand by what one replica can take while it still keeps its
// promises, and adds headroom:
//
//	L = demand ÷ (rate × Utilization)
//	replicas = L + Reserve × L + Headroom × √L, rounded up
//
// The square root is the staffing rule of Halfin and Whitt (1981): fluctuations
// grow with the root of the load, so a large fleet needs relatively less in
// reserve. At the same cost it serves more than a constant factor. Reserve is
// that factor, for those who want one.
//
// Utilization is a guess unless it is measured: [Objective] is a Capacity that
// learns it, from the latencies that have to be kept.
//
// While the rate is not known, Capacity only ever asks for more: by the last
// rate it knew, or for a first replica if there is demand and nothing to serve
// it. Otherwise it holds.
type Capacity struct {
	// Demand is offered work per second: admitted, queued and shed. Required.
	Demand signal.Key
	// Rate is the work per second that one replica does at full use, a signal
	// that something learns. Give it or PerReplica.
	Rate signal.Key
	// PerReplica is the same as a constant, in the unit of Demand.
	PerReplica float64
	// Utilization is the knee: the share of the rate up to which a replica keeps
	// its promises. Default 0.7.
	Utilization float64
	// Headroom is the factor before the square root: 0.3 lean, 0.8 safe. Default
	// 0.5, or none if there is a Reserve; negative: none.
	Headroom float64
	// Reserve is a constant share on top: 0.2 is a fifth more. Default none.
	Reserve float64
}

// Compile implements [Spec].
func (c Capacity) Compile(signals *signal.Schema) (Policy, error) {
	demand, err := position(signals, "Capacity.Demand", c.Demand)
	u, err2 := compileUnit(signals, "Capacity", c.Rate, c.PerReplica)
	h, err3 := compileHeadroom("Capacity", c.Headroom, c.Reserve)
	errs := []error{err, err2, err3}
	c.Utilization = cmp.Or(c.Utilization, defaultKnee)
	if !(c.Utilization > 0 && c.Utilization <= 1) {
		errs = append(errs, fmt.Errorf("Capacity.Utilization is %v: it is a share, above 0 and at most 1", c.Utilization))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &capacity{demand, u, c.Utilization, h}, nil
}

// defaultKnee is the share of full use up to which a replica is taken to keep
// its promises as long as nobody knows better.
const defaultKnee = 0.7

type capacity struct {
	demand      int
	unit        unit
	utilization float64
	headroom    headroom
}

func (c *capacity) Words() int { return c.unit.words() }

// Monotone implements [Monotone]: more demand never asks for fewer.
func (*capacity) Monotone() bool { return true }

func (c *capacity) Recommend(mem []float64, in *Input) Recommendation {
	rate, unsure := c.unit.rate(mem, in)
	demand, why := read(in, c.demand)
	switch {
	case why != ReasonNone:
		return hold(c.demand, why)
	case demand == 0:
		return Recommendation{Reason: ReasonIdle}
	}
	r := Recommendation{Reason: ReasonDemand, A: demand}
	if rate > 0 {
		r.B = float64(rate * c.utilization)
		c.headroom.size(&r, demand/r.B)
	}
	return unsure.settle(r, in)
}

// A headroom is what is asked for on top of a load of so many replicas.
type headroom struct{ root, share float64 }

func compileHeadroom(spec string, root, share float64) (headroom, error) {
	var errs []error
	if math.IsNaN(root) || root > 100 {
		errs = append(errs, fmt.Errorf("%s.Headroom is %v: at most 100", spec, root))
	}
	if !(share >= 0 && share <= 10) {
		errs = append(errs, fmt.Errorf("%s.Reserve is %v: it is a share, 0 to 10", spec, share))
	}
	if root == 0 && share == 0 {
		root = 0.5
	}
	return headroom{max(root, 0), share}, errors.Join(errs...)
}

// size sets the replicas for a load, and how many of them are headroom.
func (h headroom) size(r *Recommendation, load float64) {
	load = min(load, MaxReplicas)
	r.Replicas = roundUp(load + float64(h.share*load) + float64(h.root*math.Sqrt(load)))
	r.Headroom = r.Replicas - roundUp(load)
}

// A unit is what one replica does: a constant, or a signal that is learned.
type unit struct {
	constant float64
	signal   int
}

func compileUnit(signals *signal.Schema, spec string, k signal.Key, constant float64) (unit, error) {
	switch {
	case (k.Name == "") == (constant == 0):
		return unit{}, fmt.Errorf("%s.Rate is %q and %s.PerReplica is %v: give exactly one of them", spec, k, spec, constant)
	case k.Name == "":
		return unit{constant: constant}, positive(spec+".PerReplica", constant)
	}
	i, err := position(signals, spec+".Rate", k)
	return unit{signal: i}, err
}

func (u unit) words() int {
	if u.constant > 0 {
		return 0
	}
	return 1 // the last rate known
}

// rate returns the rate, or if it is not known now, the last one known (0 if
// there was none) and the doubt about it.
func (u unit) rate(mem []float64, in *Input) (float64, doubt) {
	if u.constant > 0 {
		return u.constant, doubt{}
	}
	v, why := read(in, u.signal)
	if why == ReasonNone && v == 0 {
		why = ReasonUnknown
	}
	if why == ReasonNone {
		mem[0] = v
	}
	return mem[0], doubt{why, u.signal} // if somebody else wrote it below 0, that is none too
}

// A doubt is why the rate is not known, ReasonNone if it is, and its signal.
type doubt struct {
	why    Reason
	signal int
}

// settle returns r if its rate is beyond doubt, and otherwise only as far as it
// asks for more than there is.
func (d doubt) settle(r Recommendation, in *Input) Recommendation {
	switch {
	case d.why == ReasonNone:
		return r
	case r.Replicas > in.Fleet.Desired:
		r.Reason = ReasonRemembered
		return r
	case in.Fleet.Desired == 0 && in.Fleet.Ready == 0:
		return Recommendation{Replicas: 1, Reason: ReasonFirst, A: r.A, Backlogged: r.Backlogged}
	}
	return hold(d.signal, d.why)
}
