package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// Defaults of [Config].
const (
	DefaultGrace       = 30 * time.Second
	DefaultRestart     = 100 * time.Millisecond
	DefaultMaxRestart  = 30 * time.Second
	defaultWorkerNames = "worker"
)

// A Config describes a [Pool]. Only Work is required.
type Config struct {
	// Work is what each worker does, until it is told to end by its Drain or its
	// context.
	Work func(ctx context.Context, w *Worker) error
	// Prepare, if there is one, comes before Work at every start; until it has
	// returned the worker counts as starting. An error is like one of Work.
	Prepare func(ctx context.Context, w *Worker) error
	// Workers wanted from the start. Default none.
	Workers int64
	// Max is the largest count accepted. Default: decide.MaxReplicas.
	Max int64
	// Grace is how long a worker may go on after it was told to finish, before its
	// context is cancelled. Default [DefaultGrace]. Negative: it has no time.
	Grace time.Duration
	// Restart is the wait before a worker that ended by itself is started again.
	// It doubles with each failure in a row, up to MaxRestart; a worker that ran
	// for longer than that begins anew. Defaults [DefaultRestart] and
	// [DefaultMaxRestart].
	Restart, MaxRestart time.Duration
	// Name is the first part of the workers' IDs. Default "worker".
	Name string
	// Logger for workers that fail. Default: discard.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Max == 0 {
		c.Max = decide.MaxReplicas
	}
	if c.Grace == 0 {
		c.Grace = DefaultGrace
	}
	if c.Restart == 0 {
		c.Restart = DefaultRestart
	}
	if c.MaxRestart == 0 {
		c.MaxRestart = max(DefaultMaxRestart, c.Restart)
	}
	if c.Name == "" {
		c.Name = defaultWorkerNames
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// validate is called with the defaults filled in.
func (c Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("evenkeel: pool: "+format, args...))
	}
	if c.Work == nil {
		bad("Config.Work is nil: give the function that the workers run")
	}
	if c.Max < 0 || c.Max > decide.MaxReplicas {
		bad("Config.Max is %d: it must be 1 to %d, or 0 for the default", c.Max, decide.MaxReplicas)
	}
	if c.Workers < 0 || c.Max >= 0 && c.Workers > c.Max {
		bad("Config.Workers is %d: it must be 0 to Max (%d)", c.Workers, c.Max)
	}
	if c.Restart < 0 {
		bad("Config.Restart is %v: it must be positive, or 0 for the default", c.Restart)
	}
	if c.MaxRestart < c.Restart {
		bad("Config.MaxRestart is %v, less than Restart (%v)", c.MaxRestart, c.Restart)
	}
	return errors.Join(errs...)
}
