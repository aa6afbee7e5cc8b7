package backpressure

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Defaults of [TransportConfig].
const (
	DefaultAttempts   = 3
	DefaultRetryShare = 0.1
	DefaultMaxWait    = 30 * time.Second
)

const (
	maxHosts     = 1000
	maxDiscarded = 64 << 10 // bytes of a refusal read so that its connection can be used again
	firstBackoff = 250 * time.Millisecond
)

// A TransportConfig configures a [Transport]. The zero value is valid.
type TransportConfig struct {
	// Base sends the requests. Default [http.DefaultTransport].
	Base http.RoundTripper
	// Attempts at one request, the first included. Default [DefaultAttempts]; 1:
	// no retries.
	Attempts int
	// RetryShare bounds retries to this share of the requests, in (0, 1]; beside it
	// each host may see one retry in ten seconds. Default [DefaultRetryShare].
	RetryShare float64
	// MaxWait is the longest Retry-After that is waited for. A refusal with a longer
	// one is returned at once. Default [DefaultMaxWait].
	MaxWait time.Duration
}

// A Transport is an [http.RoundTripper] for clients of a server that sheds. Per
// host, it restrains itself while most of what it sends is refused ([Throttle]), and
// sends a request again when the server's Retry-After is over.
//
// Only statuses 429 and 503 are retried, which say that the request was not served;
// only requests without a body or with a GetBody; only within the budget of
// retries; and only if the deadline leaves the time. Otherwise the refusal is
// returned as it came, and [RetryAfter] reads from its header when to come back. A
// request that is not sent at all fails with a *[Throttled].
//
// It starts no goroutine. It may be used from any number of them.
type Transport struct {
	cfg TransportConfig

	mu     sync.Mutex
	hosts  map[string]*list.Element
	recent list.List // of *host, the one used last in front
}

// A host is what is remembered of one server.
type host struct {
	name     string
	throttle Throttle
	budget   retryBudget // guarded by Transport.mu
}

// NewTransport returns a Transport for use as the Transport of an [http.Client].
func NewTransport(cfg TransportConfig) (*Transport, error) {
	if cfg.Base == nil {
		cfg.Base = http.DefaultTransport
	}
	orDefault(&cfg.Attempts, DefaultAttempts)
	orDefault(&cfg.RetryShare, DefaultRetryShare)
	orDefault(&cfg.MaxWait, DefaultMaxWait)
	var errs []error
	if cfg.Attempts < 0 {
		errs = append(errs, fmt.Errorf("backpressure: Attempts is %d: it must be positive, or 0 for %d", cfg.Attempts, DefaultAttempts))
	}
	if !(cfg.RetryShare > 0 && cfg.RetryShare <= 1) { // also NaN
		errs = append(errs, fmt.Errorf("backpressure: RetryShare is %v: it must lie in (0, 1], or be 0 for %v", cfg.RetryShare, DefaultRetryShare))
	}
	if cfg.MaxWait < 0 {
		errs = append(errs, fmt.Errorf("backpressure: MaxWait is %v: it must be positive, or 0 for %v", cfg.MaxWait, DefaultMaxWait))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &Transport{cfg: cfg, hosts: make(map[string]*list.Element)}, nil
}

// CloseIdleConnections closes those of Base.
func (t *Transport) CloseIdleConnections() {
	if c, ok := t.cfg.Base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// RoundTrip sends req, see [Transport].
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	h := t.host(req.URL.Host)
	if err := h.throttle.Ask(time.Now()); err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	t.mu.Lock()
	h.budget.earn(time.Now(), t.cfg.RetryShare)
	t.mu.Unlock()
	for attempt := 1; ; attempt++ {
		resp, err := t.cfg.Base.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		now := time.Now()
		if !refuses(resp.StatusCode) {
			h.throttle.Accepted(now)
			return resp, nil
		}
		if resp.Header.Get(ReasonHeader) == QuotaTooLarge.String() {
			return resp, nil // it will never fit, which is no sign of load
		}
		after, told := RetryAfter(resp.Header, now)
		h.throttle.Refused(now, after)
		wait := backoff(attempt)
		if told && after > 0 {
			wait = after + rand.N(after/10+1)
		}
		again := t.again(h, req, attempt, now, wait)
		if again == nil {
			return resp, nil
		}
		discard(resp)
		if err := sleep(req.Context(), wait); err != nil {
			if again.Body != nil {
				_ = again.Body.Close()
			}
			return nil, err
		}
		req = again
	}
}

// refuses reports whether status says that the request was turned away.
func refuses(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
}

// again returns the request to send after wait, or nil if it must not be repeated.
func (t *Transport) again(h *host, req *http.Request, attempt int, now time.Time, wait time.Duration) *http.Request {
	ctx := req.Context()
	if attempt >= t.cfg.Attempts || wait > t.cfg.MaxWait || ctx.Err() != nil {
		return nil
	}
	if deadline, ok := ctx.Deadline(); ok && wait >= deadline.Sub(now) {
		return nil
	}
	hasBody := req.Body != nil && req.Body != http.NoBody
	if hasBody && req.GetBody == nil {
		return nil
	}
	t.mu.Lock()
	granted := h.budget.spend()
	t.mu.Unlock()
	if !granted {
		return nil
	}
	again := req.WithContext(ctx) // a copy; Base may not change the headers they share
	if hasBody {
		body, err := req.GetBody()
		if err != nil {
			return nil
		}
		again.Body = body
	}
	return again
}

// host returns the entry for name, and forgets the one not used for longest.
func (t *Transport) host(name string) *host {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.hosts[name]; e != nil {
		t.recent.MoveToFront(e)
		return e.Value.(*host)
	}
	if t.recent.Len() >= maxHosts {
		e := t.recent.Back()
		delete(t.hosts, e.Value.(*host).name)
		t.recent.Remove(e)
	}
	h := &host{name: name}
	t.hosts[name] = t.recent.PushFront(h)
	return h
}

// backoff is the wait before the next attempt where the server named none:
// doubling, within a half and one and a half of it.
func backoff(attempt int) time.Duration {
	d := firstBackoff << min(attempt-1, 6)
	return d/2 + rand.N(d)
}

// discard reads what is left of a refusal, so that its connection is used again.
// More than a little is cheaper to cut off.
func discard(resp *http.Response) {
	if resp.ContentLength <= maxDiscarded {
		_, _ = io.CopyN(io.Discard, resp.Body, maxDiscarded)
	}
	_ = resp.Body.Close()
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
