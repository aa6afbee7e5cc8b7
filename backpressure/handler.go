package backpressure

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// ReasonHeader carries the [Reason] of a refusal.
const ReasonHeader = "Evenkeel-Reason"

// A HandlerConfig says how [Gate.Handler] treats requests. The zero value is for
// an OpenAI-compatible server.
type HandlerConfig struct {
	// Cost estimates a request. It may read the body if it puts it back. Default
	// [EstimateOpenAI]. An error is answered with status 400.
	Cost func(*http.Request) (Cost, error)
	// Tokens counts the output tokens in a piece of the body, as the handler
	// writes it, cut anywhere; with it, every body is a stream. Default: the
	// events of a text/event-stream, one token each, and a quarter of the bytes of
	// anything else.
	Tokens func(header http.Header, piece []byte) int
	// Reject answers a refused request. Default [WriteRejection].
	Reject func(w http.ResponseWriter, r *http.Request, err error)
}

// Handler lets requests through to next as the gate admits them. The permit is
// held until next returns or panics; a panic goes on. The first piece of a stream
// that next writes is the first token, and what it writes is counted, so a
// handler needs to do nothing; one that knows better finds its permit with
// [PermitFrom]. A stream is a text/event-stream, or a body that next flushes while
// it writes.
//
// The handler of a sheddable request may find its context cancelled in favour of a
// more important one, see [Permit.OnPreempt]; if it then returns without a word,
// the answer is the refusal. A response of status 500 or more counts as failed, one
// whose client has left as abandoned. The ResponseWriter passed on can do whatever the server's can,
// through the usual interfaces and through http.ResponseController.
func (g *Gate) Handler(next http.Handler, cfg HandlerConfig) http.Handler {
	cost, reject := cfg.Cost, cfg.Reject
	if cost == nil {
		cost = EstimateOpenAI
	}
	if reject == nil {
		reject = func(w http.ResponseWriter, _ *http.Request, err error) { WriteRejection(w, err) }
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := cost(r)
		if err != nil {
			http.Error(w, "the request cannot be read: "+err.Error(), http.StatusBadRequest)
			return
		}
		p, err := g.Acquire(r.Context(), c)
		if err != nil {
			reject(w, r, err)
			return
		}
		s := service{next, reject, cfg.Tokens, c.Whole}
		s.serve(w, r, p)
	})
}

// A service runs a handler under a permit.
type service struct {
	next   http.Handler
	reject func(http.ResponseWriter, *http.Request, error)
	count  func(http.Header, []byte) int
	whole  bool
}

func (s service) serve(w http.ResponseWriter, r *http.Request, p Permit) {
	watch := &watcher{ResponseWriter: w, permit: p, whole: s.whole, count: s.count}
	ctx := WithPermit(r.Context(), p)
	if callerOf(ctx).Class < Critical {
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		defer cancel(nil)
		p.OnPreempt(cancel)
	}
	returned := false
	defer func() {
		watch.finish()
		switch {
		case r.Context().Err() != nil:
			p.Abandon()
		case !returned || watch.status >= http.StatusInternalServerError:
			p.Fail()
		}
		p.Release()
	}()
	s.next.ServeHTTP(watch.wrap(), r.WithContext(ctx))
	returned = true
	if why, ok := context.Cause(ctx).(*Rejected); ok && r.Context().Err() == nil && watch.status == 0 {
		s.reject(w, r, why) // nothing has been said yet
	}
}

// rejection is the body of a refusal, in the form of OpenAI's errors.
type rejection struct {
	Error struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    string  `json:"code"`
	} `json:"error"`
}

// WriteRejection answers with err's status, its Retry-After, the header
// [ReasonHeader], and a JSON body in the form of OpenAI's errors. An err that is
// no *[Rejected] is answered with 503.
func WriteRejection(w http.ResponseWriter, err error) {
	var body rejection
	status, reason := http.StatusServiceUnavailable, "unavailable"
	body.Error.Message, body.Error.Type = "the server cannot take the request", "server_error"
	if r, ok := errors.AsType[*Rejected](err); ok {
		status, reason = r.Status(), r.Reason().String()
		body.Error.Message = strings.TrimPrefix(r.Error(), "evenkeel: ")
		w.Header().Set(ReasonHeader, reason)
		if after := r.RetryAfter(); after > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
		}
	}
	body.Error.Code = reason
	data, err := json.Marshal(body)
	if err != nil { // strings always marshal
		data = nil
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n')) // the client may be gone
}
