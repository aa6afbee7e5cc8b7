package compat

import (
	"errors"
	"time"
)

// Dynamo is the planner with both modes on: the throughput mode, at its slow
// tick, sets a floor, and the load mode does the rest. Metrics 0 and 1 are those
// of the load mode, metric 2 that of the throughput mode.
type Dynamo struct {
	Load       DynamoLoad
	Throughput DynamoThroughput
}

// DynamoBothState is what both modes remember.
type DynamoBothState struct {
	Load, Throughput DynamoState
	// At is the throughput mode's last tick and Floor what it said.
	At    time.Time
	Floor int64
}

// Facts implements [Rule]: those of the load mode.
func (d Dynamo) Facts() Facts {
	f := d.Load.Facts()
	f.Name = "dynamo-both"
	return f
}

// Validate implements [Rule].
func (d Dynamo) Validate() error {
	return errors.Join(d.Load.Validate(), d.Throughput.Validate())
}

// Next implements [Rule].
func (d Dynamo) Next(s DynamoBothState, o Observation) (DynamoBothState, Verdict) {
	if s.At.IsZero() || o.Now.Sub(s.At) >= d.Throughput.Facts().Tick || o.Now.Before(s.At) {
		slow := o
		slow.Metrics = nil
		if len(o.Metrics) > 2 {
			slow.Metrics = o.Metrics[2:]
		}
		var v Verdict
		if s.Throughput, v = d.Throughput.Next(s.Throughput, slow); !v.Held {
			s.Floor = v.Replicas
		}
		s.At = o.Now
	}
	load := d.Load
	load.Floor = max(load.Floor, s.Floor)
	var v Verdict
	s.Load, v = load.Next(s.Load, o)
	return s, v
}
