package pool_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/pool"
)

// Workers take jobs from a channel. When the pool is stopped each finishes the job
// that it has in hand.
func Example() {
	jobs := make(chan int)
	var wg sync.WaitGroup
	p, err := pool.New(pool.Config{Work: func(ctx context.Context, w *pool.Worker) error {
		for {
			select {
			case <-w.Drain():
				return nil
			case <-ctx.Done():
				return ctx.Err()
			case <-jobs:
				w.Busy(1)
				wg.Done() // the work itself
				w.Busy(-1)
			}
		}
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error)
	go func() { done <- p.Run(ctx) }()

	// An Actuator around it adds what every target needs.
	a, err := actuate.New(actuate.Config{Target: p})
	if err != nil {
		fmt.Println(err)
		return
	}
	res, err := a.Apply(ctx, actuate.Request{Desired: 3})
	fmt.Println(res.Action, res.To, err)
	wg.Add(10)
	for i := range 10 {
		jobs <- i
	}
	wg.Wait()
	fmt.Println("10 jobs done")

	cancel()
	fmt.Println(<-done)
	// Output:
	// scaled 3 <nil>
	// 10 jobs done
	// <nil>
}

// Tell a worker to finish without taking it away: it comes back when the time is
// over.
func ExamplePool_Drain() {
	p, err := pool.New(pool.Config{Workers: 2, Work: func(ctx context.Context, w *pool.Worker) error {
		select {
		case <-w.Drain():
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- p.Run(ctx) }()
	err = p.Drain(ctx, "worker-1", time.Hour)
	st, _ := p.Status(ctx)
	fmt.Println(err, st.Instances[0].Phase, st.Fleet.Desired)
	cancel()
	fmt.Println(<-done)
	// Output:
	// <nil> draining 2
	// <nil>
}
