// Command quickstart shows the whole of evenkeel at work on one machine, with
// nothing to install but Go.
//
// It starts emulated inference engines as processes of their own and a gateway in
// front of them (Gate, router), sends streaming chat requests as clients would,
// and lets the loop decide how many engines there are. It prints the address of
// the live page first, then progress, and ends by itself with a table of what the
// clients got and what the fleet cost.
//
//	go run ./examples/quickstart
//	go run ./examples/quickstart -trace requests.csv.gz -json
//
// It exits with 0 when it ran to its end, whatever the figures say (see "ok" in
// them), with 2 on bad input, and with 130 when it was interrupted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	ossignal "os/signal"
	"syscall"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/decide/simulate"
	"github.com/evenkeel/evenkeel/examples/engine/emulator"
)

// engineCommand as the first argument makes this program an engine.
const engineCommand = "engine"

// Exit statuses.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == engineCommand {
		os.Exit(emulator.Main(os.Args[2:], os.Stdout, os.Stderr))
	}
	interrupted := make(chan os.Signal, 2)
	ossignal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr, interrupted))
}

func run(args []string, stdout, stderr io.Writer, interrupted <-chan os.Signal) int {
	stdout = &sharedWriter{w: stdout} // the progress and the decisions come side by side
	fail := func(err error) int {
		fmt.Fprintln(stderr, "quickstart:", err)
		return exitUsage
	}
	o, err := parseOptions(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return fail(err)
	}
	w, err := plan(o)
	if err != nil {
		return fail(err)
	}
	var journal io.Writer
	if o.journal != "" {
		file, err := os.Create(o.journal)
		if err != nil {
			return fail(fmt.Errorf("-journal: %w", err))
		}
		defer file.Close()
		journal = file
	}
	f, err := newFleet(o, w.initial, journal, slog.New(spectator{w: stdout}))
	if err != nil {
		return fail(err)
	}

	// The first interrupt ends everything in good order, the second at once: the
	// engines cannot outlive this process.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stopped := make(chan struct{})
	go func() {
		<-interrupted
		fmt.Fprintln(stderr, "stopping; interrupt again to stop at once")
		close(stopped)
		cancel()
		<-interrupted
		os.Exit(exitInterrupted)
	}()

	fmt.Fprintf(stdout, "live page    http://%s/\n", f.listener.Addr())
	fmt.Fprintf(stdout, "workload     %d requests: %s\n", len(w.arrivals), w.what)
	fmt.Fprintf(stdout, "engines      emulated %s, start-up about %v, %d to %d replicas, %d at the beginning\n", o.model.Name, o.startup.Median, o.min, o.max, w.initial)
	if err := f.start(ctx, w.initial); err != nil {
		stopErr := f.stop(ctx)
		if ctx.Err() != nil {
			return exitInterrupted
		}
		return fail(errors.Join(err, stopErr))
	}
	got := drive(ctx, stopped, f, o, w, stdout)
	select {
	case <-stopped:
		_ = f.stop(ctx)
		return exitInterrupted
	default:
	}
	drain, cancelDrain := context.WithTimeout(ctx, 10*time.Second)
	defer cancelDrain()
	if err := f.stop(drain); err != nil {
		fmt.Fprintln(stderr, "quickstart:", err)
		return exitFailed
	}
	fmt.Fprintln(stdout, "comparing    with constant fleets on the fleet model")
	if err := compare(ctx, &got, o, w); err != nil {
		fmt.Fprintln(stderr, "quickstart:", err)
		return exitFailed
	}
	got.judge()
	got.table(stdout)
	if o.json {
		if err := got.json(stdout); err != nil {
			return exitFailed
		}
	}
	return exitOK
}

// drive sends the workload and measures what comes of it.
func drive(ctx context.Context, stopped <-chan struct{}, f *fleet, o options, w workload, stdout io.Writer) figures {
	metered, stopMeter := context.WithTimeout(ctx, o.length)
	defer stopMeter()
	var m meter
	measured := make(chan struct{})
	go func() { defer close(measured); m.run(metered, f.supervisor) }()
	c := newClient(f.listener.Addr().String(), o.model.Name, w.arrivals)
	progress, stopProgress := context.WithCancel(ctx)
	shown := make(chan struct{})
	go func() { defer close(shown); showProgress(progress, f, c, stdout) }()

	began := time.Now()
	patience, cancel := context.WithTimeout(ctx, o.length+45*time.Second)
	outcomes := c.play(patience, stopped, w.arrivals)
	cancel()
	stopProgress()
	<-shown
	<-measured

	got := figures{Queued: int64(f.gate.Stats().Queued), Speed: w.speed, Seconds: o.length.Seconds()}
	got.count(outcomes)
	got.ReplicasMin, got.ReplicasMax, got.ReplicaSeconds = m.min, m.max, m.seconds
	got.FirstReady = f.firstReadyAfter(began.Add(w.burst))
	return got
}

// compare finds the smallest constant fleet that serves as well.
func compare(ctx context.Context, got *figures, o options, w workload) error {
	gate := gateConfig()
	n, report, err := simulate.SmallestConstant(ctx, simulate.Config{
		Model: o.model, Startup: o.startup, Arrivals: w.arrivals, Length: o.length, Gate: &gate, Seed: o.seed,
		Limits: decide.Limits{Min: 1, Max: 64},
	}, got.WithinOffered, 64)
	if err != nil {
		return err
	}
	got.StaticReplicas, got.StaticReplicaSeconds, got.StaticWithinOffered = n, float64(n)*o.length.Seconds(), report.WithinOffered
	return nil
}
