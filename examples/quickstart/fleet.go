package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel"
	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/process"
	"github.com/evenkeel/evenkeel/actuate/route"
	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/signal"
)

// tick is short because a sleeping engine wakes in seconds.
const tick = time.Second

// fleet is the gateway with its engines: Gate → router → processes, and the loop
// that keeps their number right.
type fleet struct {
	keel       *evenkeel.Keel
	gate       *backpressure.Gate
	supervisor *process.Supervisor
	server     *http.Server
	listener   net.Listener

	wg  sync.WaitGroup
	run chan error // what Keel.Run returned

	mu    sync.Mutex
	ready []time.Time // when replicas became ready
}

// newFleet assembles everything and starts nothing but the listening.
func newFleet(o options, initial int64, journal io.Writer, log *slog.Logger) (*fleet, error) {
	f := &fleet{run: make(chan error, 1)}
	path, args := o.engine, []string(nil)
	if path == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		path, args = self, []string{engineCommand}
	}
	router, err := route.New(route.Config{})
	if err != nil {
		return nil, err
	}
	f.supervisor, err = process.New(process.Config{
		Name:    "engine",
		Command: process.Command{Path: path, Args: append(args, "-model", o.model.Name, "-startup", o.startup.Name, "-seed", fmt.Sprint(o.seed))},
		Prepare: func(l process.Launch, c *process.Command) error {
			// Each start-up is another draw from the same distribution.
			c.Args[len(c.Args)-1] = fmt.Sprint(o.seed + 1000*uint64(l.Slot+1) + uint64(l.Restarts))
			return nil
		},
		Ready:   process.Probe{StartTimeout: 4*o.startup.Median + 30*time.Second},
		Traffic: router,
		Max:     o.max,
		Hang:    15 * time.Second,
		Kill:    3 * time.Second,
		Event:   f.event,
	})
	if err != nil {
		return nil, err
	}
	if err := f.supervisor.Check(context.Background()); err != nil {
		return nil, err
	}
	if err := f.supervisor.Scale(context.Background(), actuate.Request{Desired: initial}); err != nil {
		return nil, err
	}
	if f.gate, err = backpressure.New(gateConfig()); err != nil {
		return nil, err
	}
	target, err := actuate.New(actuate.Config{Target: f.supervisor, Tick: tick})
	if err != nil {
		return nil, err
	}
	if f.keel, err = evenkeel.New(evenkeel.Config{
		Title:   "quickstart",
		Tick:    tick,
		Observe: tick / 4,
		Journal: journal,
		Logger:  log,
		Pools: []evenkeel.Pool{o.decideBy(evenkeel.Pool{
			Name:    pool,
			Gate:    f.gate,
			Startup: o.startup.Median,
			Target:  target,
			Runners: []signal.Runner{router},
		})},
	}); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/v1/", f.gate.Handler(router, backpressure.HandlerConfig{}))
	mux.Handle("/", f.keel.Handler())
	f.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	if f.listener, err = net.Listen("tcp", o.listen); err != nil {
		return nil, fmt.Errorf("-listen %s: %w: choose another address, or port 0 for any free one", o.listen, err)
	}
	return f, nil
}

// event is told of every step in an engine's life.
func (f *fleet) event(e process.Event) {
	if e.Kind == process.Ready {
		f.mu.Lock()
		f.ready = append(f.ready, e.At)
		f.mu.Unlock()
	}
	f.keel.Poke() // the gate must not wait for the next tick to hear of it
}

// pool is the name of the one pool there is.
const pool = "chat"

// start runs the fleet and waits until n replicas are ready. An engine that ends
// before it ever was is an error: the fault is not load.
//
// Until requests have come for a while nothing is taken away: what the first
// ones need is known to the plan, and to nobody else.
func (f *fleet) start(ctx context.Context, n int64) error {
	if err := f.keel.Pause(pool, false, true, time.Time{}); err != nil {
		return err
	}
	f.wg.Go(func() { f.run <- f.keel.Run(ctx) })
	f.wg.Go(func() { _ = f.server.Serve(f.listener) })
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		st, err := f.supervisor.Status(ctx)
		if err == nil && st.Fleet.Ready >= n {
			return f.keel.Pause(pool, false, true, time.Now().Add(scaleInWindow))
		}
		for _, in := range st.Instances {
			if in.Restarts > 0 || in.Phase == actuate.Starting && in.Detail != "" {
				return fmt.Errorf("engine does not start: %s", in.Detail)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-f.run:
			f.run <- err
			return errors.Join(errors.New("the loop ended early"), err)
		case <-poll.C:
		}
	}
}

// stop shuts everything down and waits for it. While ctx lasts, requests in
// flight may finish.
func (f *fleet) stop(ctx context.Context) error {
	err := f.keel.Shutdown(ctx)
	_ = f.server.Close()
	f.wg.Wait()
	return errors.Join(err, <-f.run)
}

// firstReadyAfter returns the time from t to the first replica that became ready
// after it, nil if none did.
func (f *fleet) firstReadyAfter(t time.Time) *float64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, at := range f.ready {
		if at.After(t) {
			s := at.Sub(t).Seconds()
			return &s
		}
	}
	return nil
}

// meter adds up what the fleet costs: the time of every process, whatever phase
// it is in.
type meter struct {
	min, max int64
	seconds  float64
}

// run measures until ctx ends.
func (m *meter) run(ctx context.Context, s *process.Supervisor) {
	const every = 50 * time.Millisecond
	t := time.NewTicker(every)
	defer t.Stop()
	m.min = 1 << 62
	for last := time.Now(); ; {
		st, err := s.Status(context.Background())
		now := time.Now()
		if err == nil {
			n := int64(len(st.Instances))
			m.min, m.max = min(m.min, n), max(m.max, n)
			m.seconds += float64(n) * now.Sub(last).Seconds()
			last = now
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
