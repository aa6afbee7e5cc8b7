package decide

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/signal"
)

// Backlog asks for as many replicas as drain the queue within a time:
//
//	replicas = (demand + queue ÷ Within) ÷ rate, rounded up
//
// Within should not be shorter than a replica takes to start: what is asked for
// now cannot help sooner. Without Demand it counts only what is queued, so work
// in progress has to be part of that, or of another policy.
//
// While the rate is not known it behaves as [Capacity] does.
type Backlog struct {
	// Queue is the work that waits, in requests, tokens or whatever the rate
	// counts. Required.
	Queue signal.Key
	// Rate is the work per second that one replica drains, a signal. Give it or
	// PerReplica.
	Rate signal.Key
	// PerReplica is the same as a constant.
	PerReplica float64
	// Demand is the work per second that keeps arriving meanwhile. Optional.
	Demand signal.Key
	// Within is the time in which the queue should be gone. Default 30 s.
	Within time.Duration
}

// Compile implements [Spec].
func (b Backlog) Compile(signals *signal.Schema) (Policy, error) {
	p := &backlog{demand: -1, within: cmp.Or(b.Within, 30*time.Second).Seconds()}
	var err, err2, err3, err4 error
	p.queue, err = position(signals, "Backlog.Queue", b.Queue)
	p.unit, err2 = compileUnit(signals, "Backlog", b.Rate, b.PerReplica)
	if b.Demand != (signal.Key{}) {
		p.demand, err3 = position(signals, "Backlog.Demand", b.Demand)
	}
	if p.within < 0 {
		err4 = fmt.Errorf("Backlog.Within is %v: it must be above 0, or 0 for 30 s", b.Within)
	}
	if err := errors.Join(err, err2, err3, err4); err != nil {
		return nil, err
	}
	return p, nil
}

type backlog struct {
	queue, demand int // demand -1: none
	unit          unit
	within        float64
}

func (b *backlog) Words() int { return b.unit.words() }

// Monotone implements [Monotone]: a longer queue never asks for fewer.
func (*backlog) Monotone() bool { return true }

func (b *backlog) Recommend(mem []float64, in *Input) Recommendation {
	rate, unsure := b.unit.rate(mem, in)
	queue, why := read(in, b.queue)
	if why != ReasonNone {
		return hold(b.queue, why)
	}
	var demand float64
	if b.demand >= 0 {
		if demand, why = read(in, b.demand); why != ReasonNone {
			return hold(b.demand, why)
		}
	}
	work := demand + queue/b.within
	if work == 0 {
		return Recommendation{Reason: ReasonIdle}
	}
	r := Recommendation{Reason: ReasonBacklog, Backlogged: queue > 0, A: queue, B: rate}
	if rate > 0 {
		r.Replicas = roundUp(work / rate)
	}
	return unsure.settle(r, in)
}
