package emulator

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/decide/simulate/llm"
)

// round is a model whose steps take whole milliseconds: 10, and 1 for every 10
// prompt tokens.
func round() llm.Model {
	return llm.Model{Name: "round", A: 10, P: 0.1, MaxBatchTokens: 1000, MaxSeqs: 4, KVTokens: 10_000}
}

// A memory listener connects through net.Pipe, so that time in a bubble of
// synctest moves on while everybody waits for the other side.
type memory struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newMemory() *memory { return &memory{conns: make(chan net.Conn), done: make(chan struct{})} }

func (l *memory) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memory) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *memory) Addr() net.Addr { return loopbackAddr{} }

func (l *memory) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- loopbackConn{server}:
		return client, nil
	case <-l.done:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type loopbackConn struct{ net.Conn }

func (loopbackConn) RemoteAddr() net.Addr { return loopbackAddr{} }

type loopbackAddr struct{}

func (loopbackAddr) Network() string { return "tcp" }
func (loopbackAddr) String() string  { return "127.0.0.1:8000" }

// A rig is a running server with a client, inside a bubble.
type rig struct {
	t      *testing.T
	server *Server
	client *http.Client
	stop   context.CancelFunc // as SIGTERM
	ended  chan error         // what Run returned
}

// inBubble runs f against a server in virtual time, and fails if anything is
// left running.
func inBubble(t *testing.T, cfg Config, f func(*testing.T, *rig)) {
	synctest.Test(t, func(t *testing.T) {
		l := newMemory()
		cfg.Listener = l
		if cfg.Model.Name == "" {
			cfg.Model = round()
		}
		s, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		transport := &http.Transport{DialContext: l.dial, MaxIdleConnsPerHost: 100}
		r := &rig{t: t, server: s, client: &http.Client{Transport: transport}, stop: cancel, ended: make(chan error, 1)}
		go func() { r.ended <- s.Run(ctx) }()
		synctest.Wait()
		f(t, r)
		cancel()
		s.Close() // for what hangs; does nothing after the end
		transport.CloseIdleConnections()
		time.Sleep(time.Second) // net/http lingers on a connection that it closes
	})
}

func (r *rig) post(ctx context.Context, path, body string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost"+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	return r.client.Do(req)
}

// get returns status and body, -1 if there is no answer within ten minutes.
func (r *rig) get(path string) (int, string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 10*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return -1, err.Error()
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

// send posts and returns status and body.
func (r *rig) send(path, body string) (int, string) {
	r.t.Helper()
	resp, err := r.post(r.t.Context(), path, body)
	if err != nil {
		return -1, err.Error()
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

// An answered stream: when each token came, after the request was sent.
type answered struct {
	status int
	tokens []time.Duration
	usage  string // the usage object, as it came
	reason string
	done   bool // [DONE] came
	err    error
}

// ask streams one answer.
func (r *rig) ask(ctx context.Context, prompt, output int) (a answered) {
	begin := time.Now()
	resp, err := r.post(ctx, "/v1/chat/completions", fmt.Sprintf(
		`{"messages":[],"evenkeel_prompt_tokens":%d,"max_tokens":%d,"stream":true,"stream_options":{"include_usage":true}}`, prompt, output))
	if err != nil {
		a.err = err
		return a
	}
	defer resp.Body.Close()
	a.status = resp.StatusCode
	sc := bufio.NewScanner(resp.Body)
	for sc.Scan() {
		data, ok := bytes.CutPrefix(sc.Bytes(), []byte("data: "))
		if !ok {
			continue
		}
		if string(data) == "[DONE]" {
			a.done = true
			continue
		}
		var chunk struct {
			Choices []struct {
				Delta        struct{ Content string }
				FinishReason string `json:"finish_reason"`
			}
			Usage json.RawMessage
		}
		if err := json.Unmarshal(data, &chunk); err != nil {
			a.err = err
			return a
		}
		for _, c := range chunk.Choices {
			if c.Delta.Content != "" {
				a.tokens = append(a.tokens, time.Since(begin))
			}
			a.reason += c.FinishReason
		}
		a.usage += string(chunk.Usage)
	}
	a.err = sc.Err()
	return a
}

// metric returns one sample of the metrics page, by the beginning of its line.
func (r *rig) metric(name string) float64 {
	r.t.Helper()
	_, page := r.get("/metrics")
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, name) {
			var v float64
			if _, err := fmt.Sscan(line[strings.LastIndexByte(line, ' ')+1:], &v); err != nil {
				r.t.Fatal(err)
			}
			return v
		}
	}
	r.t.Fatalf("no %s in\n%s", name, page)
	return 0
}
