package grpcgate

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/evenkeel/evenkeel/backpressure"
)

// A Client restrains the calls of a gRPC client while the server sheds most of them:
// [backpressure.Throttle] as interceptors. The zero Client is ready; use one for each
// connection:
//
//	var client grpcgate.Client
//	conn, err := grpc.NewClient(target,
//		grpc.WithChainUnaryInterceptor(client.Unary),
//		grpc.WithChainStreamInterceptor(client.Stream))
//
// A call that is not sent fails with UNAVAILABLE and a RetryInfo, and errors.As finds
// the *[backpressure.Throttled]. Only refusals with a RetryInfo count as shed; a
// connection that fails does not. Retries are the work of the connection's retry
// policy, which waits as long as the server says; a call counts once, by how it ended.
type Client struct{ throttle backpressure.Throttle }

// Unary is a grpc.UnaryClientInterceptor.
func (c *Client) Unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if err := c.ask(); err != nil {
		return err
	}
	err := invoker(ctx, method, req, reply, cc, opts...)
	c.answered(err)
	return err
}

// Stream is a grpc.StreamClientInterceptor. A stream counts as accepted at its first
// message, or at an end that is no refusal.
func (c *Client) Stream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	if err := c.ask(); err != nil {
		return nil, err
	}
	s, err := streamer(ctx, desc, cc, method, opts...)
	if err != nil {
		c.answered(err)
		return nil, err
	}
	return &clientStream{ClientStream: s, client: c}, nil
}

type clientStream struct {
	grpc.ClientStream
	client *Client
	once   sync.Once
}

// RecvMsg takes note of the first thing that comes.
func (s *clientStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	s.once.Do(func() { s.client.answered(err) })
	return err
}

func (c *Client) ask() error {
	err := c.throttle.Ask(time.Now())
	if t, ok := errors.AsType[*backpressure.Throttled](err); ok {
		return &throttled{t}
	}
	return err
}

// answered counts a call that ended with err. One that the caller ended, or that
// reached no server, is no sign of either.
func (c *Client) answered(err error) {
	switch status.Code(err) {
	case codes.Unavailable, codes.ResourceExhausted:
		if after, ok := RetryAfter(err); ok {
			c.throttle.Refused(time.Now(), after)
		}
		return
	case codes.Canceled, codes.DeadlineExceeded:
		return
	}
	c.throttle.Accepted(time.Now())
}

// throttled is a *backpressure.Throttled that gRPC knows how to read.
type throttled struct{ *backpressure.Throttled }

func (t *throttled) Unwrap() error { return t.Throttled }

// GRPCStatus is what status.FromError looks for.
func (t *throttled) GRPCStatus() *status.Status {
	s := status.New(codes.Unavailable, t.Error())
	if full, err := s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(t.RetryAfter())}); err == nil {
		return full
	}
	return s
}
