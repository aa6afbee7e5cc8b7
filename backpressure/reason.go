package backpressure

import (
	"errors"
	"net/http"
	"strconv"
)

// What a [Rejected] is, for errors.Is.
var (
	// ErrShed: refused on arrival; the request never waited.
	ErrShed = errors.New("evenkeel: shed")
	// ErrEvicted: refused after it had waited in the queue.
	ErrEvicted = errors.New("evenkeel: evicted from the queue")
	// ErrPreempted: it ran, and was stopped so that a more important one could run.
	ErrPreempted = errors.New("evenkeel: preempted")
)

// Reason says why a request was not let in. Low cardinality, fit for a metric's
// attribute.
type Reason uint8

// The reasons.
const (
	// Admitted is the zero Reason: not refused.
	Admitted Reason = iota
	// Saturated: the predicted time to first token is over what the objective
	// leaves for it.
	Saturated
	// DecodeSaturated: one more sequence would take the time per output token over
	// its objective.
	DecodeSaturated
	// QueueFull: the queue's bound in requests or bytes is reached.
	QueueFull
	// QueueTimeout: the request waited as long as was useful.
	QueueTimeout
	// NoCapacity: no unit is ready, and none will be soon enough.
	NoCapacity
	// Draining: the gate admits nothing any more.
	Draining
	// DeadlineTooShort: the caller's deadline leaves less than the service takes.
	DeadlineTooShort
	// Cancelled: the caller's context ended while the request waited.
	Cancelled
	// QuotaRequests: the caller's key has used up its requests per minute.
	QuotaRequests
	// QuotaTokens: the caller's key has used up its tokens per minute.
	QuotaTokens
	// QuotaTooLarge: the request is larger than all that the key may use at once.
	// It will never fit, however often it is repeated.
	QuotaTooLarge
	// Preempted: the request ran, and was stopped so that a more important one
	// could run.
	Preempted

	reasons
)

var reasonNames = [reasons]string{
	"admitted", "saturated", "decode_saturated", "queue_full", "queue_timeout",
	"no_capacity", "draining", "deadline_too_short", "cancelled",
	"quota_requests", "quota_tokens", "quota_too_large", "preempted",
}

var reasonTexts = [reasons]string{
	"admitted",
	"the predicted time to first token is over its objective",
	"the time per output token is at its objective",
	"the queue is full",
	"the wait in the queue was too long",
	"no unit is ready",
	"the server is draining",
	"the deadline is shorter than the expected service",
	"the client is gone",
	"the quota of requests per minute is used up",
	"the quota of tokens per minute is used up",
	"the request is larger than its quota of tokens and will never fit",
	"stopped for a more important request",
}

// String returns the reason's name in lower case with underscores.
func (r Reason) String() string {
	if r < reasons {
		return reasonNames[r]
	}
	return "reason(" + strconv.Itoa(int(r)) + ")"
}

// status is the HTTP status of the answer. 503 is for the server's limits; 429
// tells the caller that it did something wrong. 499 is what proxies log for a
// client that left; nobody reads that answer.
func (r Reason) status() int {
	switch r {
	case Cancelled:
		return 499
	case QuotaRequests, QuotaTokens, QuotaTooLarge:
		return http.StatusTooManyRequests
	}
	return http.StatusServiceUnavailable
}

// ofQuota reports whether r is about what the caller may use, and not about what
// the server can do. No replica more would help.
func (r Reason) ofQuota() bool { return r.status() == http.StatusTooManyRequests }
