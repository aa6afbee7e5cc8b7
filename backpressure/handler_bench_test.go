package backpressure

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

// A reusedWriter costs nothing of its own.
type reusedWriter struct{ h http.Header }

func (w *reusedWriter) Header() http.Header         { return w.h }
func (w *reusedWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *reusedWriter) WriteHeader(int)             {}
func (w *reusedWriter) Flush()                      {}

type reusedBody struct{ bytes.Reader }

func (*reusedBody) Close() error { return nil }

func benchmarkHandler(b *testing.B, cfg Config, path, body string) {
	b.Helper()
	g := newGate(b, cfg)
	h := g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}), HandlerConfig{})
	r, err := http.NewRequest(http.MethodPost, "http://x"+path, http.NoBody)
	if err != nil {
		b.Fatal(err)
	}
	if cfg.Quotas != nil {
		r = r.WithContext(asKey(r.Context(), "k"))
	}
	w, in, text := &reusedWriter{http.Header{}}, &reusedBody{}, []byte(body)
	if body != "" {
		r.ContentLength = int64(len(body))
		b.SetBytes(int64(len(body)))
	}
	b.ReportAllocs()
	for b.Loop() {
		if body != "" {
			in.Reset(text)
			r.Body = in
		}
		h.ServeHTTP(w, r)
	}
}

func BenchmarkHandlerHeaderOnly(b *testing.B) { benchmarkHandler(b, Config{}, "/v1/models", "") }

func BenchmarkHandlerQuota(b *testing.B) {
	q := newQuotas(b, QuotaConfig{Default: Quota{Requests: 1 << 40, Tokens: 1 << 40}})
	benchmarkHandler(b, Config{Quotas: q}, "/v1/models", "")
}

func BenchmarkHandlerBody(b *testing.B) {
	turn := `{"role":"user","content":"What do we know of the \"sea\"?\nIt is ` + strings.Repeat("deep and wide ", 30) + `"},`
	for name, turns := range map[string]int{"1KB": 2, "16KB": 32, "512KB": 1024} {
		body := `{"model":"m","stream":true,"max_tokens":50,"messages":[` + strings.Repeat(turn, turns) + `{"role":"user","content":"so?"}]}`
		b.Run(name, func(b *testing.B) { benchmarkHandler(b, Config{}, "/v1/chat/completions", body) })
	}
}

func BenchmarkEstimate(b *testing.B) {
	for name, body := range map[string]string{
		"escapes": `{"prompt":"` + strings.Repeat(`\n\"\u4f60`, 10_000) + `"}`,
		"tokens":  `{"prompt":[` + strings.Repeat("1234,", 10_000) + `1]}`,
		"nested":  `{"x":` + strings.Repeat(`{"a":[`, 10_000) + strings.Repeat(`]}`, 10_000) + `}`,
		"image":   `{"messages":[{"content":[{"type":"image_url","image_url":{"url":"` + strings.Repeat("abcd", 20_000) + `"}}]}]}`,
	} {
		b.Run(name, func(b *testing.B) {
			text := []byte(body)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				estimate(text)
			}
		})
	}
}

// The bars on memory, which no machine's speed can blur.
func TestHandlerAllocations(t *testing.T) {
	g := newGate(t, Config{})
	h := g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}), HandlerConfig{})
	w := &reusedWriter{http.Header{}}
	for _, tt := range []struct {
		path, body string
		most       float64
	}{{"/v1/models", "", 2}, {"/v1/chat/completions", hello, 8}, {"/v1/chat/completions", strings.Replace(hello, "hello", strings.Repeat("x", 200_000), 1), 8}} {
		r, err := http.NewRequest(http.MethodPost, "http://x"+tt.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		in := &reusedBody{}
		if got := testing.AllocsPerRun(100, func() {
			if tt.body != "" {
				in.Reset([]byte(tt.body))
				r.Body, r.ContentLength = io.NopCloser(in), int64(len(tt.body))
			}
			h.ServeHTTP(w, r)
		}); got > tt.most+2*min(1, float64(len(tt.body))) { // the test's own are two
			t.Errorf("%s with %d bytes: %v allocations, at most %v", tt.path, len(tt.body), got, tt.most)
		}
	}
}
