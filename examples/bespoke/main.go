// Bespoke is an autoscaler of one's own: as many goroutines as drain a queue of
// pictures within five seconds. It needs signal, decide and actuate only.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/actuate/pool"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

func main() {
	pictures := make(chan time.Duration, 600) // each says how long it takes
	for range cap(pictures) {
		pictures <- 50 * time.Millisecond
	}
	fmt.Println("ended:", scale(context.Background(), pictures, func(line string) { fmt.Println(line) }))
}

// scale works the queue off and returns when nothing waits and nobody is left.
func scale(ctx context.Context, pictures <-chan time.Duration, say func(string)) error {
	waiting := signal.Key{Name: "pictures.waiting"}
	core, err := decide.New(decide.Config{
		Signals:  []signal.Def{{Key: waiting, Unit: signal.Requests}},
		Policies: []decide.NamedSpec{{Name: "drain", Spec: decide.Backlog{Queue: waiting, PerReplica: 20, Within: 5 * time.Second}}},
		Up:       decide.Direction{Rate: decide.Rate{Count: 4, Period: time.Second}},
		Down:     decide.Direction{Window: time.Second, Idle: time.Second},
	})
	if err != nil {
		return err
	}
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
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error)
	go func() { ended <- workers.Run(ctx) }()
	err = loop(ctx, core, workers, func() int { return len(pictures) }, say)
	stop()
	<-ended // nil, once every worker has returned
	return err
}
