package pool_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/pool"
)

// hushed hides the test's deadline, which has no meaning in virtual time and which
// rapid would ask for.
type hushed struct{ rapid.TB }

// Law: whatever is asked and however the workers behave, no more workers are ready
// than are desired; when nothing is asked any more, exactly the desired ones are
// ready and nobody else is left; and when Run ends nobody is.
func TestLaw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(hushed{t}, func(rt *rapid.T) {
			slow := time.Duration(rapid.Int64Range(0, 5e9).Draw(rt, "finishes in"))
			fails := rapid.IntRange(0, 3).Draw(rt, "fails so often")
			heeds := rapid.Bool().Draw(rt, "heeds the drain")
			asksAgain := rapid.Bool().Draw(rt, "asks again")
			failed := make(chan struct{}, fails)
			p, err := pool.New(pool.Config{
				Workers: rapid.Int64Range(0, 3).Draw(rt, "workers"),
				Grace:   time.Duration(rapid.Int64Range(-1, 6e9).Draw(rt, "grace")),
				Work: func(ctx context.Context, w *pool.Worker) error {
					select {
					case failed <- struct{}{}:
						return errors.New("as drawn")
					default:
					}
					for {
						drain := w.Drain()
						if !heeds {
							drain = nil
						}
						select {
						case <-ctx.Done():
							return ctx.Err()
						case <-drain:
						}
						select {
						case <-ctx.Done():
							return ctx.Err()
						case <-time.After(slow):
						}
						if asksAgain {
							select {
							case <-w.Drain():
							default:
								continue
							}
						}
						return nil
					}
				},
			})
			if err != nil {
				rt.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- p.Run(ctx) }()
			status := func() actuate.Status {
				synctest.Wait()
				st, err := p.Status(ctx)
				if err != nil {
					rt.Fatal(err)
				}
				if st.Fleet.Ready > st.Fleet.Desired {
					rt.Fatalf("%d ready of %d desired", st.Fleet.Ready, st.Fleet.Desired)
				}
				return st
			}
			for range rapid.IntRange(1, 15).Draw(rt, "steps") {
				st := status()
				switch rapid.IntRange(0, 3).Draw(rt, "step") {
				case 0, 1:
					n := rapid.Int64Range(0, 5).Draw(rt, "desired")
					if err := p.Scale(ctx, actuate.Request{Desired: n}); err != nil {
						rt.Fatal(err)
					}
				case 2:
					if len(st.Instances) > 0 {
						in := rapid.SampledFrom(st.Instances).Draw(rt, "instance")
						ttl := time.Duration(rapid.Int64Range(0, 9e9).Draw(rt, "ttl"))
						if err := p.Drain(ctx, in.ID, ttl); err != nil {
							rt.Fatal(err)
						}
					}
				case 3:
					time.Sleep(time.Duration(rapid.Int64Range(0, 9e9).Draw(rt, "wait")))
				}
			}
			time.Sleep(10 * time.Minute)
			st := status()
			if n := st.Fleet.Desired; st.Fleet.Ready != n || int64(len(st.Instances)) != n {
				rt.Fatalf("in the end %d ready and %d listed of %d desired: %+v", st.Fleet.Ready, len(st.Instances), n, st)
			}
			cancel()
			if err := <-done; err != nil {
				rt.Fatal(err)
			}
			// A goroutine that is left would be found when the bubble ends.
		})
	})
}
