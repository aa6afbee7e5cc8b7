package route

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

type exchangeKey struct{}

// An exchange is one request on its way. Only the goroutine that serves it uses
// it, except for the body, which the transport reads in its own time.
type exchange struct {
	client context.Context
	at     *backend // where it is now; nil before and after
	spoke  bool     // a byte of the response's body has come
	broke  bool     // the instance failed it
}

func (x *exchange) end(r *Router) {
	if x.at == nil {
		return
	}
	r.release(x.at, x.spoke, x.broke)
	if x.broke {
		wake(x.at.poke)
	}
	x.at = nil
}

// errNoInstance ends a request that nobody can take.
var errNoInstance = errors.New("evenkeel: route: no instance is ready")

// roundTripper sends a request to the instance with the least work, and to
// another one if the first cannot be reached.
type roundTripper struct{ r *Router }

func (t roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	r := t.r
	x, ok := req.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		return nil, errNoInstance
	}
	var body *requestBody
	if req.Body != nil && req.Body != http.NoBody {
		body = &requestBody{ReadCloser: req.Body}
	}
	var tried *backend
	for {
		b := r.pick(tried)
		if b == nil {
			return nil, errNoInstance
		}
		x.at = b
		res, err := r.send(req, b, body)
		if err == nil {
			return res, nil
		}
		if x.client.Err() != nil || body.failed() != nil {
			// The client's doing. Its error says more than the transport's.
			return nil, errors.Join(body.failed(), err)
		}
		unreached := notReached(err)
		if unreached || !isTimeout(err) {
			r.suspect(b, err)
		}
		x.broke = true
		if !unreached {
			return nil, err
		}
		if body.touched() {
			return nil, err
		}
		x.end(r)
		x.broke = false
		if tried != nil {
			return nil, errNoInstance
		}
		tried = b
	}
}

// send makes one attempt. The transport may still hold a request when it has
// returned, so each attempt gets its own.
func (r *Router) send(req *http.Request, b *backend, body *requestBody) (*http.Response, error) {
	out := *req
	u := *req.URL
	u.Host = b.addr
	out.URL = &u
	if body != nil {
		out.Body = body
	}
	return r.cfg.Transport.RoundTrip(&out)
}

// suspect takes b out until it answers a health check.
func (r *Router) suspect(b *backend, err error) {
	r.mu.Lock()
	first := !b.down
	b.down = true
	if r.cfg.Health.Off {
		b.retryAt = time.Now().Add(r.cfg.Health.Interval)
	}
	r.mu.Unlock()
	if first {
		r.cfg.Logger.Warn("instance taken out: a request could not reach it or lost its connection",
			"instance", b.id, "addr", b.addr, "error", err)
	}
	wake(b.poke)
}

// notReached reports whether err says that no connection came about, so that
// not a byte of the request was sent.
func notReached(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

func isTimeout(err error) bool {
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}

// requestBody watches the body of a request. Its Close does nothing, because a
// transport closes the body when it cannot connect, and the next attempt needs
// it; the proxy closes the body underneath when the request ends.
type requestBody struct {
	io.ReadCloser
	read atomic.Bool
	err  atomic.Pointer[error]
}

func (b *requestBody) Read(p []byte) (int, error) {
	b.read.Store(true)
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.err.CompareAndSwap(nil, &err)
	}
	return n, err
}

func (b *requestBody) Close() error { return nil }

// touched reports whether anything was read.
func (b *requestBody) touched() bool { return b != nil && b.read.Load() }

// failed returns why the body could not be read, if so.
func (b *requestBody) failed() error {
	if b == nil {
		return nil
	}
	if err := b.err.Load(); err != nil {
		return *err
	}
	return nil
}
