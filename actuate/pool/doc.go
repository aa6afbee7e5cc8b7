// Package pool scales goroutines: a [Pool] runs the same function in as many
// workers as are wanted, and is an [actuate.Target] and [actuate.Drainer]. It is
// what a Go server uses that does its work in its own process, such as consumers
// of a queue.
//
//	p, err := pool.New(pool.Config{Work: func(ctx context.Context, w *pool.Worker) error {
//		for {
//			select {
//			case <-w.Drain():
//				return nil // told to finish, and nothing under way
//			case job := <-jobs:
//				handle(ctx, job)
//			}
//		}
//	}})
//	…
//	go p.Run(ctx)
//	err = p.Scale(ctx, actuate.Request{Desired: 4})
//
// # The life of a worker
//
// A worker is started by [Pool.Run]. It is ready at once, or after Config.Prepare
// has returned. It is started again whenever it returns or panics, after growing
// waits if it fails.
//
// A worker that is given up first learns it by the channel of [Worker.Drain], and
// may finish what it has in hand. When Config.Grace is over its context is
// cancelled. A goroutine cannot be ended from outside, so Work must heed its
// context; one that does not is shown as stopping for as long as it runs.
//
// Until its context is cancelled, scale-in can be called off: a higher count lets
// the worker go on. One that asks Drain again before each piece of work notices
// nothing; one that has returned meanwhile is started again under its ID, which
// does not count as a restart.
//
// # Concurrency
//
// All methods are safe for concurrent use. When Run has returned no goroutine of
// the Pool is left.
package pool
