package grpcgate

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/evenkeel/evenkeel/backpressure"
)

// A call is one that was admitted. The zero call holds nothing.
type call struct {
	ctx    context.Context // for the handler
	permit backpressure.Permit
	cancel context.CancelCauseFunc // nil where nobody may stop it
}

// acquire asks the gate.
func (g *Guard) acquire(ctx context.Context, method string, req any, whole bool) (call, error) {
	var c backpressure.Cost
	if g.cfg.Cost != nil {
		c = g.cfg.Cost(ctx, method, req)
	}
	c.Whole = c.Whole || whole
	if g.cfg.Caller != nil {
		ctx = backpressure.WithCaller(ctx, g.cfg.Caller(ctx, method))
	}
	p, err := g.gate.Acquire(ctx, c)
	if err != nil {
		return call{}, err
	}
	admitted := call{ctx: backpressure.WithPermit(ctx, p), permit: p}
	if backpressure.CallerFrom(ctx).Class < backpressure.Critical {
		admitted.ctx, admitted.cancel = context.WithCancelCause(admitted.ctx)
		p.OnPreempt(admitted.cancel)
	}
	return admitted, nil
}

// preempted returns why the gate has stopped a handler that then failed with err,
// or nil. ctx is that of the caller, who may have left.
func (c *call) preempted(ctx context.Context, err error) error {
	if err == nil || c.cancel == nil || ctx.Err() != nil {
		return nil
	}
	if why, ok := errors.AsType[*backpressure.Rejected](context.Cause(c.ctx)); ok {
		return why
	}
	return nil
}

// end gives the permit back, with the outcome of a handler that returned err, or
// panicked.
func (c *call) end(ctx context.Context, returned bool, err error) {
	switch {
	case ctx.Err() != nil:
		c.permit.Abandon()
	case !returned:
		c.permit.Fail()
	case err != nil:
		blame(c.permit, status.Code(err))
	}
	c.permit.Release()
	if c.cancel != nil {
		c.cancel(nil)
	}
}

// blame tells p whose fault an error is. A call that failed by the caller's fault
// was not served, so it would teach the gate a speed that no real call has.
func blame(p backpressure.Permit, c codes.Code) {
	switch c {
	case codes.OK:
	case codes.Unknown, codes.DeadlineExceeded, codes.Unimplemented, codes.Internal, codes.Unavailable, codes.DataLoss:
		p.Fail()
	default:
		p.Abandon()
	}
}
