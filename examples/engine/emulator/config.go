package emulator

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/decide/simulate/llm"
)

// A Config says what to emulate. Only Model is required.
type Config struct {
	// Model gives the timing and the bounds. Its KVTokens must be set.
	Model llm.Model
	// ServedName is the model's name in requests and metrics. Default: Model.Name.
	ServedName string
	// Startup is how long Run loads before it serves. Default 0.
	Startup time.Duration
	// Jitter is the standard deviation of the step time, as a share of it, 0 to
	// 0.3. Real engines show 0.05 to 0.15 between tokens. Default 0: none.
	Jitter float64
	// Seed makes the jitter repeatable.
	Seed uint64
	// MaxQueue bounds the requests that wait. Default 1024.
	MaxQueue int
	// Listener is what Run serves on, and closes. Default nil: Run only drives the
	// engine, and the caller serves Handler.
	Listener net.Listener
	// Faults befall the engine while it runs.
	Faults []Fault
	// Log is told of the start, the end and faults. Default: discarded.
	Log *slog.Logger
}

// validate reports every field that makes no sense, joined.
func (c Config) validate() error {
	errs := []error{c.Model.Validate()}
	if c.Model.KVTokens == 0 {
		errs = append(errs, errors.New("evenkeel: emulator.Config: Model.KVTokens is 0; give the capacity in tokens"))
	}
	if c.Startup < 0 {
		errs = append(errs, fmt.Errorf("evenkeel: emulator.Config: Startup is %v; give 0 or more", c.Startup))
	}
	if !(c.Jitter >= 0 && c.Jitter <= 0.3) {
		errs = append(errs, fmt.Errorf("evenkeel: emulator.Config: Jitter is %v; give 0 to 0.3", c.Jitter))
	}
	if c.MaxQueue < 0 {
		errs = append(errs, fmt.Errorf("evenkeel: emulator.Config: MaxQueue is %d; give 1 or more, or 0 for 1024", c.MaxQueue))
	}
	for _, f := range c.Faults {
		errs = append(errs, f.validate())
	}
	return errors.Join(errs...)
}

// withDefaults fills the fields that are zero.
func (c Config) withDefaults() Config {
	if c.ServedName == "" {
		c.ServedName = c.Model.Name
	}
	if c.MaxQueue == 0 {
		c.MaxQueue = 1024
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// A Fault is something that goes wrong with the engine.
type Fault struct {
	// After is the time from the start of Run. It may fall into the start-up.
	After time.Duration
	// Slow multiplies the time of every step, 0.01 to 1000; 1 is sound again. 0
	// leaves the speed as it is.
	Slow float64
	// Hang makes the engine accept connections and answer nothing.
	Hang bool
	// Crash ends Run with ErrCrashed and breaks off every connection.
	Crash bool
}

// validate reports the first thing that is wrong with f.
func (f Fault) validate() error {
	if f.After < 0 {
		return fmt.Errorf("evenkeel: emulator fault: After is %v; give 0 or more", f.After)
	}
	if f.Slow != 0 {
		return checkSlow(f.Slow)
	}
	if !f.Hang && !f.Crash {
		return errors.New("evenkeel: emulator fault: nothing is set; give Slow, Hang or Crash")
	}
	return nil
}

// checkSlow is for flags, Config and the endpoint alike. The bounds keep a step
// between microseconds and hours.
func checkSlow(factor float64) error {
	if math.IsNaN(factor) || factor < 0.01 || factor > 1000 {
		return fmt.Errorf("evenkeel: emulator fault: slow is %v; give a factor of 0.01 to 1000", factor)
	}
	return nil
}

// ParseFault reads a fault as a flag gives it: slow=FACTOR, hang or crash, with
// @DURATION after it for later than at once.
func ParseFault(v string) (Fault, error) {
	var f Fault
	what, after, later := strings.Cut(v, "@")
	if later {
		d, err := time.ParseDuration(after)
		if err != nil {
			return Fault{}, fmt.Errorf("%q is not a time; give one such as 30s", after)
		}
		f.After = d
	}
	factor, slow := strings.CutPrefix(what, "slow=")
	switch {
	case what == "hang":
		f.Hang = true
	case what == "crash":
		f.Crash = true
	case slow:
		x, err := strconv.ParseFloat(factor, 64)
		if err != nil || x == 0 {
			return Fault{}, fmt.Errorf("%q is not a factor; give one such as slow=2", factor)
		}
		f.Slow = x
	default:
		return Fault{}, fmt.Errorf("%q is no fault; give slow=FACTOR, hang or crash", what)
	}
	return f, f.validate()
}
