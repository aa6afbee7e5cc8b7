package backpressure

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// long is n at full size, and some of it in everyday tests.
func long(n, everyday int) int {
	if os.Getenv("EVENKEEL_LONG") == "1" {
		return n
	}
	return everyday
}

// nothingRuns waits until nothing is in flight; the server may learn a little later than
// the client that all is over.
func nothingRuns(t *testing.T, g *Gate) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); g.Stats().InFlight > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%d permits leaked", g.Stats().InFlight)
		}
	}
}

// serveHTTP starts a server for h, over HTTP/1 or 2.
func serveHTTP(t *testing.T, h http.Handler, two bool) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.EnableHTTP2 = two
	if two {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	return srv
}

func protocols(t *testing.T, test func(t *testing.T, two bool)) {
	t.Run("HTTP1", func(t *testing.T) { test(t, false) })
	t.Run("HTTP2", func(t *testing.T) { test(t, true) })
}

// Each event of a stream arrives when it is written, and the permit is held until
// the last one.
func TestStreamHoldsItsPermit(t *testing.T) {
	protocols(t, func(t *testing.T, two bool) {
		g := newGate(t, Config{})
		step := make(chan struct{})
		srv := serveHTTP(t, g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if (r.ProtoMajor == 2) != two {
				t.Errorf("served over %s", r.Proto)
			}
			w.Header().Set("Content-Type", "text/event-stream")
			for i := range 5 {
				fmt.Fprintf(w, "data: %d\n\n", i)
				if err := http.NewResponseController(w).Flush(); err != nil {
					t.Error(err)
				}
				<-step
			}
		}), HandlerConfig{}), two)
		resp, err := srv.Client().Post(srv.URL+"/v1/chat/completions", "application/json", strings.NewReader(hello))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		for i := range 5 {
			if !lines.Scan() || lines.Text() != fmt.Sprintf("data: %d", i) || !lines.Scan() {
				t.Fatalf("event %d: %q, %v", i, lines.Text(), lines.Err())
			}
			if n := g.Stats().InFlight; n != 1 {
				t.Errorf("%d in flight at event %d", n, i)
			}
			step <- struct{}{}
		}
		if lines.Scan() {
			t.Errorf("more: %q", lines.Text())
		}
		nothingRuns(t, g)
		if s := g.Stats(); s.Completed != 1 || s.MeanOutput != 5 {
			t.Errorf("%d completed with %v tokens; want 1 with 5", s.Completed, s.MeanOutput)
		}
	})
}

// A client that leaves frees its slot as soon as the handler heeds its context.
// How long that took is logged, not asserted: the machine decides it.
func TestAbortFreesThePermit(t *testing.T) {
	protocols(t, func(t *testing.T, two bool) {
		g := newGate(t, Config{})
		srv := serveHTTP(t, g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "data: {}\n\n")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}), HandlerConfig{}), two)
		var worst time.Duration
		for range 20 {
			ctx, cancel := context.WithCancel(t.Context())
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, srv.URL+"/v1/chat/completions", strings.NewReader(hello))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := srv.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			cancel()
			nothingRuns(t, g)
			worst = max(worst, time.Since(start))
			resp.Body.Close()
		}
		t.Logf("freed after %v at the longest", worst)
		if s := g.Stats(); s.Abandoned != 20 {
			t.Errorf("%d abandoned, want 20", s.Abandoned)
		}
	})
}

// Hijacked connections, clients that read nothing for a while or leave in the
// middle, and panics: no permit is lost.
func TestNothingLeaksOverRealConnections(t *testing.T) {
	g := newGate(t, Config{Mode: Off})
	piece := []byte(strings.Repeat("x", 16<<10))
	mux := http.NewServeMux()
	mux.HandleFunc("/hijack", func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
		conn.Close()
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
		for range 1000 { // more than the buffers between hold
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	srv := serveHTTP(t, g.Handler(mux, HandlerConfig{}), false)
	const clients = 20
	n := long(100_000, 300) / clients
	for _, path := range []string{"/hijack", "/slow", "/panic"} {
		var wg sync.WaitGroup
		for range clients {
			wg.Go(func() {
				for i := range n {
					conn, err := net.Dial("tcp", srv.Listener.Addr().String())
					if err != nil {
						t.Error(err)
						return
					}
					fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
					if path == "/slow" {
						_, _ = io.ReadFull(conn, make([]byte, 100))
						if i%2 == 0 {
							time.Sleep(30 * time.Millisecond)
						}
					} else {
						_, _ = io.Copy(io.Discard, conn)
					}
					_ = conn.(*net.TCPConn).SetLinger(0) // 100,000 closed ports would not be free again in time
					conn.Close()
				}
			})
		}
		wg.Wait()
		nothingRuns(t, g)
		if s := g.Stats(); s.PromptsAhead != 0 || s.Decoding != 0 {
			t.Errorf("%s: %v prompts ahead, %d decoding", path, s.PromptsAhead, s.Decoding)
		}
	}
	if s := g.Stats(); s.Offered != uint64(3*n*clients) || s.Offered != s.Completed+s.Failed+s.Abandoned {
		t.Errorf("%d offered, %d completed, %d failed, %d abandoned", s.Offered, s.Completed, s.Failed, s.Abandoned)
	}
}

// A refusal ends an upload that nobody reads, and the client learns why.
func TestRefusalWhileTheBodyComes(t *testing.T) {
	protocols(t, func(t *testing.T, two bool) {
		g := newGate(t, Config{})
		g.Observe(Outlook{ReadyIn: time.Hour})
		srv := serveHTTP(t, g.Handler(http.NotFoundHandler(), HandlerConfig{}), two)
		req, err := http.NewRequest(http.MethodPost, srv.URL+"/v1/chat/completions", strings.NewReader(strings.Repeat("x", 8<<20)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Expect", "100-continue") // not asked for, so not sent
		tr := srv.Client().Transport.(*http.Transport)
		tr.ExpectContinueTimeout = 10 * time.Second
		resp, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
			t.Errorf("status %d, %v", resp.StatusCode, resp.Header)
		}
	})
}
