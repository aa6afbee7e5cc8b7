package simulate

import (
	"time"

	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/decide/simulate/trace"
)

// requestState is where a request is on its way.
type requestState uint8

const (
	waiting requestState = iota // in the gate's queue
	held                        // admitted, no unit is ready
	running                     // on a unit
	ended
)

// A request of the trace, under way.
type request struct {
	id      uint64
	state   requestState
	rec     trace.Record
	unit    *unit
	made    int64 // output tokens so far
	first   time.Duration
	started bool // first is set
	ticket  backpressure.Request
}
