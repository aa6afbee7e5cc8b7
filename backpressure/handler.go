package backpressure

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// A HandlerConfig says how [Gate.Handler] treats requests. The zero value is for
// an OpenAI-compatible server.
type HandlerConfig struct {
	// Caller says on whose behalf a request runs, and how much it matters. It must
	// not read the body. What it trusts is the user's decision: a header counts
	// for anything only if this function says so. Default: the [Caller] of the
	// request's context, which [WithCaller] has put there.
	Caller func(*http.Request) Caller
	// Cost estimates a request. It may read the body if it puts it back. Default
	// [EstimateOpenAI]. An error is answered with status 400.
	Cost func(*http.Request) (Cost, error)
	// Tokens counts the output tokens in a piece of the body, as the handler
	// writes it, cut anywhere; with it, every body is a stream. Default: the
	// events of a text/event-stream, one token each, and a quarter of the bytes of
	// anything else.
	Tokens func(header http.Header, piece []byte) int
	// Routes serve what was let in by a [Route] of that name, instead of the
	// handler. Without one the handler itself does, and finds out by
	// [Permit.Route]; but what leads Elsewhere is then refused, since the units have
	// no room for it. The answer bears the header [RouteHeader].
	Routes map[string]http.Handler
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
// A request that has no chance, however small it may be, is refused before its
// body is read. Where the caller has a quota, the answer says what is left of it;
// see [Quotas] and the headers of [SetRateLimit].
//
// The handler of a sheddable request may find its context cancelled in favour of a
// more important one, see [Permit.OnPreempt]; if it then returns without a word,
// the answer is the refusal. A response of status 500 or more counts as failed,
// one whose client has left as abandoned. The ResponseWriter passed on can do whatever the server's can,
// through the usual interfaces and through http.ResponseController.
func (g *Gate) Handler(next http.Handler, cfg HandlerConfig) http.Handler {
	if cfg.Cost == nil {
		cfg.Cost = EstimateOpenAI
	}
	if cfg.Reject == nil {
		cfg.Reject = func(w http.ResponseWriter, _ *http.Request, err error) { WriteRejection(w, err) }
	}
	return &handler{g, next, cfg}
}

type handler struct {
	gate *Gate
	next http.Handler
	cfg  HandlerConfig
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	if h.cfg.Caller != nil {
		ctx = WithCaller(ctx, h.cfg.Caller(r))
	}
	var p Permit
	var c Cost
	err := h.gate.early(ctx, r)
	if err == nil {
		if c, err = h.cfg.Cost(r); err != nil {
			writeUnreadable(w, err)
			return
		}
		p, err = h.gate.Acquire(ctx, c)
	}
	if q := h.gate.quotas.Load(); q != nil {
		SetRateLimit(w.Header(), q.State(time.Now(), int(h.gate.members.Load()), callerOf(ctx).quotaKey()))
	}
	if err != nil {
		h.cfg.Reject(w, r, err)
		return
	}

	next := h.next
	if h.gate.routed.Load() {
		if next, err = h.byRoute(w, p); err != nil {
			h.cfg.Reject(w, r, err)
			return
		}
	}
	h.serve(next, w, r, ctx, p, c)
}

// byRoute returns the handler for the route of p, and names it in the answer.
func (h *handler) byRoute(w http.ResponseWriter, p Permit) (http.Handler, error) {
	name, away := p.way()
	if name == "" {
		return h.next, nil
	}
	next, ok := h.cfg.Routes[name]
	if !ok && away {
		p.Fail()
		p.Release()
		return nil, h.gate.refuse(Saturated, 0)
	}
	w.Header().Set(RouteHeader, name)
	if !ok {
		next = h.next
	}
	return next, nil
}

// serve runs next under p.
func (h *handler) serve(next http.Handler, w http.ResponseWriter, r *http.Request, ctx context.Context, p Permit, c Cost) {
	writer, x := wrap(w)
	x.permit, x.whole, x.bound, x.count = p, c.Whole, c.MaxOutput, h.cfg.Tokens
	x.ctx.Context, x.ctx.permit = ctx, p
	ctx = &x.ctx
	if callerOf(ctx).Class < Critical {
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		defer cancel(nil)
		p.OnPreempt(cancel)
	}
	returned := false
	defer func() {
		x.finish()
		switch {
		case x.ctx.Err() != nil:
			p.Abandon()
		case !returned || x.status >= http.StatusInternalServerError:
			p.Fail()
		}
		p.Release()
	}()
	next.ServeHTTP(writer, r.WithContext(ctx))
	returned = true
	if why, ok := errors.AsType[*Rejected](context.Cause(ctx)); ok && x.ctx.Err() == nil && x.status == 0 {
		h.cfg.Reject(w, r, why) // nothing has been said yet
	}
}

// writeUnreadable answers a request whose cost could not be estimated.
func writeUnreadable(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		status = http.StatusRequestEntityTooLarge
	}
	writeError(w, status, "invalid_request_error", "unreadable", "the request cannot be read: "+err.Error())
}
