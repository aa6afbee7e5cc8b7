package grpcgate_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/backpressure/grpcgate"
)

// While the gate is closed a client sends less and less, and when it is open again
// everything.
func TestClientHoldsBack(t *testing.T) {
	for _, streams := range []bool{false, true} {
		name := "unary"
		if streams {
			name = "stream"
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var client grpcgate.Client
				r, stop := start(t, newGate(t, backpressure.Config{}), grpcgate.Config{}, &model{
					say:  func(_ context.Context, in *text) (*text, error) { return in, nil },
					tell: func(s grpc.ServerStream) error { return s.SendMsg(wrapperspb.String("word")) },
				}, grpc.WithChainUnaryInterceptor(client.Unary), grpc.WithChainStreamInterceptor(client.Stream))
				defer stop()
				call := func() error {
					time.Sleep(100 * time.Millisecond)
					if !streams {
						return r.say(t.Context())
					}
					s, err := r.open(t.Context(), tellDesc, false)
					if err != nil {
						return err
					}
					if _, err = all(s); errors.Is(err, io.EOF) {
						return nil
					}
					return err
				}
				for range 20 {
					if err := call(); err != nil {
						t.Fatal(err)
					}
				}
				if err := r.gate.Drain(t.Context()); err != nil {
					t.Fatal(err)
				}
				held := 0
				for range 1000 {
					err := call()
					if status.Code(err) != codes.Unavailable {
						t.Fatal(err)
					}
					after, ok := grpcgate.RetryAfter(err)
					if !ok || after < time.Second {
						t.Fatalf("no word of when to come back: %v", err)
					}
					if own, ok := errors.AsType[*backpressure.Throttled](err); ok {
						held++
						// The clock of a protobuf duration is as fine as Go's.
						if own.RetryAfter() != after || !errors.Is(err, backpressure.ErrThrottled) {
							t.Fatalf("%v, %v", own, after)
						}
					}
				}
				sent := int(r.gate.Stats().Offered) - 20
				t.Logf("%d of 1000 not sent, %d seen by the server", held, sent)
				if held < 800 || held+sent != 1000 {
					t.Errorf("%d of 1000 not sent, %d seen by the server", held, sent)
				}
				r.gate.Resume()
				time.Sleep(10 * time.Second) // what the server asked for
				for i := range 100 {
					if err := call(); err != nil {
						t.Fatalf("call %d after the server is back: %v", i, err)
					}
				}
			})
		})
	}
}

// A server that cannot be reached, or callers that leave, are no reason to hold back.
func TestClientCountsOnlyShedding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var client grpcgate.Client
		r, stop := start(t, newGate(t, backpressure.Config{}), grpcgate.Config{}, &model{
			say: func(_ context.Context, in *text) (*text, error) { return nil, status.Error(codes.Internal, "broken") },
		}, grpc.WithChainUnaryInterceptor(client.Unary))
		defer stop()
		for range 100 {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := r.say(ctx); status.Code(err) != codes.Canceled {
				t.Fatal(err)
			}
			if err := r.say(t.Context()); status.Code(err) != codes.Internal {
				t.Fatal(err)
			}
		}
		r.srv.Stop()
		for range 100 {
			if err := r.say(t.Context()); errors.Is(err, backpressure.ErrThrottled) || status.Code(err) != codes.Unavailable {
				t.Fatal(err)
			}
		}
	})
}
