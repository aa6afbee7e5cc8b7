package otel

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/evenkeel/evenkeel/signal"
)

// A Kind says what is taken from an instrument.
type Kind uint8

// The kinds. [Auto] stands for [Distribution] if the Def has a quantile, for
// [Rate] if its unit is per second ("/s" at its end), and for [Level] otherwise.
const (
	Auto         Kind = iota
	Rate              // what a counter counts, or how many values a histogram gets, per second
	Level             // what a gauge or up-down counter shows
	Distribution      // the values of a histogram
)

var kindNames = [...]string{"auto", "rate", "level", "distribution"}

// String returns the lower-case name of k.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// A Signal is one signal read from one instrument.
type Signal struct {
	// Def of the signal. Required.
	Def signal.Def
	// Instrument is the instrument's name, in any scope. Required.
	Instrument string
	// Kind of reading. Default: see [Auto].
	Kind Kind
	// Where limits the reading to series that have all these attributes. Empty:
	// all series. Several series become one number: rates and up-down counters
	// add up; gauges do what Def.Merge says, the largest for [signal.MergeP90].
	Where []attribute.KeyValue
}

// Config configures a [Source].
type Config struct {
	// Signals to read. At least one.
	Signals []Signal
	// Window over which rates and distributions are taken. Default
	// [signal.DefaultWindow].
	Window time.Duration
	// MaxSeries is how many attribute sets per instrument the reader keeps apart.
	// Default: the provider's limit, 2,000 unless set otherwise.
	MaxSeries int
	// Logger is told when callbacks of the program's instruments fail. nil: nobody.
	Logger *slog.Logger
}

// withDefaults returns c with its zero fields filled in, sharing no memory.
func (c Config) withDefaults() Config {
	if c.Window == 0 {
		c.Window = signal.DefaultWindow
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	signals := make([]Signal, len(c.Signals))
	for i, s := range c.Signals {
		s.Def = s.Def.WithDefaults()
		s.Where = append([]attribute.KeyValue(nil), s.Where...)
		if s.Kind == Auto {
			switch {
			case s.Def.Quantile != 0:
				s.Kind = Distribution
			case strings.HasSuffix(string(s.Def.Unit), "/s"):
				s.Kind = Rate
			default:
				s.Kind = Level
			}
		}
		signals[i] = s
	}
	c.Signals = signals
	return c
}

func (c Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(c.Signals) == 0 {
		bad("Signals is empty: name at least one")
	}
	if c.Window < 0 {
		bad("Window is %v: it must not be negative", c.Window)
	}
	if c.MaxSeries < 0 {
		bad("MaxSeries is %d: it must not be negative", c.MaxSeries)
	}
	for i, s := range c.Signals {
		if s.Instrument == "" {
			bad("Signals[%d].Instrument is empty: give the instrument's name", i)
		}
		if int(s.Kind) >= len(kindNames) {
			bad("Signals[%d].Kind is %v: use one of the otel.Kind constants", i, s.Kind)
		}
		if (s.Kind == Distribution) != (s.Def.Quantile != 0) {
			bad("Signals[%d].Kind is %v and Def.Quantile %v: a distribution needs a quantile, others take none", i, s.Kind, s.Def.Quantile)
		}
	}
	return errors.Join(errs...)
}
