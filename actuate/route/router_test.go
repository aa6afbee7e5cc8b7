package route

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// newRouter returns a Router without health checks behind a server.
func newRouter(t *testing.T, c Config, set ...actuate.Instance) (*Router, *httptest.Server) {
	t.Helper()
	r, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	r.Route(set)
	srv := httptest.NewUnstartedServer(r)
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetHTTP1(true)
	srv.Config.Protocols.SetUnencryptedHTTP2(true)
	srv.Start()
	t.Cleanup(func() {
		srv.Close()
		if r.own != nil {
			r.own.CloseIdleConnections()
		}
	})
	return r, srv
}

// instance starts a server and returns it as a ready instance.
func instance(t *testing.T, id string, h http.HandlerFunc) actuate.Instance {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return actuate.Instance{ID: id, Addr: srv.Listener.Addr().String(), Phase: actuate.Ready}
}

// refusing returns a ready instance at an address where nobody listens.
func refusing(t *testing.T, id string) actuate.Instance {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return actuate.Instance{ID: id, Addr: ln.Addr().String(), Phase: actuate.Ready}
}

// eventually waits for a condition that other goroutines bring about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestStreamIsNotBuffered(t *testing.T) {
	next := make(chan struct{})
	in := instance(t, "a", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain") // not only event streams
		for i := range 3 {
			fmt.Fprintf(w, "chunk %d\n", i)
			w.(http.Flusher).Flush()
			<-next // the next chunk comes only once this one has been read
		}
	})
	r, srv := newRouter(t, Config{ExposeInstance: true}, in)
	res, err := http.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get(InstanceHeader); got != "a" {
		t.Errorf("%s = %q, want a", InstanceHeader, got)
	}
	lines := bufio.NewScanner(res.Body)
	for i := range 3 {
		if !lines.Scan() || lines.Text() != fmt.Sprintf("chunk %d", i) {
			t.Fatalf("read %q (%v), want chunk %d", lines.Text(), lines.Err(), i)
		}
		if n := r.InFlight("a"); n != 1 {
			t.Errorf("in flight in the middle of the stream: %d, want 1", n)
		}
		next <- struct{}{}
	}
	if lines.Scan() {
		t.Errorf("unexpected %q", lines.Text())
	}
	eventually(t, "in flight is 0 after the stream", func() bool { return r.InFlight("a") == 0 })
}

func TestClientLeaves(t *testing.T) {
	gone := make(chan struct{})
	in := instance(t, "a", func(w http.ResponseWriter, req *http.Request) {
		w.(http.Flusher).Flush()
		<-req.Context().Done()
		close(gone)
	})
	r, srv := newRouter(t, Config{}, in)
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL, nil)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	cancel()
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Fatal("the instance was not told that the client left")
	}
	eventually(t, "the request is no longer counted", func() bool { return r.InFlight("a") == 0 })
	if s := r.Stats()[0]; s.Failures != 0 || !s.Healthy {
		t.Errorf("a client that left counts against the instance: %+v", s)
	}
}

func TestTrailers(t *testing.T) {
	in := instance(t, "a", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Tokens")
		fmt.Fprint(w, "text")
		w.Header().Set("X-Tokens", "7")
	})
	_, srv := newRouter(t, Config{}, in)
	res, err := http.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	if got := res.Trailer.Get("X-Tokens"); got != "7" {
		t.Errorf("trailer X-Tokens = %q, want 7", got)
	}
}

func TestHTTP2(t *testing.T) {
	in := instance(t, "a", func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		fmt.Fprintf(w, "%s %s", req.Proto, body)
	})
	_, srv := newRouter(t, Config{}, in)
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	res, err := (&http.Client{Transport: tr}).Post(srv.URL, "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if res.Proto != "HTTP/2.0" || string(body) != "HTTP/1.1 hello" {
		t.Errorf("client saw %s, instance saw %q; want HTTP/2.0 and HTTP/1.1 hello", res.Proto, body)
	}
}

func TestForwardedHeaders(t *testing.T) {
	for _, tc := range []struct {
		trust bool
		want  string
	}{{false, "127.0.0.1"}, {true, "192.0.2.7, 127.0.0.1"}} {
		var got http.Header
		var host string
		in := instance(t, "a", func(_ http.ResponseWriter, req *http.Request) { got, host = req.Header, req.Host })
		_, srv := newRouter(t, Config{TrustForwarded: tc.trust}, in)
		req, _ := http.NewRequest(http.MethodGet, srv.URL, nil)
		req.Host = "models.example"
		req.Header.Set("X-Forwarded-For", "192.0.2.7")
		req.Header.Set("Connection", "X-Hop")
		req.Header.Set("X-Hop", "secret")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if f := got.Get("X-Forwarded-For"); f != tc.want {
			t.Errorf("trust %v: X-Forwarded-For = %q, want %q", tc.trust, f, tc.want)
		}
		if h := got.Get("X-Forwarded-Host"); h != "models.example" || host != in.Addr {
			t.Errorf("X-Forwarded-Host %q, Host %q; want models.example and %s", h, host, in.Addr)
		}
		if got.Get("X-Hop") != "" {
			t.Error("a hop-by-hop header reached the instance")
		}
	}
}

func TestRetryWhereNothingWasSent(t *testing.T) {
	var calls atomic.Int64
	body := bytes.Repeat([]byte("x"), 3<<20) // far more than any buffer on the way
	in := instance(t, "b", func(w http.ResponseWriter, req *http.Request) {
		calls.Add(1)
		got, _ := io.ReadAll(req.Body)
		fmt.Fprint(w, bytes.Equal(got, body))
	})
	r, srv := newRouter(t, Config{}, refusing(t, "a"), in)
	res, err := http.Post(srv.URL, "text/plain", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got, _ := io.ReadAll(res.Body); res.StatusCode != 200 || string(got) != "true" || calls.Load() != 1 {
		t.Errorf("status %d, whole body %s, calls %d; want 200, true, 1", res.StatusCode, got, calls.Load())
	}
	s := r.Stats()
	if s[0].Healthy || s[0].Failures != 1 || s[0].InFlight != 0 || !s[1].Healthy || s[1].Total != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestNoRetryOnceSent(t *testing.T) {
	var calls atomic.Int64
	die := func(w http.ResponseWriter, req *http.Request) {
		calls.Add(1)
		_, _ = io.Copy(io.Discard, req.Body)
		panic(http.ErrAbortHandler)
	}
	r, srv := newRouter(t, Config{}, instance(t, "a", die), instance(t, "b", die))
	res, err := http.Post(srv.URL, "text/plain", strings.NewReader("prompt"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusBadGateway || calls.Load() != 1 {
		t.Errorf("status %d after %d calls, want 502 after 1", res.StatusCode, calls.Load())
	}
	wantError(t, res, "upstream_failed")
	if s := r.Stats(); s[0].Healthy || !s[1].Healthy || s[0].Failures != 1 {
		t.Errorf("want the first instance taken out, got %+v", s)
	}
}

func TestNobodyReady(t *testing.T) {
	for name, set := range map[string][]actuate.Instance{
		"empty":       nil,
		"starting":    {{ID: "a", Addr: "127.0.0.1:1", Phase: actuate.Starting}},
		"no address":  {{ID: "a", Phase: actuate.Ready}},
		"all refuse":  {refusing(t, "a"), refusing(t, "b"), refusing(t, "c")},
		"one refuses": {refusing(t, "a")},
	} {
		t.Run(name, func(t *testing.T) {
			r, srv := newRouter(t, Config{}, set...)
			res, err := http.Post(srv.URL, "text/plain", strings.NewReader("prompt"))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") != "1" {
				t.Errorf("status %d, Retry-After %q; want 503 and 1", res.StatusCode, res.Header.Get("Retry-After"))
			}
			wantError(t, res, "no_ready_instance")
			for _, s := range r.Stats() {
				if s.InFlight != 0 {
					t.Errorf("still counted: %+v", s)
				}
			}
		})
	}
}

// wantError checks the body of an error as a client of OpenAI's API reads it.
func wantError(t *testing.T, res *http.Response, code string) {
	t.Helper()
	var body struct {
		Error struct{ Message, Type, Code string }
	}
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		t.Fatalf("the error is no JSON: %v", err)
	}
	if body.Error.Code != code || body.Error.Message == "" || body.Error.Type == "" {
		t.Errorf("error %+v, want the code %s with a message and a type", body.Error, code)
	}
}

func TestBrokenStream(t *testing.T) {
	in := instance(t, "a", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "half of")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	r, srv := newRouter(t, Config{}, in)
	res, err := http.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("a broken stream looks like one that ended")
	}
	eventually(t, "the request is no longer counted", func() bool { return r.InFlight("a") == 0 })
	if s := r.Stats()[0]; s.Failures != 1 {
		t.Errorf("failures %d, want 1", s.Failures)
	}
}

func TestBodyTooLarge(t *testing.T) {
	in := instance(t, "a", func(_ http.ResponseWriter, req *http.Request) { _, _ = io.Copy(io.Discard, req.Body) })
	r, _ := newRouter(t, Config{}, in)
	srv := httptest.NewServer(http.MaxBytesHandler(r, 10))
	defer srv.Close()
	// Chunked, so that the length is not known beforehand.
	res, err := http.Post(srv.URL, "text/plain", io.MultiReader(strings.NewReader(strings.Repeat("x", 1000))))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413", res.StatusCode)
	}
	wantError(t, res, "body_too_large")
	if s := r.Stats()[0]; !s.Healthy || s.Failures != 0 {
		t.Errorf("the client's mistake counts against the instance: %+v", s)
	}
}

func TestDeadline(t *testing.T) {
	in := instance(t, "a", func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
	r, _ := newRouter(t, Config{}, in)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
	if w.Code != http.StatusGatewayTimeout || !strings.Contains(w.Body.String(), `"timeout"`) {
		t.Errorf("status %d, body %s; want 504 and the code timeout", w.Code, w.Body)
	}
	if s := r.Stats()[0]; !s.Healthy || s.InFlight != 0 {
		t.Errorf("the request's own deadline counts against the instance: %+v", s)
	}
}

func TestConfig(t *testing.T) {
	_, err := New(Config{
		Health: Health{Path: "health", Interval: -1, Timeout: -1, Failures: -1, Concurrency: -1},
		Scheme: "ftp",
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, field := range []string{"Health.Path", "Health.Interval", "Health.Timeout", "Health.Failures", "Health.Concurrency", "Scheme"} {
		if !strings.Contains(err.Error(), "evenkeel: route: "+field+" ") {
			t.Errorf("the error does not name %s:\n%v", field, err)
		}
	}
}
