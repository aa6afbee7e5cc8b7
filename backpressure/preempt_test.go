package backpressure

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// one lets g run that many answers at once, and learn nothing.
func (g *Gate) one(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.adm.folded = 1 << 61
	g.adm.lines[answers] = line{allowed: float64(n) - coldAhead}
}

// begin lets a request of class c in that stops when it is told to, and returns a
// channel that gives the cause.
func begin(t *testing.T, g *Gate, c Class) <-chan error {
	t.Helper()
	p, err := g.Acquire(WithCaller(t.Context(), Caller{Class: c}), Cost{Whole: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	p.OnPreempt(cancel)
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		stopped <- context.Cause(ctx)
		p.Release()
	})
	t.Cleanup(p.Release)
	return stopped
}

func TestPreemption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, Config{})
		g.one(5)
		important := begin(t, g, Critical)
		old, lowest, lower := begin(t, g, Sheddable), begin(t, g, Sheddable), begin(t, g, SheddablePlus)
		deaf, err := g.Acquire(WithCaller(t.Context(), Caller{Class: Sheddable}), Cost{Whole: true}) // cannot be stopped
		if err != nil {
			t.Fatal(err)
		}
		defer deaf.Release()
		for i, want := range []<-chan error{lowest, old, lower} {
			start := time.Now()
			p, err := g.Acquire(WithCaller(t.Context(), Caller{Class: Critical}), Cost{Whole: true})
			if err != nil || time.Since(start) != time.Second {
				t.Fatalf("%d: after %v: %v; want after half of the 2s that it may wait", i, time.Since(start), err)
			}
			defer p.Release()
			select {
			case why := <-want:
				r, ok := errors.AsType[*Rejected](why)
				if !ok || r.Reason() != Preempted || r.Status() != 503 || r.RetryAfter() <= 0 || !errors.Is(why, ErrPreempted) {
					t.Errorf("stopped because of %v", why)
				}
			default:
				t.Fatalf("%d: the wrong one was stopped", i)
			}
		}
		s := g.Stats()
		if len(important) != 0 || s.Preempted != 3 || s.Class(Sheddable).Preempted != 2 || s.InFlight != 5 {
			t.Errorf("%d preempted, %d in flight: %+v", s.Preempted, s.InFlight, s.Classes)
		}
		if _, err := g.Acquire(WithCaller(t.Context(), Caller{Class: Critical}), Cost{Whole: true}); err == nil {
			t.Error("let in, with nobody left to stop")
		}
	})
}

// A high class that comes at once into a server full of long sheddable work gets
// its room within the time it may wait.
func TestPreemptionMakesRoom(t *testing.T) {
	served := func(stops bool) float64 {
		high := &customers{class: Critical, rate: 1e-9}
		low := &customers{class: Sheddable, rate: 100, size: 300, stops: stops}
		b := newBazaar(t, Config{}, 1, high, low)
		b.run(0, 3)
		high.next, high.rate = 3, 0.3*b.capacity()
		b.run(3, 15)
		soon := 0
		for _, took := range high.took {
			soon += b2i(took <= 2)
		}
		got := float64(soon) / float64(high.offered)
		t.Logf("high class: %.3f served within 2 s, %d of the low one stopped", got, low.stopped)
		return got
	}
	if got := served(true); got < 0.99 {
		t.Errorf("%.3f served in time, want 0.99", got)
	}
	if got := served(false); got > 0.5 {
		t.Errorf("%.3f served in time without preemption: the server was not full", got)
	}
}

// The handler of a sheddable request is stopped through its context, and the
// answer is a refusal unless something has been said already.
func TestHandlerIsPreempted(t *testing.T) {
	for _, spoke := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			g := newGate(t, Config{})
			g.one(1)
			running := make(chan struct{})
			h := g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if CallerFrom(r.Context()).Class != Sheddable {
					return
				}
				if spoke {
					_, _ = w.Write([]byte("well"))
				}
				close(running)
				<-r.Context().Done()
			}), HandlerConfig{Cost: func(*http.Request) (Cost, error) { return Cost{Whole: true}, nil }})
			ask := func(c Class) *httptest.ResponseRecorder {
				w := httptest.NewRecorder()
				r := httptest.NewRequestWithContext(WithCaller(t.Context(), Caller{Class: c}), http.MethodPost, "/", nil)
				h.ServeHTTP(w, r)
				return w
			}
			low := make(chan *httptest.ResponseRecorder)
			go func() { low <- ask(Sheddable) }()
			<-running
			time.Sleep(10 * time.Second)
			g.mu.Lock()
			l := &g.adm.lines[answers]
			l.rate, l.conf = l.amount/100, 1
			g.mu.Unlock()
			if w := ask(Critical); w.Code != http.StatusOK {
				t.Errorf("critical: %d %s", w.Code, w.Body)
			}
			w := <-low
			if spoke != (w.Code == http.StatusOK) || spoke == (w.Header().Get("Retry-After") != "") || spoke == (w.Header().Get(ReasonHeader) == "preempted") {
				t.Errorf("had begun to answer: %v; got %d %v %s", spoke, w.Code, w.Header(), w.Body)
			}
			if s := g.Stats(); s.InFlight != 0 || s.Preempted != 1 || s.Completed != 1 || s.Abandoned+s.Failed != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}
