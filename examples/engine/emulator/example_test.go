package emulator_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/decide/simulate/llm"
	"github.com/evenkeel/evenkeel/examples/engine/emulator"
)

// An engine inside a program: start, wait until it is ready, ask, stop.
func ExampleServer() {
	model, _ := llm.Preset("llama-3.1-8b/h100")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := emulator.New(emulator.Config{Model: model, Listener: l})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	for !s.Ready() {
		time.Sleep(time.Millisecond)
	}

	resp, err := http.Post("http://"+l.Addr().String()+"/v1/completions", "application/json",
		strings.NewReader(`{"prompt": "How do you do?", "max_tokens": 2, "stream": true}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	fmt.Println(resp.Header.Get("Server"), strings.Count(string(body), "data: {"), "tokens", err)

	stop()
	fmt.Println("ended:", <-ended)
	// Output:
	// evenkeel-engine-emulator 2 tokens <nil>
	// ended: <nil>
}
