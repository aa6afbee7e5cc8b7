//go:build unix

package process

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// envRole makes the test binary play a child instead of running tests.
const envRole = "EVENKEEL_TEST_ROLE"

func TestMain(m *testing.M) {
	role := os.Getenv(envRole)
	if role == "" {
		os.Exit(tests(m))
	}
	name, arg, _ := strings.Cut(role, ":")
	f := roles[name]
	if f == nil {
		fmt.Fprintln(os.Stderr, "no such role:", name)
		os.Exit(9)
	}
	f(arg)
}

// tests runs the tests. A test binary built for coverage writes a warning to its
// standard error unless it has a place for its figures.
func tests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "evenkeel-process")
	if err == nil {
		err = os.Setenv("GOCOVERDIR", dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	return m.Run()
}

// roles are the programs that tests supervise. arg follows the colon of envRole.
var roles = map[string]func(arg string){
	"serve": func(string) { serve(handedDown(), nil) },
	// slow answers its probe with an error for a while.
	"slow": func(arg string) {
		d, _ := time.ParseDuration(arg)
		began := time.Now()
		serve(handedDown(), func() bool { return time.Since(began) >= d })
	},
	// stubborn does not end on SIGTERM.
	"stubborn": func(string) {
		signal.Ignore(syscall.SIGTERM)
		serve(handedDown(), nil)
	},
	"binds": func(string) {
		ln, err := net.Listen("tcp", os.Args[1])
		if err != nil {
			fatal(err)
		}
		serve(ln, nil)
	},
	"exit": func(string) {
		fmt.Println("loading")
		fmt.Fprintln(os.Stderr, "reading the weights")
		fmt.Fprintln(os.Stderr, "no such model: tiny")
		os.Exit(3)
	},
	"sleep": func(string) { time.Sleep(time.Hour) },
	// family starts a process of its own and says its pid.
	"family": func(string) {
		cmd := exec.Command(os.Args[0])
		cmd.Env = []string{envRole + "=sleep", "GOCOVERDIR=" + os.Getenv("GOCOVERDIR")}
		cmd.Stdout = os.Stdout // it holds the pipe, too
		if err := cmd.Start(); err != nil {
			fatal(err)
		}
		http.HandleFunc("/family", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, cmd.Process.Pid) })
		serve(handedDown(), nil)
	},
	// parent supervises one child, says its pid and waits to be killed.
	"parent": func(string) {
		s, err := New(Config{
			Command: self("serve"),
			Event: func(e Event) {
				if e.Kind == Started {
					fmt.Println(e.Detail)
				}
			},
		})
		if err != nil {
			fatal(err)
		}
		if err := s.Scale(context.Background(), actuate.Request{Desired: 1}); err != nil {
			fatal(err)
		}
		fatal(s.Run(context.Background()))
	},
}

// self is the command that plays a role.
func self(role string, env ...string) Command {
	return Command{Path: os.Args[0], Env: append(env, envRole+"="+role, "GOCOVERDIR")}
}

func handedDown() net.Listener {
	ln, err := Listener()
	if err != nil {
		fatal(err)
	}
	return ln
}

func fatal(v any) {
	fmt.Fprintln(os.Stderr, v)
	os.Exit(1)
}

// serve is a little engine: a probe, a stream, and ways to die.
func serve(ln net.Listener, healthy func() bool) {
	http.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		if healthy != nil && !healthy() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	http.HandleFunc("/pid", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, os.Getpid()) })
	http.HandleFunc("/env", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, strings.Join(os.Environ(), "\n"))
	})
	http.HandleFunc("/stdin", func(w http.ResponseWriter, _ *http.Request) {
		b, err := io.ReadAll(os.Stdin)
		fmt.Fprint(w, len(b), err)
	})
	http.HandleFunc("/crash", func(http.ResponseWriter, *http.Request) {
		fmt.Fprintln(os.Stderr, "CUDA error: out of memory")
		os.Exit(1)
	})
	http.HandleFunc("/say", func(_ http.ResponseWriter, req *http.Request) { fmt.Println(req.URL.Query().Get("what")) })
	// A stream of n chunks, one every 5 ms.
	http.HandleFunc("/stream", func(w http.ResponseWriter, req *http.Request) {
		n, _ := strconv.Atoi(req.URL.Query().Get("n"))
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range n {
			fmt.Fprintf(w, "data: %d\n\n", i)
			w.(http.Flusher).Flush()
			time.Sleep(5 * time.Millisecond)
		}
		fmt.Fprint(w, "data: [DONE]\n\n")
	})
	fatal(http.Serve(ln, nil))
}
