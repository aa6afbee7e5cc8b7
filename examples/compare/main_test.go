package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel"
	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/actuatetest"
	"github.com/evenkeel/evenkeel/signal"
)

// depth is a queue whose depth a test sets.
type depth struct{ atomic.Int64 }

func (*depth) Defs() []signal.Def {
	return []signal.Def{{Key: signal.Key{Name: signal.NameQueued, Pool: "jobs"}, Unit: signal.Requests}}
}

func (d *depth) Collect(_ context.Context, into *signal.Snapshot) error {
	into.Set(0, signal.Value(float64(d.Load())))
	return nil
}

const perTen = `max: 20
policies:
  waiting: { track: { signal: queue_depth, setpoint: 10, total: true } }
`

// record returns the journal of pools that follow a queue for a few minutes.
func record(t *testing.T, policy string, pools ...string) []byte {
	t.Helper()
	var journal bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		var queue depth
		queue.Store(20)
		cfg := evenkeel.Config{Tick: time.Second, Journal: &journal}
		for _, name := range pools {
			target, err := actuate.New(actuate.Config{Target: &actuatetest.Fleet{StartUp: 5 * time.Second}})
			if err != nil {
				t.Fatal(err)
			}
			cfg.Pools = append(cfg.Pools, evenkeel.Pool{Name: name, Sources: []signal.Source{&queue}, PolicyFile: policy, Target: target})
		}
		keel, err := evenkeel.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- keel.Run(ctx) }()
		for _, n := range []int64{60, 40} {
			time.Sleep(time.Minute + 100*time.Millisecond) // never just at a tick
			queue.Store(n)
		}
		time.Sleep(time.Minute)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return journal.Bytes()
}

func TestCompare(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	same := file("same.yaml", perTen)
	more := file("more.yaml", strings.Replace(perTen, "setpoint: 10", "setpoint: 5", 1))
	one := file("one.jsonl", string(record(t, same, "jobs")))
	two := file("two.jsonl", string(record(t, same, "jobs", "more jobs")))
	for _, tc := range []struct {
		name   string
		args   []string
		status int
		want   string // a pattern
	}{
		{"the same policy", []string{"-journal", one, "-policy", same}, 0, `^differs at 0 of 18\d ticks; .*\n.*: (\d+) replica-seconds became \d+\n$`},
		{"another", []string{"-journal", one, "-policy", more}, 0, `^differs at 18\d of 18\d ticks; .*\n.*: 8\d\d replica-seconds became 14\d\d\n.* (for 3m0s|for 2m59s): 4, not 2; 0 → 4: waiting wants 4: .* is 20, setpoint 5\n$`},
		{"one of two pools", []string{"-journal", two, "-policy", more, "-pool", "more jobs"}, 0, `: 4, not 2; `},
		{"which of two", []string{"-journal", two, "-policy", more}, 2, `the journal has the pools \["jobs" "more jobs"\]`},
		{"no such pool", []string{"-journal", one, "-policy", more, "-pool", "chat"}, 2, `-pool is "chat"`},
		{"no journal", []string{"-policy", more}, 2, `-journal and -policy are required`},
		{"journal not there", []string{"-journal", "none.jsonl", "-policy", more}, 2, `none\.jsonl: no such file`},
		{"policy not there", []string{"-journal", one, "-policy", "none.yaml"}, 2, `none\.yaml: no such file`},
		{"empty journal", []string{"-journal", file("empty", ""), "-policy", more}, 2, `no decisions of any pool`},
		{"no journal at all", []string{"-journal", more, "-policy", more}, 2, `no decisions of any pool`},
		{"bad policy", []string{"-journal", one, "-policy", file("bad.yaml", "max: 20\nup: { when: \"queue_dept > 5\" }\n")}, 2, `bad\.yaml:2:14: up\.when: .*did you mean queue_depth`},
		{"a signal that the journal lacks", []string{"-journal", one, "-policy", file("chat.yaml", "extends: chat\n")}, 2, `demand_work`},
		{"unknown flag", []string{"-frobnicate"}, 2, `-frobnicate`},
		{"help", []string{"-help"}, 0, `-journal file`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			status := run(tc.args, &stdout, &stderr)
			out := stdout.String() + stderr.String()
			if status != tc.status || !regexp.MustCompile(tc.want).MatchString(out) {
				t.Errorf("exit status %d, want %d; want %s in\n%s", status, tc.status, tc.want, out)
			}
			if (stdout.Len() > 0) != (tc.status == 0 && tc.name != "help") {
				t.Errorf("%d bytes on standard output", stdout.Len())
			}
		})
	}
}
