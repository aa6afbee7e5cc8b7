package evenkeel

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/actuate/actuatetest"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/decide/policy"
	"github.com/evenkeel/evenkeel/signal"
)

// perTen is a policy file by which one replica is wanted for each 10 of load.
const perTen = `min: 1
max: 8
policies:
  load: { track: { signal: test.load, setpoint: 10, total: true } }
scale_down: { window: 10s }
`

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// fromFile lets a pool have its policy from a file.
func fromFile(path string, change ...func(*Config)) func(*Config) {
	return func(c *Config) {
		c.Pools[0].Policy, c.Pools[0].Limits, c.Pools[0].PolicyFile = decide.Config{}, decide.Limits{}, path
		for _, f := range change {
			f(c)
		}
	}
}

// coresOf returns the cores of policy files by their hash.
func coresOf(t *testing.T, signals []signal.Def, texts ...string) func(pool, hash string) *decide.Core {
	t.Helper()
	cores := make(map[string]*decide.Core)
	for _, text := range texts {
		p, err := policy.Parse("test", []byte(text), signals...)
		if err != nil {
			t.Fatal(err)
		}
		core, err := decide.New(p.Config)
		if err != nil {
			t.Fatal(err)
		}
		cores[policyHash(core)] = core
	}
	return func(_, hash string) *decide.Core { return cores[hash] }
}

// settled is long enough for a change of a file to have been taken.
const settled = 3 * policy.DefaultEvery / 2

func TestPolicyFileIsFollowed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	writeFile(t, path, perTen)
	perFive := strings.Replace(perTen, "setpoint: 10", "setpoint: 5", 1)
	synctest.Test(t, func(t *testing.T) {
		var log logBuffer
		r := newRig(t, fromFile(path, func(c *Config) { c.Logger = log.logger() }))
		r.load.value.Store(20)
		desired := func(want int64, when string) {
			t.Helper()
			if st, err := r.fleet.Status(t.Context()); err != nil || st.Fleet.Desired != want {
				t.Errorf("%s: %d replicas wanted, %v; want %d", when, st.Fleet.Desired, err, want)
			}
		}
		events := func(what, detail string, n int) {
			t.Helper()
			got := 0
			for _, l := range linesOf(t, []byte(r.text()), KindEvent) {
				if l.Event.What == what && strings.Contains(l.Event.Detail, detail) {
					got++
				}
			}
			if got != n {
				t.Errorf("%d events %q with %q, want %d", got, what, detail, n)
			}
		}
		r.run(t, func() {
			time.Sleep(10500 * time.Millisecond)
			desired(2, "as the file says")

			writeFile(t, path, perFive)
			time.Sleep(settled)
			desired(4, "with the other file")
			events(EventPolicy, "in place of", 1)

			// Three mistakes: nothing of it is taken, and all three are counted.
			writeFile(t, path, strings.Replace(perFive, "max: 8", "max: 3\nmni: 2\ntick: 5 fortnights", 1)+"warm: { share: 2s }\n")
			time.Sleep(settled)
			desired(4, "with a bad file")
			events(EventRefused, "policy.yaml:3:1: mni: ", 1)
			events(EventRefused, "(and 2 more); what was in force stays", 1)
			if n := log.count("policy file is not taken"); n != 1 {
				t.Errorf("the log tells of it %d times, want once", n)
			}
			p := r.keel.pageState(time.Now()).Pools[0]
			if !strings.Contains(p.PolicyProblem, "policy.yaml:3:1: mni: ") || p.Replicas.Max != 8 || !strings.HasPrefix(p.Detail+p.Events[0].Text, "refused: ") {
				t.Errorf("the page says %q, at most %d, newest event %q", p.PolicyProblem, p.Replicas.Max, p.Events[0].Text)
			}

			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			time.Sleep(settled)
			desired(4, "without a file")
			events(EventRefused, "no such file", 1)

			writeFile(t, path, perFive)
			time.Sleep(settled)
			events(EventPolicy, "policy.yaml is good again", 1)
			if p := r.keel.pageState(time.Now()).Pools[0]; p.PolicyProblem != "" {
				t.Errorf("the page still says %q", p.PolicyProblem)
			}
			writeFile(t, path, "max: ")
			time.Sleep(settled)
			events(EventRefused, "max: ", 1)

			// Limits and tick are the file's too, and are no other policy.
			writeFile(t, path, strings.Replace(perFive, "min: 1\nmax: 8", "min: 5\nmax: 6\ntick: 4s", 1))
			time.Sleep(settled)
			desired(5, "with a higher min")
			events(EventPolicy, "policy.yaml is good again", 1) // as before: this says more
			events(EventPolicy, "5 to 6 replicas, a decision every 4s", 1)
			before := strings.Count(r.text(), `"kind":"decision"`)
			time.Sleep(40 * time.Second)
			if n := strings.Count(r.text(), `"kind":"decision"`) - before; n < 9 || n > 11 {
				t.Errorf("%d decisions in 40 s, want one every 4 s", n)
			}
			r.load.value.Store(80)
			time.Sleep(5 * time.Second)
			desired(6, "at max")
		})
		if n := len(linesOf(t, r.journal.Bytes(), KindSegment)); n != 2 {
			t.Errorf("%d segments, want 2: one for each policy", n)
		}
		got, err := ReplayFunc(bytes.NewReader(r.journal.Bytes()), coresOf(t, (&load{}).Defs(), perTen, perFive))
		if err != nil || got.Differ != 0 || got.Segments != 2 || got.Decisions < 30 {
			t.Errorf("replay: %+v, %v", got, err)
		}
	})
}

// What a policy has learned is kept under its name when the file changes, and
// forgotten under another.
func TestPolicyFileKeepsMemoryByName(t *testing.T) {
	const text = `max: 20
policies:
  demand: { capacity: { demand: test.demand, rate: test.rate, utilization: 100%, headroom: off } }
`
	for _, tc := range []struct {
		name, old, new string
		want           int64
	}{
		{"same name", "100%", "50%", 8},
		{"another name", "demand: {", "other: {", 4}, // it can tell nothing, so the count stays
	} {
		t.Run(tc.name, func(t *testing.T) {
			// A ConfigMap: a link to a link to a folder, and what is swapped is the
			// link to the folder.
			dir := t.TempDir()
			path := filepath.Join(dir, "policy.yaml")
			mount := func(version, text string) {
				t.Helper()
				if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
					t.Fatal(err)
				}
				writeFile(t, filepath.Join(dir, version, "policy.yaml"), text)
				if err := os.Symlink(version, filepath.Join(dir, "..tmp")); err != nil {
					t.Fatal(err)
				}
				if err := os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")); err != nil {
					t.Fatal(err)
				}
			}
			mount("..v1", text)
			if err := os.Symlink(filepath.Join("..data", "policy.yaml"), path); err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				source := &fading{until: time.Now().Add(10 * time.Second)}
				r := newRig(t, fromFile(path, func(c *Config) { c.Pools[0].Sources = []signal.Source{source} }))
				r.run(t, func() {
					time.Sleep(30 * time.Second)
					if n := r.ready(t); n != 4 {
						t.Fatalf("%d ready, want 4 by the rate that was learned", n)
					}
					mount("..v2", strings.Replace(text, tc.old, tc.new, 1))
					time.Sleep(10 * time.Second)
					if n := r.ready(t); n != tc.want {
						t.Errorf("%d ready, want %d", n, tc.want)
					}
				})
				if n := len(linesOf(t, r.journal.Bytes(), KindSegment)); n != 2 {
					t.Errorf("%d segments, want 2", n)
				}
			})
		})
	}
}

// fading has a demand of 40, and knows until a time what one replica does, 10.
type fading struct {
	rated
	until time.Time
}

func (f *fading) Collect(ctx context.Context, into *signal.Snapshot) error {
	f.demand, f.known = 40, time.Now().Before(f.until)
	return f.rated.Collect(ctx, into)
}

// The policy in the file may be the one that watches; its limits are the pool's.
func TestPolicyFileUnderPromotion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	writeFile(t, path, perTen)
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, fromFile(path, func(c *Config) { c.Pools[0].Shadow, c.Pools[0].Promote = perReplica(5), true }))
		r.load.value.Store(20)
		r.run(t, func() {
			time.Sleep(10500 * time.Millisecond)
			if n := r.ready(t); n != 4 {
				t.Errorf("%d ready, want 4: the shadow acts", n)
			}
			writeFile(t, path, strings.Replace(perTen, "setpoint: 10", "setpoint: 20", 1))
			time.Sleep(20 * time.Second)
			if n := r.ready(t); n != 4 {
				t.Errorf("%d ready after the file changed, want still 4", n)
			}
			if got, err := r.keel.Shadow("p"); err != nil || got.ShadowDesired != 1 || got.Desired != 4 {
				t.Errorf("%+v, %v; want 1 of the file's policy, which watches", got, err)
			}
		})
	})
}

func TestNewRefusesPolicyFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	for _, tc := range []struct {
		name, text, want string
		change           func(*Pool)
	}{
		{"not there", "", "no such file", func(p *Pool) { p.PolicyFile += ".not" }},
		{"a mistake", "max: 8\nup: { when: \"test.laod > 5\" }\n", `policy.yaml:2:14: up.when: `, nil},
		{"a signal that the pool lacks", "extends: chat", `pool "p": PolicyFile: `, nil},
		{"beside a policy", perTen, "choose one of them", func(p *Pool) { p.Policy = perReplica(5) }},
		{"beside limits", perTen, "its min and max are the limits", func(p *Pool) { p.Limits.Max = 3 }},
		{"embedded from zero", strings.Replace(perTen, "min: 1", "min: 0", 1), "must be at least 1", func(p *Pool) { p.Embedded = true }},
		{"a tick too short", "tick: 20ms\n" + perTen, "tick is 20ms: it must be at least 100ms", nil},
		{"no target", perTen, "Target is nil", func(p *Pool) { p.Target = nil }},
	} {
		writeFile(t, path, tc.text)
		p := Pool{Name: "p", Sources: []signal.Source{&load{}}, PolicyFile: path, Target: targetOf(t, &actuatetest.Fleet{})}
		if tc.change != nil {
			tc.change(&p)
		}
		if k, err := New(Config{Pools: []Pool{p}}); err == nil || k != nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
}

func TestSetLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.Pools[0].Embedded = true })
		r.load.value.Store(60)
		r.run(t, func() {
			time.Sleep(6500 * time.Millisecond)
			for _, bad := range []decide.Limits{{}, {Min: -1, Max: 3}, {Min: 4, Max: 3}, {Min: 0, Max: 3}, {Min: 1, Max: decide.MaxReplicas + 1}} {
				if err := r.keel.SetLimits("p", bad); err == nil || !strings.Contains(err.Error(), `SetLimits of pool "p"`) {
					t.Errorf("%+v: %v", bad, err)
				}
			}
			time.Sleep(2 * time.Second)
			if n := r.ready(t); n != 6 {
				t.Errorf("%d ready, want 6: what is refused changes nothing", n)
			}
			if err := r.keel.SetLimits("p", decide.Limits{Min: 2, Max: 3}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(500 * time.Millisecond) // it does not wait for the tick
			if n := r.ready(t); n != 3 {
				t.Errorf("%d ready, want 3 at once: limits go before all else", n)
			}
			if got := r.keel.pageState(time.Now()).Pools[0].Replicas; got.Min != 2 || got.Max != 3 {
				t.Errorf("the page says %d to %d", got.Min, got.Max)
			}
		})
		if n := strings.Count(r.journal.String(), `"what":"limits","detail":"2 to 3 replicas in place of 1 to 8 replicas"`); n != 1 {
			t.Errorf("%d events of limits, want 1", n)
		}
		got, err := Replay(bytes.NewReader(r.journal.Bytes()), map[string]*decide.Core{"p": r.core})
		if err != nil || got.Differ != 0 || got.Segments != 1 {
			t.Errorf("replay: %+v, %v; want one segment: the policy is the same", got, err)
		}
	})
}
