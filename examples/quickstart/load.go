package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/decide/simulate/trace"
)

// outcome is what became of one request, as its client saw it.
type outcome struct {
	shed   string        // reason of the refusal; empty if admitted
	err    string        // why an admitted request did not finish; empty if it did
	ttft   time.Duration // from sending to the first token
	tpot   time.Duration // mean time per token after the first
	tokens int64
}

// client sends the requests of a trace to the gateway, each at its time, and
// reads the answers as they stream. It is open-loop: a slow answer delays no
// later request.
type client struct {
	http *http.Client
	url  string
	head string // of every request's body, up to the prompt
	text string // long enough for the longest prompt

	sent, done atomic.Int64
	wg         sync.WaitGroup
	outcomes   []outcome
}

// bytesPerToken is what the gateway and the engines count as one token of text.
const bytesPerToken = 4

func newClient(addr, model string, arrivals trace.Trace) *client {
	longest := int64(0)
	for _, r := range arrivals {
		longest = max(longest, r.Input)
	}
	return &client{
		url:  "http://" + addr + "/v1/chat/completions",
		head: fmt.Sprintf(`{"model":%q,"stream":true,"messages":[{"role":"user","content":"`, model),
		http: &http.Client{Transport: &http.Transport{
			MaxIdleConns: 4096, MaxIdleConnsPerHost: 4096, IdleConnTimeout: 30 * time.Second,
			DisableCompression: true,
		}},
		text:     strings.Repeat("keel", int(longest)),
		outcomes: make([]outcome, len(arrivals)),
	}
}

// play sends the trace until its end or until stop is closed, then waits for the
// answers; what has not finished when ctx ends is abandoned.
func (c *client) play(ctx context.Context, stop <-chan struct{}, arrivals trace.Trace) []outcome {
	began := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	sent := 0
send:
	for i, r := range arrivals {
		timer.Reset(time.Until(began.Add(r.At)))
		select {
		case <-timer.C:
		case <-stop:
			break send
		case <-ctx.Done():
			break send
		}
		sent++
		c.sent.Add(1)
		c.wg.Go(func() {
			defer c.done.Add(1)
			c.outcomes[i] = c.ask(ctx, r)
		})
	}
	c.wg.Wait()
	c.http.CloseIdleConnections()
	return c.outcomes[:sent]
}

// ask sends one request and reads its stream to the end.
func (c *client) ask(ctx context.Context, r trace.Record) (o outcome) {
	body := io.MultiReader(
		strings.NewReader(c.head),
		strings.NewReader(c.text[:r.Input*bytesPerToken]),
		strings.NewReader(fmt.Sprintf(`"}],"max_tokens":%d}`, r.Output)))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, body)
	if err != nil {
		o.err = err.Error()
		return o
	}
	req.Header.Set("Content-Type", "application/json")
	sent := time.Now()
	resp, err := c.http.Do(req)
	if err != nil {
		o.err = err.Error()
		return o
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // keep the connection
		o.shed = resp.Header.Get("Evenkeel-Reason")
		switch {
		case o.shed == "":
			o.err = resp.Status
		case resp.Header.Get("Retry-After") == "": // a gate always says when to come back
			o.shed, o.err = "", "refused without a Retry-After"
		}
		return o
	}
	var first, last time.Time
	finished := false
	for lines := bufio.NewReaderSize(resp.Body, 4<<10); ; {
		line, err := lines.ReadSlice('\n')
		switch {
		case bytes.HasPrefix(line, []byte("data: [DONE]")):
			finished = true
		case bytes.HasPrefix(line, []byte("data: ")) && bytes.Contains(line, []byte(`"content":"`)):
			if o.tokens++; o.tokens == 1 {
				first = time.Now()
			}
			last = time.Now()
		}
		if err != nil {
			if !finished {
				o.err = fmt.Sprintf("stream ended early after %d tokens: %v", o.tokens, err)
			}
			break
		}
	}
	if o.tokens > 0 {
		o.ttft = first.Sub(sent)
	}
	if o.tokens > 1 {
		o.tpot = last.Sub(first) / time.Duration(o.tokens-1)
	}
	return o
}
