package grpcgate

import (
	"context"
	"sync"

	"google.golang.org/grpc"
)

// Stream is a grpc.StreamServerInterceptor: the stream is admitted once and holds
// its permit until the handler returns.
func (g *Guard) Stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	if g.cfg.Skip(info.FullMethod) {
		return handler(srv, ss)
	}
	s := &stream{ServerStream: ss, guard: g, method: info.FullMethod, whole: !info.IsServerStream, ctx: ss.Context()}
	returned := false
	defer func() { err = s.end(returned, err) }()
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
	call    call

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
		c, err := s.guard.acquire(s.ServerStream.Context(), s.method, req, s.whole)
		if err != nil {
			s.refused = s.refuse(err)
			return
		}
		s.call = c
		s.mu.Lock()
		s.ctx = c.ctx
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
		s.call.permit.Tokens(s.guard.cfg.Tokens(m))
	case !s.whole:
		s.call.permit.Tokens(1)
	}
	return nil
}

// refuse returns the answer to err, and leaves its trailer with the stream.
func (s *stream) refuse(err error) error {
	a := s.guard.answers.to(err)
	s.SetTrailer(a.trailer)
	return a.err
}

// end gives the permit back, if there is one, and returns what the caller is told,
// which is the refusal also where the handler has made something else of it.
func (s *stream) end(returned bool, err error) error {
	s.once.Do(func() {}) // it is too late to ask
	if s.refused != nil {
		return s.refused
	}
	ctx := s.ServerStream.Context()
	s.call.end(ctx, returned, err)
	if why := s.call.preempted(ctx, err); why != nil {
		return s.refuse(why)
	}
	return err
}
