package filelock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// DefaultEvery is the default of [Config.Every].
const DefaultEvery = 500 * time.Millisecond

// A Config configures a [Leader].
type Config struct {
	// Path of the file that is locked. Its folder must exist and be writable. Required.
	Path string
	// Every is how long a candidate waits between two tries, give or take a quarter.
	// Default [DefaultEvery].
	Every time.Duration
}

// A Leader is an [actuate.Leader] among processes that share a file.
type Leader struct{ cfg Config }

var (
	_ actuate.Leader   = (*Leader)(nil)
	_ actuate.Resigner = (*term)(nil)
)

// New returns a candidate. It does not touch the file.
func New(cfg Config) (*Leader, error) {
	var errs []error
	if cfg.Path == "" {
		errs = append(errs, errors.New("evenkeel: filelock: Path is empty: name the file to lock"))
	}
	if cfg.Every < 0 {
		errs = append(errs, fmt.Errorf("evenkeel: filelock: Every is %v: it must be positive, or 0 for %v", cfg.Every, DefaultEvery))
	}
	if !supported {
		errs = append(errs, fmt.Errorf("evenkeel: filelock: %w on this system: use another Leader", errors.ErrUnsupported))
	}
	if cfg.Every == 0 {
		cfg.Every = DefaultEvery
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &Leader{cfg}, nil
}

// Campaign waits until this process has the lock or ctx ends. Where the file cannot be
// opened or written, that is the error, at once.
func (l *Leader) Campaign(ctx context.Context) (actuate.Term, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t, err := l.try()
		if t != nil {
			return t, nil
		}
		if err != nil {
			return nil, fmt.Errorf("evenkeel: filelock: %w", err)
		}
		wait := l.cfg.Every*3/4 + rand.N(l.cfg.Every/2+1) //nolint:gosec // only spreads the tries
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// try returns a term if nobody holds the lock, and neither a term nor an error if
// somebody does.
func (l *Leader) try() (t *term, err error) {
	f, err := os.OpenFile(l.cfg.Path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() {
		if t == nil {
			err = errors.Join(err, f.Close()) // and with it the lock
		}
	}()
	if ok, err := lock(f); !ok || err != nil {
		return nil, err
	}
	if !same(f, l.cfg.Path) {
		return nil, nil // it was replaced meanwhile: the next try opens the new one
	}
	epoch, err := raise(f)
	if err != nil {
		return nil, err
	}
	return newTerm(f, l.cfg.Path, epoch), nil
}

// same reports whether f is still what is found under path.
func same(f *os.File, path string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(path)
	return err == nil && os.SameFile(a, b)
}

// raise writes the next epoch into f, and returns it. What cannot be read counts as
// never written.
func raise(f *os.File) (uint64, error) {
	text, err := io.ReadAll(io.LimitReader(f, 64))
	if err != nil {
		return 0, err
	}
	last, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		last = 0
	}
	epoch := max(last+1, uint64(max(time.Now().UnixMicro(), 1)))
	line := fmt.Sprintf("%020d\n", epoch)
	if _, err := f.WriteAt([]byte(line), 0); err != nil {
		return 0, err
	}
	if err := f.Truncate(int64(len(line))); err != nil {
		return 0, err
	}
	return epoch, f.Sync()
}

// replace writes text to path so that a reader, or a crash, finds the old or the new
// whole.
func replace(path string, text []byte) (err error) {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path+".new"))
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
