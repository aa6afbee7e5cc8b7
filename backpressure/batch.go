package backpressure

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// noLatest is the latest end of an item without a deadline.
const noLatest = time.Duration(math.MaxInt64)

// An item is what one caller of Do waits for. The batcher's lock guards it until
// done has a value; then it is the caller's.
type item[T, R any] struct {
	value   T
	weight  int64
	arrived time.Duration
	latest  time.Duration // the caller's deadline

	batch  *batch[T, R] // nil while it waits
	ended  bool
	result R
	err    error
	done   chan struct{}

	prev, next *item[T, R]
}

// A batch is some items that run together.
type batch[T, R any] struct {
	items   []*item[T, R]
	values  []T
	callers int // that have not left
	cancel  context.CancelFunc
}

// items is the queue, in the order of arrival.
type items[T, R any] struct {
	first, last *item[T, R]
	n           int
	weight      int64
}

func (q *items[T, R]) push(i *item[T, R]) {
	i.prev = q.last
	if q.last == nil {
		q.first = i
	} else {
		q.last.next = i
	}
	q.last = i
	q.n++
	q.weight += i.weight
}

func (q *items[T, R]) remove(i *item[T, R]) {
	if i.prev == nil {
		q.first = i.next
	} else {
		i.prev.next = i.next
	}
	if i.next == nil {
		q.last = i.prev
	} else {
		i.next.prev = i.prev
	}
	i.prev, i.next = nil, nil
	q.n--
	q.weight -= i.weight
}

// dispatch starts what may start at now, and sees to it that it is asked again
// when more may. b.mu is held.
func (b *Batcher[T, R]) dispatch(now time.Duration) {
	for b.running < b.cfg.MaxConcurrent && b.queue.n > 0 {
		if wait := b.wait(now); wait > 0 {
			if b.timer == nil {
				b.timer = time.AfterFunc(wait, b.alarm)
			} else {
				b.timer.Reset(wait)
			}
			return
		}
		b.start()
	}
	if b.timer != nil {
		b.timer.Stop() // the end of a batch asks again
	}
}

// alarm is for the timer. One that rings too early does no harm.
func (b *Batcher[T, R]) alarm() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dispatch(time.Since(b.base))
}

// wait is how long the next batch should wait for company, 0 for not at all.
func (b *Batcher[T, R]) wait(now time.Duration) time.Duration {
	if b.closed || b.queue.n >= b.cfg.MinSize || b.cfg.MaxWeight > 0 && b.queue.weight >= b.cfg.MaxWeight {
		return 0
	}
	due := b.queue.first.arrived + b.cfg.MaxWait
	need := b.took.most()
	for i := b.queue.first; i != nil; i = i.next { // fewer than MinSize
		if i.latest != noLatest {
			due = min(due, i.latest-need)
		}
	}
	return max(due-now, 0)
}

// start runs a batch of the first items that fit into one.
func (b *Batcher[T, R]) start() {
	n := min(b.queue.n, b.cfg.MaxSize)
	t := &batch[T, R]{items: make([]*item[T, R], 0, n), values: make([]T, 0, n)}
	weight := int64(0)
	for len(t.items) < n {
		i := b.queue.first
		if b.cfg.MaxWeight > 0 && i.weight > b.cfg.MaxWeight-weight {
			break
		}
		weight += i.weight
		b.queue.remove(i)
		i.batch = t
		t.items = append(t.items, i)
		t.values = append(t.values, i.value)
	}
	t.callers = len(t.items)
	b.running++
	b.stats.Batches++
	b.stats.Items += uint64(len(t.items))
	var ctx context.Context
	ctx, t.cancel = context.WithCancel(context.Background())
	go b.serve(ctx, t)
}

// errGone is for a batch whose goroutine was ended by the function it ran.
var errGone = errors.New("evenkeel: the batch ended its goroutine")

// serve runs t and hands out what comes of it, also if run panics.
func (b *Batcher[T, R]) serve(ctx context.Context, t *batch[T, R]) {
	var results []R
	err := errGone
	begun := time.Now()
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: %v", ErrBatchPanic, v)
		}
		t.cancel()
		b.finish(t, results, err, time.Since(begun))
	}()
	results, err = b.run(ctx, t.values)
}

// finish hands out results and starts what has waited for t's place.
func (b *Batcher[T, R]) finish(t *batch[T, R], results []R, err error, took time.Duration) {
	each, err := itemErrors(err, len(t.items), len(results))
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		b.took.add(took.Seconds())
	}
	for k, i := range t.items {
		i.err = err
		if each != nil {
			i.err = each[k]
		}
		if i.err == nil {
			i.result = results[k]
		}
		i.ended = true
		i.done <- struct{}{} // there is room for it: it is sent once
	}
	b.running--
	b.dispatch(time.Since(b.base))
	b.idle()
}

// itemErrors splits the error of a batch of n items and so many results into one
// per item, nil if there is none, and one for all.
func itemErrors(err error, n, results int) (ItemErrors, error) {
	each, ok := errors.AsType[ItemErrors](err)
	switch {
	case err != nil && !ok:
		return nil, err
	case ok && len(each) != n:
		return nil, fmt.Errorf("evenkeel: a batch of %d items came back with %d errors", n, len(each))
	case results != n:
		return nil, fmt.Errorf("evenkeel: a batch of %d items came back with %d results", n, results)
	}
	return each, nil
}

// idle tells who drains that nothing is left. b.mu is held.
func (b *Batcher[T, R]) idle() {
	if b.closed && b.empty != nil && b.running == 0 && b.queue.n == 0 {
		select {
		case <-b.empty:
		default:
			close(b.empty)
		}
	}
}

// A batchTime learns how long batches take, in seconds: the mean and the mean
// deviation, each with the weight 1/8 for the latest, after V. Jacobson,
// "Congestion avoidance and control" (1988).
type batchTime struct {
	mean, dev float64
}

func (b *batchTime) add(secs float64) {
	if b.mean == 0 {
		b.mean, b.dev = secs, secs/2
		return
	}
	b.dev += (math.Abs(secs-b.mean) - b.dev) / 8
	b.mean += (secs - b.mean) / 8
}

// most is how long a batch takes, hardly ever more.
func (b *batchTime) most() time.Duration { return seconds(b.mean + 4*b.dev) }
