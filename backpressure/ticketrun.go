package backpressure

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Run answers tickets until ctx ends. What has not been answered by then waits for
// the next Run. It returns nil.
func (t *Tickets) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for range t.cfg.Runs {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case k := <-t.jobs:
					t.work(ctx, k)
				}
			}
		})
	}
	tick := time.NewTicker(max(t.cfg.TTL/8, time.Millisecond)) // so that nothing stays because nobody asks
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			wg.Wait()
			return nil
		case now := <-tick.C:
			t.mu.Lock()
			t.expire(now)
			t.mu.Unlock()
		}
	}
}

// work answers k, as often as the gate says to come back.
func (t *Tickets) work(ctx context.Context, k *ticket) {
	run, cancel := context.WithCancel(ctx)
	defer cancel()
	t.mu.Lock()
	k.cancel = cancel
	gone, expires, request, body := k.gone, k.expires, k.request, k.body
	t.mu.Unlock()
	if gone {
		return
	}
	run, stop := context.WithDeadline(run, expires)
	defer stop()
	who := k.caller
	who.Class, who.inFull = Sheddable, true
	for {
		a := t.attempt(WithCaller(run, who), request, body)
		if a.again == nil && run.Err() == nil {
			t.answered(ctx, k, a)
			return
		}
		wait := time.Duration(0)
		if rej, ok := errors.AsType[*Rejected](a.again); ok {
			wait = max(rej.RetryAfter(), time.Second)
		}
		t.mu.Lock()
		t.bytes -= a.held
		t.mu.Unlock()
		select {
		case <-time.After(wait):
			if run.Err() == nil {
				continue
			}
		case <-run.Done():
		}
		if ctx.Err() != nil { // Run ends, not the ticket: the next one takes it up
			t.mu.Lock()
			k.cancel = nil
			if !k.gone {
				select {
				case t.jobs <- k:
				default: // tickets that have gone take up the places
					t.forget(k)
				}
			}
			t.mu.Unlock()
		}
		return
	}
}

// attempt runs the request once, and sees to it that a panic stays here.
func (t *Tickets) attempt(ctx context.Context, request *http.Request, body []byte) (a *answer) {
	a = &answer{tickets: t, header: make(http.Header)}
	defer func() {
		if v := recover(); v != nil {
			t.cfg.Logger.Error("a ticket's handler panicked", slog.Any("panic", v))
			a.fail(http.StatusInternalServerError)
		}
	}()
	r := request.WithContext(context.WithValue(ctx, answerKey{}, a))
	r.Header = request.Header.Clone()
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	t.serve.ServeHTTP(a, r)
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a
}

type answerKey struct{}

// putOff is the Reject of a ticket's work: it comes again.
func putOff(_ http.ResponseWriter, r *http.Request, err error) {
	if a, ok := r.Context().Value(answerKey{}).(*answer); ok {
		a.again = err
	}
}

// handle runs the user's handler. If it was stopped for a more important request,
// what it has written does not count.
func (t *Tickets) handle(w http.ResponseWriter, r *http.Request) {
	t.cfg.Handler.ServeHTTP(w, r)
	if why, ok := errors.AsType[*Rejected](context.Cause(r.Context())); ok {
		putOff(w, r, why)
	}
}

// answered keeps a as k's answer and tells the user.
func (t *Tickets) answered(ctx context.Context, k *ticket, a *answer) {
	t.mu.Lock()
	gone := k.gone
	if gone {
		t.bytes -= a.held
	} else {
		k.answer, k.expires, k.cancel = a, time.Now().Add(t.cfg.TTL), nil
		t.bytes -= k.bytes // of the request
		k.bytes, k.body, k.request = a.held, nil, nil
	}
	t.mu.Unlock()
	if gone || t.cfg.Answered == nil {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			t.cfg.Logger.Error("Answered panicked", slog.Any("panic", v))
		}
	}()
	t.cfg.Answered(ctx, Ticket{k.id, k.caller, a.status, a.header.Clone(), bytes.Clone(a.body)})
}

// errTooLong stops a handler whose answer is longer than may be kept.
var errTooLong = errors.New("evenkeel: the answer is longer than a ticket may keep")

// An answer is the ResponseWriter of a ticket's work.
type answer struct {
	tickets *Tickets
	header  http.Header
	status  int
	body    []byte
	held    int64 // of Tickets.bytes
	failed  bool  // what comes now is dropped
	again   error // the gate did not let it in, or stopped it
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= 200 {
		a.status = status
	}
}

func (a *answer) Write(p []byte) (int, error) {
	if a.failed || !a.tickets.hold(a, int64(len(p))) {
		a.fail(http.StatusInsufficientStorage)
		return 0, errTooLong
	}
	a.WriteHeader(http.StatusOK)
	a.body = append(a.body, p...)
	return len(p), nil
}

// Flush is there because streams ask for it.
func (a *answer) Flush() {}

// fail makes status the answer, whatever was written.
func (a *answer) fail(status int) {
	a.failed, a.status, a.body = true, status, nil
	a.header = make(http.Header)
	a.tickets.mu.Lock()
	a.tickets.bytes -= a.held
	a.tickets.mu.Unlock()
	a.held = 0
}

// hold counts n more bytes of a, if there is room.
func (t *Tickets) hold(a *answer, n int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a.held+n > t.cfg.Answer || t.bytes+n > t.cfg.Bytes {
		return false
	}
	a.held += n
	t.bytes += n
	return true
}
