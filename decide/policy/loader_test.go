package policy

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestLoaderFollowsTheFile(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(dir, "policy.yaml")
		write(t, path, minimal)
		var mu sync.Mutex
		var changes []int64
		var failures []error
		l, err := NewLoader(LoaderConfig{
			Path: path,
			OnChange: func(now *Loaded) {
				mu.Lock()
				defer mu.Unlock()
				changes = append(changes, now.Policy.Limits.Max)
			},
			OnError: func(err error) {
				mu.Lock()
				defer mu.Unlock()
				failures = append(failures, err)
			},
			Check: func(p Policy) error {
				if p.Limits.Max > 100 {
					return errors.New("max is above 100")
				}
				return nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- l.Run(ctx) }()
		wait := func() {
			mu.Unlock()
			time.Sleep(2 * DefaultEvery)
			synctest.Wait()
			mu.Lock()
		}
		mu.Lock()
		defer mu.Unlock()
		first := l.Core()
		wait()
		if l.Core() != first || len(changes) != 0 {
			t.Error("a file that did not change was taken again")
		}

		write(t, path, strings.ReplaceAll(minimal, "16", "17"))
		wait()
		if l.Current().Policy.Limits.Max != 17 || l.Core() == first || l.Core() != l.Current().Core || len(changes) != 1 || changes[0] != 17 {
			t.Errorf("max is %d after %v, want 17", l.Current().Policy.Limits.Max, changes)
		}

		for _, bad := range []string{"max: 3\nmni: 2", "min: [", "", strings.ReplaceAll(minimal, "16", "101")} {
			write(t, path, bad)
			n := len(failures)
			wait()
			wait()
			if len(failures) != n+1 || l.Err() == nil || l.Current().Policy.Limits.Max != 17 {
				t.Errorf("%q: reported %v, %v in force", bad, failures[n:], l.Current().Policy.Limits)
			}
		}

		// Gone, and back as it was: nothing has changed.
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		wait()
		if !errors.Is(l.Err(), fs.ErrNotExist) {
			t.Errorf("without a file the error is %v", l.Err())
		}
		write(t, path, strings.ReplaceAll(minimal, "16", "17"))
		wait()
		if l.Err() != nil || len(changes) != 1 {
			t.Errorf("%v, changes %v", l.Err(), changes)
		}

		write(t, path, strings.ReplaceAll(minimal, "16", "18"))
		mu.Unlock()
		if err := l.Load(); err != nil || l.Current().Policy.Limits.Max != 18 {
			t.Errorf("Load: %v, max %d", err, l.Current().Policy.Limits.Max)
		}
		write(t, path, "max: x")
		if err := l.Load(); err == nil || l.Current().Policy.Limits.Max != 18 {
			t.Errorf("Load of a bad file: %v, max %d", err, l.Current().Policy.Limits.Max)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		mu.Lock()
	})
}

// A ConfigMap is a link to a link to a folder, and what is swapped is the link to
// the folder.
func TestLoaderFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		put := func(version, text string) {
			if err := os.Mkdir(filepath.Join(dir, version), 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, version, "policy.yaml"), text)
			next := filepath.Join(dir, "..data_tmp")
			if err := errors.Join(os.Symlink(version, next), os.Rename(next, filepath.Join(dir, "..data"))); err != nil {
				t.Fatal(err)
			}
		}
		put("..1", minimal)
		path := filepath.Join(dir, "policy.yaml")
		if err := os.Symlink("..data/policy.yaml", path); err != nil {
			t.Fatal(err)
		}
		l, err := NewLoader(LoaderConfig{Path: path, Every: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = l.Run(ctx) }()
		put("..2", strings.ReplaceAll(minimal, "16", "99"))
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if got := l.Current().Policy.Limits.Max; got != 99 {
			t.Errorf("max is %d after the swap, want 99", got)
		}
	})
}

func TestLoaderRefusals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	for _, c := range []LoaderConfig{{}, {Path: path}, {Path: t.TempDir()}, {Path: path, Every: -1}} {
		if l, err := NewLoader(c); err == nil || l != nil {
			t.Errorf("%+v: %v, %v", c, l, err)
		}
	}
	write(t, path, "mni: 1")
	if _, err := NewLoader(LoaderConfig{Path: path}); err == nil || !strings.Contains(err.Error(), "policy.yaml:1:1: mni") {
		t.Errorf("a bad file at the start: %v", err)
	}
}

// The memory of a policy outlives a reload, by its name: what one replica can take
// is still known when the signal that says so is gone.
func TestMemoryOutlivesAReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.yaml")
	write(t, path, minimal)
	var defs []signal.Def
	for _, n := range Names() {
		defs = append(defs, n.Def)
	}
	l, err := NewLoader(LoaderConfig{Path: path, Signals: defs})
	if err != nil {
		t.Fatal(err)
	}
	in := values(t, l.Core().Signals(), map[string]float64{"demand_work": 1000, "unit_rate": 1000})
	in.Now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	in.Fleet = decide.Fleet{Desired: 2, Ready: 2}
	in.Limits = l.Current().Policy.Limits
	state, d := l.Core().Next(decide.State{}, *in)

	write(t, path, strings.ReplaceAll(minimal, "  demand:", "  other: { track: { signal: queue_depth, setpoint: 100, total: true } }\n  demand:"))
	if err := l.Load(); err != nil {
		t.Fatal(err)
	}
	in = values(t, l.Core().Signals(), map[string]float64{"demand_work": 7000, "queue_depth": 0})
	in.Now = time.Date(2026, 1, 1, 0, 0, 5, 0, time.UTC)
	in.Fleet = decide.Fleet{Desired: 2, Ready: 2}
	in.Limits = l.Current().Policy.Limits
	_, d = l.Core().Next(state, *in)
	if len(d.Recommendations) != 2 || d.Recommendations[1].Reason != decide.ReasonRemembered || d.Desired < 10 {
		t.Errorf("after the reload: %+v", d)
	}
	_, d = l.Core().Next(decide.State{}, *in)
	if d.Desired != 2 {
		t.Errorf("without the memory it wants %d: the test shows nothing", d.Desired)
	}
}
