package backpressure

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func keyOf(r *http.Request) Caller { return Caller{Key: r.Header.Get("X-Test-Key")} }

// A strictBody fails the test if it is read.
type strictBody struct{ t *testing.T }

func (b strictBody) Read([]byte) (int, error) {
	b.t.Error("the body is read")
	return 0, io.EOF
}

func (strictBody) Close() error { return nil }

func TestAnswersTellTheQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, Config{Quotas: newQuotas(t, QuotaConfig{Default: Quota{Requests: 60, Tokens: 6000}})})
		h := g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, strings.Repeat("data: {}\n\n", 10))
		}), HandlerConfig{Caller: keyOf})
		ask := func(body string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			r := chatRequest(body)
			r.Header.Set("X-Test-Key", "k")
			h.ServeHTTP(w, r)
			return w
		}
		w := ask(hello) // 5 tokens and at most 50
		want := map[string]string{
			"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "59", "x-ratelimit-reset-requests": "1s",
			"x-ratelimit-limit-tokens": "6000", "x-ratelimit-remaining-tokens": "5945", "x-ratelimit-reset-tokens": "550ms",
		}
		for name, value := range want {
			if got := w.Header().Get(name); got != value {
				t.Errorf("%s: %q, want %q", name, got, value)
			}
		}
		w = ask(strings.Replace(hello, `50`, `5970`, 1)) // 15 of them are left from before
		if got := w.Header().Get("x-ratelimit-remaining-tokens"); w.Code != 200 || got != "10" {
			t.Errorf("status %d, %s left; 10 came, so 15 were used, and 5,975 are reserved", w.Code, got)
		}
		for range 58 {
			ask(`{"stream":true,"max_tokens":10,"prompt":"x"}`)
		}
		w = ask(hello)
		var body struct{ Error struct{ Type, Code string } }
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		if w.Code != 429 || w.Header().Get(ReasonHeader) != "quota_requests" || w.Header().Get("Retry-After") == "" ||
			body.Error.Type != "requests" || body.Error.Code != "rate_limit_exceeded" || w.Header().Get("x-ratelimit-remaining-requests") != "0" ||
			w.Header().Get("x-ratelimit-reset-requests") != "1m0s" {
			t.Errorf("status %d, %v, %s", w.Code, w.Header(), w.Body)
		}

		// The quota is spent, so nobody needs to read the next body.
		r := chatRequest(hello)
		r.Header.Set("X-Test-Key", "k")
		r.Body = strictBody{t}
		w = httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != 429 {
			t.Errorf("status %d, want 429", w.Code)
		}

		time.Sleep(time.Hour)
		w = ask(`{"stream":true,"messages":[{"content":"` + strings.Repeat("x", 30_000) + `"}]}`)
		if w.Code != 429 || w.Header().Get(ReasonHeader) != "quota_too_large" || w.Header().Get("Retry-After") != "" || w.Header().Get("X-Should-Retry") != "false" {
			t.Errorf("too large: status %d, %v", w.Code, w.Header())
		}
		if s := g.Stats(); s.InFlight != 0 {
			t.Errorf("%d in flight", s.InFlight)
		}
	})
}

// No header gives a caller a name, a class, a key or a later deadline by default.
func FuzzHeadersGiveNothing(f *testing.F) {
	f.Add("X-Tenant", "admin", "X-Priority", "critical_plus")
	f.Add("Grpc-Timeout", "1H", "X-Request-Deadline", "99999999")
	f.Add("Evenkeel-Class", "1", "X-Envoy-Expected-Rq-Timeout-Ms", "-1")
	f.Add("Priority", "u=0", "Content-Length", "-5")
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string) {
		g := newGate(t, Config{})
		h := g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c := CallerFrom(r.Context()); c != (Caller{}) {
				t.Errorf("a header made the caller %+v", c)
			}
			if d, ok := r.Context().Deadline(); ok {
				t.Errorf("a header made the deadline %v", d)
			}
		}), HandlerConfig{})
		r := chatRequest(hello)
		r.Header[http.CanonicalHeaderKey(name1)] = []string{value1}
		r.Header[http.CanonicalHeaderKey(name2)] = []string{value2}
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != 200 {
			t.Errorf("status %d", w.Code)
		}
	})
}

func TestHandlerUsesTheCaller(t *testing.T) {
	g := newGate(t, Config{})
	want := Caller{Tenant: "t", Key: "k", Class: SheddablePlus, Hops: 1}
	h := g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c := CallerFrom(r.Context()); c != want {
			t.Errorf("%+v, want %+v", c, want)
		}
		if p := PermitFrom(r.Context()); p == (Permit{}) {
			t.Error("no permit")
		}
	}), HandlerConfig{Caller: func(*http.Request) Caller { return want }})
	h.ServeHTTP(httptest.NewRecorder(), chatRequest(hello))
}

type brokenBody struct{ err error }

func (b brokenBody) Read([]byte) (int, error) { return 0, b.err }
func (brokenBody) Close() error               { return nil }

func TestUnreadableBodies(t *testing.T) {
	g := newGate(t, Config{})
	h := g.Handler(http.NotFoundHandler(), HandlerConfig{})
	for _, tt := range []struct {
		err    error
		status int
	}{{errors.New("reset"), 400}, {io.EOF, 400}, {&http.MaxBytesError{Limit: 5}, 413}} {
		r := chatRequest(hello)
		r.Body = brokenBody{tt.err}
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != tt.status || !strings.Contains(w.Body.String(), "invalid_request_error") {
			t.Errorf("%v: status %d, %s", tt.err, w.Code, w.Body)
		}
	}
	if s := g.Stats(); s.InFlight != 0 || s.Offered != 0 {
		t.Errorf("%d in flight, %d offered", s.InFlight, s.Offered)
	}
}
