package filelock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
)

// ErrLost: the term has ended.
var ErrLost = errors.New("evenkeel: filelock: the lock is held no more")

// maxState bounds what is read back. A leader's state is a few KiB per pool.
const maxState = 16 << 20

// A term is one hold of the lock.
type term struct {
	path  string
	epoch uint64
	lost  chan struct{}

	mu   sync.Mutex // also makes Save one at a time
	file *os.File   // nil: lost
}

func newTerm(f *os.File, path string, epoch uint64) *term {
	return &term{path: path, epoch: epoch, lost: make(chan struct{}), file: f}
}

// Check asks the system whether the file is still the one that is locked.
func (t *term) Check() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.check()
}

func (t *term) check() error {
	if t.file == nil {
		return ErrLost
	}
	if same(t.file, t.path) {
		return nil
	}
	_ = t.end() // it is lost either way
	return fmt.Errorf("%w: %s was removed or replaced", ErrLost, t.path)
}

func (t *term) Epoch() uint64         { return t.epoch }
func (t *term) Lost() <-chan struct{} { return t.lost }

// Load returns what was saved under an earlier term, or this one.
func (t *term) Load(ctx context.Context) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := os.Open(t.path + ".state")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("evenkeel: filelock: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxState+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("evenkeel: filelock: %w", err)
	case len(text) > maxState:
		return nil, fmt.Errorf("evenkeel: filelock: %s.state is larger than %d MiB: it is not a leader's state, remove it", t.path, maxState>>20)
	}
	return text, nil
}

// Save keeps state for the next leader.
func (t *term) Save(ctx context.Context, state []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := t.check(); err != nil {
		return err
	}
	if err := replace(t.path+".state", state); err != nil {
		return fmt.Errorf("evenkeel: filelock: state not saved: %w", err)
	}
	return nil
}

// Resign lets go of the lock, so that the next candidate leads at once.
func (t *term) Resign(context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.end()
}

// end lets go of the lock, if it is held. t.mu is.
func (t *term) end() error {
	if t.file == nil {
		return nil
	}
	f := t.file
	t.file = nil
	close(t.lost)
	return f.Close()
}
