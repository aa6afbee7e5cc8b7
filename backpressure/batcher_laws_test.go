package backpressure

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// Whoever comes and leaves whenever: each item runs at most once and gets its own
// result, no batch is larger, heavier or earlier than it may be, at most so many
// run at once, and no item waits longer than MaxWait while there is room for a
// batch.
func TestBatcherLaws(t *testing.T) {
	type arrival struct {
		after, patience time.Duration
		weight          int
	}
	millis := func(lo, hi int) *rapid.Generator[time.Duration] {
		return rapid.Map(rapid.IntRange(lo, hi), func(n int) time.Duration { return time.Duration(n) * time.Millisecond })
	}
	rapid.Check(t, func(rt *rapid.T) {
		arrivals := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) arrival {
			return arrival{millis(0, 6).Draw(t, "after"), millis(1, 60).Draw(t, "patience"), rapid.IntRange(0, 9).Draw(t, "weight")}
		}), 1, 40).Draw(rt, "arrivals")
		cfg := BatcherConfig[int]{
			MaxSize: rapid.IntRange(1, 6).Draw(rt, "size"), MaxConcurrent: rapid.IntRange(1, 3).Draw(rt, "concurrent"),
			MaxWait: millis(1, 20).Draw(rt, "wait"), MaxWeight: 12, Queue: 100,
			Weigh: func(v int) int64 { return int64(arrivals[v].weight) },
		}
		cfg.MinSize = rapid.IntRange(1, cfg.MaxSize).Draw(rt, "min")
		takes := millis(0, 15).Draw(rt, "takes")
		var wrongs []string // told to rapid, which then looks for a shorter case
		var wrongMu sync.Mutex
		wrong := func(format string, args ...any) {
			wrongMu.Lock()
			defer wrongMu.Unlock()
			wrongs = append(wrongs, fmt.Sprintf(format, args...))
		}
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			running, ran, came := 0, map[int]bool{}, map[int]time.Time{}
			freed := time.Now() // when the last place became free; meaningful while one is
			b, err := NewBatcher(cfg, func(ctx context.Context, items []int) ([]string, error) {
				mu.Lock()
				weight := int64(0)
				for _, v := range items {
					weight += cfg.Weigh(v)
					if ran[v] {
						wrong("item %d runs twice", v)
					}
					ran[v] = true
					since := came[v]
					if freed.After(since) {
						since = freed
					}
					if w := time.Since(since); w > cfg.MaxWait {
						wrong("item %d waited %v with a free place", v, w)
					}
				}
				if running++; running > cfg.MaxConcurrent || len(items) > cfg.MaxSize || len(items) == 0 || weight > cfg.MaxWeight {
					wrong("%d batches, this one of %d items and weight %d", running, len(items), weight)
				}
				mu.Unlock()
				time.Sleep(takes)
				mu.Lock()
				if running == cfg.MaxConcurrent {
					freed = time.Now()
				}
				running--
				mu.Unlock()
				out := make([]string, len(items))
				for i, v := range items {
					out[i] = string(rune('A' + v))
				}
				return out, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for v, a := range arrivals {
				time.Sleep(a.after)
				wg.Go(func() {
					start := time.Now()
					mu.Lock()
					came[v] = start
					mu.Unlock()
					ctx, cancel := context.WithTimeout(t.Context(), a.patience)
					defer cancel()
					got, err := b.Do(ctx, v)
					if err == nil && got != string(rune('A'+v)) {
						wrong("item %d got %q", v, got)
					}
					if err != nil && (!errors.Is(err, context.DeadlineExceeded) || time.Since(start) != a.patience) {
						wrong("item %d: %v after %v", v, err, time.Since(start))
					}
				})
			}
			wg.Wait()
			if err := b.Drain(t.Context()); err != nil {
				wrong("%v", err)
			}
			if s := b.Stats(); s.Items+s.Left != uint64(len(arrivals)) || int(s.Items) != len(ran) || s.Waiting+s.Running != 0 {
				wrong("%d arrivals, %d ran: %+v", len(arrivals), len(ran), s)
			}
		})
		if wrongs != nil {
			rt.Fatal(wrongs)
		}
	})
}
