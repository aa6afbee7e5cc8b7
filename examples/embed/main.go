// Command embed is evenkeel in a server of one's own: it admits what its workers
// can still serve well, and runs as many workers as the demand needs.
//
//	go run ./examples/embed
//	curl 127.0.0.1:8080/v1/echo     # the live page is at 127.0.0.1:8080
package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"os"
	ossignal "os/signal"
	"time"

	"github.com/evenkeel/evenkeel"
	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/pool"
	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

func main() {
	ctx, stop := ossignal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := serve(ctx, "127.0.0.1:8080"); err != nil {
		log.Fatal(err)
	}
}

// A job is one request on its way to a worker, which closes done.
type job struct {
	w    http.ResponseWriter
	done chan struct{}
}

type jobs chan job

// ServeHTTP hands the request to the next free worker.
func (j jobs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mine := job{w, make(chan struct{})}
	select {
	case j <- mine:
		<-mine.done
	case <-r.Context().Done():
	}
}

// work is what one worker does: stand in for a model here.
func (j jobs) work(ctx context.Context, w *pool.Worker) error {
	for {
		select {
		case mine := <-j:
			time.Sleep(50 * time.Millisecond)
			_, _ = io.WriteString(mine.w, "done by "+w.ID()+"\n")
			close(mine.done)
		case <-w.Drain():
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

func serve(ctx context.Context, addr string) error {
	queue := make(jobs)
	gate, err := backpressure.New(backpressure.Config{})
	if err != nil {
		return err
	}
	workers, err := pool.New(pool.Config{Work: queue.work, Workers: 1})
	if err != nil {
		return err
	}
	target, err := actuate.New(actuate.Config{Target: workers})
	if err != nil {
		return err
	}
	// One worker for each request that is there: in flight, and waiting.
	key := func(name string) signal.Key { return signal.Key{Name: name} }
	keel, err := evenkeel.New(evenkeel.Config{Tick: time.Second, Pools: []evenkeel.Pool{{
		Gate: gate,
		Policy: decide.Config{Policies: []decide.NamedSpec{
			{Name: "busy", Spec: decide.Track{Signal: key(signal.NameInFlight), Setpoint: 1, Total: true}},
			{Name: "waiting", Spec: decide.Backlog{Queue: key(signal.NameQueued), PerReplica: 20, Within: time.Second}},
		}},
		Limits:  decide.Limits{Min: 1, Max: 16},
		Startup: time.Second, // until the first one is measured
		Target:  target,
	}}})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/v1/", gate.Handler(queue, backpressure.HandlerConfig{}))
	mux.Handle("/", keel.Handler())
	server := &http.Server{Addr: addr, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		bounded, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		_ = keel.Shutdown(bounded) // stop admitting, finish what was admitted
		_ = server.Shutdown(bounded)
	}()
	go func() {
		if err := keel.Run(context.Background()); err != nil {
			log.Print(err)
		}
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
