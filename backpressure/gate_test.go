package backpressure

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func acquire(t testing.TB, g *Gate, c Cost) Permit {
	t.Helper()
	p, err := g.Acquire(context.Background(), c)
	if err != nil {
		t.Fatalf("Acquire: %v", err)
	}
	return p
}

func refusal(t testing.TB, err error) *Rejected {
	t.Helper()
	var r *Rejected
	if !errors.As(err, &r) {
		t.Fatalf("error %v, want a *Rejected", err)
	}
	return r
}

func TestPermitEndsOnce(t *testing.T) {
	g := newGate(t, Config{})
	var zero Permit
	zero.FirstToken()
	zero.Tokens(1)
	zero.Fail()
	zero.Release()

	p := acquire(t, g, Cost{Prompt: 10})
	again := p
	p.FirstToken()
	p.Tokens(4)
	p.Release()
	next := acquire(t, g, Cost{Prompt: 10}) // has p's lease
	again.Release()
	again.Tokens(7)
	again.FirstToken()
	again.Fail()
	if s := g.Stats(); s.InFlight != 1 || s.Completed != 1 || s.Failed != 0 || s.PromptsAhead != 10 {
		t.Errorf("a dead permit had an effect: %+v", s)
	}
	next.Release()
	if s := g.Stats(); s.InFlight != 0 || s.Completed != 2 || s.MeanOutput != 5 {
		t.Errorf("in flight %d, completed %d, mean output %v; want 0, 2, 5", s.InFlight, s.Completed, s.MeanOutput)
	}
}

func TestWaiterIsLetInWhenThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, Config{Share: 0.6})
		g.freeze(1000)
		first := acquire(t, g, Cost{Prompt: 1000})
		done := make(chan time.Duration)
		start := time.Now()
		go func() {
			p, err := g.Acquire(t.Context(), Cost{Prompt: 300})
			if err != nil {
				t.Error(err)
			}
			done <- time.Since(start)
			p.Release()
		}()
		time.Sleep(50 * time.Millisecond)
		if s := g.Stats(); s.Waiting != 1 || s.Oldest != 50*time.Millisecond {
			t.Errorf("waiting %d for %v, want 1 for 50ms", s.Waiting, s.Oldest)
		}
		first.FirstToken()
		if got := <-done; got != 50*time.Millisecond {
			t.Errorf("let in after %v, want at the first token, 50ms", got)
		}
		first.Release()
	})
}

func TestWaitEnds(t *testing.T) {
	tests := []struct {
		name    string
		cancel  time.Duration // 0: never
		timeout time.Duration // 0: none
		want    Reason
		after   time.Duration
		is      error
	}{
		{"when the objective is lost", 0, 0, QueueTimeout, 400 * time.Millisecond, ErrEvicted},
		{"when the client leaves", 100 * time.Millisecond, 0, Cancelled, 100 * time.Millisecond, context.Canceled},
		{"before the deadline is lost", 0, 500 * time.Millisecond, QueueTimeout, 200 * time.Millisecond, ErrEvicted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGate(t, Config{Share: 0.6})
				g.freeze(1000)
				first := acquire(t, g, Cost{Prompt: 1000})
				defer first.Release()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.timeout > 0 {
					ctx, cancel = context.WithTimeout(ctx, tt.timeout)
					defer cancel()
				}
				if tt.cancel > 0 {
					time.AfterFunc(tt.cancel, cancel)
				}
				start := time.Now()
				_, err := g.Acquire(ctx, Cost{Prompt: 300})
				r := refusal(t, err)
				if r.Reason() != tt.want || time.Since(start) != tt.after || !errors.Is(err, tt.is) {
					t.Errorf("%v after %v, want %v after %v, is %v", err, time.Since(start), tt.want, tt.after, tt.is)
				}
				if s := g.Stats(); s.Waiting != 0 || s.InFlight != 1 {
					t.Errorf("%d wait, %d in flight; want 0, 1", s.Waiting, s.InFlight)
				}
			})
		})
	}
}

func TestDeadlineShorterThanService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, Config{})
		g.freeze(1000)
		defer acquire(t, g, Cost{Prompt: 100}).Release()
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := g.Acquire(ctx, Cost{Prompt: 300})
		if r := refusal(t, err); r.Reason() != DeadlineTooShort || !errors.Is(err, ErrShed) {
			t.Errorf("%v, want shed: 300 tokens take 300ms, 200ms are left", err)
		}
	})
}

func TestZeroUnits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, Config{Queue: Queue{Wait: 20 * time.Second}})
		g.Observe(Outlook{Ready: 0, Starting: 1, Members: 1, ReadyIn: 60 * time.Second})
		_, err := g.Acquire(t.Context(), Cost{})
		if r := refusal(t, err); r.Reason() != NoCapacity || r.Status() != 503 || r.RetryAfter() < time.Minute {
			t.Errorf("%v, want 503 with the time until units are ready", err)
		}
		g.Observe(Outlook{Ready: 0, Starting: 1, Members: 1, ReadyIn: 10 * time.Second})
		time.AfterFunc(10*time.Second, func() { g.Observe(Outlook{Ready: 1, Members: 1}) })
		start := time.Now()
		p, err := g.Acquire(t.Context(), Cost{})
		if err != nil || time.Since(start) != 10*time.Second {
			t.Errorf("held for %v with error %v, want 10s and none", time.Since(start), err)
		}
		p.Release()
	})
}

func TestModesThatAdmitEverything(t *testing.T) {
	for _, mode := range []Mode{Shadow, Off} {
		t.Run(mode.String(), func(t *testing.T) {
			g := newGate(t, Config{Mode: mode})
			g.freeze(1000)
			for range 100 {
				acquire(t, g, Cost{Prompt: 100})
			}
			s := g.Stats()
			if s.InFlight != 100 || s.Shed.Total() != 0 {
				t.Errorf("in flight %d, shed %d; want all in", s.InFlight, s.Shed.Total())
			}
			if got := s.Shadowed[Saturated] > 0; got != (mode == Shadow) {
				t.Errorf("would have shed %d in mode %v", s.Shadowed[Saturated], mode)
			}
		})
	}
}

func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, Config{Share: 0.6})
		g.freeze(1000)
		p := acquire(t, g, Cost{Prompt: 1000})
		evicted := make(chan error, 1)
		go func() {
			_, err := g.Acquire(t.Context(), Cost{Prompt: 300})
			evicted <- err
		}()
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.Drain(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Drain with one in flight: %v, want the deadline's error", err)
		}
		if r := refusal(t, <-evicted); r.Reason() != Draining || !r.Evicted() {
			t.Errorf("waiter got %v, want evicted, draining", r)
		}
		if _, err := g.Acquire(t.Context(), Cost{}); refusal(t, err).Reason() != Draining {
			t.Errorf("Acquire while draining: %v", err)
		}
		time.AfterFunc(time.Minute, p.Release)
		start := time.Now()
		if err := g.Drain(t.Context()); err != nil || time.Since(start) != time.Minute {
			t.Errorf("Drain took %v with %v, want until the release", time.Since(start), err)
		}
		g.Resume()
		acquire(t, g, Cost{}).Release()
	})
}

func TestUpdateIsWholeOrNot(t *testing.T) {
	g := newGate(t, Config{})
	if err := g.Update(Config{TTFT: time.Second, Share: 2}); err == nil {
		t.Fatal("Share 2 was taken")
	}
	g.mu.Lock()
	if g.adm.cfg.TTFT != DefaultTTFT {
		t.Error("a refused configuration had an effect")
	}
	g.mu.Unlock()
	if err := g.Update(Config{Mode: Off, TTFT: time.Second}); err != nil {
		t.Error(err)
	}
}

// Hand-overs between many goroutines of a gate with little room, with clients
// that leave, panic and release twice: everybody gets in, nothing leaks.
func TestHandOvers(t *testing.T) {
	n := int64(100_000)
	if os.Getenv("EVENKEEL_LONG") == "1" {
		n = 10_000_000
	}
	g := newGate(t, Config{TTFT: time.Hour, Queue: Queue{Wait: time.Hour}})
	g.freeze(0)
	g.mu.Lock()
	g.adm.lines[prompts] = line{one: true, allowed: 2 - coldAhead} // two at a time
	g.mu.Unlock()

	var todo, entered, left atomic.Int64
	todo.Store(n)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 1))
			for todo.Add(-1) >= 0 {
				ctx, cancel := context.WithCancel(context.Background())
				if rng.IntN(4) == 0 {
					go cancel()
				}
				func() {
					defer func() { _ = recover() }()
					p, err := g.Acquire(ctx, Cost{})
					if err != nil {
						if ctx.Err() == nil {
							t.Errorf("refused: %v", err)
						}
						left.Add(1)
						return
					}
					p.Fail() // teaches nothing, so the room stays as it is
					defer p.Release()
					entered.Add(1)
					if rng.IntN(8) == 0 {
						runtime.Gosched() // let the others come while there is no room
					}
					switch rng.IntN(3) {
					case 0:
						panic("handler")
					case 1:
						p.Release()
					}
				}()
				cancel()
			}
		})
	}
	wg.Wait()
	if got := entered.Load() + left.Load(); got != n {
		t.Errorf("%d of %d came back", got, n)
	}
	s := g.Stats()
	if s.InFlight != 0 || s.Waiting != 0 || s.PromptsAhead != 0 || s.WaitingWork != 0 {
		t.Errorf("left behind: %d in flight, %d waiting, %v tokens, %v work", s.InFlight, s.Waiting, s.PromptsAhead, s.WaitingWork)
	}
	if s.Queued == 0 || left.Load() == 0 {
		t.Errorf("%d queued, %d left: the test did not test", s.Queued, left.Load())
	}
	t.Logf("%d entered, %d left, %d had queued", entered.Load(), left.Load(), s.Queued)
}

func TestNothingAllocates(t *testing.T) {
	ctx := context.Background()
	g := newGate(t, Config{Queue: Queue{Requests: -1}})
	if got := testing.AllocsPerRun(100, func() {
		p, _ := g.Acquire(ctx, Cost{Prompt: 1})
		p.FirstToken()
		p.Tokens(1)
		p.Tokens(1)
		p.Release()
	}); got != 0 {
		t.Errorf("Acquire and Release: %v allocations", got)
	}
	saturate(t, g)
	if got := testing.AllocsPerRun(100, func() {
		if _, err := g.Acquire(ctx, Cost{Prompt: 100}); err == nil {
			t.Fatal("admitted")
		}
	}); got != 0 {
		t.Errorf("refusal: %v allocations", got)
	}
}

// Tokens counted from several goroutines at once are all counted.
func TestTokensFromManyGoroutines(t *testing.T) {
	g := newGate(t, Config{})
	p := acquire(t, g, Cost{Prompt: 10})
	var wg sync.WaitGroup
	const each = 1000
	for range 8 {
		wg.Go(func() {
			for range each {
				p.Tokens(1)
			}
		})
	}
	wg.Wait()
	p.Release()
	if s := g.Stats(); s.MeanOutput != 8*each {
		t.Errorf("%v tokens counted, want %d", s.MeanOutput, 8*each)
	}
	p.Tokens(5) // after the end
	acquire(t, g, Cost{}).Release()
	if s := g.Stats(); s.Completed != 2 || s.Decoding != 0 {
		t.Errorf("%d completed, %d decoding; want 2, 0", s.Completed, s.Decoding)
	}
}
