package compat

import (
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// A Rule is how one autoscaler decides. S is what it remembers from tick to
// tick, a plain value whose zero is a fresh start. A Rule is pure: Next changes
// nothing that it is given, and the same arguments give the same answer.
type Rule[S any] interface {
	// Facts says what the rule reads and how it is run.
	Facts() Facts
	// Validate names every field that makes no sense. Next is total all the same:
	// it never panics, whatever the fields.
	Validate() error
	// Next decides on o and returns the state for the next tick.
	Next(s S, o Observation) (S, Verdict)
}

// Facts are what tells an autoscaler that stays calm while replicas start from
// one that runs away, and what a fair comparison has to grant each of them.
type Facts struct {
	// Name of the rule, such as "knative-kpa".
	Name string
	// Reads is the count that a wish is computed from. A rule that multiplies a
	// ratio by a count with pending replicas in it asks again for what is already
	// on its way.
	Reads Count
	// Shape of the algorithm.
	Shape Shape
	// Tick is the time between decisions.
	Tick time.Duration
	// Delay is how old the signals are, on average, when they are decided on.
	Delay time.Duration
	// Window is the span over which Metric.Value is averaged, and Short that of
	// Metric.Short. 0: the last value.
	Window, Short time.Duration
	// Fails is the known failure, in a few words.
	Fails string
}

// Count is a set of the replica counts that a rule may read.
type Count uint8

// The counts.
const (
	Spec   Count = 1 << iota // the count asked for, with all that is pending
	Status                   // the replicas that exist, ready or not
	Ready                    // the replicas that serve
)

// String returns the counts, joined by a plus sign.
func (c Count) String() string {
	var names []string
	for i, n := range []string{"spec", "status", "ready"} {
		if c&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, "+")
}

// Shape is how a rule gets from its signals to a count.
type Shape uint8

// The shapes.
const (
	Absolute Shape = iota // demand ÷ what one replica takes: cannot run away
	Ratio                 // a count times a value per replica ÷ its setpoint
	Step                  // one more or one fewer, by thresholds
)

// String returns the lower-case name of s.
func (s Shape) String() string {
	switch s {
	case Absolute:
		return "absolute"
	case Ratio:
		return "ratio"
	case Step:
		return "step"
	}
	return "unknown"
}

// A Verdict is what a rule wants.
type Verdict struct {
	// Replicas wanted. If Held it is the count as it is.
	Replicas int64
	// Held: the rule has no opinion, for want of data or because it waits.
	Held bool
	// Reason is the step that had the last word.
	Reason decide.Reason
}

func held(o Observation, why decide.Reason) Verdict {
	return Verdict{Replicas: o.Spec, Held: true, Reason: why}
}

// Rules returns the facts of every rule of this package, with the settings that
// each autoscaler ships with.
func Rules() []Facts {
	return []Facts{
		HPA{}.Facts(), KPA{}.Facts(), KEDA{}.Facts(), Ray{}.Facts(),
		APA{}.Facts(), APA{Repaired: true}.Facts(),
		AIBrixKPA{}.Facts(), AIBrixKPA{Repaired: true}.Facts(),
		WVASaturation{}.Facts(), WVATokens{}.Facts(),
		DynamoLoad{}.Facts(), DynamoThroughput{}.Facts(),
		Nomad{}.Facts(), AWS{}.Facts(),
	}
}
