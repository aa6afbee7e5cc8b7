package actuate

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// A Target is the thing scaled. Both calls are safe for concurrent use and
// return in time for ctx. A Target classifies its errors with [Error], since
// only it knows its platform; it does not retry.
//
// Scale asks for an absolute count and returns once the platform has accepted
// it: acceptance is not capacity, so whoever wants to know reads Status. Asking
// for the same count again does nothing.
type Target interface {
	Status(context.Context) (Status, error)
	Scale(context.Context, Request) error
}

// Status is what the platform says of the fleet.
type Status struct {
	Fleet decide.Fleet
	// Version changes whenever the desired count does, on platforms that offer
	// compare-and-swap; empty elsewhere.
	Version string
	// Instances, in a stable order. Nil where the platform does not list them.
	Instances []Instance
	// Limits that the platform itself imposes; zero where it imposes none.
	Limits decide.Limits
	// Writer names somebody else who also writes the count, if there is one.
	Writer string
}

// Phase is where an instance is in its life.
type Phase uint8

// The phases, in order.
const (
	Starting Phase = iota // created, not yet able to serve
	Ready                 // serving
	Draining              // finishing what it has, taking nothing new
	Stopping              // told to end
)

var phaseNames = [...]string{"starting", "ready", "draining", "stopping"}

// String returns the lower-case name of p.
func (p Phase) String() string {
	if int(p) < len(phaseNames) {
		return phaseNames[p]
	}
	return "unknown"
}

// An Instance is one replica.
type Instance struct {
	ID    string
	Addr  string // host:port that serves; empty where there is none
	Phase Phase
	Since time.Time // when it entered the phase
	// InFlight is the number of requests it is working on, -1 if not known.
	InFlight int64
	// Restarts counts how often it was started again after it ended by itself.
	Restarts int64
	// Detail says in a few words what is wrong with it; empty if nothing is.
	Detail string
}

// A Request asks a Target for a count.
type Request struct {
	Desired int64
	// Version makes the write conditional on Status.Version; empty: unconditional.
	Version string
	// Epoch of the leadership under which the request is made. A Target that
	// remembers a later one refuses with Class Fenced.
	Epoch uint64
	// Victims are the instances to give up first when the count falls. Hints:
	// a Target may not be able to choose.
	Victims []string
	Reason  decide.Reason
}

// A Drainer is a Target that can be told to let one instance finish and give it
// nothing new. The drain ends by itself after ttl, so that a caller that dies
// leaves no instance idle for ever. A ttl of 0 ends a drain at once.
type Drainer interface {
	Drain(ctx context.Context, id string, ttl time.Duration) error
}

// Traffic is what sends requests to instances: a router, or whatever a server
// uses instead. A Target that has one tells it which instances may be used and
// asks it how busy each is, so that scale-in ends no request.
type Traffic interface {
	// Route replaces the set of instances. Only those in phase Ready get new
	// requests; a Draining one keeps those it has.
	Route([]Instance)
	// InFlight returns the number of requests now at the instance, 0 if unknown.
	InFlight(id string) int64
}
