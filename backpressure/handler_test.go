package backpressure

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
	"testing"
	"testing/synctest"
	"time"
)

func chatRequest(body string) *http.Request {
	return httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(body))
}

const hello = `{"model":"m","stream":true,"max_tokens":50,"messages":[{"role":"user","content":"hello there, you"}]}`

func TestHandlerCountsAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, Config{})
		h := g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if body, _ := io.ReadAll(r.Body); string(body) != hello {
				t.Errorf("the handler reads %q", body)
			}
			if PermitFrom(r.Context()) == (Permit{}) {
				t.Error("no permit in the context")
			}
			if s := g.Stats(); s.PromptsAhead != 5 {
				t.Errorf("%v prompt tokens, want 5", s.PromptsAhead)
			}
			w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			time.Sleep(200 * time.Millisecond)
			for range 4 {
				fmt.Fprint(w, "da") // events come cut anywhere
				fmt.Fprint(w, "ta: {}\r\n\r\n: a comment\n")
				if s := g.Stats(); s.PromptsAhead != 0 {
					t.Error("the first token was not seen")
				}
				time.Sleep(30 * time.Millisecond)
			}
			fmt.Fprint(w, "data: [DONE]\n\n")
		}), HandlerConfig{})
		w := httptest.NewRecorder()
		h.ServeHTTP(w, chatRequest(hello))
		s := g.Stats()
		if w.Code != 200 || !w.Flushed || s.InFlight != 0 || s.Completed != 1 || s.MeanOutput != 4 {
			t.Errorf("status %d, flushed %v, %d in flight, %d completed, %v tokens; want 200, true, 0, 1, 4", w.Code, w.Flushed, s.InFlight, s.Completed, s.MeanOutput)
		}
		ttft, tpot := latency(g)
		if ttft < 0.19 || ttft > 0.21 || tpot < 0.039 || tpot > 0.041 {
			t.Errorf("TTFT %v, TPOT %v; want 0.2 and 120ms over three tokens", ttft, tpot)
		}
	})
}

func TestHandlerCountsAWholeAnswer(t *testing.T) {
	g := newGate(t, Config{})
	h := g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, strings.Repeat("x", 401))
	}), HandlerConfig{})
	h.ServeHTTP(httptest.NewRecorder(), chatRequest(`{"prompt":"x","messages":[]}`))
	if s := g.Stats(); s.Completed != 1 || s.MeanOutput != 101 || s.InFlight != 0 {
		t.Errorf("%d completed, %v tokens; want 1, 101", s.Completed, s.MeanOutput)
	}
}

func TestHandlerPanicLeaksNothing(t *testing.T) {
	g := newGate(t, Config{})
	h := g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		panic(http.ErrAbortHandler)
	}), HandlerConfig{})
	for range 1000 {
		func() {
			defer func() {
				if recover() != http.ErrAbortHandler { //nolint:errorlint // the server, too, knows only the value itself
					t.Fatal("the panic did not go on")
				}
			}()
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		}()
	}
	if s := g.Stats(); s.InFlight != 0 || s.Failed != 1000 || s.PromptsAhead != 0 {
		t.Errorf("%d in flight, %d failed; want 0, 1000", s.InFlight, s.Failed)
	}
}

func TestHandlerRejects(t *testing.T) {
	g := newGate(t, Config{})
	g.Observe(Outlook{ReadyIn: time.Minute})
	ran := false
	h := g.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true }), HandlerConfig{})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, chatRequest(hello))
	var body struct {
		Error struct{ Message, Type, Code string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	retry := w.Header().Get("Retry-After")
	if ran || w.Code != 503 || w.Header().Get(ReasonHeader) != "no_capacity" || len(retry) != 2 || retry < "60" {
		t.Errorf("status %d, headers %v", w.Code, w.Header())
	}
	if body.Error.Code != "no_capacity" || body.Error.Type != "server_error" || body.Error.Message == "" {
		t.Errorf("body %s", w.Body)
	}
	w = httptest.NewRecorder()
	WriteRejection(w, io.EOF)
	if w.Code != 503 {
		t.Errorf("an error that is no Rejected: %d", w.Code)
	}
}

func TestHandlerClientLeavesWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, Config{Share: 0.6})
		g.freeze(1000)
		defer acquire(t, g, Cost{Prompt: 1199}).Release()
		h := g.Handler(http.NotFoundHandler(), HandlerConfig{})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		start := time.Now()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, chatRequest(hello).WithContext(ctx))
		if took := time.Since(start); took > 110*time.Millisecond || w.Code != 499 {
			t.Errorf("gone after %v with %d, want within 10ms of the client", took, w.Code)
		}
	})
}

// What the server's writer can do, the handler's can; over a real connection.
func TestHandlerKeepsTheWritersMethods(t *testing.T) {
	g := newGate(t, Config{})
	mux := http.NewServeMux()
	mux.HandleFunc("/copy", func(w http.ResponseWriter, r *http.Request) {
		if _, ok := w.(io.ReaderFrom); !ok {
			t.Error("no ReaderFrom")
		}
		if _, err := io.Copy(w, strings.NewReader("copied")); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("/deadline", func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("/hijack", func(w http.ResponseWriter, r *http.Request) {
		conn, buf, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprint(buf, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhijacked")
		if err := buf.Flush(); err != nil {
			t.Error(err)
		}
	})
	srv := httptest.NewServer(g.Handler(mux, HandlerConfig{}))
	defer srv.Close()
	for path, want := range map[string]string{"/copy": "copied", "/deadline": "", "/hijack": "hijacked"} {
		resp, err := http.Get(srv.URL + path)
		if err != nil {
			t.Fatal(path, err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", path, got, err, want)
		}
	}
}

type plainWriter struct{ http.ResponseWriter }

type flushWriter struct{ plainWriter }

func (flushWriter) Flush() {}

type hijackWriter struct{ plainWriter }

func (hijackWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, nil }

type copyWriter struct{ plainWriter }

func (copyWriter) ReadFrom(io.Reader) (int64, error) { return 0, nil }

func TestWrapAddsNoMethods(t *testing.T) {
	flush, hijack, copies := flushWriter{}, hijackWriter{}, copyWriter{}
	for _, w := range []http.ResponseWriter{
		plainWriter{}, flush, hijack, copies,
		struct {
			plainWriter
			http.Flusher
			http.Hijacker
		}{plainWriter{}, flush, hijack},
		struct {
			plainWriter
			http.Flusher
			io.ReaderFrom
		}{plainWriter{}, flush, copies},
		struct {
			plainWriter
			http.Hijacker
			io.ReaderFrom
		}{plainWriter{}, hijack, copies},
		struct {
			plainWriter
			http.Flusher
			http.Hijacker
			io.ReaderFrom
		}{plainWriter{}, flush, hijack, copies},
	} {
		got, x := wrap(w)
		if can(got) != can(w) || x.Unwrap() != w {
			t.Errorf("%T: wrapped can %v, want %v", w, can(got), can(w))
		}
	}
}

func can(w http.ResponseWriter) [3]bool {
	_, f := w.(http.Flusher)
	_, h := w.(http.Hijacker)
	_, c := w.(io.ReaderFrom)
	return [3]bool{f, h, c}
}

func TestEstimateOpenAI(t *testing.T) {
	long := strings.Repeat("x", maxEstimate)
	tests := []struct {
		name, path, body string
		want             Cost
	}{
		{"chat", "/v1/chat/completions", hello, Cost{Prompt: 5, MaxOutput: 50}},
		{"whole", "/v1/completions", `{"prompt":"12345678","max_tokens":9}`, Cost{Prompt: 2, MaxOutput: 9, Whole: true}},
		{"prefixed path", "/openai/v1/completions", `{"prompt":["1234","5678"]}`, Cost{Prompt: 2, Whole: true}},
		{"token numbers", "/v1/completions", `{"prompt":[1,2,3],"stream":true}`, Cost{Prompt: 3}},
		{"parts, image left out", "/v1/chat/completions",
			`{"stream":true,"max_completion_tokens":7,"messages":[{"role":"user","content":[{"type":"text","text":"12345678"},{"type":"image_url","image_url":{"url":"data:aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}]}]}`,
			Cost{Prompt: 3 + imageTokens, MaxOutput: 7}},
		{"in low detail", "/v1/chat/completions",
			`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"detail":"low","url":"data:aaaa"}}]}]}`,
			Cost{Prompt: 1 + lowImageTokens, Whole: true}},
		{"responses", "/v1/responses", `{"input":"12345678","instructions":"1234","max_output_tokens":9,"stream":true}`, Cost{Prompt: 3, MaxOutput: 9}},
		{"responses, items", "/v1/responses",
			`{"input":[{"role":"user","content":[{"type":"input_text","text":"1234"},{"type":"input_image","detail":"low","image_url":"data:aaaa"}]}]}`,
			Cost{Prompt: 2 + lowImageTokens, Whole: true}},
		{"embeddings", "/v1/embeddings", `{"input":["1234","5678"]}`, Cost{Prompt: 2, MaxOutput: 1, Whole: true}},
		{"embeddings, token numbers", "/v1/embeddings", `{"input":[[1,2],[3]]}`, Cost{Prompt: 3, MaxOutput: 1, Whole: true}},
		{"messages", "/v1/messages", `{"system":"1234","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"data":"aaaa"}}]}]}`,
			Cost{Prompt: 2 + imageTokens, MaxOutput: 9, Whole: true}},
		{"tools", "/v1/chat/completions", `{"tools":[12,"34"],"messages":[{"content":"12345678"}]}`, Cost{Prompt: 5, Whole: true}},
		{"escapes", "/v1/completions", `{"prompt":"\"\n\u4f60\u00e9\ud83d\ude00x\\"}`, Cost{Prompt: 4, Whole: true}},
		{"an escaped name", "/v1/completions", `{"max\u005ftokens":9,"prompt":"x"}`, Cost{Prompt: 1, MaxOutput: 9, Whole: true}},
		{"numbers of all kinds", "/v1/completions", `{"max_tokens":1e300,"n":-2.5,"prompt":null}`, Cost{Prompt: 1, MaxOutput: maxTokens, Whole: true}},
		{"a negative bound", "/v1/completions", `{"max_tokens":-9,"n":null,"prompt":"x"}`, Cost{Prompt: 1, Whole: true}},
		{"cut off", "/v1/completions", `{"prompt":"12345678`, Cost{Prompt: 5}},
		{"several answers", "/v1/completions", `{"prompt":"x","max_tokens":10,"n":3,"stream":true}`, Cost{Prompt: 1, MaxOutput: 30}},
		{"no JSON", "/v1/completions", `hello`, Cost{Prompt: 2}},
		{"too long", "/v1/completions", `{"prompt":"` + long + `"}`, Cost{Prompt: (maxEstimate + 13) / 4}},
		{"another path", "/v1/models", `{}`, Cost{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, tt.path, strings.NewReader(tt.body))
			got, err := EstimateOpenAI(r)
			if tt.want != (Cost{}) && len(tt.body) <= maxEstimate { // what is longer is not read
				tt.want.Bytes = int64(len(tt.body))
			}
			if err != nil || got != tt.want {
				t.Errorf("%+v, %v; want %+v", got, err, tt.want)
			}
			if body, err := io.ReadAll(r.Body); err != nil || string(body) != tt.body {
				t.Errorf("the body is left as %d bytes, %v; want %d", len(body), err, len(tt.body))
			}
		})
	}
}

func FuzzEstimate(f *testing.F) {
	f.Add([]byte(hello))
	f.Add([]byte(`{"prompt":[[1,2],["a"]],"n":1e3,"max_tokens":-1}`))
	f.Add([]byte(`{"input":[{"type":"input_image","detail":"low"},{"text":"\u00e9\\"}],"stream":true}`))
	f.Add([]byte(`{"messages":{"content":{"text":{"content":"x"}}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		c := estimate(body)
		most := len(body) + 1 + imageTokens*bytes.Count(body, []byte("image"))
		if c.Prompt < 1 && len(body) > 0 || c.MaxOutput < 0 || c.MaxOutput > 128*maxTokens || c.Prompt > int64(most) {
			t.Errorf("%d bytes: %+v", len(body), c)
		}
	})
}

// latency returns g's p95 of TTFT and TPOT.
func latency(g *Gate) (ttft, tpot float64) {
	s := collect(g)
	return s.At(defTTFT).Value, s.At(defTPOT).Value
}
