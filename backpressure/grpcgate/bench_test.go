package grpcgate_test

import (
	"context"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/backpressure/grpcgate"
)

// transport stands in for the server's stream, so that the interceptors alone are
// measured.
type transport struct{}

func (transport) Method() string               { return sayMethod }
func (transport) SetHeader(metadata.MD) error  { return nil }
func (transport) SendHeader(metadata.MD) error { return nil }
func (transport) SetTrailer(metadata.MD) error { return nil }

func benchmark(b *testing.B, refuse bool) {
	gate := newGate(b, backpressure.Config{})
	if refuse {
		gate.Observe(backpressure.Outlook{})
	}
	guard, err := grpcgate.New(gate, grpcgate.Config{})
	if err != nil {
		b.Fatal(err)
	}
	ctx := grpc.NewContextWithServerTransportStream(context.Background(), transport{})
	info, req := &grpc.UnaryServerInfo{FullMethod: sayMethod}, wrapperspb.String("hello")
	handler := func(context.Context, any) (any, error) { return req, nil }
	b.ReportAllocs()
	for b.Loop() {
		if _, err := guard.Unary(ctx, req, info, handler); (err != nil) != refuse {
			b.Fatal(err)
		}
	}
}

func BenchmarkAdmitUnary(b *testing.B)  { benchmark(b, false) }
func BenchmarkRefuseUnary(b *testing.B) { benchmark(b, true) }

// What refusing costs the interceptor: nothing is allocated, the answer is there.
func TestRefusingAllocatesNothing(t *testing.T) {
	gate := newGate(t, backpressure.Config{})
	gate.Observe(backpressure.Outlook{})
	guard, err := grpcgate.New(gate, grpcgate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := grpc.NewContextWithServerTransportStream(context.Background(), transport{})
	info, req := &grpc.UnaryServerInfo{FullMethod: sayMethod}, wrapperspb.String("hello")
	refuse := func() { _, _ = guard.Unary(ctx, req, info, nil) }
	for range 1000 { // each Retry-After there is, once
		refuse()
	}
	if n := testing.AllocsPerRun(1000, refuse); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
