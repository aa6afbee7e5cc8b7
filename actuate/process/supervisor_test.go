//go:build unix

package process

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// spawn starts a role that nobody supervises and returns its pid and a function
// that reads a line of its output.
func spawn(t *testing.T, role string) (pid int, line func() string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{envRole + "=" + role, "GOCOVERDIR=" + os.Getenv("GOCOVERDIR")}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	return cmd.Process.Pid, func() string {
		lines.Scan()
		return lines.Text()
	}
}

// TestEnvironment: a child sees what was chosen for it and nothing else, and
// reads nothing from its standard input.
func TestEnvironment(t *testing.T) {
	t.Setenv("EVENKEEL_TEST_SECRET", "of the parent")
	t.Setenv("EVENKEEL_TEST_PASSED", "on")
	s, _ := run(t, Config{Command: self("serve", "EVENKEEL_TEST_PASSED", "EVENKEEL_TEST_UNSET", "MODEL=small", "URL=http://{addr}/{id}")})
	scale(t, s, 1)
	in := ready(t, s, 1).Instances[0]
	var got []string
	for kv := range strings.SplitSeq(strings.TrimSpace(get(t, in.Addr, "/env")), "\n") {
		name, v, _ := strings.Cut(kv, "=")
		want, ok := map[string]string{
			"PATH": os.Getenv("PATH"), "HOME": os.Getenv("HOME"), envRole: "serve", "EVENKEEL_TEST_PASSED": "on",
			"MODEL": "small", "URL": "http://" + in.Addr + "/" + in.ID,
			EnvListenFD: "3", EnvListenAddr: in.Addr, EnvInstance: in.ID, EnvParentFD: "4", "GOCOVERDIR": os.Getenv("GOCOVERDIR"),
		}[name]
		if !ok || v != want {
			t.Errorf("the child sees %s, want %q", kv, want)
		}
		got = append(got, name)
	}
	for _, name := range []string{"PATH", EnvListenFD, EnvListenAddr, EnvInstance, "MODEL"} {
		if !slices.Contains(got, name) {
			t.Errorf("the child does not see %s", name)
		}
	}
	if got := get(t, in.Addr, "/stdin"); got != "0 <nil>" {
		t.Errorf("standard input gave %q, want nothing", got)
	}
}

// TestBinds: a program that opens its port itself is told which.
func TestBinds(t *testing.T) {
	c := self("binds")
	c.Args, c.Binds = []string{"{host}:{port}"}, true
	s, _ := run(t, Config{Command: c})
	scale(t, s, 2)
	for _, in := range ready(t, s, 2).Instances {
		if strings.Contains(get(t, in.Addr, "/env"), EnvListenFD) {
			t.Error("a listener was handed down all the same")
		}
	}
}

func TestNoProbe(t *testing.T) {
	s, _ := run(t, Config{Command: self("sleep"), Ready: Probe{Off: true}, Hang: time.Millisecond})
	scale(t, s, 1)
	in := ready(t, s, 1).Instances[0]
	time.Sleep(50 * time.Millisecond) // Hang has no meaning without a probe
	if again := ready(t, s, 1).Instances[0]; again.Restarts != 0 || again.Since != in.Since {
		t.Errorf("%+v, then %+v", in, again)
	}
}

// TestRunEnds: when the context ends all children end within Kill, their ports are
// closed, and no descriptor stays open.
func TestRunEnds(t *testing.T) {
	for role, kinds := range map[string]string{
		"serve":    "started ready stopping stopped",
		"stubborn": "started ready stopping killed stopped",
	} {
		t.Run(role, func(t *testing.T) {
			before := descriptors(t)
			traffic := &load{}
			var d diary
			s, end := run(t, Config{Command: self(role), Traffic: traffic, Kill: 200 * time.Millisecond, Event: d.write})
			scale(t, s, 3)
			st := ready(t, s, 3)
			var pids []int
			for _, in := range st.Instances {
				pids = append(pids, pidOf(t, in))
				traffic.is(in.ID, 1) // it does not wait for requests
			}
			end()
			for i, in := range st.Instances {
				if _, err := os.Stat("/proc/self"); err == nil {
					gone(t, pids[i])
				}
				if c, err := net.Dial("tcp", in.Addr); err == nil {
					c.Close()
					t.Errorf("%s is still open", in.Addr)
				}
				if got := d.of(in.ID); got != kinds {
					t.Errorf("events %q, want %q", got, kinds)
				}
			}
			if st := status(t, s); len(st.Instances) != 0 || st.Fleet.Desired != 0 || len(traffic.set) != 0 {
				t.Errorf("after the end: %+v", st)
			}
			if err := s.Scale(t.Context(), actuate.Request{Desired: 1}); actuate.ClassOf(err) != actuate.NotFound {
				t.Errorf("Scale after the end = %v, want not found", err)
			}
			if err := s.Run(t.Context()); !errors.Is(err, ErrRunTwice) {
				t.Errorf("Run again = %v, want %v", err, ErrRunTwice)
			}
			http.DefaultClient.CloseIdleConnections()
			for deadline := time.Now().Add(5 * time.Second); descriptors(t) > before; time.Sleep(5 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("%d descriptors open, %d before", descriptors(t), before)
				}
			}
		})
	}
}

// descriptors counts what the test process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("open descriptors are only listed on Linux")
	}
	return len(all)
}

func TestScaleBeforeRun(t *testing.T) {
	s, err := New(quick(Config{Command: self("serve"), Max: 4}))
	if err != nil {
		t.Fatal(err)
	}
	scale(t, s, 3)
	scale(t, s, 1)
	st := status(t, s)
	if len(st.Instances) != 1 || st.Fleet.Desired != 1 || st.Limits.Max != 4 || st.Instances[0].InFlight != -1 {
		t.Errorf("before Run: %+v", st)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Run(ctx) })
	ready(t, s, 1)
	for n, want := range map[int64]actuate.Class{-1: actuate.Invalid, 5: actuate.Invalid} {
		if err := s.Scale(t.Context(), actuate.Request{Desired: n}); actuate.ClassOf(err) != want {
			t.Errorf("Scale to %d = %v, want %v", n, err, want)
		}
	}
	ready(t, s, 1)
	cancel()
	wg.Wait()
}

func TestConfig(t *testing.T) {
	_, err := New(Config{
		Command: Command{Env: []string{"=x"}},
		Ready:   Probe{Path: "health", Interval: -1, Timeout: -1, StartTimeout: -1},
		Restart: Restart{First: -1, Max: -1, Reset: -1},
		Grace:   -1, Kill: -1, Max: -1,
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, field := range []string{
		"Command.Path", "Command.Env[0]", "Ready.Path", "Ready.Interval", "Ready.Timeout", "Ready.StartTimeout",
		"Restart.First", "Restart.Max", "Restart.Reset", "Grace", "Kill", "Max",
	} {
		if !strings.Contains(err.Error(), "evenkeel: process: "+field+" ") {
			t.Errorf("the error does not name %s:\n%v", field, err)
		}
	}
}

// TestOutput: lines reach the logger with the instance's ID, and long ones are cut.
func TestOutput(t *testing.T) {
	var b lockedBuffer
	s, end := run(t, Config{Command: self("serve"), Logger: slog.New(slog.NewTextHandler(&b, nil))})
	scale(t, s, 1)
	in := ready(t, s, 1).Instances[0]
	get(t, in.Addr, "/say?what=hello")
	get(t, in.Addr, "/say?what="+strings.Repeat("x", 3*maxLine)+"END")
	get(t, in.Addr, "/say?what=after")
	await(t, s, "the last line", func(actuate.Status) bool { return strings.Contains(b.String(), "msg=after") })
	end()
	log := b.String()
	if !strings.Contains(log, "msg=hello instance="+in.ID+" stream=stdout") {
		t.Errorf("no line with the instance's ID in\n%.2000s", log)
	}
	if n := strings.Count(log, "x"); n < maxLine || n > maxLine+1000 || strings.Contains(log, "END") {
		t.Errorf("a long line was not cut at %d", maxLine)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestCause(t *testing.T) {
	for _, tc := range []struct {
		name           string
		stdout, stderr []string
		want           string
	}{
		{"nothing", nil, nil, ""},
		{"last of stderr", []string{"bye"}, []string{"a", "ValueError: no GPU", "  "}, "ValueError: no GPU"},
		{"only stdout", []string{"a", "bye"}, nil, "bye"},
		{"a panic", nil, []string{"panic: no model", "", "goroutine 1 [running]:", "\tmain.go:3 +0x1d"}, "panic: no model"},
		{"long", nil, []string{strings.Repeat("é", 400)}, strings.Repeat("é", 150) + "…"},
	} {
		o := &output{log: slog.New(slog.DiscardHandler)}
		o.read(strings.NewReader(strings.Join(tc.stdout, "\n")), "stdout")
		o.read(strings.NewReader(strings.Join(tc.stderr, "\n")), "stderr")
		if got := o.cause(); got != tc.want {
			t.Errorf("%s: cause %q, want %q", tc.name, got, tc.want)
		}
	}
}
