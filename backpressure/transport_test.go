package backpressure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A script answers requests with one status after the other; the last one stays.
type script struct {
	status []int
	header http.Header
	bodies []string
	closed int
	read   int
}

type closer struct {
	io.Reader
	s *script
}

func (c closer) Read(p []byte) (int, error) { n, err := c.Reader.Read(p); c.s.read += n; return n, err }
func (c closer) Close() error               { c.s.closed++; return nil }

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if err := r.Body.Close(); err != nil {
			return nil, err
		}
		body = string(b)
	}
	s.bodies = append(s.bodies, body)
	status := s.status[min(len(s.bodies), len(s.status))-1]
	if status == 0 {
		return nil, errors.New("no connection")
	}
	h := s.header
	if h == nil {
		h = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: h, Body: closer{strings.NewReader("answer"), s}, Request: r, ContentLength: 6}, nil
}

func comeBack(s string) http.Header { return http.Header{"Retry-After": {s}} }

func newTransport(t testing.TB, cfg TransportConfig) *Transport {
	t.Helper()
	tr, err := NewTransport(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestTransport(t *testing.T) {
	replay := func() *http.Request {
		r, _ := http.NewRequest("POST", "http://model/", strings.NewReader("prompt"))
		return r
	}
	once := func() *http.Request {
		r, _ := http.NewRequest("POST", "http://model/", io.NopCloser(strings.NewReader("prompt")))
		return r
	}
	empty := func() *http.Request { r, _ := http.NewRequest("GET", "http://model/", nil); return r }
	for _, c := range []struct {
		name     string
		request  func() *http.Request
		script   script
		cfg      TransportConfig
		deadline time.Duration
		sent     int
		status   int
		min, max time.Duration
	}{
		{"served", replay, script{status: []int{200}}, TransportConfig{}, 0, 1, 200, 0, 0},
		{"comes back when told", replay, script{status: []int{503, 200}, header: comeBack("7")}, TransportConfig{}, 0, 2, 200, 7 * time.Second, 7700 * time.Millisecond},
		{"a quota too", empty, script{status: []int{429, 200}, header: comeBack("7")}, TransportConfig{}, 0, 2, 200, 7 * time.Second, 7700 * time.Millisecond},
		{"in milliseconds", replay, script{status: []int{429, 200}, header: http.Header{"Retry-After-Ms": {"1500"}, "Retry-After": {"20"}}}, TransportConfig{}, 0, 2, 200, 1500 * time.Millisecond, 1650 * time.Millisecond},
		{"told nothing", replay, script{status: []int{503, 200}}, TransportConfig{}, 0, 2, 200, 125 * time.Millisecond, 375 * time.Millisecond},
		{"told nonsense", replay, script{status: []int{503, 200}, header: comeBack("soon")}, TransportConfig{}, 0, 2, 200, 125 * time.Millisecond, 375 * time.Millisecond},
		{"three attempts", replay, script{status: []int{503}, header: comeBack("1")}, TransportConfig{}, 0, 3, 503, 2 * time.Second, 2200 * time.Millisecond},
		{"no retries", replay, script{status: []int{503}, header: comeBack("1")}, TransportConfig{Attempts: 1}, 0, 1, 503, 0, 0},
		{"the deadline is too near", replay, script{status: []int{503, 200}, header: comeBack("7")}, TransportConfig{}, 7 * time.Second, 1, 503, 0, 0},
		{"the deadline leaves time", replay, script{status: []int{503, 200}, header: comeBack("7")}, TransportConfig{}, 10 * time.Second, 2, 200, 7 * time.Second, 7700 * time.Millisecond},
		{"too long to wait", replay, script{status: []int{503, 200}, header: comeBack("60")}, TransportConfig{}, 0, 1, 503, 0, 0},
		{"long, and wanted", replay, script{status: []int{503, 200}, header: comeBack("60")}, TransportConfig{MaxWait: 2 * time.Minute}, 0, 2, 200, time.Minute, 66 * time.Second},
		{"the body is gone", once, script{status: []int{503, 200}, header: comeBack("1")}, TransportConfig{}, 0, 1, 503, 0, 0},
		{"other errors are not load", replay, script{status: []int{500, 200}, header: comeBack("1")}, TransportConfig{}, 0, 1, 500, 0, 0},
		{"nor is a bad gateway", replay, script{status: []int{502, 200}, header: comeBack("1")}, TransportConfig{}, 0, 1, 502, 0, 0},
		{"it will never fit", replay, script{status: []int{429, 200}, header: http.Header{ReasonHeader: {"quota_too_large"}}}, TransportConfig{}, 0, 1, 429, 0, 0},
		{"no connection", replay, script{status: []int{0}}, TransportConfig{}, 0, 1, 0, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, cfg := c.script, c.cfg
				cfg.Base = &s
				req := c.request()
				if c.deadline > 0 {
					ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
					defer cancel()
					req = req.WithContext(ctx)
				}
				want := "prompt"
				if req.Body == nil {
					want = ""
				}
				began := time.Now()
				resp, err := newTransport(t, cfg).RoundTrip(req)
				if took := time.Since(began); took < c.min || took > c.max {
					t.Errorf("took %v", took)
				}
				if len(s.bodies) != c.sent {
					t.Errorf("sent %d times", len(s.bodies))
				}
				for i, b := range s.bodies {
					if b != want {
						t.Errorf("attempt %d sent %q", i, b)
					}
				}
				if c.status == 0 {
					if err == nil {
						t.Error("no error")
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if resp.StatusCode != c.status {
					t.Errorf("status %d", resp.StatusCode)
				}
				if s.closed != c.sent-1 || s.read != 6*(c.sent-1) {
					t.Errorf("%d refusals closed, %d bytes of them read", s.closed, s.read)
				}
				if b, err := io.ReadAll(resp.Body); string(b) != "answer" || err != nil {
					t.Errorf("the answer is %q, %v", b, err)
				}
			})
		})
	}
}

// Whoever leaves while the client waits for a retry is gone at once.
func TestTransportWaitEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{status: []int{503}, header: comeBack("20")}
		tr := newTransport(t, TransportConfig{Base: s})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, cancel)
		req, err := http.NewRequestWithContext(ctx, "GET", "http://model/", nil)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		resp, err := tr.RoundTrip(req)
		if resp != nil || !errors.Is(err, context.Canceled) || time.Since(began) != 3*time.Second {
			t.Errorf("%v, %v after %v", resp, err, time.Since(began))
		}
		if s.closed != 1 {
			t.Errorf("%d refusals closed", s.closed)
		}
		// A client's own timeout is a deadline too.
		c := http.Client{Transport: tr, Timeout: 10 * time.Second}
		began = time.Now()
		got, err := c.Get("http://another/")
		if err != nil || got.StatusCode != 503 || time.Since(began) != 0 {
			t.Fatalf("%v, %v after %v", got, err, time.Since(began))
		}
		_ = got.Body.Close()
	})
}

// When everything is refused, retries are a tenth of the requests, and most
// requests are not sent at all. A request that is not sent has its body closed.
func TestTransportUnderRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{status: []int{503}}
		tr := newTransport(t, TransportConfig{Base: s})
		const n = 2000
		held, closed := 0, &script{}
		for range n {
			req, err := http.NewRequest("POST", "http://model/", strings.NewReader("prompt"))
			if err != nil {
				t.Fatal(err)
			}
			req.Body = closer{bytes.NewReader([]byte("prompt")), closed}
			resp, err := tr.RoundTrip(req)
			switch {
			case errors.Is(err, ErrThrottled):
				held++
			case err != nil:
				t.Fatal(err)
			default:
				_ = resp.Body.Close()
			}
			time.Sleep(10 * time.Millisecond)
		}
		sent := len(s.bodies)
		t.Logf("%d requests: %d not sent, %d attempts", n, held, sent)
		if held < n*9/10 {
			t.Errorf("only %d of %d were held back", held, n)
		}
		// Retries: the share, the first ones and the floor of a few dozen seconds.
		if retries := sent - (n - held); retries > (n-held)/10+3+6 {
			t.Errorf("%d retries for %d requests sent", retries, n-held)
		}
		if closed.closed < n {
			t.Errorf("%d of %d bodies were closed", closed.closed, n)
		}
	})
}

// One bad host does not make a client hold back from another, and hosts that come
// and go do not fill its memory.
func TestTransportHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := newTransport(t, TransportConfig{Attempts: 1, Base: roundTrip(func(r *http.Request) (*http.Response, error) {
			status := 200
			if r.URL.Host == "bad" {
				status = 503
			}
			return &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody}, nil
		})})
		get := func(host string) error {
			resp, err := tr.RoundTrip(httptest.NewRequest("GET", "http://"+host+"/", nil))
			if err == nil {
				_ = resp.Body.Close()
			}
			return err
		}
		held := 0
		for range 100 {
			if get("bad") != nil {
				held++
			}
			if err := get("good"); err != nil {
				t.Error(err)
			}
		}
		if held < 50 {
			t.Errorf("%d of 100 to the bad host were held back", held)
		}
		for i := range 3 * maxHosts {
			if err := get(fmt.Sprint("host", i)); err != nil {
				t.Error(err)
			}
			_ = get("bad") // stays known, since it is used
		}
		if len(tr.hosts) != maxHosts || tr.recent.Len() != maxHosts {
			t.Errorf("%d hosts are known", len(tr.hosts))
		}
		if tr.hosts["bad"] == nil || tr.hosts["good"] != nil {
			t.Error("not the host used least recently was forgotten")
		}
	})
}

func TestNewTransportRefuses(t *testing.T) {
	for _, c := range []struct {
		cfg  TransportConfig
		want []string
	}{
		{TransportConfig{}, nil},
		{TransportConfig{Attempts: -1, RetryShare: 1.5, MaxWait: -1}, []string{"Attempts", "RetryShare", "MaxWait"}},
		{TransportConfig{RetryShare: -0.1}, []string{"RetryShare"}},
	} {
		_, err := NewTransport(c.cfg)
		if (err == nil) != (c.want == nil) {
			t.Errorf("%+v: %v", c.cfg, err)
		}
		for _, w := range c.want {
			if err != nil && !strings.Contains(err.Error(), w) {
				t.Errorf("%v does not name %s", err, w)
			}
		}
	}
}

// Against a real gate, over a real connection, which refusals leave usable.
func TestTransportAgainstGate(t *testing.T) {
	gate, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	var conns atomic.Int32
	var bodies sync.Map
	srv := httptest.NewUnstartedServer(gate.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		bodies.Store(string(b), true)
		_, _ = io.WriteString(w, "fine")
	}), HandlerConfig{Reject: func(w http.ResponseWriter, r *http.Request, err error) {
		gate.Observe(Outlook{Ready: 1}) // there will be room for the second attempt
		w.Header().Set("Retry-After-Ms", "1")
		WriteRejection(w, err)
	}}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	base := &http.Transport{}
	client := &http.Client{Transport: newTransport(t, TransportConfig{Base: base})}
	defer client.CloseIdleConnections()
	for i := range 3 { // the budget has so many to begin with
		gate.Observe(Outlook{})
		body := fmt.Sprintf(`{"prompt":"request %d"}`, i)
		resp, err := client.Post(srv.URL, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != 200 || string(b) != "fine" || err != nil {
			t.Errorf("%d %q %v", resp.StatusCode, b, err)
		}
		if _, ok := bodies.Load(body); !ok {
			t.Errorf("%s did not reach the handler whole", body)
		}
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections were made", n)
	}
	if s := gate.Stats(); s.Completed != 3 || s.Shed[NoCapacity] != 3 {
		t.Errorf("%d completed, %d shed", s.Completed, s.Shed[NoCapacity])
	}
}

// What the Transport adds to a request that is served.
func BenchmarkTransport(b *testing.B) {
	resp := &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody}
	tr := newTransport(b, TransportConfig{Base: roundTrip(func(*http.Request) (*http.Response, error) { return resp, nil })})
	req, err := http.NewRequest("GET", "http://model/", nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tr.RoundTrip(req); err != nil {
			b.Fatal(err)
		}
	}
}
