package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel"
	"github.com/evenkeel/evenkeel/actuate/process"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/decide/simulate/llm"
	"github.com/evenkeel/evenkeel/decide/simulate/trace"
)

// The test binary stands in for the program: as an engine, and as the whole.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == engineCommand || os.Getenv("QUICKSTART_MAIN") != "" {
		if err := os.Unsetenv("QUICKSTART_MAIN"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		main()
	}
	os.Exit(m.Run())
}

// children returns the processes whose parent is pid.
func children(t *testing.T, pid int) (out []int) {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(dirs) == 0 {
		t.Skip("needs /proc")
	}
	for _, d := range dirs {
		b, err := os.ReadFile(d)
		if err != nil {
			continue // ended meanwhile
		}
		_, rest, ok := strings.Cut(string(b), ") ")
		fields := strings.Fields(rest)
		if ok && len(fields) > 1 && fields[1] == strconv.Itoa(pid) && fields[0] != "Z" {
			child, err := strconv.Atoi(filepath.Base(filepath.Dir(d)))
			if err == nil {
				out = append(out, child)
			}
		}
	}
	return out
}

func TestBadInputIsOneLineAndStartsNothing(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dies := file("dies", "#!/bin/sh\necho no such device >&2\nexit 3\n")
	if err := os.Chmod(dies, 0o700); err != nil { //nolint:gosec // it must be executable
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, want string
		args       []string
	}{
		{"unknown flag", "-frobnicate", []string{"-frobnicate"}},
		{"argument", `"extra"`, []string{"extra"}},
		{"missing trace", "none.csv", []string{"-trace", filepath.Join(dir, "none.csv")}},
		{"malformed trace", "bad.csv:3:", []string{"-trace", file("bad.csv", "arrival_s,input_tokens,output_tokens\n0,1,1\nx,1,1\n")}},
		{"truncated gzip", "cut.csv.gz", []string{"-trace", file("cut.csv.gz", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x4a\x2c")}},
		{"port in use", taken.Addr().String(), []string{"-listen", taken.Addr().String()}},
		{"no port", "-listen", []string{"-listen", "localhost"}},
		{"min above max", "-max is 2", []string{"-min", "3", "-max", "2"}},
		{"min of none", "-min is 0", []string{"-min", "0"}},
		{"speed", "-speed is -1", []string{"-speed", "-1"}},
		{"load", "-load is 0", []string{"-load", "0"}},
		{"length", "-for is 1s", []string{"-for", "1s"}},
		{"policy", `"brave"`, []string{"-policy", "brave"}},
		{"policy file not there", "none.yaml: no such file", []string{"-policy", "./none.yaml"}},
		{"policy file with a mistake", "bad.yaml:2:14: up.when: ", []string{"-policy", file("bad.yaml", "max: 6\nup: { when: \"queue_dept > 5\" }\ndown: { when: \"queue_depth < 1\" }\n")}},
		{"policy file with more", "(and 2 more)", []string{"-policy", file("worse.json", `{"mni": 1, "mxa": 6, "polcies": {}}`)}},
		{"policy file without a unit", "unit.yaml:2:25: up.when: ", []string{"-policy", file("unit.yaml", "max: 6\nup: { when: \"ttft_p95 > 70%\" }\ndown: { when: \"queue_depth < 1\" }\n")}},
		{"policy file for more processes than allowed", "many.yaml: max is 100", []string{"-policy", file("many.yaml", "extends: chat\nmax: 100\n")}},
		{"policy file and limits", "set max in the file", []string{"-max", "3", "-policy", file("good.yml", "extends: chat\n")}},
		{"model", `"gpt-0"`, []string{"-model", "gpt-0"}},
		{"no engine", "/no/such/engine", []string{"-engine", "/no/such/engine"}},
		{"engine that exits at once", "no such device", []string{"-engine", dies}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(tc.args, &stdout, &stderr, nil); code != exitUsage {
				t.Errorf("exit status %d, want %d", code, exitUsage)
			}
			if !strings.Contains(stderr.String(), tc.want) || strings.Count(stderr.String(), "\n") != 1 {
				t.Errorf("stderr is %q, want one line with %q", stderr.String(), tc.want)
			}
			if left := children(t, os.Getpid()); len(left) != 0 {
				t.Errorf("processes left: %v", left)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	var stderr bytes.Buffer
	if code := run([]string{"-h"}, io.Discard, &stderr, nil); code != exitOK || !strings.Contains(stderr.String(), "-trace") {
		t.Errorf("exit status %d, %q", code, stderr.String())
	}
}

func TestPolicyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte("extends: chat\nmin: 2\nmax: 5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := parseOptions([]string{"-policy", path}, io.Discard)
	if err != nil || o.min != 2 || o.max != 5 {
		t.Fatalf("%d to %d replicas, %v; want 2 to 5, as the file says", o.min, o.max, err)
	}
	if p := o.decideBy(evenkeel.Pool{}); p.PolicyFile != path || len(p.Policy.Policies) != 0 || p.Limits != (decide.Limits{}) {
		t.Errorf("%+v: want the file alone", p)
	}
	o, err = parseOptions([]string{"-policy", "safe"}, io.Discard)
	if p := o.decideBy(evenkeel.Pool{}); err != nil || p.PolicyFile != "" || len(p.Policy.Policies) == 0 || p.Limits.Max != o.max {
		t.Errorf("%+v, %v: want the policy alone", p, err)
	}
}

// lastJSON returns the figures on the last line of out.
func lastJSON(t *testing.T, out string) (f figures) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &f); err != nil {
		t.Fatalf("last line %q: %v", lines[len(lines)-1], err)
	}
	return f
}

func TestAWholeRun(t *testing.T) {
	if testing.Short() {
		t.Skip("runs for 20 s of real time")
	}
	var stdout, stderr bytes.Buffer
	journal := filepath.Join(t.TempDir(), "journal")
	if code := run([]string{"-for", "12s", "-max", "6", "-json", "-journal", journal}, &stdout, &stderr, nil); code != exitOK {
		t.Fatalf("exit status %d: %s\n%s", code, stderr.String(), stdout.String())
	}
	if !strings.HasPrefix(stdout.String(), "live page    http://127.0.0.1:") {
		t.Errorf("output does not begin with the page's address: %.100q", stdout.String())
	}
	f := lastJSON(t, stdout.String())
	if f.Offered == 0 || f.Offered != f.Admitted+f.shed() {
		t.Errorf("offered %d, admitted %d, shed %d: they do not add up", f.Offered, f.Admitted, f.shed())
	}
	if f.Aborted != 0 {
		t.Errorf("%d aborted: %v", f.Aborted, f.Failed)
	}
	if f.ReplicaSeconds <= 0 || f.StaticReplicaSeconds <= 0 || f.ReplicasMax < 1 || f.ReplicasMax > 6 {
		t.Errorf("replicas %d to %d, %.0f replica-seconds, static %.0f", f.ReplicasMin, f.ReplicasMax, f.ReplicaSeconds, f.StaticReplicaSeconds)
	}
	b, err := os.ReadFile(journal)
	if err != nil || !bytes.Contains(b, []byte(`"kind":"decision"`)) {
		t.Errorf("journal: %v, %d bytes", err, len(b))
	}
	if left := children(t, os.Getpid()); len(left) != 0 {
		t.Errorf("processes left: %v", left)
	}
}

// start runs the program as a process of its own and waits for the page.
func start(t *testing.T, args ...string) (cmd *exec.Cmd, page string, out *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(self, args...)
	cmd.Env = append(os.Environ(), "QUICKSTART_MAIN=1")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	out = new(bytes.Buffer)
	buf := make([]byte, 4096)
	for !strings.Contains(out.String(), "\nengines ") {
		n, err := pipe.Read(buf)
		out.Write(buf[:n])
		if err != nil {
			t.Fatalf("ended early: %v\n%s", err, out)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, pipe) }()
	_, rest, _ := strings.Cut(out.String(), "http://")
	page, _, _ = strings.Cut(rest, "/")
	return cmd, page, out
}

func TestInterrupt(t *testing.T) {
	for _, twice := range []bool{false, true} {
		t.Run(fmt.Sprintf("twice=%v", twice), func(t *testing.T) {
			cmd, page, _ := start(t, "-for", "60s")
			waitFor(t, 20*time.Second, "two engines", func() bool { return len(children(t, cmd.Process.Pid)) >= 2 })
			engines := children(t, cmd.Process.Pid)
			time.Sleep(2 * time.Second) // so that streams are under way
			began := time.Now()
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			bound := 5 * time.Second
			if twice {
				time.Sleep(10 * time.Millisecond)
				_ = cmd.Process.Signal(os.Interrupt)
				bound = time.Second
			}
			_ = cmd.Wait()
			if took := time.Since(began); took > bound {
				t.Errorf("down after %v, want at most %v", took, bound)
			}
			if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
				t.Errorf("exit status %d, want %d", code, exitInterrupted)
			}
			for _, pid := range engines {
				waitFor(t, time.Second, fmt.Sprintf("end of engine %d", pid), func() bool { return !alive(pid) })
			}
			if c, err := net.Dial("tcp", page); err == nil {
				c.Close()
				t.Error("the port is still open")
			}
		})
	}
}

// alive reports whether the process runs: one that has ended and that nobody has
// asked about is still listed.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(b), ") Z ")
}

func waitFor(t *testing.T, bound time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(bound); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %s within %v", what, bound)
		}
	}
}

// A fleet of three under a light load, for what can happen to one of them.
func underLoad(t *testing.T, n int64, body func(f *fleet)) []outcome {
	t.Helper()
	model, _ := llm.Preset("minimax-m2.5-fp8/h100x4")
	startup, _ := llm.StartupPreset("sleeping")
	o := options{min: n, max: n, listen: "127.0.0.1:0", policy: "lean", model: model, startup: startup, seed: 1, length: 20 * time.Second}
	f, err := newFleet(o, n, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := f.start(ctx, n); err != nil {
		t.Fatal(err)
	}
	arrivals := make(trace.Trace, 200)
	for i := range arrivals {
		arrivals[i] = trace.Record{At: time.Duration(i) * 80 * time.Millisecond, Input: 200, Output: 60}
	}
	c := newClient(f.listener.Addr().String(), o.model.Name, arrivals)
	done := make(chan []outcome, 1)
	go func() { done <- c.play(ctx, nil, arrivals) }()
	time.Sleep(2 * time.Second)
	body(f)
	outcomes := <-done
	if err := f.stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
	return outcomes
}

func failures(outcomes []outcome) (failed int) {
	for _, o := range outcomes {
		if o.err != "" || o.shed != "" {
			failed++
		}
	}
	return failed
}

func TestReplicaKilledFailsOnlyItsOwnRequests(t *testing.T) {
	var atVictim int64
	outcomes := underLoad(t, 3, func(f *fleet) {
		pids := children(t, os.Getpid())
		if len(pids) != 3 {
			t.Fatalf("%d engines, want 3", len(pids))
		}
		st, err := f.supervisor.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range st.Instances {
			atVictim = max(atVictim, in.InFlight)
		}
		if err := syscall.Kill(pids[0], syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		waitFor(t, 5*time.Second, "end of the victim", func() bool { return !alive(pids[0]) })
		// The journal first: until the loss is noticed, three count as ready.
		waitFor(t, 5*time.Second, "journal line of a restart", func() bool {
			var journal bytes.Buffer
			return fetch(f, "/journal", &journal) == nil && strings.Contains(journal.String(), `"what":"restarted"`)
		})
		waitFor(t, 15*time.Second, "return to 3 ready", func() bool {
			st, err := f.supervisor.Status(t.Context())
			return err == nil && st.Fleet.Ready == 3 && len(children(t, os.Getpid())) == 3
		})
	})
	// What the victim had in flight when it was killed is at most what the busiest
	// had just before and what arrived between.
	if n := failures(outcomes); int64(n) > atVictim+2 {
		t.Errorf("%d requests failed; the victim had at most %d in flight", n, atVictim)
	}
}

// pidOf returns the process of an instance, by what the supervisor tells it.
func pidOf(t *testing.T, id string) int {
	t.Helper()
	for _, pid := range children(t, os.Getpid()) {
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err == nil && bytes.Contains(env, []byte(process.EnvInstance+"="+id+"\x00")) {
			return pid
		}
	}
	t.Fatalf("no process of instance %s", id)
	return 0
}

func TestEngineThatHangsGetsNoMoreRequests(t *testing.T) {
	outcomes := underLoad(t, 3, func(f *fleet) {
		st, err := f.supervisor.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.Post("http://"+st.Instances[0].Addr+"/emulator/fault", "application/json", strings.NewReader(`{"hang":true}`))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		time.Sleep(4 * time.Second) // two health checks of 1 s each that time out
		stuck := f.inFlight(t, st.Instances[0].ID)
		time.Sleep(3 * time.Second)
		if now := f.inFlight(t, st.Instances[0].ID); now > stuck {
			t.Errorf("a hanging engine went from %d to %d requests in flight", stuck, now)
		}
		// Its requests would wait for it until they give up.
		if err := syscall.Kill(pidOf(t, st.Instances[0].ID), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	})
	if len(outcomes) != 200 {
		t.Errorf("%d requests sent, want 200", len(outcomes))
	}
}

func (f *fleet) inFlight(t *testing.T, id string) int64 {
	t.Helper()
	st, err := f.supervisor.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range st.Instances {
		if in.ID == id {
			return in.InFlight
		}
	}
	return 0
}

func fetch(f *fleet, path string, into io.Writer) error {
	resp, err := http.Get("http://" + f.listener.Addr().String() + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(into, resp.Body)
	return err
}

func TestCrowd(t *testing.T) {
	one := trace.Trace{{At: 0, Input: 1}, {At: time.Second, Input: 2}, {At: 5 * time.Second, Input: 3}}
	ten := crowd(one, 10, 1)
	count := map[int64]int{}
	for i, r := range ten {
		count[r.Input]++
		if i > 0 && r.At < ten[i-1].At {
			t.Errorf("%v comes after %v", r.At, ten[i-1].At)
		}
		if d := r.At - one[r.Input-1].At; d.Abs() > time.Second/2 {
			t.Errorf("%+v is %v from where it was", r, d)
		}
	}
	if len(ten) != 30 || count[1] != 10 || count[2] != 10 || count[3] != 10 {
		t.Errorf("ten for each of three: %v", count)
	}
}

func TestSteepestRise(t *testing.T) {
	var tr trace.Trace
	for at := time.Duration(0); at < 60*time.Second; {
		tr = append(tr, trace.Record{At: at})
		if at < 40*time.Second {
			at += time.Second
		} else {
			at += 50 * time.Millisecond
		}
	}
	if at := steepestRise(tr, 3*time.Second); at < 39*time.Second || at > 41*time.Second {
		t.Errorf("rise found at %v, want 40 s", at)
	}
}

func TestFiguresCount(t *testing.T) {
	var f figures
	f.count([]outcome{
		{ttft: time.Second, tpot: 50 * time.Millisecond, tokens: 10},
		{ttft: 3 * time.Second, tpot: 50 * time.Millisecond, tokens: 10},
		{ttft: time.Second, tpot: 150 * time.Millisecond, tokens: 10},
		{shed: "saturated"},
		{err: "stream ended early", tokens: 3},
	})
	if f.Offered != 5 || f.Admitted != 4 || f.Shed["saturated"] != 1 || f.Aborted != 1 || f.Within != 0.25 || f.WithinOffered != 0.2 {
		t.Errorf("%+v", f)
	}
	f.ReplicaSeconds, f.StaticReplicaSeconds = 1, 2
	if f.judge(); f.OK || len(f.misses()) != 3 {
		t.Errorf("ok is %v, misses %v; want three", f.OK, f.misses())
	}
}
