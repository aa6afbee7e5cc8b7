package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// What the README shows must be what runs here.
func TestReadmeShowsThisProgram(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(readme), "```go\n")
	snippet, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatal("README.md has no Go snippet")
	}
	lines := 0
	for line := range strings.Lines(snippet) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "//") {
			continue
		}
		lines++
		if !strings.Contains(string(program), line) {
			t.Errorf("README.md shows %q, which is not in main.go", line)
		}
	}
	if lines < 10 || lines > 25 {
		t.Errorf("the snippet has %d lines, want about 20", lines)
	}
}

func TestServes(t *testing.T) {
	const addr = "127.0.0.1:18080"
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, addr) }()
	get := func(path string) (int, string) {
		resp, err := http.Get("http://" + addr + path)
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			return 0, err.Error()
		}
		return resp.StatusCode, string(b)
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if code, _ := get("/state.json"); code == http.StatusOK {
			break
		}
		if time.Now().After(end) {
			t.Fatal("not up within 5 s")
		}
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if code, body := get("/v1/echo"); code != http.StatusOK || !strings.HasPrefix(body, "done by worker-") {
				t.Errorf("%d %s", code, body)
			}
		})
	}
	wg.Wait()
	http.DefaultClient.CloseIdleConnections()
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
