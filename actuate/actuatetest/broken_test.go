package actuatetest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// TestSuiteNotices runs the checks on targets that break one clause each. A check
// that would pass all of them would be no check.
func TestSuiteNotices(t *testing.T) {
	covered := map[string]bool{}
	for _, d := range defects {
		for _, name := range d.noticed {
			covered[name] = true
			t.Run(d.name+"/"+name, func(t *testing.T) {
				i := slices.IndexFunc(checks, func(c check) bool { return c.name == name })
				if i < 0 {
					t.Fatalf("there is no check %q", name)
				}
				synctest.Test(t, func(t *testing.T) {
					r := record(t, checks[i], func() Harness {
						h := fleetHarness(&Fleet{StartUp: time.Second})
						h.Timeout = 3 * time.Second
						d.breaks(&h)
						return h
					})
					if !r.failed {
						t.Errorf("the check passed a target that is broken: %s", d.name)
					}
					t.Logf("noticed: %s", strings.Join(r.said, "; "))
					// What the broken target left behind ends before the bubble does.
					time.Sleep(2 * time.Hour)
				})
			})
		}
	}
	for _, c := range checks {
		if !covered[c.name] {
			t.Errorf("no broken target shows that the check %q can fail", c.name)
		}
	}
}

// A recorder takes a check's verdict instead of failing the test.
type recorder struct {
	testing.TB
	mu      sync.Mutex
	failed  bool
	skipped bool
	said    []string
}

// record runs a check to its end, which Fatal and Skip may bring early.
func record(t testing.TB, c check, newTarget func() Harness) *recorder {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conduct(r, c, newTarget)
	}()
	<-done
	return r
}

func (r *recorder) say(failed bool, s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = r.failed || failed
	r.said = append(r.said, s)
}

func (r *recorder) Errorf(format string, args ...any) { r.say(true, fmt.Sprintf(format, args...)) }
func (r *recorder) Error(args ...any)                 { r.say(true, fmt.Sprint(args...)) }
func (r *recorder) Fatal(args ...any)                 { r.say(true, fmt.Sprint(args...)); runtime.Goexit() }
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}
func (r *recorder) Skip(args ...any) {
	r.say(false, fmt.Sprint(args...))
	r.skipped = true
	runtime.Goexit()
}

// plain is a target with no ability beyond the two calls.
type plain struct{ actuate.Target }

func (p plain) Status(ctx context.Context) (actuate.Status, error) {
	st, err := p.Target.Status(ctx)
	st.Version, st.Instances = "", nil
	return st, err
}

// TestSkips: a target with no abilities passes the checks that every target must
// pass, and skips the others.
func TestSkips(t *testing.T) {
	must := []string{"up and down", "idempotent", "zero", "negative", "cancelled", "deadline", "concurrent", "unknown victims"}
	for _, c := range checks {
		synctest.Test(t, func(t *testing.T) {
			r := record(t, c, func() Harness {
				return Harness{Target: plain{&Fleet{}}, NoFencing: true, NoVictims: true}
			})
			if want := !slices.Contains(must, c.name); r.skipped != want || r.failed {
				t.Errorf("%s: skipped %v, want %v; failed %v: %q", c.name, r.skipped, want, r.failed, r.said)
			}
		})
	}
}

const brokenEnv = "ACTUATETEST_RUN_BROKEN"

// TestRunFails runs the exported suite in a process of its own on a broken target
// and on a sound one, and looks at how the process ends.
func TestRunFails(t *testing.T) {
	if kind := os.Getenv(brokenEnv); kind != "" {
		suite := map[string]func(*testing.T, func(*testing.T) Harness){"real": Run, "virtual": RunVirtual}[kind]
		suite(t, func(t *testing.T) Harness {
			b := &broken{Fleet: new(Fleet)}
			b.scale = func(ctx context.Context, req actuate.Request) error {
				req.Epoch = 0
				return b.Fleet.Scale(ctx, req)
			}
			return Harness{Target: b, TTL: time.Millisecond, Poll: time.Millisecond}
		})
		return
	}
	for _, kind := range []string{"real", "virtual"} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRunFails$", "-test.v")
		cmd.Env = append(os.Environ(), brokenEnv+"="+kind)
		out, err := cmd.CombinedOutput()
		if err == nil {
			t.Errorf("%s: the suite passed a target without a fence", kind)
		}
		if !strings.Contains(string(out), "--- FAIL: TestRunFails/fencing") {
			t.Errorf("%s: the check that failed is not named:\n%s", kind, out)
		}
		if n := strings.Count(string(out), "--- FAIL: TestRunFails/"); n != 1 {
			t.Errorf("%s: %d checks failed, want 1:\n%s", kind, n, out)
		}
	}
}
