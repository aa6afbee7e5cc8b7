package actuate

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Defaults of [Config].
const (
	DefaultTick     = 5 * time.Second
	DefaultFailures = 5
	DefaultCooldown = 30 * time.Second
)

// A Config describes an [Actuator]. Only Target is required.
type Config struct {
	Target Target
	// Tick is the time between two calls of Apply; the default of Within follows
	// from it. Default [DefaultTick].
	Tick time.Duration
	// Within bounds one Apply, with all its attempts and the waits between them.
	// The context given to Apply may shorten it. Default: half a Tick.
	Within time.Duration
	// Attempt bounds each single call to the Target. Default: half of Within.
	Attempt time.Duration
	// Failures in a row after which the breaker opens. Default [DefaultFailures].
	Failures int
	// Cooldown is how long an open breaker leaves the Target alone before it lets
	// one call try. Default [DefaultCooldown].
	Cooldown time.Duration
	// DryRun: the status is read and the Result says what would be done, but
	// nothing is ever written.
	DryRun bool
	// Pause holds one direction or both from the start; see [Actuator.SetPause].
	Pause Pause
	// Term under which writes are made; see [Actuator.Lead]. Default: that of
	// [Solo].
	Term Term
	// Logger for what an operator should know. Default: discard.
	Logger *slog.Logger
}

// A Pause holds scaling in one direction, or in both. A paused Apply writes
// nothing and is no error.
type Pause struct {
	Up   bool `json:"up,omitempty"`
	Down bool `json:"down,omitempty"`
}

func (c Config) withDefaults() Config {
	if c.Tick == 0 {
		c.Tick = DefaultTick
	}
	if c.Within == 0 {
		c.Within = c.Tick / 2
	}
	if c.Attempt == 0 {
		c.Attempt = c.Within / 2
	}
	if c.Failures == 0 {
		c.Failures = DefaultFailures
	}
	if c.Cooldown == 0 {
		c.Cooldown = DefaultCooldown
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
		errs = append(errs, fmt.Errorf("evenkeel: actuate: "+format, args...))
	}
	if c.Target == nil {
		bad("Config.Target is nil: give the thing to scale")
	}
	for _, d := range []struct {
		name string
		is   time.Duration
	}{{"Tick", c.Tick}, {"Within", c.Within}, {"Attempt", c.Attempt}, {"Cooldown", c.Cooldown}} {
		if d.is <= 0 {
			bad("Config.%s is %v: it must be positive, or 0 for the default", d.name, d.is)
		}
	}
	if c.Attempt > c.Within && c.Within > 0 {
		bad("Config.Attempt is %v, longer than Within (%v): give one attempt less time, or all of them more", c.Attempt, c.Within)
	}
	if c.Failures < 0 {
		bad("Config.Failures is %d: it must be positive, or 0 for the default", c.Failures)
	}
	return errors.Join(errs...)
}
