package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivelimiter"
	"github.com/failsafe-go/failsafe-go/adaptivethrottler"
	"github.com/failsafe-go/failsafe-go/priority"
	"github.com/go-kratos/aegis/circuitbreaker/sre"
	"github.com/go-kratos/aegis/ratelimit"
	"github.com/go-kratos/aegis/ratelimit/bbr"
	gozero "github.com/zeromicro/go-zero/core/load"
	"github.com/zeromicro/go-zero/core/logx"
	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"github.com/evenkeel/evenkeel/backpressure"
)

// TestPeers runs the Go packages beside which the gate is measured: for the command
// what it asks for, otherwise every one of them for a short time.
func TestPeers(t *testing.T) {
	logx.Disable() // go-zero writes statistics of the host
	p := plan{seeds: 1, scale: 0.05, scenarios: scenarios(), check: func(w *world) {
		if w.arrivals == 0 || w.open() != 0 || w.twice != 0 {
			t.Errorf("of %d arrivals %v have ended, %d twice", w.arrivals, w.endings, w.twice)
		}
	}}
	var e errand
	if text := os.Getenv(peersVariable); text != "" {
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatal(err)
		}
		p.seeds, p.scale, p.policies = e.Seeds, 1, e.Policies
		p.scenarios = slices.DeleteFunc(p.scenarios, func(s scenario) bool { return !slices.Contains(e.Scenarios, s.name) })
	}
	var mu sync.Mutex
	var cells []cell
	t.Run("rows", func(t *testing.T) {
		for _, r := range p.rows(isPeer) {
			t.Run(r.scenario.name+" "+r.load.name+" "+r.policy, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					got, err := p.run(r, buildPeer)
					if err != nil {
						t.Fatal(err)
					}
					mu.Lock()
					defer mu.Unlock()
					cells = append(cells, got...)
				})
			})
		}
	})
	if e.Out == "" {
		return
	}
	f, err := os.Create(e.Out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := writeJSON(f, cells); err != nil {
		t.Fatal(err)
	}
}

// done ends a job that a peer let in.
type done func(how ending)

// buildPeer makes a peer. It must be called in a bubble of testing/synctest.
func buildPeer(name string, e env) (policy, error) {
	p := &peer{base: time.Now(), ready: make(chan struct{}, 1)}
	switch name {
	case "failsafe":
		l := adaptivelimiter.NewWithDefaults[any]()
		p.try = func(*job) (done, bool) {
			permit, ok := l.TryAcquirePermit()
			return release(permit), ok
		}
	case "failsafe-queue":
		l := adaptivelimiter.NewBuilder[any]().WithQueueing(2, 3).Build()
		p.acquire = func(ctx context.Context, _ *job) (done, error) {
			permit, err := l.AcquirePermit(ctx)
			return release(permit), err
		}
	case "failsafe-priority":
		prioritizer := adaptivelimiter.NewPrioritizerBuilder().WithUsageTracker(priority.NewUsageTracker(time.Minute, 100)).Build()
		l := adaptivelimiter.NewBuilder[any]().WithQueueing(2, 3).BuildPrioritized(prioritizer)
		p.tick, p.every = prioritizer.Calibrate, 500*time.Millisecond
		p.acquire = func(ctx context.Context, j *job) (done, error) {
			ctx = priority.ContextWithUser(ctx, strconv.Itoa(j.tenant))
			class := priority.High
			if j.class < backpressure.Critical {
				class = priority.Low
			}
			permit, err := l.AcquirePermit(class.AddTo(ctx))
			return release(permit), err
		}
	case "failsafe-throttler":
		l := adaptivethrottler.NewWithDefaults[any]()
		p.try = func(*job) (done, bool) {
			return func(how ending) {
				if how == served {
					l.RecordSuccess()
				} else {
					l.RecordFailure()
				}
			}, l.TryAcquirePermit()
		}
	case "aegis-bbr-idle":
		p.try = allow(bbr.NewLimiter(bbr.WithCPUThreshold(1001))) // never reached, as on an idle host
	case "aegis-bbr-busy":
		p.try = allow(bbr.NewLimiter(bbr.WithCPUThreshold(-1))) // always reached
	case "aegis-sre":
		l := sre.NewBreaker()
		p.try = func(*job) (done, bool) {
			if err := l.Allow(); err != nil {
				l.MarkFailed() // what it refuses counts as asked for
				return nil, false
			}
			return func(how ending) {
				if how == served {
					l.MarkSuccess()
				} else {
					l.MarkFailed()
				}
			}, true
		}
	case "gozero-idle":
		p.try = permitted(gozero.NewAdaptiveShedder(gozero.WithCpuThreshold(1001))) // never reached
	case "gozero-busy":
		p.try = permitted(gozero.NewAdaptiveShedder(gozero.WithCpuThreshold(0))) // always reached
	case "x-semaphore-wait":
		l := semaphore.NewWeighted(int64(e.slots))
		p.acquire = func(ctx context.Context, _ *job) (done, error) {
			err := l.Acquire(ctx, 1)
			return func(ending) { l.Release(1) }, err
		}
	case "x-rate":
		l := rate.NewLimiter(rate.Limit(e.rate), max(1, e.slots))
		p.try = func(*job) (done, bool) { return func(ending) {}, l.Allow() }
	default:
		return nil, fmt.Errorf("there is no peer %q", name)
	}
	return p, nil
}

func release(permit adaptivelimiter.Permit) done {
	return func(how ending) {
		if how == served {
			permit.Record()
		} else {
			permit.Drop()
		}
	}
}

func allow(l *bbr.BBR) func(*job) (done, bool) {
	return func(*job) (done, bool) {
		end, err := l.Allow()
		return func(how ending) {
			var info ratelimit.DoneInfo
			if how != served {
				info.Err = context.DeadlineExceeded
			}
			end(info)
		}, err == nil
	}
}

func permitted(s gozero.Shedder) func(*job) (done, bool) {
	return func(*job) (done, bool) {
		promise, err := s.Allow()
		return func(how ending) {
			if how == served {
				promise.Pass()
			} else {
				promise.Fail()
			}
		}, err == nil
	}
}

// A peer is a policy around a Go package. The loop of a world runs in a bubble of
// testing/synctest and sleeps until its next event, so that the package's clock is the
// world's. Where the package blocks, every job that waits has a goroutine.
type peer struct {
	base    time.Time
	try     func(*job) (done, bool)
	acquire func(context.Context, *job) (done, error)
	tick    func() // to be called from time to time
	every   time.Duration
	ticked  time.Duration

	ready  chan struct{} // something came
	mu     sync.Mutex
	came   []answer
	asleep int
}

// An answer is what a goroutine got for its job.
type answer struct {
	job  *job
	done done
	err  error
}

// A blocked job's extra is how to call it off; a running one's its done.

func (p *peer) offer(now time.Duration, j *job) verdict {
	if p.try != nil {
		end, ok := p.try(j)
		if !ok {
			return verdict{action: shed}
		}
		j.extra = end
		return verdict{}
	}
	ctx, cancel := context.WithDeadline(context.Background(), p.base.Add(j.giveUp))
	j.extra = cancel
	p.asleep++
	go func() {
		end, err := p.acquire(ctx, j)
		p.mu.Lock()
		p.came = append(p.came, answer{j, end, err})
		p.mu.Unlock()
		select {
		case p.ready <- struct{}{}:
		default:
		}
	}()
	return verdict{action: hold}
}

// take returns an answer of the kind, once all goroutines have come to rest.
func (p *peer) take(granted bool) (answer, bool) {
	if p.asleep == 0 {
		return answer{}, false
	}
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := 0; i < len(p.came); i++ {
		a := p.came[i]
		if gone := a.job.state == ended; !gone && granted != (a.err == nil) {
			continue
		} else if p.came = slices.Delete(p.came, i, i+1); gone {
			p.forget(a)
			i--
			continue
		}
		p.asleep--
		return a, true
	}
	return answer{}, false
}

// forget gives back what a job got that has left.
func (p *peer) forget(a answer) {
	p.asleep--
	if a.err == nil {
		a.done(left)
	}
}

func (p *peer) next(now time.Duration) *job {
	if p.tick != nil && now >= p.ticked+p.every {
		p.ticked = now
		p.tick()
	}
	a, ok := p.take(true)
	if !ok {
		return nil
	}
	p.cancel(a.job)
	a.job.extra = a.done
	return a.job
}

func (p *peer) expire(time.Duration) (*job, verdict) {
	a, ok := p.take(false)
	if !ok {
		return nil, verdict{}
	}
	p.cancel(a.job)
	return a.job, verdict{action: shed}
}

func (p *peer) cancel(j *job) {
	if cancel, ok := j.extra.(context.CancelFunc); ok {
		cancel()
	}
}

func (p *peer) wake() time.Duration {
	if p.asleep > 0 && p.tick != nil {
		return p.ticked + p.every
	}
	return never
}

func (p *peer) wait(until time.Duration) time.Duration {
	if until != never && p.asleep == 0 {
		time.Sleep(until - time.Since(p.base))
		return until
	}
	timer := time.NewTimer(min(until-time.Since(p.base), time.Hour))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.ready:
	}
	return time.Since(p.base)
}

func (p *peer) leave(_ time.Duration, j *job) { p.cancel(j) }

func (p *peer) done(_ time.Duration, j *job, how ending) {
	if end, ok := j.extra.(done); ok {
		end(how)
	}
}

func (*peer) first(time.Duration, *job) {}
func (*peer) token(time.Duration, *job) {}
func (*peer) units(time.Duration, int)  {}
