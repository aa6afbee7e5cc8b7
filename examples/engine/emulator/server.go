package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/decide/simulate/llm"
)

var (
	// ErrCrashed is what Run returns after a crash that was asked for.
	ErrCrashed = errors.New("evenkeel: emulated engine crashed, as it was told to")
	// ErrClosed is what Run returns after Close.
	ErrClosed = errors.New("evenkeel: emulated engine closed")
)

// A phase is what the engine is doing as a whole.
type phase uint8

const (
	starting phase = iota
	ready
	draining
	ended
)

// A Server is one emulated engine.
type Server struct {
	cfg     Config
	name    []byte // ServedName as a JSON string
	handler http.Handler
	fault   fault     // has a lock of its own: hanging must not stop its end
	born    time.Time // "created" in the list of models

	wake  chan struct{}  // there is work for an idle loop
	idle  chan struct{}  // closed when the loop has drained
	dead  chan struct{}  // closed when everything must end now
	inUse sync.WaitGroup // handlers

	mu      sync.Mutex // guards what follows
	phase   phase
	ran     bool
	cause   error              // why dead was closed, nil after a drain
	engine  *llm.Engine        // its events are the loop's until the next step
	streams map[uint64]*stream // by the engine's request ID, until the last token
	lastID  uint64
	metrics metrics
}

// New returns a server that is still to be run.
func New(cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	engine, err := llm.NewEngine(cfg.Model)
	if err != nil {
		return nil, err
	}
	name, err := json.Marshal(cfg.ServedName)
	if err != nil {
		return nil, fmt.Errorf("evenkeel: emulator.Config: ServedName: %w", err)
	}
	s := &Server{
		cfg:     cfg,
		name:    name,
		born:    time.Now(),
		wake:    make(chan struct{}, 1),
		idle:    make(chan struct{}),
		dead:    make(chan struct{}),
		engine:  engine,
		streams: make(map[uint64]*stream),
	}
	s.fault.init()
	s.metrics.init(cfg.ServedName)
	s.handler = s.routes()
	return s, nil
}

// Handler is the engine's HTTP interface, for a server of the caller's own.
// Until Run is called it answers that the engine is starting.
func (s *Server) Handler() http.Handler { return s.handler }

// Ready reports whether the engine takes requests.
func (s *Server) Ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == ready
}

// Run loads, then serves until ctx ends; then it takes nothing new, finishes the
// streams and returns nil. It may be called once. It returns ErrCrashed after a
// crash, ErrClosed after Close, or the error of the listener.
func (s *Server) Run(ctx context.Context) error {
	s.mu.Lock()
	if s.ran {
		s.mu.Unlock()
		return errors.New("evenkeel: emulated engine: Run was called before; make a new Server")
	}
	s.ran = true
	s.mu.Unlock()
	// Faults count from here, so that one can befall the start-up.
	for _, f := range s.cfg.Faults {
		t := time.AfterFunc(f.After, func() { s.apply(f) })
		defer t.Stop()
	}

	// It listens while it loads: /health says so, where vLLM refuses connections.
	// With a listener that was handed down nobody could refuse them anyway.
	var web sync.WaitGroup
	server := &http.Server{Handler: s.handler, ReadHeaderTimeout: 10 * time.Second}
	if s.cfg.Listener != nil {
		web.Go(func() {
			if err := server.Serve(s.cfg.Listener); !errors.Is(err, http.ErrServerClosed) {
				s.end(fmt.Errorf("evenkeel: emulated engine: %w", err))
			}
		})
	}
	if s.load(ctx) {
		web.Go(s.loop)
		select {
		case <-ctx.Done():
			if s.sound(nil) { // a hung engine does not hear it
				s.drain()
			}
		case <-s.dead:
		}
		if s.cfg.Listener != nil {
			// Stops accepting at once and returns with the last response, or when
			// everything must end.
			stop, cancel := context.WithCancel(context.Background())
			web.Go(func() {
				<-s.dead
				cancel()
			})
			_ = server.Shutdown(stop)
		} else {
			select {
			case <-s.idle:
			case <-s.dead:
			}
		}
	}
	// From here on no handler enters; those inside see dead and leave.
	s.end(nil)
	_ = server.Close()
	web.Wait()
	if s.cfg.Listener != nil {
		s.inUse.Wait()
	}
	return s.cause
}

// load waits for the start-up and reports whether the engine is ready after it.
func (s *Server) load(ctx context.Context) bool {
	s.cfg.Log.Info("emulated engine starting", "model", s.cfg.ServedName, "startup", s.cfg.Startup)
	t := time.NewTimer(s.cfg.Startup)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		return false
	case <-s.dead:
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != starting {
		return false
	}
	s.phase = ready
	s.cfg.Log.Info("emulated engine ready")
	return true
}

// drain lets no request in any more. The loop ends with the last stream.
func (s *Server) drain() {
	s.mu.Lock()
	if s.phase == ready {
		s.phase = draining
		s.cfg.Log.Info("emulated engine draining", "streams", len(s.streams))
	}
	s.mu.Unlock()
	s.poke()
}

// Close ends Run at once and breaks off what is in flight.
func (s *Server) Close() { s.end(ErrClosed) }

// end closes dead, once; the first cause stands.
func (s *Server) end(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == ended {
		return
	}
	s.phase = ended
	s.cause = cause
	close(s.dead)
}

// poke wakes the loop if it is idle.
func (s *Server) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
