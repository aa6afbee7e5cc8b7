package grpcgate_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/backpressure/grpcgate"
)

type (
	text   = wrapperspb.StringValue
	unary  = func(ctx context.Context, in *text) (*text, error)
	stream = func(s grpc.ServerStream) error
)

// A model is a gRPC service with one method of each kind, written by hand so that
// the tests need no generated code.
type model struct {
	say    unary  // one message, one answer
	tell   stream // one message, many answers
	listen stream // many messages, one answer
	talk   stream // many of both
}

const (
	sayMethod    = "/test.Model/Say"
	tellMethod   = "/test.Model/Tell"
	listenMethod = "/test.Model/Listen"
	talkMethod   = "/test.Model/Talk"
)

var modelDesc = grpc.ServiceDesc{
	ServiceName: "test.Model",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "Say", Handler: func(srv any, ctx context.Context, dec func(any) error, chain grpc.UnaryServerInterceptor) (any, error) {
		in := new(text)
		if err := dec(in); err != nil {
			return nil, err
		}
		run := func(ctx context.Context, req any) (any, error) { return srv.(*model).say(ctx, req.(*text)) }
		if chain == nil {
			return run(ctx, in)
		}
		return chain(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: sayMethod}, run)
	}}},
	Streams: []grpc.StreamDesc{
		{StreamName: "Tell", ServerStreams: true, Handler: func(srv any, s grpc.ServerStream) error {
			in := new(text) // as generated code does, before the handler's own
			if err := s.RecvMsg(in); err != nil {
				return err
			}
			return srv.(*model).tell(s)
		}},
		{StreamName: "Listen", ClientStreams: true, Handler: func(srv any, s grpc.ServerStream) error { return srv.(*model).listen(s) }},
		{StreamName: "Talk", ServerStreams: true, ClientStreams: true, Handler: func(srv any, s grpc.ServerStream) error { return srv.(*model).talk(s) }},
	},
}

var (
	tellDesc   = &grpc.StreamDesc{StreamName: "Tell", ServerStreams: true}
	listenDesc = &grpc.StreamDesc{StreamName: "Listen", ClientStreams: true}
	talkDesc   = &grpc.StreamDesc{StreamName: "Talk", ServerStreams: true, ClientStreams: true}
)

// A rig is a real server behind a gate and a real client of it, on a connection in
// memory, which virtual time knows of.
type rig struct {
	*grpc.ClientConn
	gate *backpressure.Gate
	srv  *grpc.Server
}

// caught turns a panic into an error, as a server's outermost interceptor would.
func caught(err *error) {
	if p := recover(); p != nil {
		*err = status.Errorf(codes.Internal, "panic: %v", p)
	}
}

// start runs m behind gate. stop ends everything and waits for it.
func start(t testing.TB, gate *backpressure.Gate, cfg grpcgate.Config, m *model, dial ...grpc.DialOption) (r *rig, stop func()) {
	t.Helper()
	guard, err := grpcgate.New(gate, cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv := grpc.NewServer(
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (_ any, err error) {
			defer caught(&err)
			return h(ctx, req)
		}, guard.Unary),
		grpc.ChainStreamInterceptor(func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, h grpc.StreamHandler) (err error) {
			defer caught(&err)
			return h(srv, ss)
		}, guard.Stream),
	)
	srv.RegisterService(&modelDesc, m)
	healthpb.RegisterHealthServer(srv, health.NewServer())
	lis := bufconn.Listen(1 << 16)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := srv.Serve(lis); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error(err)
		}
	})
	conn, err := grpc.NewClient("passthrough:///model", append(dial,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }))...)
	if err != nil {
		t.Fatal(err)
	}
	return &rig{conn, gate, srv}, func() {
		_ = conn.Close()
		srv.Stop()
		wg.Wait()
	}
}

func newGate(t testing.TB, cfg backpressure.Config) *backpressure.Gate {
	t.Helper()
	g, err := backpressure.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (r *rig) say(ctx context.Context) error {
	return r.Invoke(ctx, sayMethod, wrapperspb.String("hello"), new(text))
}

// open starts a stream and sends one message, and if more is false no other.
func (r *rig) open(ctx context.Context, desc *grpc.StreamDesc, more bool) (grpc.ClientStream, error) {
	s, err := r.NewStream(ctx, desc, "/test.Model/"+desc.StreamName)
	if err != nil {
		return nil, err
	}
	// EOF: the server has answered already; RecvMsg has what it said.
	if err := s.SendMsg(wrapperspb.String("hello")); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !more {
		err = s.CloseSend()
	}
	return s, err
}

// all reads s to its end and returns how many messages came.
func all(s grpc.ClientStream) (n int, err error) {
	for {
		if err := s.RecvMsg(new(text)); err != nil {
			return n, err
		}
		n++
	}
}

// settle waits until nothing is in flight or queued, and fails if that never comes.
func (r *rig) settle(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := r.gate.Drain(ctx); err != nil {
		t.Fatal("permits leaked:", err)
	}
	r.gate.Resume()
}
