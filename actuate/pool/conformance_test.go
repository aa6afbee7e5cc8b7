package pool_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actuate/actuatetest"
	"github.com/evenkeel/evenkeel/actuate/pool"
)

// shop is a pool whose workers have in hand what the test gives them.
type shop struct {
	*pool.Pool
	mu     sync.Mutex
	jobs   map[string]int64
	killed map[string]bool
}

// serve works until it is told to finish and has nothing left in hand. It asks
// Drain anew each time, so that it notices when the drain is called off.
func (s *shop) serve(ctx context.Context, w *pool.Worker) error {
	held := int64(0)
	for {
		s.mu.Lock()
		jobs, killed := s.jobs[w.ID()], s.killed[w.ID()]
		delete(s.killed, w.ID())
		s.mu.Unlock()
		w.Busy(jobs - held)
		held = jobs
		if killed {
			return fmt.Errorf("killed")
		}
		if held == 0 {
			select {
			case <-w.Drain():
				return nil
			default:
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}

func newShop(t *testing.T) actuatetest.Harness {
	s := &shop{jobs: map[string]int64{}, killed: map[string]bool{}}
	p, err := pool.New(pool.Config{Work: s.serve, Restart: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	return actuatetest.Harness{
		Target: p,
		TTL:    50 * time.Millisecond,
		Busy: func(id string, n int64) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.jobs[id] = n
			return nil
		},
		Kill: func(id string) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.killed[id] = true
			return nil
		},
		Stop: func() error {
			s.mu.Lock()
			clear(s.jobs)
			s.mu.Unlock()
			cancel()
			return <-done
		},
	}
}

func TestConforms(t *testing.T)           { actuatetest.RunVirtual(t, newShop) }
func TestConformsInRealTime(t *testing.T) { actuatetest.Run(t, newShop) }
