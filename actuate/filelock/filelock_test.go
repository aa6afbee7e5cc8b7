package filelock_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/actuatetest"
	"github.com/evenkeel/evenkeel/actuate/filelock"
)

// child makes the test binary lead until it is killed, with the lock at this path.
const child = "EVENKEEL_FILELOCK_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(child); path != "" {
		lead(path)
		return
	}
	os.Exit(m.Run())
}

func lead(path string) {
	l, err := filelock.New(filelock.Config{Path: path})
	if err != nil {
		fmt.Println(err)
		return
	}
	term, err := l.Campaign(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("leads", term.Epoch(), term.Save(context.Background(), []byte("of the child")))
	select {}
}

func candidate(t testing.TB, path string) *filelock.Leader {
	t.Helper()
	l, err := filelock.New(filelock.Config{Path: path, Every: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func elected(t testing.TB, path string) actuate.Term {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	term, err := candidate(t, path).Campaign(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = term.(actuate.Resigner).Resign(context.Background()) })
	return term
}

func TestConformance(t *testing.T) {
	actuatetest.RunLeader(t, func(t *testing.T) actuatetest.LeaderHarness {
		path := filepath.Join(t.TempDir(), "lock")
		return actuatetest.LeaderHarness{New: func() actuate.Leader { return candidate(t, path) }}
	})
}

// A leader that is killed with -9 is followed at once, and what it had saved is there.
func TestKilledLeaderIsFollowed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), child+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	var epoch uint64
	var saved string
	if _, err := fmt.Fscanln(bufio.NewReader(out), &saved, &epoch, &saved); err != nil || saved != "<nil>" {
		t.Fatalf("the child says %q, %v", saved, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := candidate(t, path).Campaign(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("beside the child's term: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	term := elected(t, path)
	if term.Epoch() <= epoch {
		t.Errorf("epoch %d after %d", term.Epoch(), epoch)
	}
	if got, err := term.Load(t.Context()); err != nil || string(got) != "of the child" {
		t.Errorf("loaded %q, %v", got, err)
	}
}

// Whoever removes or replaces the file ends the term, since another process may lock
// the new one.
func TestRemovedFileEndsTheTerm(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(path string) error
	}{
		{"removed", os.Remove},
		{"replaced", func(path string) error {
			return errors.Join(os.WriteFile(path+".other", nil, 0o600), os.Rename(path+".other", path))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lock")
			first := elected(t, path)
			if err := c.change(path); err != nil {
				t.Fatal(err)
			}
			second := elected(t, path)
			if second.Epoch() <= first.Epoch() {
				t.Errorf("epoch %d after %d", second.Epoch(), first.Epoch())
			}
			if err := first.Save(t.Context(), []byte("x")); !errors.Is(err, filelock.ErrLost) {
				t.Errorf("Save after the file was %s: %v", c.name, err)
			}
			if err := first.Check(); !errors.Is(err, filelock.ErrLost) {
				t.Errorf("Check: %v", err)
			}
			if err := second.Check(); err != nil {
				t.Errorf("the second: %v", err)
			}
		})
	}
}

// What is in the files need not make sense.
func TestDamagedFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	future := uint64(1) << 62
	for _, text := range []string{"", "nonsense", "-5", strings.Repeat("9", 100), strings.Repeat("x", 1<<20), fmt.Sprint(future)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		term := elected(t, path)
		if min := uint64(time.Now().Add(-time.Hour).UnixMicro()); term.Epoch() < min {
			t.Errorf("epoch %d after %.20q", term.Epoch(), text)
		}
		if text == fmt.Sprint(future) && term.Epoch() != future+1 {
			t.Errorf("epoch %d after %d", term.Epoch(), future)
		}
		if err := term.(actuate.Resigner).Resign(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || len(got) != 21 {
		t.Errorf("the file is %q, %v", got, err)
	}
	term := elected(t, path)
	if err := os.Truncate(path+".state", 17<<20); err == nil || !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := term.Save(t.Context(), []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path+".state", 17<<20); err != nil {
		t.Fatal(err)
	}
	if _, err := term.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "larger than 16 MiB") {
		t.Errorf("a state of 17 MiB: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	if _, err := filelock.New(filelock.Config{Every: -1}); err == nil || !strings.Contains(err.Error(), "Path is empty") || !strings.Contains(err.Error(), "Every is -1ns") {
		t.Errorf("New: %v", err)
	}
	missing := filepath.Join(t.TempDir(), "no", "such", "folder")
	if _, err := candidate(t, missing).Campaign(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such folder: %v", err)
	}
	if _, err := candidate(t, t.TempDir()).Campaign(t.Context()); err == nil || !strings.Contains(err.Error(), "filelock") {
		t.Errorf("a folder in its place: %v", err)
	}
}

func Example() {
	dir, err := os.MkdirTemp("", "serve")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	leader, err := filelock.New(filelock.Config{Path: filepath.Join(dir, "evenkeel.lock")})
	if err != nil {
		fmt.Println(err)
		return
	}
	term, err := leader.Campaign(context.Background()) // evenkeel.Config.Leader does this
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(term.Check(), term.Save(context.Background(), []byte("what was learned")))
	fmt.Println(term.(actuate.Resigner).Resign(context.Background()))
	fmt.Println(term.Check())
	// Output:
	// <nil> <nil>
	// <nil>
	// evenkeel: filelock: the lock is held no more
}
