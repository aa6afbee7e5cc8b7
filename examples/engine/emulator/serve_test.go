package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestHealthFollowsTheStartup(t *testing.T) {
	inBubble(t, Config{Startup: 45 * time.Second}, func(t *testing.T, r *rig) {
		time.Sleep(45*time.Second - 1)
		if status, body := r.get("/health"); status != 503 || !strings.Contains(body, "starting") {
			t.Errorf("just before the end of the start-up: %d %s", status, body)
		}
		if a := r.ask(t.Context(), 10, 1); a.status != 503 {
			t.Errorf("a request while starting: %d", a.status)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if status, _ := r.get("/health"); status != 200 || !r.server.Ready() {
			t.Errorf("after the start-up: %d", status)
		}
	})
}

// Every token comes exactly when the model says, to the end of a long answer.
func TestStreamKeepsTheSchedule(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, r *rig) {
		a := r.ask(t.Context(), 1500, 8000) // 1000 and 500 prompt tokens: 110 + 60 ms
		if a.err != nil || len(a.tokens) != 8000 || a.reason != "length" || !a.done {
			t.Fatalf("%v, %d tokens, reason %q, done %v", a.err, len(a.tokens), a.reason, a.done)
		}
		for i, at := range a.tokens {
			if want := time.Duration(170+10*i) * time.Millisecond; at != want {
				t.Fatalf("token %d after %v, want %v", i, at, want)
			}
		}
		if want := `{"prompt_tokens":1500,"completion_tokens":8000,"total_tokens":9500}`; a.usage != want {
			t.Errorf("usage %s, want %s", a.usage, want)
		}
	})
}

func TestWholeAnswers(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, r *rig) {
		for _, c := range []struct {
			path, body     string
			prompt, output int
		}{
			{"/v1/chat/completions", `{"messages":[{"role":"user","content":"twelve bytes"}],"max_tokens":5}`, 3, 5},
			{"/v1/chat/completions", `{"messages":[{"content":[{"type":"text","text":"12345"},{"type":"image_url"}]},{"content":null}]}`, 2, 128},
			{"/v1/chat/completions", `{"model":"round","messages":[],"evenkeel_prompt_tokens":77,"max_completion_tokens":1}`, 77, 1},
			{"/v1/completions", `{"prompt":"abcd","max_tokens":2}`, 1, 2},
			{"/v1/completions", `{"prompt":["abcdefgh"],"max_tokens":2}`, 2, 2},
			{"/v1/completions", `{"prompt":[5,6,7],"max_tokens":2}`, 3, 2},
		} {
			status, body := r.send(c.path, c.body)
			var got struct {
				Choices []struct {
					Text         string
					Message      struct{ Content string }
					FinishReason string `json:"finish_reason"`
				}
				Usage struct {
					Prompt int `json:"prompt_tokens"`
					Output int `json:"completion_tokens"`
				}
			}
			if err := json.Unmarshal([]byte(body), &got); err != nil || status != 200 || len(got.Choices) != 1 {
				t.Errorf("%s: %d %s (%v)", c.body, status, body, err)
				continue
			}
			words := len(strings.Fields(got.Choices[0].Text + got.Choices[0].Message.Content))
			if got.Usage.Prompt != c.prompt || got.Usage.Output != c.output || words != c.output {
				t.Errorf("%s: usage %+v and %d words, want %d and %d", c.body, got.Usage, words, c.prompt, c.output)
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, r *rig) {
		const path = "/v1/chat/completions"
		for _, c := range []struct {
			path, body string
			status     int
			says       string
		}{
			{path, `{`, 400, "not a valid request"},
			{path, `{"messages":[]}`, 400, "prompt is empty"},
			{path, `{"messages":[{"content":7}]}`, 400, "string or a list"},
			{path, `{"model":"other","evenkeel_prompt_tokens":1}`, 404, "does not exist"},
			{path, `{"evenkeel_prompt_tokens":0}`, 400, "evenkeel_prompt_tokens"},
			{path, `{"evenkeel_prompt_tokens":1,"max_tokens":0}`, 400, "max_tokens"},
			{path, `{"evenkeel_prompt_tokens":1,"n":2}`, 400, "n is 2"},
			{path, `{"evenkeel_prompt_tokens":9999,"max_tokens":2}`, 400, "never fit the KV cache"},
			{path, `{"evenkeel_prompt_tokens":9223372036854775807,"max_tokens":9}`, 400, "2^31"},
			{path, `{"messages":[{"content":"` + strings.Repeat("x", maxBody) + `"}]}`, 413, "too large"},
			{"/v1/completions", `{"prompt":["a","b"]}`, 400, "one prompt"},
			{"/v1/embeddings", `{}`, 404, ""},
		} {
			status, body := r.send(c.path, c.body)
			if status != c.status || !strings.Contains(body, c.says) {
				t.Errorf("%.60s: %d %.200s; want %d and %q", c.body, status, body, c.status, c.says)
			}
			if c.says == "" {
				continue
			}
			var e struct {
				Error struct {
					Message, Type string
					Code          int
				}
			}
			if err := json.Unmarshal([]byte(body), &e); err != nil || e.Error.Code != c.status || e.Error.Type == "" {
				t.Errorf("%.60s: not in OpenAI's shape: %s", c.body, body)
			}
		}
	})
}

func TestQueueIsBounded(t *testing.T) {
	inBubble(t, Config{MaxQueue: 2}, func(t *testing.T, r *rig) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		statuses := map[int]int{}
		for range 10 {
			wg.Go(func() {
				a := r.ask(t.Context(), 100, 50)
				mu.Lock()
				statuses[a.status]++
				mu.Unlock()
			})
			// One step later, so that each is in the batch or the queue.
			time.Sleep(15 * time.Millisecond)
		}
		if w, n := r.metric("vllm:num_requests_waiting{"), r.metric("vllm:num_requests_running{"); w != 2 || n != 4 {
			t.Errorf("%v wait and %v run, want 2 and 4", w, n)
		}
		wg.Wait()
		if statuses[200] != 6 || statuses[503] != 4 {
			t.Errorf("statuses %v, want 6 × 200 and 4 × 503", statuses)
		}
	})
}

// A client that leaves, streaming or waiting, frees its place at once.
func TestClientGone(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, r *rig) {
		ctx, leave := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 6 { // four run, two wait
			wg.Go(func() { r.ask(ctx, 1000, 1000) })
		}
		time.Sleep(2 * time.Second)
		if r.metric("vllm:num_requests_running{") != 4 || r.metric("vllm:num_requests_waiting{") != 2 {
			t.Fatal("not four running and two waiting")
		}
		leave()
		wg.Wait()
		synctest.Wait()
		if n := r.metric("vllm:num_requests_running{") + r.metric("vllm:num_requests_waiting{"); n != 0 {
			t.Errorf("%v requests left over", n)
		}
		if kv := r.metric("vllm:kv_cache_usage_perc{"); kv != 0 {
			t.Errorf("KV use %v, want 0", kv)
		}
		if n := r.metric(`vllm:request_success_total{model_name="round",engine="0",finished_reason="abort"}`); n != 6 {
			t.Errorf("%v aborted, want 6", n)
		}
	})
}

// The end of the context lets the streams finish and nobody else in.
func TestDrain(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, r *rig) {
		begin := time.Now()
		answers := make(chan answered, 1)
		go func() { answers <- r.ask(t.Context(), 1000, 100) }()
		time.Sleep(500 * time.Millisecond)
		r.stop()
		synctest.Wait()
		if status, _ := r.get("/health"); status != -1 {
			t.Errorf("still accepts: %d", status)
		}
		if a := <-answers; len(a.tokens) != 100 || !a.done {
			t.Errorf("%d tokens, done %v: the stream was cut", len(a.tokens), a.done)
		}
		if err := <-r.ended; err != nil {
			t.Errorf("Run = %v", err)
		}
		if took := time.Since(begin); took < 1100*time.Millisecond || took > 2*time.Second {
			t.Errorf("ended after %v; the last token comes after 1.1 s", took)
		}
	})
}

func TestDrainWhileStarting(t *testing.T) {
	inBubble(t, Config{Startup: time.Hour}, func(t *testing.T, r *rig) {
		begin := time.Now()
		r.stop()
		if err := <-r.ended; err != nil || time.Since(begin) > time.Second {
			t.Errorf("Run = %v after %v", err, time.Since(begin))
		}
	})
}

func TestRunOnlyOnce(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, r *rig) {
		if err := r.server.Run(t.Context()); err == nil {
			t.Error("ran twice")
		}
		r.server.Close()
		if err := <-r.ended; !errors.Is(err, ErrClosed) {
			t.Errorf("Run after Close = %v", err)
		}
	})
}

// Without a listener, Run only drives the engine behind Handler.
func TestHandlerOfACallersServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{Model: round()})
		if err != nil {
			t.Fatal(err)
		}
		l := newMemory()
		web := &http.Server{Handler: s.Handler()}
		go func() { _ = web.Serve(l) }()
		ctx, stop := context.WithCancel(t.Context())
		r := &rig{t: t, server: s, client: &http.Client{Transport: &http.Transport{DialContext: l.dial}}, ended: make(chan error, 1)}
		if status, _ := r.get("/health"); status != 503 {
			t.Errorf("before Run: %d", status)
		}
		go func() { r.ended <- s.Run(ctx) }()
		synctest.Wait()
		answers := make(chan answered, 1)
		go func() { answers <- r.ask(t.Context(), 100, 100) }()
		time.Sleep(300 * time.Millisecond)
		stop()
		if a := <-answers; len(a.tokens) != 100 || !a.done {
			t.Errorf("%d tokens, done %v", len(a.tokens), a.done)
		}
		if err := <-r.ended; err != nil {
			t.Errorf("Run = %v", err)
		}
		r.client.CloseIdleConnections()
		_ = web.Close()
	})
}
