package compat

import (
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// HPA is the Kubernetes Horizontal Pod Autoscaler, autoscaling/v2. Each metric
// proposes a count, the largest counts, and an envelope bounds the change.
//
// It reads the spec count where a metric is per pod, the status count for
// AverageValue of an object or an external metric, and the ready count to
// multiply by. A slow start does not make it run away: replicas that are not
// ready count as idle when it would grow.
//
// Tick 15 s. Delay 27.5 s, the mean through the metrics pipeline (55 s at worst);
// an external metric costs its scrape only.
type HPA struct {
	// Metrics, in the order of Observation.Metrics. At least one.
	Metrics []HPAMetric
	// UpTolerance and DownTolerance are how far the ratio may be from 1 before
	// anything is done. Default 0.1; negative: none.
	UpTolerance, DownTolerance float64
	// Behavior bounds changes. Nil: at most the larger of twice the count and 4,
	// and down only to the largest proposal of Window.
	Behavior *HPABehavior
	// Window is that of scaling down without Behavior. Default 300 s; negative:
	// none.
	Window time.Duration
}

// An HPAMetric is one entry of a manifest's metrics.
type HPAMetric struct {
	Source HPASource
	Type   HPATarget
	// Target in the unit of the metric; of a utilisation, in percent.
	Target float64
}

// HPASource is where a metric comes from.
type HPASource uint8

// The sources. A container's resource is computed as a pod's: Pod.Value and
// Pod.Request are then those of the container.
const (
	HPAResource HPASource = iota
	HPAContainerResource
	HPAPods
	HPAObject
	HPAExternal
)

// HPATarget is what a target is compared with.
type HPATarget uint8

// The targets.
const (
	HPAUtilization  HPATarget = iota // share of the request, in percent
	HPAAverageValue                  // value per pod
	HPAValue                         // the value itself
)

// HPAState is what the HPA remembers.
type HPAState struct {
	// Begun is set at the first tick, at which the count found is taken for the
	// first recommendation.
	Begun bool
	// Recommended counts of the stabilisation windows.
	Recommended []Past
	// Added and Removed replicas, for rates.
	Added, Removed []Past
}

// Facts implements [Rule].
func (h HPA) Facts() Facts {
	return Facts{Name: "kubernetes-hpa", Reads: Spec | Status | Ready, Shape: Ratio,
		Tick: 15 * time.Second, Delay: 27500 * time.Millisecond,
		Fails: "decides on data that is half a minute old; tolerance strands queued work"}
}

// Validate implements [Rule].
func (h HPA) Validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("evenkeel: compat.HPA: "+format, args...))
	}
	if len(h.Metrics) == 0 {
		bad("Metrics is empty: give it at least one")
	}
	for i, m := range h.Metrics {
		perPod := m.Source <= HPAPods
		switch {
		case m.Source > HPAExternal:
			bad("Metrics[%d].Source is %d: use one of the HPASource constants", i, m.Source)
		case m.Type > HPAValue:
			bad("Metrics[%d].Type is %d: use one of the HPATarget constants", i, m.Type)
		case m.Type == HPAUtilization && m.Source > HPAContainerResource:
			bad("Metrics[%d].Type is HPAUtilization: only a resource has a request to compare with", i)
		case m.Type == HPAValue && perPod:
			bad("Metrics[%d].Type is HPAValue: a metric by pod takes HPAAverageValue", i)
		}
		if !(m.Target > 0) || !finite(m.Target) {
			bad("Metrics[%d].Target is %v: it must be above 0", i, m.Target)
		}
	}
	if h.UpTolerance > 1e6 || h.UpTolerance != h.UpTolerance {
		bad("UpTolerance is %v: it is a share", h.UpTolerance)
	}
	if h.DownTolerance > 1 || h.DownTolerance != h.DownTolerance {
		bad("DownTolerance is %v: it is a share, at most 1", h.DownTolerance)
	}
	if h.Behavior != nil {
		h.Behavior.Up.validate("Up", bad)
		h.Behavior.Down.validate("Down", bad)
	}
	return errors.Join(errs...)
}

// Next implements [Rule].
func (h HPA) Next(s HPAState, o Observation) (HPAState, Verdict) {
	o = o.clean()
	lo, hi := o.limits()
	switch {
	case o.Spec == 0 && lo != 0:
		return s, held(o, decide.ReasonNone) // scaled to 0 by hand: switched off
	case o.Spec > hi:
		return s.changed(o, h.Behavior, hi), Verdict{Replicas: hi, Reason: decide.ReasonMax}
	case o.Spec < lo:
		return s.changed(o, h.Behavior, lo), Verdict{Replicas: lo, Reason: decide.ReasonMin}
	}
	if !s.Begun {
		s.Begun, s.Recommended = true, []Past{{o.Now, o.Spec}}
	}
	v := h.Propose(o)
	if v.Held {
		return s, v
	}
	if h.Behavior == nil {
		s, v = h.plain(s, o, v)
	} else {
		s, v = h.Behavior.apply(s, o, v)
	}
	v = o.bound(v)
	return s.changed(o, h.Behavior, v.Replicas), v
}

// Propose returns what the metrics ask for: the largest of their proposals,
// before any bound. If a metric failed, only growth is let through.
func (h HPA) Propose(o Observation) Verdict {
	o = o.clean()
	v := Verdict{Replicas: -1, Reason: decide.ReasonSetpoint}
	failed := 0
	for i, m := range h.Metrics {
		n, calm, ok := h.proposal(m, o.metric(i), &o)
		switch {
		case !ok:
			failed++
		case n > v.Replicas:
			v.Replicas, v.Reason = n, decide.ReasonSetpoint
			if calm {
				v.Reason = decide.ReasonTolerance
			}
		}
	}
	if v.Replicas < 0 || (failed > 0 && v.Replicas < o.Spec) {
		return held(o, decide.ReasonHeld)
	}
	return v
}

// plain is the envelope without a behavior.
func (h HPA) plain(s HPAState, o Observation, v Verdict) (HPAState, Verdict) {
	s.Recommended = remember(s.Recommended, o.Now, or(h.Window, 300*time.Second), v.Replicas)
	if n := largest(s.Recommended); n > v.Replicas {
		v.Replicas, v.Reason = n, decide.ReasonWindow
	}
	if limit := max(2*o.Spec, 4); v.Replicas > limit {
		v.Replicas, v.Reason = limit, decide.ReasonRate
	}
	return s, v
}
