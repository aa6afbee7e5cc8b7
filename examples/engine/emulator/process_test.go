//go:build unix

package emulator

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary is also the engine: as such it is started again.
func TestMain(m *testing.M) {
	if os.Getenv("EVENKEEL_TEST_ENGINE") == "1" {
		os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// startProcess starts an engine that serves on a listener handed down to it.
func startProcess(t *testing.T, args ...string) (cmd *exec.Cmd, url string, out *bytes.Buffer) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url = "http://" + l.Addr().String()
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	defer l.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	cmd = exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), "EVENKEEL_TEST_ENGINE=1", listenFD+"=3")
	cmd.ExtraFiles = []*os.File{f}
	out = new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // an error when the test has waited already
	})
	return cmd, url, out
}

// begin opens a stream and returns it after its first token.
func begin(t *testing.T, url string, tokens int) (*http.Response, *bufio.Reader) {
	t.Helper()
	resp, err := http.Post(url+"/v1/completions", "application/json",
		strings.NewReader(fmt.Sprintf(`{"evenkeel_prompt_tokens":100,"max_tokens":%d,"stream":true}`, tokens)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	}
	br := bufio.NewReader(resp.Body)
	if line, err := br.ReadString('\n'); err != nil || !strings.HasPrefix(line, "data: {") {
		t.Fatalf("%q, %v", line, err)
	}
	return resp, br
}

// await polls until the engine is healthy.
func await(t *testing.T, url string) {
	t.Helper()
	for range 400 {
		if resp, err := http.Get(url + "/health"); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == 200 {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the engine does not become healthy")
}

func TestProcessFinishesStreamsOnSIGTERM(t *testing.T) {
	cmd, url, out := startProcess(t, "-model", "llama-3.1-8b/h100")
	await(t, url)
	_, br := begin(t, url, 50)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(br)
	if err != nil || bytes.Count(rest, []byte(" token")) != 49 || !bytes.HasSuffix(rest, []byte("data: [DONE]\n\n")) {
		t.Errorf("%v after %d tokens", err, bytes.Count(rest, []byte(" token")))
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
	if s := out.String(); !strings.HasPrefix(s, "evenkeel-engine-emulator: emulating llama-3.1-8b/h100 on "+url) {
		t.Errorf("no banner: %q", s)
	}
}

func TestProcessEndsAtOnceOnASecondSignal(t *testing.T) {
	cmd, url, _ := startProcess(t)
	await(t, url)
	_, br := begin(t, url, 100_000) // half an hour
	// Signals that come together count as one: so send until it is through.
	go func() {
		for cmd.Process.Signal(syscall.SIGTERM) == nil {
			time.Sleep(50 * time.Millisecond)
		}
	}()
	if rest, err := io.ReadAll(br); err == nil || bytes.Contains(rest, []byte("[DONE]")) {
		t.Errorf("the stream came to an end: %v", err)
	}
	if exit := new(exec.ExitError); !errors.As(cmd.Wait(), &exit) || exit.ExitCode() != 1 {
		t.Errorf("ended with %v, want status 1", exit)
	}
}

func TestProcessCrashes(t *testing.T) {
	cmd, url, _ := startProcess(t)
	await(t, url)
	_, br := begin(t, url, 100_000)
	if resp, err := http.Post(url+"/emulator/fault", "application/json", strings.NewReader(`{"crash":true}`)); err == nil {
		_ = resp.Body.Close()
	}
	if _, err := io.ReadAll(br); err == nil {
		t.Error("the stream came to an end")
	}
	if exit := new(exec.ExitError); !errors.As(cmd.Wait(), &exit) || exit.ExitCode() != 1 {
		t.Errorf("ended with %v, want status 1", exit)
	}
}
