package grpcgate

import (
	"context"
	"sync"

	"google.golang.org/grpc"

	"github.com/evenkeel/evenkeel/backpressure"
)

// Stream is a grpc.StreamServerInterceptor: the stream is admitted once and holds
// its permit until the handler returns.
func (g *Guard) Stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	if g.cfg.Skip(info.FullMethod) {
		return handler(srv, ss)
	}
	s := &stream{ServerStream: ss, guard: g, method: info.FullMethod, whole: !info.IsServerStream, ctx: ss.Context()}
	returned := false
	defer func() {
		if refused := s.end(returned, err); refused != nil {
			err = refused // also if the handler made something else of it
		}
	}()
	// The one message of a server stream says what the call costs. Without a Cost
	// nobody would read it, so the server need not either.
	if info.IsClientStream || g.cfg.Cost == nil {
		if err := s.admit(nil); err != nil {
			return err
		}
	}
	err = handler(srv, s)
	returned = true
	return err
}

// A stream asks the gate once and counts what is sent.
type stream struct {
	grpc.ServerStream
	guard  *Guard
	method string
	whole  bool // there is one answer

	once    sync.Once
	refused error
	permit  backpressure.Permit

	mu  sync.Mutex
	ctx context.Context // with the permit, once there is one
}

// Context carries the permit from admission on.
func (s *stream) Context() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ctx
}

// admit asks the gate, the first time; afterwards it repeats the answer.
func (s *stream) admit(req any) error {
	s.once.Do(func() {
		ctx, p, err := s.guard.acquire(s.ServerStream.Context(), s.method, req, s.whole)
		if err != nil {
			a := s.guard.answers.to(err)
			s.SetTrailer(a.trailer)
			s.refused = a.err
			return
		}
		s.permit = p
		s.mu.Lock()
		s.ctx = ctx
		s.mu.Unlock()
	})
	return s.refused
}

// RecvMsg admits a stream of which the first message says what it costs. A refusal
// comes back as the error of that RecvMsg, which is before the handler's own code.
func (s *stream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	return s.admit(m)
}

// SendMsg counts what was sent.
func (s *stream) SendMsg(m any) error {
	if err := s.admit(nil); err != nil { // a handler that answers without reading
		return err
	}
	if err := s.ServerStream.SendMsg(m); err != nil {
		return err
	}
	switch {
	case s.guard.cfg.Tokens != nil:
		s.permit.Tokens(s.guard.cfg.Tokens(m))
	case !s.whole:
		s.permit.Tokens(1)
	}
	return nil
}

// end gives the permit back, if there is one, and returns the refusal otherwise.
func (s *stream) end(returned bool, err error) error {
	s.once.Do(func() {}) // it is too late to ask
	if s.refused == nil {
		end(s.ServerStream.Context(), s.permit, returned, err)
	}
	return s.refused
}
