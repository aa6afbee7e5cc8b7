package grpcgate_test

import (
	"context"
	"io"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/backpressure/grpcgate"
)

// Whatever a handler or a client does, thousands of times each, nothing stays in
// flight and the gate still admits.
func TestNothingLeaks(t *testing.T) {
	each := 2000
	if os.Getenv("EVENKEEL_LONG") != "" {
		each = 100_000
	}
	word := wrapperspb.String("word")
	once := func(s grpc.ServerStream) error { return s.SendMsg(word) }
	boom := func(grpc.ServerStream) error { panic("boom") }
	late := func(s grpc.ServerStream) error { _ = s.SendMsg(word); panic("boom") }
	wait := func(s grpc.ServerStream) error { <-s.Context().Done(); return s.Context().Err() }
	twice := func(s grpc.ServerStream) error {
		p := backpressure.PermitFrom(s.Context())
		defer p.Release()
		p.Release()
		return s.SendMsg(word)
	}
	unary := func(h func(grpc.ServerStream) error) func(context.Context, *text) (*text, error) {
		return func(ctx context.Context, in *text) (*text, error) { return in, h(mute{ctx: ctx}) }
	}
	read := func(s grpc.ClientStream, _ context.CancelFunc) { _, _ = all(s) }
	leave := func(s grpc.ClientStream, cancel context.CancelFunc) { cancel(); _, _ = all(s) }
	for _, c := range []struct {
		name   string
		handle stream
		client func(grpc.ClientStream, context.CancelFunc)
	}{
		{"served", once, read},
		{"panic", boom, read},
		{"panic after a message", late, read},
		{"cancel", wait, leave},
		{"released twice", twice, read},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gate := newGate(t, backpressure.Config{Mode: backpressure.Off})
				cost := func(context.Context, string, any) backpressure.Cost { return backpressure.Cost{Prompt: 1} }
				r, stop := start(t, gate, grpcgate.Config{Cost: cost}, &model{say: unary(c.handle), tell: c.handle, talk: c.handle, listen: c.handle})
				defer stop()
				const clients = 8
				var wg sync.WaitGroup
				for i := range clients {
					wg.Go(func() {
						for n := i; n < each; n += clients {
							ctx, cancel := context.WithCancel(t.Context())
							if n%4 == 3 {
								if c.name == "cancel" {
									time.AfterFunc(time.Duration(n)*time.Microsecond, cancel)
								}
								_ = r.say(ctx)
							} else {
								s, err := r.open(ctx, []*grpc.StreamDesc{tellDesc, talkDesc, listenDesc}[n%4], false)
								if err == nil {
									c.client(s, cancel)
								}
							}
							cancel()
						}
					})
				}
				wg.Wait()
				r.settle(t)
				s := gate.Stats()
				if s.Offered == 0 || s.Admitted != s.Completed+s.Failed+s.Abandoned || s.InFlight != 0 || s.Waiting != 0 {
					t.Errorf("%+v", s)
				}
				if c.name != "cancel" && s.Offered != uint64(each) {
					t.Errorf("%d offered", s.Offered)
				}
			})
		})
	}
}

// mute is the stream that a unary call does not have.
type mute struct {
	grpc.ServerStream
	ctx context.Context
}

func (m mute) Context() context.Context { return m.ctx }
func (m mute) SendMsg(any) error        { return nil }
func (m mute) RecvMsg(any) error        { return io.EOF }
