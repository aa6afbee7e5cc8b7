//go:build unix

package process

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// load is a Traffic whose figures a test sets.
type load struct {
	mu   sync.Mutex
	busy map[string]int64
	set  []actuate.Instance
}

func (l *load) Route(set []actuate.Instance) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.set = set
}

func (l *load) InFlight(id string) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.busy[id]
}

func (l *load) is(id string, n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy == nil {
		l.busy = make(map[string]int64)
	}
	l.busy[id] = n
}

// routed returns how many instances the Traffic may use.
func (l *load) routed() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, in := range l.set {
		if in.Phase == actuate.Ready {
			n++
		}
	}
	return n
}

// diary keeps the events.
type diary struct {
	mu  sync.Mutex
	all []Event
}

func (d *diary) write(e Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = append(d.all, e)
}

// of returns the kinds of events of an instance, in order.
func (d *diary) of(id string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, e := range d.all {
		if e.ID == id {
			out = append(out, e.Kind.String())
		}
	}
	return strings.Join(out, " ")
}

// quick fills in short times where c has none.
func quick(c Config) Config {
	if c.Ready.Interval == 0 {
		c.Ready.Interval = 5 * time.Millisecond
	}
	if c.Restart.First == 0 {
		c.Restart.First = 10 * time.Millisecond
	}
	if c.Name == "" {
		c.Name = "e"
	}
	return c
}

// run makes a Supervisor and runs it until the test, or the returned function,
// ends it.
func run(t *testing.T, c Config) (*Supervisor, func()) {
	t.Helper()
	s, err := New(quick(c))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	end := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})
	t.Cleanup(end)
	return s, end
}

func scale(t *testing.T, s *Supervisor, n int64, victims ...string) {
	t.Helper()
	if err := s.Scale(t.Context(), actuate.Request{Desired: n, Victims: victims}); err != nil {
		t.Fatal(err)
	}
}

func status(t *testing.T, s *Supervisor) actuate.Status {
	t.Helper()
	st, err := s.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// await polls the status until it is as wanted.
func await(t *testing.T, s *Supervisor, what string, ok func(actuate.Status) bool) actuate.Status {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		st := status(t, s)
		if ok(st) {
			return st
		}
		if time.Now().After(deadline) {
			t.Fatalf("never: %s; %+v", what, st)
		}
	}
}

// ready waits for n ready instances and nothing else.
func ready(t *testing.T, s *Supervisor, n int) actuate.Status {
	t.Helper()
	return await(t, s, fmt.Sprintf("%d ready", n), func(st actuate.Status) bool {
		return st.Fleet.Ready == int64(n) && len(st.Instances) == n
	})
}

func get(t *testing.T, addr, path string) string {
	t.Helper()
	res, err := http.Get("http://" + addr + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func pidOf(t *testing.T, in actuate.Instance) int {
	t.Helper()
	pid, err := strconv.Atoi(get(t, in.Addr, "/pid"))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// gone waits until a process that is not our child has ended. A zombie that its
// own parent has not reaped yet counts as ended.
func gone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		if syscall.Kill(pid, 0) != nil {
			return
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err == nil && strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d is still there", pid)
		}
	}
}
