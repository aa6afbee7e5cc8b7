//go:build unix

package process

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// TestExitAtOnce: a program that cannot start says so in the status, with its
// path, its exit status and its last words, and is stuck, not on its way.
func TestExitAtOnce(t *testing.T) {
	var d diary
	s, _ := run(t, Config{Command: self("exit"), Event: d.write, Restart: Restart{First: 50 * time.Millisecond}})
	scale(t, s, 1)
	st := await(t, s, "one restart and stuck", func(st actuate.Status) bool {
		return len(st.Instances) == 1 && st.Instances[0].Restarts >= 1 && st.Fleet.Starting[0].Stuck
	})
	in := st.Instances[0]
	for _, want := range []string{os.Args[0], "exit status 3", "no such model: tiny"} {
		if !strings.Contains(in.Detail, want) {
			t.Errorf("the detail %q does not contain %q", in.Detail, want)
		}
	}
	if in.Phase != actuate.Starting || in.Addr != "" {
		t.Errorf("%+v: want it starting, at no address", in)
	}
	if got := d.of("e-1"); !strings.HasPrefix(got, "started exited started exited") {
		t.Errorf("events %q", got)
	}
}

// TestStuckGoesFirst: a scale-in takes the broken ones, even while they rest, and
// leaves those that serve.
func TestStuckGoesFirst(t *testing.T) {
	var broken atomic.Bool
	s, _ := run(t, Config{Command: self("serve"), Traffic: &load{}, Restart: Restart{First: time.Hour, Max: time.Hour},
		Prepare: func(_ Launch, c *Command) error {
			if broken.Load() {
				return errors.New("no device left")
			}
			return nil
		}})
	scale(t, s, 2)
	good := ready(t, s, 2)
	broken.Store(true)
	scale(t, s, 4)
	await(t, s, "two stuck", func(st actuate.Status) bool {
		var n int64
		for _, c := range st.Fleet.Starting {
			if c.Stuck {
				n += c.N
			}
		}
		return n == 2
	})
	if d := status(t, s).Instances[3].Detail; !strings.Contains(d, "no device left") {
		t.Errorf("detail %q, want the error of Prepare", d)
	}
	scale(t, s, 2)
	for i, in := range ready(t, s, 2).Instances {
		if in.ID != good.Instances[i].ID {
			t.Errorf("%s is there instead of %s", in.ID, good.Instances[i].ID)
		}
	}
}

// TestBackOff: the pauses between the lives of a broken program grow.
func TestBackOff(t *testing.T) {
	var d diary
	s, end := run(t, Config{Command: self("exit"), Event: d.write, Restart: Restart{First: 20 * time.Millisecond, Max: 160 * time.Millisecond}})
	scale(t, s, 1)
	await(t, s, "6 restarts", func(st actuate.Status) bool { return st.Instances[0].Restarts >= 6 })
	end()
	var pauses []time.Duration
	var exited time.Time
	for _, e := range d.all {
		switch {
		case e.Kind == Exited:
			exited = e.At
		case e.Kind == Started && !exited.IsZero():
			pauses = append(pauses, e.At.Sub(exited))
		}
	}
	// 20, 40, 80, 160, 160 … ms, each at least 80 % of that. How much longer they
	// take depends on the machine.
	for i, want := range []time.Duration{16, 32, 64, 128, 128, 128} {
		if pauses[i] < want*time.Millisecond {
			t.Errorf("pause %d is %v, want at least %vms", i, pauses[i], want)
		}
	}
}

func TestCannotStart(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	noise := filepath.Join(dir, "noise")
	if err := os.WriteFile(plain, []byte("#!/bin/true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(noise, []byte("no program"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name  string
		c     Command
		check bool // whether Check sees it
		want  string
	}{
		{"missing", Command{Path: filepath.Join(dir, "engine")}, true, "no such file"},
		{"missing name", Command{Path: "no-such-engine"}, true, "not found"},
		{"not executable", Command{Path: plain}, true, "permission denied"},
		{"a directory", Command{Path: dir}, true, "directory"},
		{"no directory", Command{Path: os.Args[0], Dir: filepath.Join(dir, "away")}, true, "no such file"},
		{"no program", Command{Path: noise}, false, "exec format error"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var d diary
			s, _ := run(t, Config{Command: tc.c, Event: d.write})
			err := s.Check(t.Context())
			if (err != nil) != tc.check || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Check = %v, want an error with %q: %v", err, tc.want, tc.check)
			}
			scale(t, s, 1)
			st := await(t, s, "a failed start", func(st actuate.Status) bool {
				return st.Instances[0].Detail != "" && st.Fleet.Starting[0].Stuck
			})
			if got := st.Instances[0].Detail; !strings.Contains(got, tc.want) || !strings.Contains(got, tc.c.Path) {
				t.Errorf("detail %q, want the path and %q", got, tc.want)
			}
			await(t, s, "the event", func(actuate.Status) bool { return strings.HasPrefix(d.of(st.Instances[0].ID), "failed") })
		})
	}
	s, _ := New(Config{Command: self("serve")})
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("Check of a good command: %v", err)
	}
}

// TestCrash: an instance that dies leaves the ready ones at once and is started
// again under its ID, at another address.
func TestCrash(t *testing.T) {
	for name, die := range map[string]func(t *testing.T, in actuate.Instance){
		"kill -9": func(t *testing.T, in actuate.Instance) {
			if err := syscall.Kill(pidOf(t, in), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		},
		"exits": func(_ *testing.T, in actuate.Instance) {
			if res, err := http.Get("http://" + in.Addr + "/crash"); err == nil {
				res.Body.Close()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			traffic := &load{}
			var d diary
			s, _ := run(t, Config{Command: self("serve"), Traffic: traffic, Event: d.write, Restart: Restart{First: 200 * time.Millisecond}})
			scale(t, s, 2)
			before := ready(t, s, 2).Instances[0]
			die(t, before)
			st := await(t, s, "one ready", func(st actuate.Status) bool { return st.Fleet.Ready == 1 })
			if in := st.Instances[0]; in.Phase != actuate.Starting || in.Addr != "" || in.Detail == "" || st.Fleet.Starting[0].Stuck {
				t.Errorf("after the crash: %+v, %+v", in, st.Fleet)
			}
			await(t, s, "the traffic knows", func(actuate.Status) bool { return traffic.routed() == 1 })
			if name == "exits" && !strings.Contains(st.Instances[0].Detail, "CUDA error: out of memory") {
				t.Errorf("detail %q lacks the last words", st.Instances[0].Detail)
			}
			after := ready(t, s, 2).Instances[0]
			if after.ID != before.ID || after.Addr == before.Addr || after.Restarts != 1 || after.Detail != "" {
				t.Errorf("before %+v, after %+v", before, after)
			}
			await(t, s, "the events", func(actuate.Status) bool { return d.of(before.ID) == "started ready exited started ready" })
		})
	}
}

// TestHang: an instance that no longer answers says so, and is replaced.
func TestHang(t *testing.T) {
	s, _ := run(t, Config{
		Command: self("serve"),
		Ready:   Probe{Timeout: 20 * time.Millisecond},
		Hang:    2500 * time.Millisecond,
	})
	scale(t, s, 1)
	in := ready(t, s, 1).Instances[0]
	pid := pidOf(t, in)
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	await(t, s, "a detail", func(st actuate.Status) bool {
		return st.Instances[0].Phase == actuate.Ready && strings.Contains(st.Instances[0].Detail, "no answer since")
	})
	await(t, s, "a restart", func(st actuate.Status) bool { return st.Fleet.Ready == 1 && st.Instances[0].Restarts == 1 })
	gone(t, pid)
}

// TestNeverReady: a program that runs but never serves is started again.
func TestNeverReady(t *testing.T) {
	s, _ := run(t, Config{Command: self("slow:1h"), Ready: Probe{StartTimeout: 100 * time.Millisecond}})
	scale(t, s, 1)
	st := await(t, s, "a restart", func(st actuate.Status) bool { return st.Instances[0].Restarts >= 1 })
	if d := st.Instances[0].Detail; !strings.Contains(d, "not ready within 100ms") || !strings.Contains(d, "503") {
		t.Errorf("detail %q, want the time and what the probe saw", d)
	}
}

// TestDeadWithParent: no child outlives its parent, even if that is killed.
func TestDeadWithParent(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("only Linux ends children with their parent")
	}
	parent, out := spawn(t, "parent")
	var pid int
	// "pid 123 on 127.0.0.1:456"
	if f := strings.Fields(out()); len(f) == 4 {
		pid, _ = strconv.Atoi(f[1])
	}
	if pid == 0 || syscall.Kill(pid, 0) != nil {
		t.Fatalf("no child runs (pid %d)", pid)
	}
	if err := syscall.Kill(parent, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	gone(t, pid)
}

// TestGroup: what a child has started ends with it, however it ends.
func TestGroup(t *testing.T) {
	for _, how := range []string{"told", "crash"} {
		t.Run(how, func(t *testing.T) {
			s, end := run(t, Config{Command: self("family")})
			scale(t, s, 1)
			in := ready(t, s, 1).Instances[0]
			member, err := strconv.Atoi(get(t, in.Addr, "/family"))
			if err != nil {
				t.Fatal(err)
			}
			if how == "told" {
				end()
			} else if err := syscall.Kill(pidOf(t, in), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			gone(t, member)
		})
	}
}

func TestSlotsAreReused(t *testing.T) {
	var slots [8]int
	seen := make(chan Launch, 100)
	s, _ := run(t, Config{Command: self("serve"), Prepare: func(l Launch, c *Command) error {
		c.Env = append(c.Env, "DEVICE="+strconv.Itoa(l.Slot))
		seen <- l
		return nil
	}})
	scale(t, s, 3)
	second := ready(t, s, 3).Instances[1]
	scale(t, s, 2, second.ID)
	ready(t, s, 2)
	scale(t, s, 3)
	for _, in := range ready(t, s, 3).Instances {
		for v := range strings.FieldsSeq(get(t, in.Addr, "/env")) {
			if n, ok := strings.CutPrefix(v, "DEVICE="); ok {
				i, _ := strconv.Atoi(n)
				slots[i]++
			}
		}
		if in.ID == second.ID {
			t.Errorf("the ID %s was used again", in.ID)
		}
	}
	if !slices.Equal(slots[:4], []int{1, 1, 1, 0}) {
		t.Errorf("slots in use %v, want 0, 1 and 2", slots)
	}
	close(seen)
	for l := range seen {
		if l.ID == "" || l.Addr == "" || l.Restarts != 0 {
			t.Errorf("launch %+v", l)
		}
	}
}
