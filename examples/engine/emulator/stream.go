package emulator

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/decide/simulate/llm"
)

// Reasons to refuse a request, beside those of the engine.
var (
	errStarting  = errors.New("the emulated engine is starting")
	errDraining  = errors.New("the emulated engine is shutting down")
	errQueueFull = errors.New("the queue of the emulated engine is full")
)

// A stream is one request on its way through the engine. The loop gives tokens
// to it, its handler takes them; neither waits for the other.
type stream struct {
	id      uint64
	prompt  int64
	arrived time.Time
	last    time.Time // of the last token; the loop's

	tokens atomic.Int64 // made so far
	done   atomic.Bool  // set after the last token was counted
	wake   chan struct{}
}

// give adds tokens and wakes the handler.
func (st *stream) give(tokens int, done bool) {
	st.tokens.Add(int64(tokens))
	if done {
		st.done.Store(true)
	}
	select {
	case st.wake <- struct{}{}:
	default: // it is yet to see the last ones, and will see these with them
	}
}

// progress is how many tokens there are, and whether that is all.
func (st *stream) progress() (tokens int64, done bool) {
	done = st.done.Load() // first: then the count is final
	return st.tokens.Load(), done
}

// open adds a request to the engine.
func (s *Server) open(prompt, output int64) (*stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.phase == starting:
		return nil, errStarting
	case s.phase != ready:
		return nil, errDraining
	case s.engine.Waiting() >= s.cfg.MaxQueue:
		return nil, errQueueFull
	}
	// An ID that the engine refuses is free for the next request.
	id := s.lastID + 1
	if err := s.engine.Add(llm.Request{ID: id, Prompt: prompt, Output: output}); err != nil {
		return nil, err
	}
	s.lastID = id
	st := &stream{id: id, prompt: prompt, arrived: time.Now(), wake: make(chan struct{}, 1)}
	s.streams[id] = st
	s.poke()
	return st, nil
}

// drop takes a request out whose client has left: its place and its cache are
// free from the next step on.
func (s *Server) drop(st *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.streams[st.id]; !ok {
		return
	}
	delete(s.streams, st.id)
	s.engine.Cancel(st.id)
	s.metrics.aborted++
}

// next waits until st has more than seen tokens or is done. It fails when the
// client leaves or the engine ends.
func (s *Server) next(ctx context.Context, st *stream, seen int64) (tokens int64, done bool, err error) {
	for {
		if tokens, done = st.progress(); tokens > seen || done {
			return tokens, done, nil
		}
		select {
		case <-st.wake:
		case <-ctx.Done():
			return 0, false, ctx.Err()
		case <-s.dead:
			if tokens, done = st.progress(); done {
				return tokens, done, nil
			}
			return 0, false, ErrClosed
		}
	}
}
