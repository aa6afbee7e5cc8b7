package route

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// fake answers health checks in virtual time.
type fake struct {
	mu    sync.Mutex
	mode  map[string]string // by address: "" ok, "hang", "refuse", "500"
	calls atomic.Int64
	busy  atomic.Int64
	peak  atomic.Int64
}

func (f *fake) set(addr, mode string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mode[addr] = mode
}

func (f *fake) RoundTrip(req *http.Request) (*http.Response, error) {
	f.calls.Add(1)
	f.peak.Store(max(f.peak.Load(), f.busy.Add(1)))
	defer f.busy.Add(-1)
	f.mu.Lock()
	mode := f.mode[req.URL.Host]
	f.mu.Unlock()
	res := &http.Response{StatusCode: 200, Status: "200 OK", Body: io.NopCloser(strings.NewReader("ok")), Request: req}
	switch mode {
	case "hang":
		<-req.Context().Done()
		return nil, req.Context().Err()
	case "refuse":
		return nil, syscall.ECONNREFUSED
	case "500":
		res.StatusCode, res.Status = 500, "500 Internal Server Error"
	}
	return res, nil
}

// checked runs f beside a Router that checks n instances through a fake.
func checked(t *testing.T, h Health, n int, f func(r *Router, tr *fake)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		tr := &fake{mode: map[string]string{}}
		r, err := New(Config{Transport: tr, Health: h})
		if err != nil {
			t.Fatal(err)
		}
		r.Route(fleet(n))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		synctest.Wait()
		f(r, tr)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})
}

// outAfter sleeps until the first instance is or is not healthy and returns how
// long that took.
func outAfter(r *Router, healthy bool) time.Duration {
	start := time.Now()
	for r.Stats()[0].Healthy != healthy && time.Since(start) < time.Minute {
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
	}
	return time.Since(start)
}

func TestHealth(t *testing.T) {
	for _, tc := range []struct {
		mode string
		most time.Duration
	}{{"hang", 3 * time.Second}, {"refuse", time.Second}, {"500", 2 * time.Second}} {
		for _, phase := range []time.Duration{0, 1, 300 * time.Millisecond, 999 * time.Millisecond} {
			checked(t, Health{}, 2, func(r *Router, tr *fake) {
				time.Sleep(phase) // the trouble begins anywhere between two checks
				tr.set("h:0", tc.mode)
				if took := outAfter(r, false); took > tc.most+10*time.Millisecond {
					t.Errorf("%s: out after %v, want at most %v", tc.mode, took, tc.most)
				}
				for range 10 {
					if b := r.pick(nil); b == nil || b.id != "1" {
						t.Errorf("%s: picked %v, want the other one", tc.mode, b)
					}
				}
				tr.set("h:0", "")
				if took := outAfter(r, true); took > 2*time.Second {
					t.Errorf("%s: back after %v", tc.mode, took)
				}
			})
		}
	}
}

func TestOneBadAnswerIsForgiven(t *testing.T) {
	checked(t, Health{}, 1, func(r *Router, tr *fake) {
		time.Sleep(500 * time.Millisecond) // half way between two checks
		for range 5 {
			tr.set("h:0", "500")
			time.Sleep(time.Second)
			synctest.Wait()
			if !r.Stats()[0].Healthy {
				t.Error("out after one bad answer")
			}
			tr.set("h:0", "")
			time.Sleep(time.Second)
		}
	})
}

// TestSuspectIsCheckedAtOnce: a false alarm costs no second.
func TestSuspectIsCheckedAtOnce(t *testing.T) {
	checked(t, Health{}, 1, func(r *Router, _ *fake) {
		time.Sleep(500 * time.Millisecond)
		r.suspect(r.set[0], errors.New("reset"))
		if r.pick(nil) != nil {
			t.Error("picked before the check")
		}
		synctest.Wait()
		if r.pick(nil) == nil {
			t.Error("still out after a good check")
		}
	})
}

// TestPokesAreBounded: failing requests must not turn into a storm of checks.
func TestPokesAreBounded(t *testing.T) {
	checked(t, Health{}, 1, func(r *Router, tr *fake) {
		tr.set("h:0", "refuse")
		before := tr.calls.Load()
		for range 10_000 {
			r.suspect(r.set[0], nil)
			time.Sleep(100 * time.Microsecond)
		}
		if n := tr.calls.Load() - before; n > 12 {
			t.Errorf("%d checks in a second, want about 10", n)
		}
	})
}

func TestOnlyReadyAreChecked(t *testing.T) {
	checked(t, Health{}, 3, func(r *Router, tr *fake) {
		set := fleet(3)
		set[0].Phase, set[1].Phase = actuate.Starting, actuate.Draining
		r.Route(set[:2])
		synctest.Wait()
		before := tr.calls.Load()
		time.Sleep(10 * time.Second)
		if n := tr.calls.Load() - before; n != 0 {
			t.Errorf("%d checks of instances that get no requests", n)
		}
	})
}

func TestChecksAreBounded(t *testing.T) {
	checked(t, Health{Concurrency: 3}, 20, func(r *Router, tr *fake) {
		for _, in := range fleet(20) {
			tr.set(in.Addr, "hang")
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if n := tr.peak.Load(); n != 3 {
			t.Errorf("%d checks at a time, want 3", n)
		}
		for _, s := range r.Stats() {
			if s.Healthy {
				t.Errorf("%s hangs and is healthy", s.ID)
			}
		}
	})
}
