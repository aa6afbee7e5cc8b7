package backpressure

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// double takes 10 ms and notes the sizes of its batches.
type double struct {
	mu    sync.Mutex
	sizes []int
	ended []time.Duration // contexts that ended while it ran, since start
	start time.Time
	takes time.Duration
}

func newDouble() *double { return &double{start: time.Now(), takes: 10 * time.Millisecond} }

func (d *double) run(ctx context.Context, items []int) ([]int, error) {
	d.mu.Lock()
	d.sizes = append(d.sizes, len(items))
	d.mu.Unlock()
	select {
	case <-time.After(d.takes):
	case <-ctx.Done():
		d.mu.Lock()
		d.ended = append(d.ended, time.Since(d.start))
		d.mu.Unlock()
		return nil, ctx.Err()
	}
	out := make([]int, len(items))
	for i, v := range items {
		out[i] = 2 * v
	}
	return out, nil
}

func newBatcher(t testing.TB, cfg BatcherConfig[int], run func(context.Context, []int) ([]int, error)) *Batcher[int, int] {
	t.Helper()
	b, err := NewBatcher(cfg, run)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// When which item comes, what batches that makes, and when the last result is
// there, on virtual time.
func TestBatcherSizes(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	type arrival struct{ at, deadline time.Duration }
	together := func(n int) []arrival { return make([]arrival, n) }
	weigh := func(v int) int64 { return int64(v % 10) }
	for _, tt := range []struct {
		name  string
		cfg   BatcherConfig[int]
		items []arrival
		sizes []int
		last  time.Duration
	}{
		{"a lone item does not wait", BatcherConfig[int]{}, together(1), []int{1}, ms(10)},
		{"while one runs, the next forms", BatcherConfig[int]{}, together(6), []int{1, 5}, ms(20)},
		{"at most MaxSize", BatcherConfig[int]{MaxSize: 2}, together(6), []int{1, 2, 2, 1}, ms(40)},
		{"several at once", BatcherConfig[int]{MaxSize: 2, MaxConcurrent: 3}, together(6), []int{1, 1, 1, 2, 1}, ms(20)},
		{"company that comes", BatcherConfig[int]{MinSize: 3}, together(3), []int{3}, ms(10)},
		{"company that does not come", BatcherConfig[int]{MinSize: 3}, []arrival{{}, {at: ms(2)}}, []int{2}, ms(15)},
		{"a batch that fills up while it waits", BatcherConfig[int]{MinSize: 3, MaxWait: time.Second}, []arrival{{}, {at: ms(2)}, {at: ms(4)}}, []int{3}, ms(14)},
		{"a deadline ends the wait", BatcherConfig[int]{MinSize: 3, MaxWait: time.Second}, []arrival{{}, {at: ms(2), deadline: ms(30)}}, []int{2}, ms(12)},
		{"weight", BatcherConfig[int]{MaxWeight: 5, Weigh: weigh, MinSize: 9}, together(6), []int{3, 1, 1, 1}, ms(40)}, // 0 1 2 3 4 5
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDouble()
				b := newBatcher(t, tt.cfg, d.run)
				if tt.name == "a deadline ends the wait" { // the time of a batch is learned
					b.took = batchTime{mean: 0.020, dev: 0.0025}
				}
				start, last := time.Now(), time.Duration(0)
				var wg sync.WaitGroup
				for v, a := range tt.items {
					time.Sleep(a.at - time.Since(start))
					wg.Go(func() {
						ctx, cancel := context.WithCancel(t.Context())
						if a.deadline > 0 {
							ctx, cancel = context.WithDeadline(ctx, start.Add(a.deadline))
						}
						defer cancel()
						if got, err := b.Do(ctx, v); got != 2*v || err != nil {
							t.Errorf("%d: %d, %v", v, got, err)
						}
						d.mu.Lock()
						last = max(last, time.Since(start))
						d.mu.Unlock()
					})
					synctest.Wait()
				}
				wg.Wait()
				if tt.cfg.MaxConcurrent > 1 { // which of those that begin together notes it first is open
					slices.Sort(d.sizes)
					slices.Sort(tt.sizes)
				}
				if !slices.Equal(d.sizes, tt.sizes) || last != tt.last {
					t.Errorf("batches %v, the last after %v; want %v, %v", d.sizes, last, tt.sizes, tt.last)
				}
			})
		})
	}
}

// A caller that leaves gets away at once: before its batch, while it runs, and the
// batch's context ends with its last caller.
func TestBatcherCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble()
		d.takes = time.Second
		b := newBatcher(t, BatcherConfig[int]{}, d.run)
		var wg sync.WaitGroup
		do := func(v int, leave time.Duration, want error) {
			wg.Go(func() {
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), leave)
				defer cancel()
				got, err := b.Do(ctx, v)
				if !errors.Is(err, want) || err == nil && got != 2*v {
					t.Errorf("%d: %d, %v; want error %v", v, got, err, want)
				}
				if err != nil && time.Since(start) != leave {
					t.Errorf("%d left after %v, want %v", v, time.Since(start), leave)
				}
			})
			synctest.Wait()
		}
		do(1, 300*time.Millisecond, context.DeadlineExceeded) // alone in its batch
		do(2, 100*time.Millisecond, context.DeadlineExceeded) // leaves the queue
		do(3, 500*time.Millisecond, context.DeadlineExceeded) // leaves its batch
		do(4, 5*time.Second, nil)                             // which goes on for this one
		wg.Wait()
		if !slices.Equal(d.sizes, []int{1, 2}) || !slices.Equal(d.ended, []time.Duration{300 * time.Millisecond}) {
			t.Errorf("batches %v, ended at %v", d.sizes, d.ended)
		}
		if s := b.Stats(); s.Left != 1 || s.Items != 3 || s.Batches != 2 || s.Waiting != 0 || s.Running != 0 {
			t.Errorf("%+v", s)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := b.Do(gone, 5); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

func TestBatcherErrors(t *testing.T) {
	bad := errors.New("bad item")
	for _, tt := range []struct {
		name string
		run  func(context.Context, []int) ([]int, error)
		want []string // of each item's error; empty: none
	}{
		{"one for all", func(context.Context, []int) ([]int, error) { return nil, bad }, []string{"bad item", "bad item"}},
		{"each its own", func(_ context.Context, v []int) ([]int, error) { return v, ItemErrors{nil, bad} }, []string{"", "bad item"}},
		{"too few results", func(context.Context, []int) ([]int, error) { return []int{1}, nil }, []string{"2 items came back with 1 results", "2 items"}},
		{"too many errors", func(_ context.Context, v []int) ([]int, error) { return v, ItemErrors{nil, nil, nil} }, []string{"2 items came back with 3 errors", "2 items"}},
		{"panic", func(context.Context, []int) ([]int, error) { panic("out of memory") }, []string{"panicked: out of memory", "panicked"}},
		{"goroutine ended", func(context.Context, []int) ([]int, error) { runtime.Goexit(); return nil, nil }, []string{"ended its goroutine", "ended"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBatcher(t, BatcherConfig[int]{MinSize: 2}, tt.run)
				for range 2 { // a batch that failed holds up nothing
					var wg sync.WaitGroup
					for v, want := range tt.want {
						wg.Go(func() {
							_, err := b.Do(t.Context(), v)
							if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
								t.Errorf("item %d: error %v, want %q", v, err, want)
							}
						})
						synctest.Wait()
					}
					wg.Wait()
				}
			})
		})
	}
	if got := (ItemErrors{nil, bad, bad}).Error(); got != "2 of 3 items failed, the first: bad item" {
		t.Error(got)
	}
}

func TestBatcherRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble()
		b := newBatcher(t, BatcherConfig[int]{Queue: 1, MaxWeight: 10, Weigh: func(v int) int64 { return int64(v) }}, d.run)
		if _, err := b.Do(t.Context(), 11); !errors.Is(err, ErrItemTooLarge) {
			t.Errorf("too large: %v", err)
		}
		for v := range 2 {
			go func() { _, _ = b.Do(t.Context(), v) }()
			synctest.Wait()
		}
		if _, err := b.Do(t.Context(), 3); !errors.Is(err, ErrBatchFull) {
			t.Errorf("full: %v", err)
		}
		short, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		if err := b.Drain(short); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 batches are still running, 1 items wait") {
			t.Errorf("drain: %v", err)
		}
		if err := b.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		if s := b.Stats(); s.Items != 2 || s.Refused != 2 {
			t.Errorf("%+v", s)
		}
		if _, err := b.Do(t.Context(), 1); !errors.Is(err, ErrBatchClosed) {
			t.Errorf("closed: %v", err)
		}
	})
}

// Draining does not wait for company.
func TestBatcherDrainStartsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble()
		b := newBatcher(t, BatcherConfig[int]{MinSize: 9, MaxWait: time.Hour}, d.run)
		go func() { _, _ = b.Do(t.Context(), 1) }()
		synctest.Wait()
		start := time.Now()
		if err := b.Drain(t.Context()); err != nil || time.Since(start) != d.takes {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

func TestBatcherConfig(t *testing.T) {
	d := newDouble()
	for _, tt := range []struct {
		cfg  BatcherConfig[int]
		want string
	}{
		{BatcherConfig[int]{MaxSize: -1}, "MaxSize is -1"},
		{BatcherConfig[int]{MaxSize: 2, MinSize: 3}, "MinSize is 3"},
		{BatcherConfig[int]{MaxConcurrent: -2}, "MaxConcurrent is -2"},
		{BatcherConfig[int]{Queue: -2}, "Queue is -2"},
		{BatcherConfig[int]{MaxWait: -2}, "MaxWait is -2ns"},
		{BatcherConfig[int]{MaxWeight: 5}, "needs Weigh"},
		{BatcherConfig[int]{Weigh: func(int) int64 { return 1 }}, "MaxWeight is 0"},
	} {
		if _, err := NewBatcher(tt.cfg, d.run); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want %q", err, tt.want)
		}
	}
	if _, err := NewBatcher[int, int](BatcherConfig[int]{}, nil); err == nil || !strings.Contains(err.Error(), "run is nil") {
		t.Errorf("error %v", err)
	}
}

// Nothing is left behind, whoever leaves whenever.
func TestBatcherLeaksNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	b := newBatcher(t, BatcherConfig[int]{MaxSize: 8, MinSize: 3, MaxWait: time.Millisecond, MaxConcurrent: 2}, func(ctx context.Context, v []int) ([]int, error) {
		if v[0]%7 == 0 {
			panic(v[0])
		}
		return v, nil
	})
	var wg sync.WaitGroup
	for v := range 2000 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(v%5)*500*time.Microsecond)
			defer cancel()
			if got, err := b.Do(ctx, v); err == nil && got != v {
				t.Errorf("item %d got the result of %d", v, got)
			}
		})
	}
	wg.Wait()
	if err := b.Drain(context.Background()); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

func BenchmarkBatcher(b *testing.B) {
	for _, callers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			bt := newBatcher(b, BatcherConfig[int]{}, func(_ context.Context, v []int) ([]int, error) { return v, nil })
			b.SetParallelism(max(1, callers/runtime.GOMAXPROCS(0)))
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := bt.Do(context.Background(), 1); err != nil {
						b.Error(err)
						return
					}
				}
			})
			if s := bt.Stats(); s.Batches > 0 {
				b.ReportMetric(float64(s.Items)/float64(s.Batches), "items/batch")
			}
		})
	}
}
