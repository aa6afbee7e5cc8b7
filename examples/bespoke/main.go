// Bespoke is an autoscaler of one's own: as many goroutines as drain a queue of
// pictures within five seconds.
package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/evenkeel/evenkeel"
	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/pool"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

func main() {
	pictures := make(chan time.Duration, 600) // each says how long it takes
	for range cap(pictures) {
		pictures <- 50 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := scale(ctx, pictures, slog.New(slog.NewTextHandler(os.Stderr, nil))); err != nil {
		slog.Error("bespoke", "err", err)
	}
}

// scale works the queue off until ctx ends.
func scale(ctx context.Context, pictures <-chan time.Duration, log *slog.Logger) error {
	waiting := signal.Def{Key: signal.Key{Name: "pictures.waiting"}, Unit: signal.Requests}
	workers, err := pool.New(pool.Config{Work: func(_ context.Context, w *pool.Worker) error {
		for {
			select {
			case <-w.Drain(): // after the picture in hand, never before
				return nil
			case takes := <-pictures:
				time.Sleep(takes) // the work itself
			}
		}
	}})
	target, err2 := actuate.New(actuate.Config{Target: workers}) // deadlines, retries, a breaker
	keel, err3 := evenkeel.New(evenkeel.Config{Tick: 250 * time.Millisecond, Logger: log, Pools: []evenkeel.Pool{{
		Sources: []signal.Source{signal.Func{Def: waiting, Read: func(context.Context) (float64, error) { return float64(len(pictures)), nil }}},
		Policy: decide.Config{
			Policies: []decide.NamedSpec{{Name: "drain", Spec: decide.Backlog{Queue: waiting.Key, PerReplica: 20, Within: 5 * time.Second}}},
			Up:       decide.Direction{Rate: decide.Rate{Count: 4, Period: time.Second}},
			Down:     decide.Direction{Window: time.Second, Idle: time.Second},
		},
		Limits: decide.Limits{Max: 8},
		Target: target,
	}}})
	if err := errors.Join(err, err2, err3); err != nil {
		return err
	}
	return keel.Run(ctx)
}
