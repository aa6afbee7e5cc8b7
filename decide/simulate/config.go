package simulate

import (
	"errors"
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/decide/simulate/llm"
	"github.com/evenkeel/evenkeel/decide/simulate/trace"
)

// Defaults of [Config].
const (
	DefaultTick     = 5 * time.Second
	DefaultMax      = 100
	DefaultPatience = 60 * time.Second
	DefaultTTFT     = 2 * time.Second
	DefaultTPOT     = 100 * time.Millisecond
)

// A Config describes one run. Model and Arrivals are required.
type Config struct {
	// Model of each replica's engine.
	Model llm.Model
	// Startup of each replica. The zero value starts at once.
	Startup llm.Startup
	// Arrivals of requests. A prompt or an answer of 0 tokens counts as 1.
	Arrivals trace.Trace
	// Length is how long the fleet is decided on and paid for. What is under way
	// then is finished unpaid, with the fleet as it is. Default: up to the last
	// arrival, and one tick at least.
	Length time.Duration

	// Policy is the core's configuration. If Policy.Signals is empty, the core
	// gets all of [Signals].
	Policy decide.Config
	// Decider replaces the core, and then Policy is not used.
	Decider Decider
	// Limits of the count. Default: 1 to [DefaultMax]. Min 0 is set by giving Max
	// alone.
	Limits decide.Limits
	// Tick is the time between decisions. Default [DefaultTick].
	Tick time.Duration
	// Initial replicas are ready at the beginning. Default: Limits.Min.
	Initial int64

	// Gate is the gate's configuration. Nil: everything is admitted, by a gate
	// that is off; its signals are the same.
	Gate *backpressure.Config
	// Objective of the service. It is what the report judges by; Gate has its own.
	Objective Objective
	// Patience is how long a client waits for its first token. Default
	// [DefaultPatience]; negative: for ever.
	Patience time.Duration
	// Faults kill replicas.
	Faults []Fault

	// Seed of the start-up times.
	Seed uint64
	// Log keeps every decision with its input in the report.
	Log bool
}

// An Objective is what a client must get to be counted as well served.
type Objective struct {
	// TTFT bounds the time to the first token. Default [DefaultTTFT].
	TTFT time.Duration
	// LongPrompt lets TTFT grow with the prompt. Default: it is the same for all.
	LongPrompt backpressure.LongPrompt
	// TPOT bounds the mean time per token after the first. Default [DefaultTPOT].
	TPOT time.Duration
}

// A Fault kills Replicas that are ready, the oldest first, At a time. Their
// requests are aborted, and the platform starts others in their place.
type Fault struct {
	At       time.Duration
	Replicas int
}

func (c Config) withDefaults() Config {
	orDefault(&c.Tick, DefaultTick)
	orDefault(&c.Patience, DefaultPatience)
	orDefault(&c.Objective.TTFT, DefaultTTFT)
	orDefault(&c.Objective.TPOT, DefaultTPOT)
	orDefault(&c.Limits, decide.Limits{Min: 1, Max: DefaultMax})
	orDefault(&c.Initial, c.Limits.Min)
	orDefault(&c.Length, max(c.Arrivals.Span(), c.Tick))
	return c
}

func orDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// validate checks c, defaults filled in.
func (c Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("evenkeel: simulate.Config: "+format, args...))
	}
	if err := c.Model.Validate(); err != nil {
		errs = append(errs, err)
	}
	if c.Startup.Median < 0 || !(c.Startup.Sigma >= 0) {
		bad("Startup has median %v and sigma %v: neither may be negative", c.Startup.Median, c.Startup.Sigma)
	}
	for i, r := range c.Arrivals {
		if r.At < 0 || r.Input < 0 || r.Output < 0 || (i > 0 && r.At < c.Arrivals[i-1].At) {
			bad("Arrivals[%d] is %+v: arrivals must be sorted, and nothing negative", i, r)
			break
		}
	}
	if c.Length < 0 {
		bad("Length is %v: it must not be negative", c.Length)
	}
	if c.Tick < time.Millisecond {
		bad("Tick is %v: it must be at least 1 ms, or 0 for %v", c.Tick, DefaultTick)
	}
	if c.Limits.Min < 0 || c.Limits.Max < c.Limits.Min || c.Limits.Max > decide.MaxReplicas {
		bad("Limits are %d to %d: they must lie in order in 0 to %d", c.Limits.Min, c.Limits.Max, decide.MaxReplicas)
	}
	if c.Initial < c.Limits.Min || c.Initial > c.Limits.Max {
		bad("Initial is %d: it must lie within Limits, %d to %d", c.Initial, c.Limits.Min, c.Limits.Max)
	}
	if o := c.Objective; o.TTFT < 0 || o.TPOT < 0 || o.LongPrompt.Above < 0 || o.LongPrompt.PerToken < 0 {
		bad("Objective is %+v: nothing in it may be negative", o)
	}
	for i, f := range c.Faults {
		if f.At < 0 || f.Replicas < 0 {
			bad("Faults[%d] is %+v: neither may be negative", i, f)
		}
	}
	return errors.Join(errs...)
}
