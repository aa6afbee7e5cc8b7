package grpcgate

import (
	"context"

	"google.golang.org/grpc"
)

// Unary is a grpc.UnaryServerInterceptor: the handler runs if the gate admits the
// call, which holds its permit until the handler returns.
func (g *Guard) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	if g.cfg.Skip(info.FullMethod) {
		return handler(ctx, req)
	}
	c, err := g.acquire(ctx, info.FullMethod, req, true)
	if err != nil {
		return nil, g.refuse(ctx, err)
	}
	returned := false
	defer func() { c.end(ctx, returned, err) }()
	resp, err = handler(c.ctx, req)
	if err == nil && g.cfg.Tokens != nil {
		c.permit.Tokens(g.cfg.Tokens(resp))
	}
	returned = true
	if why := c.preempted(ctx, err); why != nil {
		return nil, g.refuse(ctx, why)
	}
	return resp, err
}

// refuse returns the answer to err, and leaves its trailer with the call of ctx.
func (g *Guard) refuse(ctx context.Context, err error) error {
	a := g.answers.to(err)
	if a.trailer != nil {
		_ = grpc.SetTrailer(ctx, a.trailer) // fails only outside of a server
	}
	return a.err
}
