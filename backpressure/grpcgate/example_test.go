package grpcgate_test

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/backpressure/grpcgate"
)

func ExampleNew() {
	gate, err := backpressure.New(backpressure.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := grpcgate.New(gate, grpcgate.Config{
		Cost: func(_ context.Context, _ string, req any) backpressure.Cost {
			prompt, ok := req.(*wrapperspb.StringValue) // your request message
			if !ok {
				return backpressure.Cost{}
			}
			return backpressure.Cost{Prompt: int64(len(prompt.Value) / 4)}
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := grpc.NewServer(
		grpc.ChainUnaryInterceptor(guard.Unary),
		grpc.ChainStreamInterceptor(guard.Stream))
	defer srv.Stop()
	fmt.Println(gate.Stats().InFlight, "in flight")
	// Output:
	// 0 in flight
}

// What a client finds in a refusal.
func ExampleRetryAfter() {
	gate, err := backpressure.New(backpressure.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := grpcgate.New(gate, grpcgate.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := gate.Drain(context.Background()); err != nil {
		fmt.Println(err)
	}
	_, err = guard.Unary(context.Background(), nil, &grpc.UnaryServerInfo{FullMethod: "/chat.Model/Say"}, nil)
	after, ok := grpcgate.RetryAfter(err)
	fmt.Println(status.Code(err), after > 0, ok)
	// Output:
	// Unavailable true true
}
