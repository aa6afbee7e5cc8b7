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
//	replicas = L + Headroom × √L, rounded up
//
// The square root is the staffing rule of Halfin and Whitt (1981): fluctuations
// grow with the root of the load, so a large fleet needs relatively less in
// reserve. At the same cost it serves more than a constant factor.
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
	// 0.5; negative: none.
	Headroom float64
}

// Compile implements [Spec].
func (c Capacity) Compile(signals *signal.Schema) (Policy, error) {
	demand, err := position(signals, "Capacity.Demand", c.Demand)
	u, err2 := compileUnit(signals, "Capacity", c.Rate, c.PerReplica)
	errs := []error{err, err2}
	c.Utilization = cmp.Or(c.Utilization, 0.7)
	c.Headroom = max(cmp.Or(c.Headroom, 0.5), 0)
	if !(c.Utilization > 0 && c.Utilization <= 1) {
		errs = append(errs, fmt.Errorf("Capacity.Utilization is %v: it is a share, above 0 and at most 1", c.Utilization))
	}
	if math.IsNaN(c.Headroom) || c.Headroom > 100 {
		errs = append(errs, fmt.Errorf("Capacity.Headroom is %v: at most 100", c.Headroom))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &capacity{demand, u, c.Utilization, c.Headroom}, nil
}

type capacity struct {
	demand                int
	unit                  unit
	utilization, headroom float64
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
		load := min(demand/r.B, MaxReplicas)
		r.Replicas = roundUp(load + float64(c.headroom*math.Sqrt(load)))
	}
	return unsure.settle(r, in)
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
	return max(mem[0], 0), doubt{why, u.signal}
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
