package evenkeel

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// Defaults of [Config].
const (
	DefaultTick    = 5 * time.Second
	DefaultObserve = time.Second
)

// A Config describes everything one process does. It is copied by [New].
type Config struct {
	// Pools, at least one, each under a name of its own.
	Pools []Pool
	// Tick is the time between decisions. The sources have half of it to answer,
	// at most [signal.DefaultTimeout]. Default [DefaultTick].
	Tick time.Duration
	// Observe is the time between readings of the fleet's state, by which the
	// gates are told what to expect. Default: Tick, at most [DefaultObserve].
	Observe time.Duration
	// Leader elects the one process that scales. Default: this process, alone.
	Leader actuate.Leader
	// Journal receives JSON lines: see [Replay]. Default: only the newest lines
	// are kept, in memory, for the live page. Each line is one Write, from one
	// goroutine at a time, and a Write that blocks holds up the decisions: buffer
	// where it may. One that fails is reported once, until one succeeds again, and
	// its line is lost to the writer; the loop goes on.
	Journal io.Writer
	// MeterProvider publishes every signal as an observable gauge while Run runs,
	// and the counters evenkeel.requests.offered, .admitted and .shed of every
	// Gate. Their attribute evenkeel.pool is the signal's own pool, and where it
	// has none, the Pool's Name. Default: none.
	MeterProvider metric.MeterProvider
	// Hosts are the names, without port, under which the live page may be asked
	// for, beside loopback's. Default: none.
	Hosts []string
	// Title of the live page. Default "evenkeel".
	Title string
	// Logger for what an operator should know. Default: discard.
	Logger *slog.Logger
}

// A Pool is one scaled thing with the gate before it and the signals about it.
type Pool struct {
	// Name of the pool, unique in the Config. Empty is a name too.
	Name string
	// Gate admits the pool's requests. It is a source of signals, and is told the
	// fleet's outlook. Default: none.
	Gate *backpressure.Gate
	// Sources of signals beside the Gate.
	Sources []signal.Source
	// Policy decides. Its Signals may be left empty: then they are those of the
	// Gate and the Sources, in that order.
	Policy decide.Config
	// PolicyFile is the path of a policy file, in the place of Policy and Limits,
	// and of Config.Tick if it has a tick; package decide/policy says what it is like.
	// [New] reads it and refuses a bad one. While Run runs, a change of the file is
	// seen within seconds and taken at a tick, whole: policies of the same name keep
	// what they have learned. One that is bad then, or gone, leaves in force what
	// was, and the log, the journal and the live page say why. Default: none.
	PolicyFile string
	// Shadow is a second policy that sees the same Input and only watches: what it
	// would have asked for is compared with what was, in the journal, on the live
	// page and by [Keel.Shadow]. The rules for Signals are those of Policy. What
	// the comparison assumes is said at [decide.Tally]. Default: none.
	Shadow decide.Config
	// Promote makes the Shadow the policy that acts, and Policy the one that
	// watches. Each keeps its own memory across the change, also that of a restart:
	// what it has learned, its windows and its cooldowns.
	Promote bool
	// Limits of the count. A Max of 0 stands for Min. Required, not both 0, if
	// Policy has policies; a PolicyFile brings its own.
	Limits decide.Limits
	// Embedded says that this process is itself one of the replicas. A fleet
	// cannot wake itself from nothing, so Limits.Min must then be at least 1.
	Embedded bool
	// Startup is how long a replica takes to start, as far as known before the
	// first one has been measured. Default: not known.
	Startup time.Duration
	// Target is the thing scaled, with the safety around it. Required if there is a
	// policy; to recommend and not to act, use an Actuator in dry run.
	Target *actuate.Actuator
	// Runners are run with the pool and stopped with it: a router, an exporter.
	// A Source or a Target that is a [signal.Runner] is run without being named.
	Runners []signal.Runner
}

// WithDefaults returns c with its zero fields filled in.
func (c Config) WithDefaults() Config {
	if c.Tick == 0 {
		c.Tick = DefaultTick
	}
	if c.Observe == 0 {
		c.Observe = min(c.Tick, DefaultObserve)
	}
	if c.Title == "" {
		c.Title = "evenkeel"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Leader == nil {
		c.Leader = actuate.Solo{}
	}
	return c
}

func (c Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("evenkeel: "+format, args...)) }
	if len(c.Pools) == 0 {
		bad("Config.Pools is empty: give it at least one pool")
	}
	if c.Tick < 0 {
		bad("Config.Tick is %v: it must be positive", c.Tick)
	}
	if c.Observe < 0 {
		bad("Config.Observe is %v: it must be positive", c.Observe)
	}
	seen := make(map[string]bool, len(c.Pools))
	for i, p := range c.Pools {
		if seen[p.Name] {
			bad("Config.Pools[%d].Name is %q, as another pool's is: give each its own", i, p.Name)
		}
		seen[p.Name] = true
		for _, err := range p.problems() {
			bad("Config.Pools[%d] (%q): %w", i, p.Name, err)
		}
	}
	return errors.Join(errs...)
}

func (p Pool) problems() (errs []error) {
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch {
	case p.PolicyFile == "":
		errs = p.limitProblems(p.Limits)
	case len(p.Policy.Policies) > 0:
		bad("Policy has policies and PolicyFile is set: choose one of them")
	case p.Limits != (decide.Limits{}):
		bad("Limits are set and so is PolicyFile: its min and max are the limits")
	}
	if p.Startup < 0 {
		bad("Startup is %v: it must not be negative", p.Startup)
	}
	if p.decides() && p.Target == nil {
		bad("there is a policy but Target is nil: give it a Target, in dry run if it shall only recommend")
	}
	if len(p.Shadow.Policies) > 0 && !p.decides() {
		bad("Shadow has policies but Policy has none: make it the Policy")
	}
	if p.Promote && len(p.Shadow.Policies) == 0 {
		bad("Promote is set but Shadow has no policies: there is nothing to promote")
	}
	if p.Target != nil && !p.decides() {
		bad("Target is set but Policy has no policies: nothing would decide its count")
	}
	for i, s := range p.Sources {
		if s == nil {
			bad("Sources[%d] is nil: remove it", i)
		}
	}
	for i, r := range p.Runners {
		if r == nil {
			bad("Runners[%d] is nil: remove it", i)
		}
	}
	return errs
}

// decides reports whether anything decides the pool's count.
func (p Pool) decides() bool { return len(p.Policy.Policies) > 0 || p.PolicyFile != "" }

// limitProblems says what is wrong with limits for this pool.
func (p Pool) limitProblems(l decide.Limits) (errs []error) {
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if l.Min < 0 {
		bad("Limits.Min is %d: it must not be negative", l.Min)
	}
	if l.Max != 0 && l.Max < l.Min {
		bad("Limits.Max is %d, below Limits.Min, %d: raise Max or lower Min", l.Max, l.Min)
	}
	if n := max(l.Min, l.Max); n > decide.MaxReplicas {
		bad("Limits go up to %d: they must be at most %d", n, decide.MaxReplicas)
	}
	if p.decides() && l == (decide.Limits{}) {
		bad("Limits are empty, which allows no replica at all: set Limits.Max")
	}
	if p.Embedded && l.Min < 1 {
		bad("Limits.Min is %d in an embedded pool: it must be at least 1, because nobody inside a fleet of none can wake it", l.Min)
	}
	return errs
}
