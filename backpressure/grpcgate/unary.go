package grpcgate

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/evenkeel/evenkeel/backpressure"
)

// Unary is a grpc.UnaryServerInterceptor: the handler runs if the gate admits the
// call, which holds its permit until the handler returns.
func (g *Guard) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	if g.cfg.Skip(info.FullMethod) {
		return handler(ctx, req)
	}
	run, p, err := g.acquire(ctx, info.FullMethod, req, true)
	if err != nil {
		a := g.answers.to(err)
		if a.trailer != nil {
			_ = grpc.SetTrailer(ctx, a.trailer) // fails only outside of a server
		}
		return nil, a.err
	}
	returned := false
	defer func() { end(ctx, p, returned, err) }()
	resp, err = handler(run, req)
	if err == nil && g.cfg.Tokens != nil {
		p.Tokens(g.cfg.Tokens(resp))
	}
	returned = true
	return resp, err
}

// end gives p back with the outcome of a handler that returned err, or panicked.
func end(ctx context.Context, p backpressure.Permit, returned bool, err error) {
	switch {
	case ctx.Err() != nil:
		p.Abandon()
	case !returned:
		p.Fail()
	case err != nil:
		blame(p, status.Code(err))
	}
	p.Release()
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
