package grpcgate_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/backpressure/grpcgate"
)

// A quota that is used up is the caller's: RESOURCE_EXHAUSTED, and when to come back,
// or that there is no use in it.
func TestQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quotas, err := backpressure.NewQuotas(backpressure.QuotaConfig{Default: backpressure.Quota{Requests: 2, Tokens: 1000}})
		if err != nil {
			t.Fatal(err)
		}
		prompt := int64(10)
		r, stop := start(t, newGate(t, backpressure.Config{Quotas: quotas}), grpcgate.Config{
			Cost: func(context.Context, string, any) backpressure.Cost {
				return backpressure.Cost{Prompt: prompt, MaxOutput: 1}
			},
			Caller: func(context.Context, string) backpressure.Caller { return backpressure.Caller{Key: "key"} },
		}, &model{say: func(_ context.Context, in *text) (*text, error) { return in, nil }})
		defer stop()
		var trailer metadata.MD
		say := func() error {
			return r.Invoke(t.Context(), sayMethod, wrapperspb.String("hello"), new(text), grpc.Trailer(&trailer))
		}
		for range 2 {
			if err := say(); err != nil {
				t.Fatal(err)
			}
		}
		checkRefusal(t, say(), trailer, codes.ResourceExhausted, "QUOTA_REQUESTS")

		time.Sleep(time.Minute)
		prompt = 100_000
		if err := say(); status.Code(err) != codes.ResourceExhausted {
			t.Error(err)
		} else if _, ok := grpcgate.RetryAfter(err); ok || first(trailer["grpc-retry-pushback-ms"]) != "-1" {
			t.Errorf("a request that never fits is told to come back: %v, %v", err, trailer)
		}
	})
}

// A sheddable call is stopped when a critical one would have to wait for long. Its
// handler sees its context end, and its caller is told when to come back.
func TestPreemption(t *testing.T) {
	for _, streams := range []bool{false, true} {
		name := "unary"
		if streams {
			name = "stream"
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gate := newGate(t, backpressure.Config{})
				type work struct{ class, prompt int }
				next := work{0, 100}
				until := func(ctx context.Context) error {
					select {
					case <-ctx.Done():
						return status.FromContextError(ctx.Err()).Err()
					case <-time.After(100 * time.Millisecond):
						return nil
					}
				}
				r, stop := start(t, gate, grpcgate.Config{
					Cost: func(context.Context, string, any) backpressure.Cost {
						return backpressure.Cost{Prompt: int64(next.prompt), MaxOutput: 10}
					},
					Caller: func(context.Context, string) backpressure.Caller {
						return backpressure.Caller{Class: backpressure.Class(next.class)}
					},
				}, &model{
					tell: func(s grpc.ServerStream) error {
						if err := until(s.Context()); err != nil {
							return err
						}
						return s.SendMsg(wrapperspb.String("word"))
					},
					say: func(ctx context.Context, in *text) (*text, error) { return in, until(ctx) },
				})
				defer stop()
				call := func() (trailer metadata.MD, err error) {
					if !streams {
						err = r.Invoke(t.Context(), sayMethod, wrapperspb.String("hello"), new(text), grpc.Trailer(&trailer))
						return trailer, err
					}
					s, err := r.open(t.Context(), tellDesc, false)
					if err != nil {
						return nil, err
					}
					_, err = all(s)
					return s.Trailer(), err
				}
				for range 100 { // the gate learns its speed
					if _, err := call(); streams && !errors.Is(err, io.EOF) || !streams && err != nil {
						t.Fatal(err)
					}
				}
				next = work{int(backpressure.Sheddable), 100}
				var wg sync.WaitGroup
				stopped := 0
				var mu sync.Mutex
				for range 20 {
					wg.Go(func() {
						trailer, err := call()
						mu.Lock()
						defer mu.Unlock()
						for _, d := range status.Convert(err).Details() {
							if info, ok := d.(interface{ GetReason() string }); ok && info.GetReason() == "PREEMPTED" {
								stopped++
								checkRefusal(t, err, trailer, codes.Unavailable, "PREEMPTED")
							}
						}
					})
					synctest.Wait()
				}
				next = work{int(backpressure.CriticalPlus), 1500}
				wg.Go(func() { _, _ = call() }) // may come too late itself
				wg.Wait()
				synctest.Wait()
				s := gate.Stats()
				if stopped == 0 || uint64(stopped) != s.Preempted || s.InFlight != 0 {
					t.Errorf("%d were told, %d were stopped, %d in flight", stopped, s.Preempted, s.InFlight)
				}
			})
		})
	}
}
