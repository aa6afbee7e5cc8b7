package compat

import (
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// A Feed says which signal is a metric of a rule, and what kind of figure it is.
type Feed struct {
	Signal signal.Def
	Per    Per
	// Scale multiplies the value. Default 1.
	Scale float64
}

// Per is how a signal relates to the replicas.
type Per uint8

// The relations.
const (
	// PerFleet: a total. The metric is the total, each that is ready now has its
	// part.
	PerFleet Per = iota
	// PerReplica: a total, of which the metric and each replica have the mean over
	// those that were ready when it was measured.
	PerReplica
	// PerEach: a figure that holds for every replica, as a share does.
	PerEach
)

// Wiring connects a rule to a run.
type Wiring struct {
	// Feeds, one for each metric, in the rule's order.
	Feeds []Feed
	// Tick and Delay are the rule's own unless given; a negative Delay is none.
	Tick, Delay time.Duration
	// Buckets average the windows.
	Buckets Buckets
}

// A Baseline runs a rule on a stream of inputs: it implements the Decider of
// package decide/simulate. The rule decides at its own tick and sees signals as
// old, and averaged over as long, as they would be where it comes from; in
// between the count stays. Counts it sees as they are. A replica that starts is
// one without a value. The run's own tick should divide the rule's.
//
// A Baseline belongs to one run and one goroutine.
type Baseline[S any] struct {
	rule   Rule[S]
	facts  Facts
	wiring Wiring
	defs   []signal.Def
	state  S
	last   time.Time
	past   []moment
}

// A moment is what was measured at one time.
type moment struct {
	at      time.Time
	ready   int64
	samples []signal.Sample
}

// NewBaseline returns a run of rule. It refuses a rule or a wiring that makes no
// sense.
func NewBaseline[S any](rule Rule[S], w Wiring) (*Baseline[S], error) {
	b := &Baseline[S]{rule: rule, facts: rule.Facts(), wiring: w}
	errs := []error{rule.Validate()}
	if len(w.Feeds) == 0 {
		errs = append(errs, errors.New("evenkeel: compat.Wiring: Feeds is empty: give the rule a signal"))
	}
	index := map[signal.Key]bool{}
	for i, f := range w.Feeds {
		if f.Per > PerEach || !finite(f.Scale) || f.Scale < 0 {
			errs = append(errs, fmt.Errorf("evenkeel: compat.Wiring: Feeds[%d] has Per %d and Scale %v: use one of the constants, and a positive number", i, f.Per, f.Scale))
		}
		if !index[f.Signal.Key] { // one signal may be several metrics
			index[f.Signal.Key] = true
			b.defs = append(b.defs, f.Signal)
		}
	}
	_, err := signal.NewSchema(b.defs...)
	if w.Tick < 0 {
		errs = append(errs, fmt.Errorf("evenkeel: compat.Wiring: Tick is %v: it must be above 0, or 0 for the rule's own", w.Tick))
	}
	b.facts.Tick, b.facts.Delay = or(w.Tick, b.facts.Tick), or(w.Delay, b.facts.Delay)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	return b, nil
}

// Facts returns the rule's facts, with the tick and delay of the wiring.
func (b *Baseline[S]) Facts() Facts { return b.facts }

// State returns the rule's state.
func (b *Baseline[S]) State() S { return b.state }

// Signals returns the signals of the feeds.
func (b *Baseline[S]) Signals() []signal.Def { return b.defs }

// Decide lets the rule decide if its tick has come, and keeps the count if not.
func (b *Baseline[S]) Decide(in *decide.Input, d *decide.Decision) {
	b.note(in)
	*d = decide.Decision{Desired: in.Fleet.Desired, From: in.Fleet.Desired, Without: in.Fleet.Desired, Leader: -1,
		Binding: decide.StageRecommend, Reason: decide.ReasonNone}
	if gap := in.Now.Sub(b.last); !b.last.IsZero() && gap >= 0 && gap < b.facts.Tick {
		return
	}
	b.last = in.Now
	var v Verdict
	b.state, v = b.rule.Next(b.state, b.observe(in))
	d.Desired, d.Without, d.Reason = v.Replicas, v.Replicas, v.Reason
}

// note keeps what was measured, for as long as any window looks back.
func (b *Baseline[S]) note(in *decide.Input) {
	back := b.facts.Delay + max(b.facts.Window, b.facts.Short)
	keep := 0
	for keep < len(b.past)-1 && in.Now.Sub(b.past[keep+1].at) > back {
		keep++ // one older than that stays: it is the last value known
	}
	b.past = append(b.past[:0], b.past[keep:]...)
	b.past = append(b.past, moment{in.Now, in.Fleet.Ready, append([]signal.Sample(nil), in.Signals...)})
}

// observe is what the rule sees.
func (b *Baseline[S]) observe(in *decide.Input) Observation {
	f := in.Fleet
	o := Observation{Now: in.Now, Spec: f.Desired, Status: f.Ready, Ready: f.Ready, Limits: in.Limits}
	for _, c := range f.Starting {
		o.Status += min(max(c.N, 0), decide.MaxReplicas)
	}
	o = o.clean()
	for _, feed := range b.wiring.Feeds {
		m := Metric{Failed: true}
		to := in.Now.Add(-b.facts.Delay)
		if v, ok := b.average(feed, to, b.facts.Window); ok {
			m.Value, m.Failed = v, false
			if m.Short, ok = b.average(feed, to, b.facts.Short); !ok {
				m.Short = v
			}
			each := v
			if feed.Per == PerFleet {
				each /= float64(max(o.Ready, 1))
			}
			for i := range o.Status {
				p := Pod{Value: each}
				if i >= o.Ready {
					p = Pod{State: PodMissing} // it runs, and says nothing yet
				}
				m.Pods = append(m.Pods, p)
			}
		}
		o.Metrics = append(o.Metrics, m)
	}
	return o
}

// average is that of a feed over the window before to; without a window, the last
// value. Samples that are not fresh are none.
func (b *Baseline[S]) average(f Feed, to time.Time, window time.Duration) (float64, bool) {
	pos := 0
	for pos < len(b.defs) && b.defs[pos].Key != f.Signal.Key {
		pos++
	}
	var points []Point
	for _, m := range b.past {
		if m.at.After(to) || pos >= len(m.samples) || !m.samples[pos].OK() {
			continue
		}
		v := float64(m.samples[pos].Value * or(f.Scale, 1))
		if f.Per == PerReplica {
			if m.ready == 0 {
				continue
			}
			v /= float64(m.ready)
		}
		points = append(points, Point{m.at, v})
	}
	if window > 0 {
		return b.wiring.Buckets.Average(points, to.Add(-window), to)
	}
	if n := len(points); n > 0 {
		return points[n-1].Value, finite(points[n-1].Value)
	}
	return 0, false
}
