package grpcgate_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/backpressure/grpcgate"
)

func TestUnary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := newGate(t, backpressure.Config{})
		var costed any
		r, stop := start(t, gate, grpcgate.Config{
			Cost: func(_ context.Context, method string, req any) backpressure.Cost {
				costed = req
				return backpressure.Cost{Prompt: int64(len(req.(*text).Value))}
			},
			Tokens: func(msg any) int { return len(msg.(*text).Value) },
		}, &model{say: func(ctx context.Context, in *text) (*text, error) {
			if n := gate.Stats().InFlight; n != 1 {
				t.Errorf("%d in flight while the handler runs", n)
			}
			if backpressure.PermitFrom(ctx) == (backpressure.Permit{}) {
				t.Error("the handler has no permit")
			}
			time.Sleep(time.Second)
			return wrapperspb.String("twelve bytes"), nil
		}})
		defer stop()
		if err := r.say(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.settle(t)
		if s := gate.Stats(); s.Completed != 1 || s.MeanOutput != 12 {
			t.Errorf("%d completed, mean output %v", s.Completed, s.MeanOutput)
		}
		if in, ok := costed.(*text); !ok || in.Value != "hello" {
			t.Errorf("the cost was asked with %v", costed)
		}
	})
}

// Each message of a stream is a token, the first one is the first token, and the
// permit is held to the end.
func TestStreams(t *testing.T) {
	speak := func(s grpc.ServerStream) error {
		for range 5 {
			time.Sleep(100 * time.Millisecond)
			if err := s.SendMsg(wrapperspb.String("word")); err != nil {
				return err
			}
		}
		return nil
	}
	for _, c := range []struct {
		name    string
		desc    *grpc.StreamDesc
		cost    bool
		request bool // the cost sees the message
		answers int
		output  float64
	}{
		{"server", tellDesc, false, false, 5, 5},
		{"server with a cost", tellDesc, true, true, 5, 5},
		{"client", listenDesc, true, false, 1, 0},
		{"both", talkDesc, true, false, 5, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gate := newGate(t, backpressure.Config{})
				m := &model{tell: speak, talk: speak, listen: func(s grpc.ServerStream) error {
					for {
						if err := s.RecvMsg(new(text)); errors.Is(err, io.EOF) {
							return s.SendMsg(wrapperspb.String("heard"))
						} else if err != nil {
							return err
						}
					}
				}}
				var cfg grpcgate.Config
				var asked []bool
				if c.cost {
					cfg.Cost = func(_ context.Context, _ string, req any) backpressure.Cost {
						asked = append(asked, req != nil)
						return backpressure.Cost{Prompt: 10}
					}
				}
				r, stop := start(t, gate, cfg, m)
				defer stop()
				s, err := r.open(t.Context(), c.desc, true)
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if n := gate.Stats().InFlight; n != 1 {
					t.Errorf("%d in flight while the stream is open", n)
				}
				if err := s.CloseSend(); err != nil {
					t.Fatal(err)
				}
				if n, err := all(s); n != c.answers || !errors.Is(err, io.EOF) {
					t.Errorf("%d answers, %v", n, err)
				}
				r.settle(t)
				if s := gate.Stats(); s.Completed != 1 || s.MeanOutput != c.output {
					t.Errorf("%d completed, mean output %v", s.Completed, s.MeanOutput)
				}
				if c.cost && !slices.Equal(asked, []bool{c.request}) {
					t.Errorf("the cost was asked %v", asked)
				}
			})
		})
	}
}

// A client that opens a stream and sends nothing takes no room, if the message is
// what says how much it would take.
func TestSilentClientHoldsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := newGate(t, backpressure.Config{})
		cost := func(context.Context, string, any) backpressure.Cost { return backpressure.Cost{} }
		r, stop := start(t, gate, grpcgate.Config{Cost: cost}, &model{})
		defer stop()
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := r.NewStream(ctx, tellDesc, tellMethod); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if s := gate.Stats(); s.InFlight != 0 || s.Offered != 0 {
			t.Errorf("%d in flight of %d", s.InFlight, s.Offered)
		}
		cancel()
	})
}

func TestRefusal(t *testing.T) {
	for _, c := range []struct {
		name   string
		refuse func(*backpressure.Gate)
		reason string
	}{
		{"no capacity", func(g *backpressure.Gate) { g.Observe(backpressure.Outlook{ReadyIn: time.Minute}) }, "NO_CAPACITY"},
		{"draining", func(g *backpressure.Gate) { _ = g.Drain(context.Background()) }, "DRAINING"},
	} {
		for _, method := range []string{sayMethod, tellMethod, listenMethod, talkMethod} {
			t.Run(c.name+method, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					gate := newGate(t, backpressure.Config{})
					ran := func(grpc.ServerStream) error { t.Error("the handler ran"); return nil }
					cost := func(context.Context, string, any) backpressure.Cost { return backpressure.Cost{} }
					r, stop := start(t, gate, grpcgate.Config{Cost: cost}, &model{tell: ran, listen: ran, talk: ran})
					defer stop()
					c.refuse(gate)
					var trailer metadata.MD
					var err error
					if method == sayMethod {
						err = r.Invoke(t.Context(), method, wrapperspb.String("hello"), new(text), grpc.Trailer(&trailer))
					} else {
						desc := map[string]*grpc.StreamDesc{tellMethod: tellDesc, listenMethod: listenDesc, talkMethod: talkDesc}[method]
						s, e := r.open(t.Context(), desc, false)
						if e != nil {
							t.Fatal(e)
						}
						_, err = all(s)
						trailer = s.Trailer()
					}
					checkRefusal(t, err, trailer, codes.Unavailable, c.reason)
				})
			})
		}
	}
}

// checkRefusal reads a refusal as a client would.
func checkRefusal(t *testing.T, err error, trailer metadata.MD, code codes.Code, reason string) {
	t.Helper()
	s := status.Convert(err)
	if s.Code() != code {
		t.Errorf("code %v, want %v (%v)", s.Code(), code, err)
	}
	var after time.Duration
	var info *errdetails.ErrorInfo
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.RetryInfo:
			after = d.RetryDelay.AsDuration()
		case *errdetails.ErrorInfo:
			info = d
		}
	}
	if after < time.Second || info.GetReason() != reason || info.GetDomain() != grpcgate.Domain {
		t.Errorf("details %v", s.Details())
	}
	ms, err := time.ParseDuration(first(trailer["grpc-retry-pushback-ms"]) + "ms")
	if err != nil || ms != after {
		t.Errorf("trailer %v, RetryInfo %v", trailer, after)
	}
	if d, ok := grpcgate.RetryAfter(s.Err()); !ok || d != after {
		t.Errorf("RetryAfter %v %v", d, ok)
	}
}

func first(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}

// A client of grpc-go with a retry policy comes back when it was told to.
func TestClientRetriesWhenTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := newGate(t, backpressure.Config{})
		r, stop := start(t, gate, grpcgate.Config{}, &model{say: func(context.Context, *text) (*text, error) { return new(text), nil }},
			grpc.WithDefaultServiceConfig(`{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 2,
				"initialBackoff": "0.001s", "maxBackoff": "0.001s", "backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]}}]}`))
		defer stop()
		gate.Observe(backpressure.Outlook{ReadyIn: 40 * time.Second})
		began := time.Now()
		go func() {
			time.Sleep(40*time.Second - time.Nanosecond)
			gate.Observe(backpressure.Outlook{Ready: 1})
		}()
		if err := r.say(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 40*time.Second || took > 62*time.Second {
			t.Errorf("the retry came after %v", took)
		}
		if s := gate.Stats(); s.Offered != 2 || s.Completed != 1 {
			t.Errorf("%d offered, %d completed", s.Offered, s.Completed)
		}
	})
}

// No capacity for now: the call waits in the queue, and its client leaves.
func TestLeavingTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := newGate(t, backpressure.Config{})
		r, stop := start(t, gate, grpcgate.Config{}, &model{})
		defer stop()
		gate.Observe(backpressure.Outlook{ReadyIn: 10 * time.Second})
		ctx, cancel := context.WithCancel(t.Context())
		var err error
		var wg sync.WaitGroup
		wg.Go(func() { err = r.say(ctx) })
		synctest.Wait()
		if n := gate.Stats().Waiting; n != 1 {
			t.Errorf("%d wait", n)
		}
		cancel()
		wg.Wait()
		synctest.Wait() // no time passes
		if status.Code(err) != codes.Canceled || gate.Stats().Waiting != 0 {
			t.Errorf("%v, %d wait", err, gate.Stats().Waiting)
		}
	})
}

// Who has left is told so, and not to come back.
func TestAnswerToWhoHasLeft(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	guard, err := grpcgate.New(newGate(t, backpressure.Config{}), grpcgate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for code, ctx := range map[codes.Code]context.Context{codes.Canceled: cancelled, codes.DeadlineExceeded: late} {
		_, err := guard.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: sayMethod}, nil)
		if _, ok := grpcgate.RetryAfter(err); status.Code(err) != code || ok {
			t.Errorf("%v, want %v", err, code)
		}
	}
}

// A running stream whose client leaves gives its permit back at once.
func TestClientLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := newGate(t, backpressure.Config{})
		untilGone := func(s grpc.ServerStream) error { <-s.Context().Done(); return s.Context().Err() }
		r, stop := start(t, gate, grpcgate.Config{}, &model{tell: untilGone, talk: untilGone, listen: untilGone})
		defer stop()
		for _, desc := range []*grpc.StreamDesc{tellDesc, talkDesc, listenDesc} {
			ctx, cancel := context.WithCancel(t.Context())
			if _, err := r.open(ctx, desc, true); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if n := gate.Stats().InFlight; n != 1 {
				t.Errorf("%s: %d in flight", desc.StreamName, n)
			}
			cancel()
			synctest.Wait() // no time passes
			if n := gate.Stats().InFlight; n != 0 {
				t.Errorf("%s: %d in flight after the client left", desc.StreamName, n)
			}
		}
		if s := gate.Stats(); s.Abandoned != 3 {
			t.Errorf("%d abandoned", s.Abandoned)
		}
	})
}

// A reader that stops reading stops the handler, which keeps its permit; when the
// reader leaves, the permit is free.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := newGate(t, backpressure.Config{})
		big := wrapperspb.String(string(make([]byte, 32<<10)))
		r, stop := start(t, gate, grpcgate.Config{}, &model{tell: func(s grpc.ServerStream) error {
			for {
				if err := s.SendMsg(big); err != nil {
					return err
				}
			}
		}})
		defer stop()
		ctx, cancel := context.WithCancel(t.Context())
		s, err := r.open(ctx, tellDesc, false)
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if err := s.RecvMsg(new(text)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		if n := gate.Stats().InFlight; n != 1 {
			t.Errorf("%d in flight", n)
		}
		cancel()
		synctest.Wait()
		if n := gate.Stats().InFlight; n != 0 {
			t.Errorf("%d in flight after the reader left", n)
		}
	})
}

// Draining finishes what runs and refuses what comes.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := newGate(t, backpressure.Config{})
		r, stop := start(t, gate, grpcgate.Config{}, &model{tell: func(s grpc.ServerStream) error {
			for range 500 {
				time.Sleep(20 * time.Millisecond)
				if err := s.SendMsg(wrapperspb.String("word")); err != nil {
					return err
				}
			}
			return nil
		}})
		defer stop()
		var got [20]int
		var wg sync.WaitGroup
		for i := range got {
			s, err := r.open(t.Context(), tellDesc, false)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			wg.Go(func() {
				n, err := all(s)
				if got[i] = n; !errors.Is(err, io.EOF) {
					t.Error(err)
				}
			})
			time.Sleep(time.Second / 2)
		}
		began, in := time.Now(), gate.Stats().InFlight
		if in == 0 {
			t.Fatal("nothing is in flight")
		}
		if err := gate.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if time.Since(began) == 0 {
			t.Error("the drain waited for nobody")
		}
		wg.Wait()
		for i, n := range got {
			if n != 500 {
				t.Errorf("stream %d was cut after %d messages", i, n)
			}
		}
		s, err := r.open(t.Context(), tellDesc, false)
		if err != nil {
			t.Fatal(err)
		}
		_, err = all(s)
		checkRefusal(t, err, s.Trailer(), codes.Unavailable, "DRAINING")
	})
}

// Health checks go through a gate that is closed.
func TestInfrastructureIsNotGated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := newGate(t, backpressure.Config{})
		r, stop := start(t, gate, grpcgate.Config{}, &model{})
		defer stop()
		if err := gate.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if _, err := healthpb.NewHealthClient(r).Check(ctx, &healthpb.HealthCheckRequest{}); err != nil {
			t.Error(err)
		}
		w, err := healthpb.NewHealthClient(r).Watch(ctx, &healthpb.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Recv(); err != nil {
			t.Error(err)
		}
		if s := gate.Stats(); s.Offered != 0 {
			t.Errorf("%d offered", s.Offered)
		}
	})
	for method, want := range map[string]bool{
		"/grpc.health.v1.Health/Check":                                   true,
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo":      true,
		"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": true,
		"/inference.GRPCInferenceService/ModelInfer":                     false,
	} {
		if grpcgate.Infrastructure(method) != want {
			t.Errorf("%s: %v", method, !want)
		}
	}
}

// Metadata means nothing unless a function of the user's says so.
func TestCaller(t *testing.T) {
	for _, c := range []struct {
		name string
		fn   func(context.Context, string) backpressure.Caller
		want backpressure.Caller
	}{
		{"default", nil, backpressure.Caller{}},
		{"from metadata", func(ctx context.Context, _ string) backpressure.Caller {
			return backpressure.Caller{Tenant: first(metadata.ValueFromIncomingContext(ctx, "tenant")), Class: backpressure.Sheddable}
		}, backpressure.Caller{Tenant: "acme", Class: backpressure.Sheddable}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				check := func(ctx context.Context) {
					if got := backpressure.CallerFrom(ctx); got != c.want {
						t.Errorf("the handler runs for %+v", got)
					}
				}
				r, stop := start(t, newGate(t, backpressure.Config{}), grpcgate.Config{Caller: c.fn}, &model{
					say:  func(ctx context.Context, in *text) (*text, error) { check(ctx); return in, nil },
					tell: func(s grpc.ServerStream) error { check(s.Context()); return nil },
				})
				defer stop()
				ctx := metadata.AppendToOutgoingContext(t.Context(), "tenant", "acme", "class", "critical_plus", "evenkeel-class", "critical_plus", "x-priority", "1")
				if err := r.say(ctx); err != nil {
					t.Error(err)
				}
				s, err := r.open(ctx, tellDesc, false)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := all(s); !errors.Is(err, io.EOF) {
					t.Error(err)
				}
			})
		})
	}
}

func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		code                         codes.Code
		completed, failed, abandoned int64
	}{
		{codes.OK, 1, 0, 0},
		{codes.InvalidArgument, 0, 0, 1},
		{codes.Internal, 0, 1, 0},
		{codes.Unavailable, 0, 1, 0},
	} {
		t.Run(c.code.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gate := newGate(t, backpressure.Config{})
				r, stop := start(t, gate, grpcgate.Config{}, &model{say: func(context.Context, *text) (*text, error) {
					return new(text), status.Error(c.code, "as told")
				}})
				defer stop()
				if err := r.say(t.Context()); status.Code(err) != c.code {
					t.Error(err)
				}
				r.settle(t)
				if s := gate.Stats(); int64(s.Completed) != c.completed || int64(s.Failed) != c.failed || int64(s.Abandoned) != c.abandoned {
					t.Errorf("%d completed, %d failed, %d abandoned", s.Completed, s.Failed, s.Abandoned)
				}
			})
		})
	}
}

func TestNewRefusesNil(t *testing.T) {
	if _, err := grpcgate.New(nil, grpcgate.Config{}); err == nil {
		t.Error("a gate that is none was taken")
	}
}
