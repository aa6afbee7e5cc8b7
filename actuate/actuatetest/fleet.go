package actuatetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/decide"
)

// A Fleet is a Target in memory, for tests of whatever scales something. It keeps
// the whole contract, has no goroutine (all that happens by itself is worked out
// when somebody looks), and can be told to fail. The zero Fleet is empty and ready
// to use; set its fields before the first call. Safe for concurrent use.
type Fleet struct {
	// StartUp is how long an instance takes from its creation to Ready.
	StartUp time.Duration
	// OnStatus, if not nil, is called before each Status; its error is returned
	// instead of one.
	OnStatus func(context.Context) error
	// OnScale, if not nil, is called before each Scale; its error is returned and
	// nothing changes.
	OnScale func(context.Context, actuate.Request) error

	mu       sync.Mutex
	desired  int64
	epoch    uint64
	version  uint64
	created  int64
	members  []*member
	requests []actuate.Request
	reads    int
}

type member struct {
	actuate.Instance
	born  time.Time
	drain time.Time // end of the drain, zero for none
	going bool      // no longer wanted: ends when nothing is in flight
}

// Requests returns every request that reached the Fleet, refused ones too.
func (f *Fleet) Requests() []actuate.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests)
}

// Reads returns how often Status was called.
func (f *Fleet) Reads() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reads
}

// Status implements [actuate.Target].
func (f *Fleet) Status(ctx context.Context) (actuate.Status, error) {
	f.mu.Lock()
	f.reads++
	f.mu.Unlock()
	if f.OnStatus != nil {
		if err := f.OnStatus(ctx); err != nil {
			return actuate.Status{}, err
		}
	}
	if err := ctx.Err(); err != nil {
		return actuate.Status{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.advance(time.Now())
	return f.status(), nil
}

// Scale implements [actuate.Target].
func (f *Fleet) Scale(ctx context.Context, req actuate.Request) error {
	f.mu.Lock()
	f.requests = append(f.requests, req)
	f.mu.Unlock()
	if f.OnScale != nil {
		if err := f.OnScale(ctx, req); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	f.advance(now)
	switch {
	case req.Desired < 0 || req.Desired > decide.MaxReplicas:
		return refusal(actuate.Invalid, "a count of %d", req.Desired)
	case req.Epoch < f.epoch:
		return refusal(actuate.Fenced, "epoch %d, and %d has written", req.Epoch, f.epoch)
	case req.Version != "" && req.Version != f.versionText():
		return refusal(actuate.Conflict, "version %s, now it is %s", req.Version, f.versionText())
	}
	f.epoch = req.Epoch
	if req.Desired != f.desired {
		f.desired = req.Desired
		f.version++
		f.fit(now, req.Victims)
	}
	f.advance(now)
	return nil
}

// Drain implements [actuate.Drainer].
func (f *Fleet) Drain(ctx context.Context, id string, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	f.advance(now)
	m := f.find(id)
	if m == nil {
		return refusal(actuate.NotFound, "no instance %q", id)
	}
	m.drain = now.Add(ttl)
	if m.Phase == actuate.Ready && ttl > 0 {
		m.enter(actuate.Draining, now)
	}
	f.advance(now)
	return nil
}

// Busy sets the number of requests at an instance.
func (f *Fleet) Busy(id string, n int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.find(id)
	if m == nil {
		return refusal(actuate.NotFound, "no instance %q", id)
	}
	m.InFlight = n
	return nil
}

// Kill ends an instance as if by itself; the Fleet starts it again.
func (f *Fleet) Kill(id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.find(id)
	if m == nil {
		return refusal(actuate.NotFound, "no instance %q", id)
	}
	now := time.Now()
	m.born, m.InFlight = now, 0
	m.Restarts++
	m.enter(actuate.Starting, now)
	return nil
}

func refusal(c actuate.Class, format string, args ...any) error {
	return &actuate.Error{Class: c, Err: fmt.Errorf(format, args...)}
}

func (f *Fleet) find(id string) *member {
	for _, m := range f.members {
		if m.ID == id {
			return m
		}
	}
	return nil
}

func (f *Fleet) versionText() string { return fmt.Sprint("v", f.version) }
