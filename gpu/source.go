package gpu

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/signal"
)

// Names of the signals of a [Source]. The first two are those of the semantic
// conventions for hardware.
const (
	// NameUtilization is the utilisation, 0 to 1, that nine tenths of the devices
	// do not exceed, of this server's and then of the members'.
	NameUtilization = "hw.gpu.utilization"
	// NameMemory is the memory utilisation, 0 to 1, of the fullest device.
	NameMemory = "hw.gpu.memory.utilization"
	// NameSick is the number of devices that are not well.
	NameSick = "evenkeel.gpu.sick"
)

// Config configures a [Source].
type Config struct {
	// Reader of the devices. Required; [None] where there are none.
	Reader Reader
	// Pool of the signals' keys. Default: none.
	Pool string
	// MaxAge of the signals. Default [signal.DefaultMaxAge].
	MaxAge time.Duration
}

// A Source makes signals of what a Reader says. It is a [signal.Source].
type Source struct {
	reader Reader
	defs   []signal.Def
}

// NewSource returns a source of [NameUtilization], [NameMemory] and [NameSick].
func NewSource(config Config) (*Source, error) {
	key := func(name string) signal.Key { return signal.Key{Name: name, Pool: config.Pool} }
	s := &Source{reader: config.Reader, defs: []signal.Def{
		{Key: key(NameUtilization), Unit: signal.Ratio, Merge: signal.MergeP90, MaxAge: config.MaxAge},
		{Key: key(NameMemory), Unit: signal.Ratio, Merge: signal.MergeMax, MaxAge: config.MaxAge},
		{Key: key(NameSick), Unit: "{gpu}", Merge: signal.MergeSum, MaxAge: config.MaxAge},
	}}
	var errs []error
	if config.Reader == nil {
		errs = append(errs, errors.New("Reader is nil: give one, or gpu.None{} where there is no GPU"))
	}
	if config.MaxAge < 0 {
		errs = append(errs, fmt.Errorf("MaxAge is %v: it must not be negative", config.MaxAge))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("evenkeel: gpu source: %w", err)
	}
	return s, nil
}

// Defs returns the three signals.
func (s *Source) Defs() []signal.Def { return slices.Clone(s.defs) }

// Collect asks the Reader. Where no device knows its utilisation or memory, that
// signal is not set, and so ages.
func (s *Source) Collect(ctx context.Context, into *signal.Snapshot) error {
	all, err := s.reader.Read(ctx)
	if err != nil {
		return fmt.Errorf("evenkeel: gpu source: %w", err)
	}
	var (
		busy, full []float64
		sick       float64
	)
	for _, d := range all {
		if u := d.Usage.Utilization; u.Known {
			busy = append(busy, u.Value)
		}
		if m := d.Usage.MemoryUtilization(); m.Known {
			full = append(full, m.Value)
		}
		if d.Health.Sick() {
			sick++
		}
	}
	if n := len(busy); n > 0 {
		slices.Sort(busy)
		into.Set(0, signal.Value(busy[(9*n+9)/10-1])) // nearest rank
	}
	if len(full) > 0 {
		into.Set(1, signal.Value(slices.Max(full)))
	}
	if len(all) > 0 {
		into.Set(2, signal.Value(sick))
	}
	return nil
}
