package policy

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// DefaultEvery is how often a [Loader] looks at its file if its config does not
// say.
const DefaultEvery = 2 * time.Second

// A LoaderConfig says what to load. Path is required.
type LoaderConfig struct {
	// Path of the policy file. Links are followed each time, so that a Kubernetes
	// ConfigMap, which swaps a link, is seen to change.
	Path string
	// Signals of the program, as its sources publish them; see [Parse].
	Signals []signal.Def
	// Check says what else the program asks of a policy, such as a least number of
	// replicas; its error refuses the file. Default: nothing.
	Check func(Policy) error
	// Every is the time between two looks at the file. Default [DefaultEvery].
	Every time.Duration
	// OnChange is told of each new policy that is in force, from Run or Load and
	// one at a time. Default: nobody is.
	OnChange func(*Loaded)
	// OnError is told, once for each state of the file, why it is not in force.
	// Default: nobody is.
	OnError func(error)
	// Logger is told the same. Default: discard.
	Logger *slog.Logger
}

// Loaded is a policy in force, with the core that decides by it.
type Loaded struct {
	Policy Policy
	Core   *decide.Core
}

// A Loader keeps the policy of a file in force: it looks at the file from time to
// time and takes a changed one whole or not at all. A file that is bad, gone or
// half-written leaves the policy that is in force where it is. All methods may be
// called at any time from any goroutine.
//
// The state of the old core goes on under the new one: a policy finds its memory
// in the [decide.State] by its name.
type Loader struct {
	config  LoaderConfig
	current atomic.Pointer[Loaded]
	failure atomic.Pointer[error]

	mu      sync.Mutex // of what follows: one look at a time
	taken   [sha256.Size]byte
	refused string      // the complaint that was last reported
	seen    os.FileInfo // at the last look, nil if it should be read again anyway
}

// NewLoader reads the file, which must be good, and starts nothing.
func NewLoader(c LoaderConfig) (*Loader, error) {
	if c.Path == "" {
		return nil, errors.New("evenkeel: policy.LoaderConfig: Path is empty: name the policy file")
	}
	if c.Every < 0 {
		return nil, fmt.Errorf("evenkeel: policy.LoaderConfig: Every is %v: it must be positive, or 0 for %v", c.Every, DefaultEvery)
	}
	c.Every = cmp.Or(c.Every, DefaultEvery)
	c.Signals = slices.Clone(c.Signals)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Loader{config: c}
	text, _, err := l.read()
	if err == nil {
		err = l.take(text)
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Current returns what is in force.
func (l *Loader) Current() *Loaded { return l.current.Load() }

// Core returns the core of what is in force.
func (l *Loader) Core() *decide.Core { return l.current.Load().Core }

// Err returns why the file as it is now is not in force, nil if it is.
func (l *Loader) Err() error {
	if err := l.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// Load takes the file now, without waiting for the next look: for a signal or a
// button. It returns why the file is not in force.
func (l *Loader) Load() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	text, info, err := l.read()
	l.seen = info
	l.settle(text, err)
	return l.Err()
}

// Run looks at the file until ctx ends, and then returns nil. A changed file is
// taken once two looks in succession have found the same in it, so that one being
// written is not taken by halves.
func (l *Loader) Run(ctx context.Context) error {
	timer := time.NewTimer(l.config.Every)
	defer timer.Stop()
	var pending [sha256.Size]byte
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		next := l.config.Every
		if l.look(&pending) {
			next /= 8
		}
		timer.Reset(max(next, time.Millisecond))
	}
}

// look reads the file if it may have changed, and reports whether it should be
// read again soon.
func (l *Loader) look(pending *[sha256.Size]byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if info, err := os.Stat(l.config.Path); err == nil && l.unchanged(info) {
		return false
	}
	text, info, err := l.read()
	sum := sha256.Sum256(text)
	if err == nil && sum != l.taken && sum != *pending {
		*pending = sum
		l.seen = nil
		return true
	}
	l.seen = info
	l.settle(text, err)
	return false
}

// unchanged reports whether the file is surely the one that was read: the same
// file, size and time, and the time old enough for a later write to show.
func (l *Loader) unchanged(now os.FileInfo) bool {
	was := l.seen
	return was != nil && os.SameFile(was, now) && was.Size() == now.Size() && was.ModTime().Equal(now.ModTime()) &&
		time.Since(now.ModTime()) > 3*time.Second
}

// settle takes the text, unless it is in force already, or reports what is wrong.
func (l *Loader) settle(text []byte, err error) {
	if err == nil && sha256.Sum256(text) != l.taken {
		if err = l.take(text); err == nil {
			now := l.current.Load()
			l.config.Logger.Info("policy file is in force", "file", l.config.Path, "policy", now.Policy.Name)
			if l.config.OnChange != nil {
				l.config.OnChange(now)
			}
		}
	}
	if err == nil {
		l.failure.Store(nil)
		l.refused = ""
		return
	}
	l.failure.Store(&err)
	if l.refused == err.Error() {
		return
	}
	l.refused = err.Error()
	l.config.Logger.Error("policy file is not taken; the policy before it stays in force", "file", l.config.Path, "error", err)
	if l.config.OnError != nil {
		l.config.OnError(err)
	}
}

// take puts the policy of text in force.
func (l *Loader) take(text []byte) error {
	p, err := Parse(l.config.Path, text, l.config.Signals...)
	if err != nil {
		return err
	}
	if l.config.Check != nil {
		if err := l.config.Check(p); err != nil {
			return fmt.Errorf("evenkeel: %s: %w", l.config.Path, err)
		}
	}
	core, err := decide.New(p.Config)
	if err != nil {
		return err
	}
	l.taken = sha256.Sum256(text)
	l.current.Store(&Loaded{p, core})
	return nil
}

// read returns the text of the file, and what is known of the file that was read.
func (l *Loader) read() ([]byte, os.FileInfo, error) {
	f, err := os.Open(l.config.Path)
	if err != nil {
		return nil, nil, fmt.Errorf("evenkeel: policy file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("evenkeel: policy file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("evenkeel: policy file %s is no regular file", l.config.Path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, nil, fmt.Errorf("evenkeel: policy file: %w", err)
	}
	return text, info, nil
}
