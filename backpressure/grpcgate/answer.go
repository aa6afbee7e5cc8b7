package grpcgate

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/evenkeel/evenkeel/backpressure"
)

// Domain is the domain of the ErrorInfo in a refusal. Its reason is the
// [backpressure.Reason] in capitals, as "QUEUE_FULL".
const Domain = "evenkeel.backpressure"

// pushback is the trailer by which a server tells a retrying client when its next
// attempt may come, or, if it is negative, that there is no use in one: gRPC
// proposal A6.
const pushback = "grpc-retry-pushback-ms"

// An answer is what a refused caller gets. It is immutable and shared.
type answer struct {
	err     error       // a status
	trailer metadata.MD // nil for who has left
}

// what an answer says. Nothing in it belongs to one caller.
type refusal struct {
	code    codes.Code
	reason  backpressure.Reason
	evicted bool
	retry   time.Duration
}

// maxAnswers bounds those that are kept. Whole seconds up to two minutes for each
// reason are far fewer.
const maxAnswers = 8192

// answers keeps each answer it has made: packing the details costs more than
// everything else about a refusal.
type answers struct {
	mu   sync.RWMutex
	made map[refusal]*answer
}

// to returns the answer to err, an error of Gate.Acquire.
func (a *answers) to(err error) *answer {
	r, ok := errors.AsType[*backpressure.Rejected](err)
	if !ok { // a gate returns nothing else
		return &answer{err: status.FromContextError(err).Err()}
	}
	key := refusal{codeOf(r), r.Reason(), r.Evicted(), r.RetryAfter()}
	a.mu.RLock()
	known := a.made[key]
	a.mu.RUnlock()
	if known != nil {
		return known
	}
	made := key.answer()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.made == nil {
		a.made = make(map[refusal]*answer)
	}
	if len(a.made) < maxAnswers {
		a.made[key] = made
	}
	return made
}

// codeOf is the code for r. Whether a caller has left by itself or its time ran
// out, r knows as the error of a context.
func codeOf(r *backpressure.Rejected) codes.Code {
	switch {
	case errors.Is(r, context.Canceled):
		return codes.Canceled
	case errors.Is(r, context.DeadlineExceeded):
		return codes.DeadlineExceeded
	case r.Status() == 429:
		return codes.ResourceExhausted
	}
	return codes.Unavailable
}

func (r refusal) answer() *answer {
	text := "shed"
	switch {
	case r.reason == backpressure.Preempted:
		text = "stopped"
	case r.evicted:
		text = "evicted from the queue"
	}
	text += ": " + r.reason.String()
	switch {
	case r.code == codes.Canceled || r.code == codes.DeadlineExceeded:
		return &answer{err: r.status(text)}
	case r.retry <= 0: // it will never fit
		return &answer{err: r.status(text), trailer: metadata.Pairs(pushback, "-1")}
	}
	ms := strconv.FormatInt(r.retry.Milliseconds(), 10)
	return &answer{
		err:     r.status(text+", retry after "+r.retry.String(), &errdetails.RetryInfo{RetryDelay: durationpb.New(r.retry)}),
		trailer: metadata.Pairs(pushback, ms),
	}
}

// status packs the details and the ErrorInfo that every answer has.
func (r refusal) status(text string, details ...protoadapt.MessageV1) error {
	details = append(details, protoadapt.MessageV1Of(&errdetails.ErrorInfo{Reason: strings.ToUpper(r.reason.String()), Domain: Domain}))
	s := status.New(r.code, text)
	if full, err := s.WithDetails(details...); err == nil { // fails for code OK only
		s = full
	}
	return s.Err()
}
