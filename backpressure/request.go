package backpressure

import "time"

// A Request is one request as an [Admission] sees it. The caller owns the
// memory, fills in the exported fields before Offer and leaves them alone until
// the request has ended; afterwards it may be used again. It must not be copied
// while it is queued or runs.
type Request struct {
	Cost Cost
	// Deadline of the caller. Zero: none.
	Deadline time.Time
	// Class says what goes first, and Hops, as in [Caller], whether it may be passed
	// on. Default [Critical], and 0.
	Class Class
	Hops  int
	// Tenant is a hash of the tenant's name; tenants share what there is, see
	// [Fair]. Default 0: the tenant of all who have no name.
	Tenant uint64
	// Weight of the tenant. Default 1.
	Weight float64

	route  *route // nil: full service
	limit  int64  // of output tokens on that route; 0: none but the caller's
	state  state
	rank   uint8 // Class as an index
	inFull bool  // no route will do
	urgent bool  // may displace running work
	victim bool  // was told to stop
	// stoppable is set while it is listed among those that may be preempted.
	stoppable bool
	whole     bool  // judged by completion, not by first token
	looked    uint8 // the look that waits for its end; 0: none
	decodes   bool  // counted among the decoding sequences
	prompt    float64
	work      float64 // weighted tokens
	amount    float64 // what it puts in its line
	output    int64   // tokens so far
	predicted float64 // seconds that a whole answer was to take; 0: not known

	// Instants, as time since the Admission's first event.
	arrived, admitted, first, giveUp time.Duration

	prev, next   *Request // in the queue, or among those that may be preempted
	older, newer *Request // in the flow, while it waits
	flow         *flow    // charged for it; nil while shares do not count
	lease        *lease   // the Gate's
}

type state uint8

const (
	idle      state = iota
	queued          // waits in the queue
	waiting         // admitted, first token not seen
	running         // first token seen
	elsewhere       // let in by a route that takes none of the gate's units
	displaced       // out of the queue for another's sake, not yet returned
)

// Action is what to do with a request.
type Action uint8

// The actions.
const (
	Admit Action = iota // run it now
	Hold                // hold it until Next or Expire returns it
	Shed                // refuse it
)

// A Verdict is the answer to Offer.
type Verdict struct {
	Action Action
	// Reason for Shed; for Hold the reason it was not admitted at once.
	Reason Reason
	// RetryAfter is when a refused caller may find room: the excess over what
	// fits, divided by the drain rate, or the first second after it for which not
	// too many others have been told; not jittered. 0 where nothing is known.
	RetryAfter time.Duration
}

// Outcome says how an admitted request ended.
type Outcome uint8

// The outcomes.
const (
	// Completed: served. If no first token was reported, this was it.
	Completed Outcome = iota
	// Failed: the server's fault. Counts in the error ratio.
	Failed
	// Abandoned: the caller left. Neither success nor error.
	Abandoned
)
