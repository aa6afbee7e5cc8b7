package grpcgate

import (
	"context"
	"errors"
	"strings"

	"github.com/evenkeel/evenkeel/backpressure"
)

// A Config says how calls are gated. The zero Config is valid.
type Config struct {
	// Cost estimates a call. req is the request message of a unary call and of a
	// stream with a single request; for a stream with many it is nil, since the call
	// is admitted before the first of them is read. A unary call and a stream with a
	// single answer always count as Whole. Default: of unknown length.
	Cost func(ctx context.Context, fullMethod string, req any) backpressure.Cost
	// Caller says on whose behalf a call runs. Only what it makes of the call's
	// metadata counts. Default: what [backpressure.WithCaller] has put into the
	// context, in an interceptor before this one.
	Caller func(ctx context.Context, fullMethod string) backpressure.Caller
	// Tokens counts the output tokens in a message that is sent. Default: one in
	// each message of a stream of answers; none in a single answer, whose length
	// then teaches nothing.
	Tokens func(msg any) int
	// Skip names the methods that are not gated, as "/package.Service/Method".
	// Default: [Infrastructure].
	Skip func(fullMethod string) bool
}

// Infrastructure reports whether fullMethod belongs to one of gRPC's own services:
// health, reflection, channelz. A Skip of your own should ask it too: a health check
// that is shed takes a healthy server out of service.
func Infrastructure(fullMethod string) bool { return strings.HasPrefix(fullMethod, "/grpc.") }

// A Guard has the interceptors of one gate. Make it with [New].
type Guard struct {
	gate    *backpressure.Gate
	cfg     Config
	answers answers
}

// New returns the interceptors for gate: [Guard.Unary] and [Guard.Stream]. Put them
// behind those that recover from panics, authenticate and trace, and before those
// that do costly work.
func New(gate *backpressure.Gate, cfg Config) (*Guard, error) {
	if gate == nil {
		return nil, errors.New("grpcgate: gate is nil: make one with backpressure.New")
	}
	if cfg.Skip == nil {
		cfg.Skip = Infrastructure
	}
	return &Guard{gate: gate, cfg: cfg}, nil
}
