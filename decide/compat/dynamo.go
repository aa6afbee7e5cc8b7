package compat

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// DynamoRole is what the engines of a fleet do.
type DynamoRole uint8

// The roles.
const (
	DynamoAggregated DynamoRole = iota // prompts and answers
	DynamoPrefill                      // prompts
	DynamoDecode                       // answers
)

// DynamoLoad is the load mode of NVIDIA Dynamo's planner in its easy form, which
// is what it ships with: one more when the queue of any engine is over a
// threshold, one fewer when that of all of them is under another.
//
// It reads all three counts: while they differ, or engines do not report, it is
// skipped, for hours if one replica never starts. Metric 0 is the prompt tokens
// queued by engine over its context, metric 1 the KV cache in use by engine, both
// in Pods; above 1 it counts what waits. Tick 5 s.
type DynamoLoad struct {
	Role DynamoRole
	// Latency chooses the thresholds made for latency. Default: for throughput.
	Latency bool
	// Floor is a count not to go below, from the throughput mode. Default 1.
	Floor int64
}

// DynamoState is what the planner remembers.
type DynamoState struct {
	// History of demand, in requests by interval, for the forecast.
	History []float64
	// Begun is set by the first demand: zeros before it are no history.
	Begun bool
}

// Facts implements [Rule].
func (DynamoLoad) Facts() Facts {
	return Facts{Name: "dynamo-load", Reads: Spec | Status | Ready, Shape: Step, Tick: 5 * time.Second, Delay: 5 * time.Second,
		Fails: "one at a time; one worker that never starts bars every change"}
}

// Validate implements [Rule].
func (d DynamoLoad) Validate() error {
	if d.Role > DynamoDecode || d.Floor < 0 {
		return fmt.Errorf("evenkeel: compat.DynamoLoad: Role and Floor are %d and %d: use a constant, and a count", d.Role, d.Floor)
	}
	return nil
}

// Next implements [Rule].
func (d DynamoLoad) Next(s DynamoState, o Observation) (DynamoState, Verdict) {
	o = o.clean()
	prefill, decode := o.metric(0), o.metric(1)
	if (d.Role != DynamoDecode && prefill.Failed) || (d.Role != DynamoPrefill && decode.Failed) {
		return s, held(o, decide.ReasonAbsent)
	}
	if o.Spec != o.Ready || o.Status != o.Ready || o.Ready == 0 {
		return s, held(o, decide.ReasonStarting)
	}
	upAt, downAt, kvUp, kvDown := 1.0, 0.1, 1.0, 0.6
	if d.Latency {
		upAt, downAt, kvUp, kvDown = 0.1, 0, 0.4, 0.1
	}
	up, down, counted := false, true, true
	if d.Role != DynamoDecode {
		n, least, most := spread(prefill.Pods)
		up = up || most >= upAt
		// The latency thresholds ask for an empty queue, which cannot be below 0.
		down = down && (most < downAt || (d.Latency && most <= downAt))
		counted = counted && n == o.Ready && least >= 0
	}
	if d.Role != DynamoPrefill {
		n, least, most := spread(decode.Pods)
		up = up || most > kvUp
		down = down && most < kvDown
		counted = counted && n == o.Ready && least >= 0
	}
	v := Verdict{Replicas: o.Spec, Reason: decide.ReasonTolerance}
	switch {
	case !counted:
		return s, held(o, decide.ReasonMembersLost)
	case up:
		v = Verdict{Replicas: o.Spec + 1, Reason: decide.ReasonSetpoint}
	case down:
		v = Verdict{Replicas: o.Spec - 1, Reason: decide.ReasonSetpoint}
	}
	v.Replicas = max(v.Replicas, d.Floor, 1)
	return s, o.bound(v)
}

// spread returns how many engines report, and their lowest and highest value.
func spread(pods []Pod) (n int64, least, most float64) {
	least, most = math.Inf(1), math.Inf(-1)
	for _, p := range pods {
		if p.State == PodReady && finite(p.Value) {
			n++
			least, most = min(least, p.Value), max(most, p.Value)
		}
	}
	return n, least, most
}

// DynamoThroughput is the throughput mode: every three minutes the demand of the
// next three is predicted, and divided by what one engine does within its
// objective.
//
// It reads no count: its wish is absolute. Metric 0 is the requests a second
// that were offered, over 180 s. Tick 180 s.
type DynamoThroughput struct {
	Role  DynamoRole
	Model DynamoModel
	// Input and Output are the mean tokens of a request, Hit the share of prompts
	// in the prefix cache.
	Input, Output, Hit float64
	// TTFT and TPOT are the objectives. Default 500 ms and 50 ms.
	TTFT, TPOT time.Duration
	// Predict returns the demand to expect after the history, oldest first.
	// Default: as much as last. The planner ships with ARIMA; [Kalman] is another
	// of its choices.
	Predict func(history []float64) float64
	// Interval is the tick. Default 180 s.
	Interval time.Duration
	// Sequences is the most requests that one engine decodes at once, and KV the
	// tokens that its cache holds.
	Sequences, KV float64
}

// Facts implements [Rule].
func (d DynamoThroughput) Facts() Facts {
	interval := or(d.Interval, 180*time.Second)
	return Facts{Name: "dynamo-throughput", Reads: 0, Shape: Absolute, Tick: interval, Delay: 0, Window: interval,
		Fails: "sees means only; demand by completions hides load; kills requests on the way down"}
}

// Validate implements [Rule].
func (d DynamoThroughput) Validate() error {
	var errs []error
	for _, f := range []struct {
		name string
		v    float64
	}{{"Input", d.Input}, {"Output", d.Output}, {"Sequences", d.Sequences}, {"KV", d.KV}} {
		if !(f.v > 0) || !finite(f.v) {
			errs = append(errs, fmt.Errorf("evenkeel: compat.DynamoThroughput: %s is %v: it must be above 0", f.name, f.v))
		}
	}
	if !(d.Hit >= 0 && d.Hit <= 1) {
		errs = append(errs, fmt.Errorf("evenkeel: compat.DynamoThroughput: Hit is %v: it is a share, 0 to 1", d.Hit))
	}
	if d.TTFT < 0 || d.TPOT < 0 || d.Interval < 0 || d.Role > DynamoDecode {
		errs = append(errs, errors.New("evenkeel: compat.DynamoThroughput: TTFT, TPOT and Interval must not be negative, and Role one of the constants"))
	}
	return errors.Join(append(errs, d.Model.validate())...)
}

// Prefill returns the engines that prompts need at rate requests a second: as
// many as are busy on average, and as many times the objective as one prompt
// takes.
func (d DynamoThroughput) Prefill(rate float64) int64 {
	wall := d.Model.Prefill(float64(d.Input * (1 - d.Hit)))
	ttft := or(d.TTFT, 500*time.Millisecond).Seconds()
	return max(ceil(float64(rate*wall)), ceil(wall/ttft))
}

// Decode returns the engines that answers need at rate requests a second.
func (d DynamoThroughput) Decode(rate float64) int64 {
	per := d.DecodeRate()
	switch {
	case rate <= 0:
		return 0
	case per <= 0:
		return decide.MaxReplicas // no batch keeps the objective: no count would do
	}
	return ceil(rate / per)
}

// DecodeRate is the requests a second that one engine answers within TPOT, with
// the largest batch that keeps it.
func (d DynamoThroughput) DecodeRate() float64 {
	context := d.Input + d.Output/2
	low, high := int64(0), floor(min(d.KV/context, d.Sequences))
	for low < high {
		mid := low + (high-low+1)/2
		if d.Model.Decode(float64(mid), float64(float64(mid)*context)) <= or(d.TPOT, 50*time.Millisecond).Seconds() {
			low = mid
		} else {
			high = mid - 1
		}
	}
	if low == 0 {
		return 0
	}
	return float64(low) / float64(d.Output*d.Model.Decode(float64(low), float64(float64(low)*context)))
}

// Next implements [Rule].
func (d DynamoThroughput) Next(s DynamoState, o Observation) (DynamoState, Verdict) {
	const longest = 50
	o = o.clean()
	m := o.metric(0)
	demand := m.Value
	if m.Failed {
		demand = 0 // as shipped: no number counts as no traffic
	}
	if !s.Begun && demand == 0 {
		return s, held(o, decide.ReasonUnknown)
	}
	history := append(append([]float64(nil), s.History...), demand)
	s = DynamoState{Begun: true, History: history[max(0, len(history)-longest):]}
	if d.Predict != nil {
		if p := d.Predict(s.History); finite(p) {
			demand = max(p, 0)
		}
	}
	n := int64(0)
	if d.Role != DynamoDecode {
		n = d.Prefill(demand)
	}
	if d.Role != DynamoPrefill {
		n = max(n, d.Decode(demand))
	}
	return s, o.bound(Verdict{Replicas: max(n, 1), Reason: decide.ReasonDemand})
}
