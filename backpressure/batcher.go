package backpressure

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Defaults of [BatcherConfig].
const (
	DefaultBatchSize  = 32
	DefaultBatchWait  = 5 * time.Millisecond
	DefaultBatchQueue = 1000
)

// maxBatchWeight keeps the sum of all that wait from running over.
const maxBatchWeight = 1 << 40

// Errors of [Batcher.Do].
var (
	// ErrBatchFull: as many items wait as may.
	ErrBatchFull = errors.New("evenkeel: too many items wait for a batch")
	// ErrBatchClosed: the batcher is draining, or has drained.
	ErrBatchClosed = errors.New("evenkeel: the batcher takes no more items")
	// ErrItemTooLarge: the item alone weighs more than a batch may.
	ErrItemTooLarge = errors.New("evenkeel: the item weighs more than a batch may")
	// ErrBatchPanic: the function that runs batches panicked.
	ErrBatchPanic = errors.New("evenkeel: the batch panicked")
)

// A BatcherConfig configures a [Batcher]. The zero value is valid.
type BatcherConfig[T any] struct {
	// MaxSize is the most items in a batch. Default [DefaultBatchSize].
	MaxSize int
	// MaxWeight is the most that the items of a batch may weigh together, with
	// Weigh: tokens, pixels, seconds of sound. Default: any weight.
	MaxWeight int64
	// Weigh says what one item weighs. It needs MaxWeight.
	Weigh func(T) int64
	// MinSize is how many items are worth waiting for, up to MaxWait, although a
	// batch could start. Default 1: nobody waits while the batcher is idle, and
	// batches form by themselves while another one runs.
	MinSize int
	// MaxWait is the longest wait for MinSize items; one whose deadline is near ends
	// it earlier. Default [DefaultBatchWait].
	MaxWait time.Duration
	// MaxConcurrent is how many batches may run at once. Default 1.
	MaxConcurrent int
	// Queue is how many items may wait. Default [DefaultBatchQueue], or MaxSize if
	// that is more.
	Queue int
}

// withDefaults returns c with its zero fields filled in.
func (c BatcherConfig[T]) withDefaults() BatcherConfig[T] {
	orDefault(&c.MaxSize, DefaultBatchSize)
	orDefault(&c.MinSize, 1)
	orDefault(&c.MaxWait, DefaultBatchWait)
	orDefault(&c.MaxConcurrent, 1)
	orDefault(&c.Queue, max(DefaultBatchQueue, c.MaxSize))
	return c
}

// validate checks c, defaults filled in.
func (c BatcherConfig[T]) validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("backpressure: batcher: "+format, args...))
	}
	for _, f := range []struct {
		name   string
		value  int
		normal int
	}{
		{"MaxSize", c.MaxSize, DefaultBatchSize}, {"MinSize", c.MinSize, 1},
		{"MaxConcurrent", c.MaxConcurrent, 1}, {"Queue", c.Queue, DefaultBatchQueue},
	} {
		if f.value < 0 {
			bad("%s is %d: it must be positive, or 0 for %d", f.name, f.value, f.normal)
		}
	}
	if c.MinSize > c.MaxSize {
		bad("MinSize is %d: it must be at most MaxSize, which is %d", c.MinSize, c.MaxSize)
	}
	if c.MaxWait < 0 {
		bad("MaxWait is %v: it must be positive, or 0 for %v", c.MaxWait, DefaultBatchWait)
	}
	if c.MaxWeight < 0 || c.MaxWeight > maxBatchWeight || (c.MaxWeight > 0) != (c.Weigh != nil) {
		bad("MaxWeight is %d: it must be positive and at most 2^40, and it needs Weigh as Weigh needs it", c.MaxWeight)
	}
	return errors.Join(errs...)
}

// A Batcher runs items that come one by one in batches: embeddings, images,
// pieces of sound. Each caller of [Batcher.Do] brings one item and gets one
// result.
//
// Items are taken in the order of their arrival. A batch starts as soon as one of
// MaxConcurrent is free, so a lone item on an idle batcher does not wait, and under
// load a batch is what came during the one before, up to MaxSize and MaxWeight.
// With MinSize it waits for company, at most MaxWait, and less if the deadline of
// an item, less the time that batches have been taking, comes earlier.
//
// A Batcher bounds batches, not demand: let a [Gate] stand before it. Each item
// then holds a [Permit] of its own while it waits and runs, so that the gate
// counts items and learns how fast they are worked off; see the example.
//
// It has no goroutine while nothing runs and needs no Close. All methods may be
// called from any goroutine.
type Batcher[T, R any] struct {
	cfg  BatcherConfig[T]
	run  func(context.Context, []T) ([]R, error)
	base time.Time

	mu      sync.Mutex
	queue   items[T, R]
	running int         // batches
	timer   *time.Timer // for a batch that waits for company
	took    batchTime
	closed  bool
	empty   chan struct{} // closed when nothing runs or waits; nil if nobody asked
	stats   BatcherStats
	spare   sync.Pool // of *item[T, R]
}

// BatcherStats are the figures of a [Batcher].
type BatcherStats struct {
	// Items and Batches that were started, since the beginning; Refused and Left
	// are the items that were not taken, and that left before their batch started.
	Items, Batches, Refused, Left uint64
	// Waiting items, and batches under way, now.
	Waiting, Running int
	// BatchTime is the decayed mean time of a batch. 0 until one has ended.
	BatchTime time.Duration
}

// ItemErrors is an error for each item of a batch, nil for those that went well.
// The function that runs batches returns it with the results, where single items
// may fail. Any other error is that of all items.
type ItemErrors []error

// Error tells how many failed, and how the first of them.
func (e ItemErrors) Error() string {
	n, first := 0, error(nil)
	for _, err := range e {
		if err != nil {
			if n++; first == nil {
				first = err
			}
		}
	}
	return fmt.Sprintf("%d of %d items failed, the first: %v", n, len(e), first)
}

// NewBatcher returns a batcher that gives batches to run. That function gets the
// items in the order of their arrival and returns as many results, in the same
// order. Its context has no values; it ends when the callers of all its items have
// left. If it panics, that is an error for the items of that batch, and the next
// one runs.
func NewBatcher[T, R any](cfg BatcherConfig[T], run func(ctx context.Context, items []T) ([]R, error)) (*Batcher[T, R], error) {
	cfg = cfg.withDefaults()
	err := cfg.validate()
	if run == nil {
		err = errors.Join(err, errors.New("backpressure: batcher: run is nil: it must run a batch"))
	}
	if err != nil {
		return nil, err
	}
	return &Batcher[T, R]{cfg: cfg, run: run, base: time.Now()}, nil
}

// Do has v run in a batch and returns its result. When ctx ends it returns the
// error of ctx at once: an item that still waits leaves, one that runs is dropped
// when its batch has ended.
func (b *Batcher[T, R]) Do(ctx context.Context, v T) (result R, err error) {
	if err := ctx.Err(); err != nil {
		return result, err
	}
	weight := int64(0)
	if b.cfg.Weigh != nil {
		weight = max(b.cfg.Weigh(v), 0)
	}
	deadline, hasDeadline := ctx.Deadline()
	i, _ := b.spare.Get().(*item[T, R])
	if i == nil {
		i = &item[T, R]{done: make(chan struct{}, 1)}
	}

	b.mu.Lock()
	switch {
	case b.closed:
		err = ErrBatchClosed
	case b.cfg.MaxWeight > 0 && weight > b.cfg.MaxWeight:
		err = fmt.Errorf("%w: %d, at most %d", ErrItemTooLarge, weight, b.cfg.MaxWeight)
	case b.queue.n >= b.cfg.Queue:
		err = ErrBatchFull
	}
	if err != nil {
		b.stats.Refused++
		b.mu.Unlock()
		return result, err
	}
	now := time.Since(b.base)
	i.value, i.weight, i.arrived, i.latest = v, weight, now, noLatest
	if hasDeadline {
		i.latest = deadline.Sub(b.base)
	}
	b.queue.push(i)
	b.dispatch(now)
	b.mu.Unlock()

	select {
	case <-i.done:
	case <-ctx.Done():
		if b.leave(i) {
			return result, ctx.Err()
		}
		<-i.done // it was ready at the same instant
	}
	result, err = i.result, i.err
	*i = item[T, R]{done: i.done}
	b.spare.Put(i)
	return result, err
}

// leave takes i away because its caller goes. It reports false if the result is
// there.
func (b *Batcher[T, R]) leave(i *item[T, R]) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case i.batch == nil:
		b.queue.remove(i)
		b.stats.Left++
		b.dispatch(time.Since(b.base)) // no timer stays for an empty queue
		b.idle()
		return true
	case i.ended:
		return false
	}
	if i.batch.callers--; i.batch.callers == 0 {
		i.batch.cancel()
	}
	return true
}

// Stats returns the batcher's figures.
func (b *Batcher[T, R]) Stats() BatcherStats {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.stats
	s.Waiting, s.Running, s.BatchTime = b.queue.n, b.running, seconds(b.took.mean)
	return s
}

// Drain takes no more items, runs those that wait without further delay, and waits
// until all have ended or ctx has. The batcher stays closed either way.
func (b *Batcher[T, R]) Drain(ctx context.Context) error {
	b.mu.Lock()
	b.closed = true
	b.dispatch(time.Since(b.base))
	if b.empty == nil {
		b.empty = make(chan struct{})
		b.idle()
	}
	empty := b.empty
	b.mu.Unlock()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		s := b.Stats()
		return fmt.Errorf("evenkeel: drain: %d batches are still running, %d items wait: %w", s.Running, s.Waiting, context.Cause(ctx))
	}
}
