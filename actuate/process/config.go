package process

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// Config describes a [Supervisor]. Command.Path is required; every other zero
// value is a default.
type Config struct {
	// Command is what an instance runs.
	Command Command
	// Prepare, if set, may change the command of one start, for example to give
	// it a device. It is called before every start, from one goroutine at a time
	// per instance, and owns the copy it gets. An error counts as a failed start.
	Prepare func(Launch, *Command) error
	// Name is the beginning of the instances' IDs; default the file name of
	// Command.Path.
	Name string
	// Ready says when an instance serves.
	Ready Probe
	// Grace bounds a drain: how long requests in flight may take to finish before
	// SIGTERM; default 30 s.
	Grace time.Duration
	// Kill is how long a process may take after SIGTERM until SIGKILL; default
	// 4 s, so that everything is down within 5 s after the context of Run ends.
	Kill time.Duration
	// Hang is how long a ready instance may leave the probe without an answer
	// before it is killed and started again; default 60 s, negative for never.
	// Meanwhile it stays in phase Ready, with a Detail: whether it gets requests
	// is for the Traffic to decide.
	Hang time.Duration
	// Restart says how fast a crashed instance is started again.
	Restart Restart
	// Traffic is told which instances may be used, and asked how busy they are.
	// It must not call back into the Supervisor. Nil: nobody knows what is in
	// flight, so an instance that has to go gets SIGTERM at once and has Grace and
	// Kill together to finish what it has.
	Traffic actuate.Traffic
	// Max is the largest count accepted; 0 sets no bound.
	Max int64
	// Event, if set, is told of every step in an instance's life. It is called
	// with no lock held, in order for each instance, but for several instances at
	// the same time. It must return soon: the instance waits for it.
	Event func(Event)
	// Logger for the children's output (level Info) and for what happens to them;
	// nil discards.
	Logger *slog.Logger
}

// A Command is what to run. In Args and Env the words {addr}, {host}, {port} and
// {id} stand for those of the instance.
type Command struct {
	// Path of the program: absolute, relative to the parent's directory, or a bare
	// name that is looked up in the parent's PATH.
	Path string
	// Args without the program's name.
	Args []string
	// Env lists what the child gets beyond the variables in the package's
	// documentation: NAME=value, or NAME to pass the parent's value on.
	Env []string
	// Dir to run in; default the parent's.
	Dir string
	// Binds: the program opens {addr} itself and no listener is handed down.
	Binds bool
}

// A Launch is one start of an instance, as [Config].Prepare sees it.
type Launch struct {
	ID   string
	Addr string // host:port that it has to serve on
	// Slot is the smallest number from 0 that no other instance holds. It stays
	// the same through restarts: a good index for a device.
	Slot int
	// Restarts so far.
	Restarts int64
}

// A Probe asks an instance over HTTP whether it serves.
type Probe struct {
	// Off: an instance is ready as soon as it has been started.
	Off bool
	// Path to GET; default "/health". A status from 200 to 399 means ready.
	Path string
	// Interval between two probes while it starts; default 100 ms. Once ready it
	// is probed every second, or every Interval if that is longer.
	Interval time.Duration
	// Timeout of one probe; default 1 s.
	Timeout time.Duration
	// StartTimeout is how long an instance may take to become ready before it is
	// killed and started again; default 10 min, since models load slowly.
	StartTimeout time.Duration
}

// Restart is the back-off between the lives of an instance: First, then twice as
// long each time up to Max, each ±20 % at random. It begins anew once the
// instance has been ready for Reset.
type Restart struct {
	First time.Duration // default 500 ms
	Max   time.Duration // default 30 s
	Reset time.Duration // default 30 s
}

// withDefaults returns c with every zero field filled in, or all that is wrong
// with it.
func (c Config) withDefaults() (Config, error) {
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("evenkeel: process: %s %s", field, fmt.Sprintf(format, args...)))
	}
	if c.Command.Path == "" {
		bad("Command.Path", "is empty: name the program to run")
	}
	for i, kv := range c.Command.Env {
		if name, _, _ := strings.Cut(kv, "="); name == "" {
			bad(fmt.Sprintf("Command.Env[%d]", i), "is %q: write NAME=value or NAME", kv)
		}
	}
	if c.Name == "" {
		c.Name = filepath.Base(c.Command.Path)
	}
	if c.Ready.Path == "" {
		c.Ready.Path = "/health"
	} else if !strings.HasPrefix(c.Ready.Path, "/") {
		bad("Ready.Path", "is %q: begin it with a slash", c.Ready.Path)
	}
	if c.Hang == 0 {
		c.Hang = 60 * time.Second
	}
	if c.Max < 0 {
		bad("Max", "is %d: use a positive number, or 0 for no bound", c.Max)
	}
	for _, d := range []struct {
		name string
		v    *time.Duration
		def  time.Duration
	}{
		{"Grace", &c.Grace, 30 * time.Second},
		{"Kill", &c.Kill, 4 * time.Second},
		{"Ready.Interval", &c.Ready.Interval, 100 * time.Millisecond},
		{"Ready.Timeout", &c.Ready.Timeout, time.Second},
		{"Ready.StartTimeout", &c.Ready.StartTimeout, 10 * time.Minute},
		{"Restart.First", &c.Restart.First, 500 * time.Millisecond},
		{"Restart.Max", &c.Restart.Max, 30 * time.Second},
		{"Restart.Reset", &c.Restart.Reset, 30 * time.Second},
	} {
		if *d.v < 0 {
			bad(d.name, "is %v: use a positive duration, or 0 for %v", *d.v, d.def)
		} else if *d.v == 0 {
			*d.v = d.def
		}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, errors.Join(errs...)
}
