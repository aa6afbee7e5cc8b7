package route

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

var _ actuate.Traffic = (*Router)(nil)

// A Router proxies each request to the instance with the least work. Make one
// with [New]; its zero value is not usable.
type Router struct {
	cfg   Config
	proxy httputil.ReverseProxy
	// own is the transport that New made, if it made one.
	own *http.Transport
	// changed wakes Run after Route. Capacity 1.
	changed chan struct{}

	mu      sync.Mutex
	set     []*backend          // as given to Route
	byID    map[string]*backend // set, and those gone with requests in flight
	turns   uint64
	running bool // Run runs
}

// New returns a Router without instances, or an error that names every bad
// field of c. It starts nothing: call [Router.Run] for health checks.
func New(c Config) (*Router, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &Router{cfg: c, changed: make(chan struct{}, 1), byID: make(map[string]*backend)}
	if c.Transport == nil {
		r.own = &http.Transport{
			DialContext:           (&net.Dialer{Timeout: 2 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
			TLSHandshakeTimeout:   5 * time.Second,
			MaxIdleConnsPerHost:   256,
			IdleConnTimeout:       4 * time.Second,
			ExpectContinueTimeout: time.Second,
			// The client decides about compression, not the proxy.
			DisableCompression: true,
		}
		r.cfg.Transport = r.own
	}
	r.proxy = httputil.ReverseProxy{
		Rewrite:        r.rewrite,
		Transport:      roundTripper{r},
		FlushInterval:  -1,
		BufferPool:     &buffers{},
		ModifyResponse: r.modifyResponse,
		ErrorHandler:   r.fail,
		// Only broken streams are printed; the client sees them, Stats counts them.
		ErrorLog: slog.NewLogLogger(c.Logger.Handler(), slog.LevelDebug),
	}
	return r, nil
}

// ServeHTTP proxies one request. Like every reverse proxy of package httputil it
// panics with [http.ErrAbortHandler] when a response breaks in the middle, which
// [http.Server] turns into a broken connection.
func (r *Router) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	x := &exchange{client: req.Context()}
	// Deferred, so that neither an abort nor a panic in a middleware leaves the
	// request counted.
	defer x.end(r)
	r.proxy.ServeHTTP(w, req.WithContext(context.WithValue(req.Context(), exchangeKey{}, x)))
}

// rewrite makes the outgoing request; roundTripper fills in the address.
func (r *Router) rewrite(p *httputil.ProxyRequest) {
	if r.cfg.TrustForwarded {
		p.Out.Header["X-Forwarded-For"] = p.In.Header["X-Forwarded-For"]
	}
	p.SetXForwarded()
	if r.cfg.TrustForwarded {
		for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Proto"} {
			if v := p.In.Header.Get(name); v != "" {
				p.Out.Header.Set(name, v)
			}
		}
	}
	p.Out.URL.Scheme = r.cfg.Scheme
	p.Out.Host = "" // the instance's own; the client's is in X-Forwarded-Host
}

// modifyResponse names the instance, and watches the body for a failure of the
// instance in the middle of the stream.
func (r *Router) modifyResponse(res *http.Response) error {
	x, ok := res.Request.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		return errors.New("evenkeel: route: response to an unknown request")
	}
	if r.cfg.ExposeInstance {
		res.Header.Set(InstanceHeader, x.at.id)
	}
	// After 101 the body is the connection itself and must keep its type.
	if res.StatusCode != http.StatusSwitchingProtocols {
		res.Body = &responseBody{ReadCloser: res.Body, r: r, x: x}
	}
	return nil
}

// responseBody notes when the instance begins to answer, and whether it broke off
// its response.
type responseBody struct {
	io.ReadCloser
	r *Router
	x *exchange
}

func (b *responseBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 && !b.x.spoke {
		b.x.spoke = true
		b.r.spoke(b.x.at)
	}
	if err != nil && err != io.EOF && b.x.client.Err() == nil {
		b.x.broke = true
	}
	return n, err
}

// buffers lends the buffers that responses are copied through.
type buffers struct{ pool sync.Pool }

const bufferSize = 32 << 10

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return p[:]
	}
	return new([bufferSize]byte)[:]
}

// Put keeps a pointer to the array: a slice in an interface would be allocated.
func (b *buffers) Put(p []byte) {
	if len(p) == bufferSize {
		b.pool.Put((*[bufferSize]byte)(p))
	}
}
