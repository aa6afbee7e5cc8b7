package otel

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/evenkeel/evenkeel/signal"
)

// maxBuckets of the reader's histograms. Over a range of 1 to 1,000 it leaves
// buckets of 2 %.
const maxBuckets = 320

// A Source reads instruments of this process as signals. It is a
// [signal.Source].
type Source struct {
	config Config
	reader *sdkmetric.ManualReader
	schema *signal.Schema

	mu     sync.Mutex
	data   metricdata.ResourceMetrics // the SDK reuses its memory
	states []state
	last   time.Time // of the last collection, zero before the first
	warned string
}

// A state is what a signal remembers between collections.
type state struct {
	seen   bool // it has reported once
	totals map[attribute.Distinct]float64
	history
}

// NewSource returns a source of the signals in config. Give its [Source.Reader]
// to the meter provider.
func NewSource(config Config) (*Source, error) {
	config = config.withDefaults()
	defs := make([]signal.Def, len(config.Signals))
	for i, s := range config.Signals {
		defs[i] = s.Def
	}
	schema, err := signal.NewSchema(defs...)
	if err := errors.Join(config.validate(), err); err != nil {
		return nil, fmt.Errorf("evenkeel: otel source: %w", err)
	}
	s := &Source{config: config, schema: schema, states: make([]state, len(defs))}
	for i := range s.states {
		s.states[i].window = config.Window
	}
	s.reader = sdkmetric.NewManualReader(
		sdkmetric.WithTemporalitySelector(temporality),
		sdkmetric.WithAggregationSelector(s.aggregation),
		sdkmetric.WithCardinalityLimitSelector(func(sdkmetric.InstrumentKind) (int, bool) {
			return config.MaxSeries, config.MaxSeries == 0
		}),
	)
	return s, nil
}

// Reader returns the reader to make the meter provider with, by
// [sdkmetric.WithReader]. A reader serves one provider.
func (s *Source) Reader() sdkmetric.Reader { return s.reader }

// Defs returns the signals, in the order of the config.
func (s *Source) Defs() []signal.Def { return s.schema.Defs() }

// temporality asks for differences, except of observable counters: the first
// difference of one is all it ever counted, perhaps long before it was an
// instrument. From totals the Source takes differences that start at the first.
func temporality(kind sdkmetric.InstrumentKind) metricdata.Temporality {
	if kind == sdkmetric.InstrumentKindObservableCounter {
		return metricdata.CumulativeTemporality
	}
	return sdkmetric.DeltaTemporalitySelector(kind)
}

// aggregation drops the kinds of instrument that no signal reads, so that the
// SDK neither keeps their values a second time nor runs their callbacks for us.
func (s *Source) aggregation(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	// Any signal's instrument might turn out to be of the wrong kind. That must be
	// an error and not look idle, so kinds are dropped only by what they cost:
	// those with callbacks, and histograms.
	var rate, level, dist bool
	for _, sig := range s.config.Signals {
		switch sig.Kind {
		case Rate:
			rate = true
		case Level:
			level = true
		default:
			dist = true
		}
	}
	switch kind {
	case sdkmetric.InstrumentKindHistogram:
		if rate || dist {
			return sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: maxBuckets, MaxScale: 20, NoMinMax: true}
		}
		return sdkmetric.AggregationDrop{}
	case sdkmetric.InstrumentKindObservableCounter:
		if !rate {
			return sdkmetric.AggregationDrop{}
		}
	case sdkmetric.InstrumentKindObservableGauge, sdkmetric.InstrumentKindObservableUpDownCounter:
		if !level {
			return sdkmetric.AggregationDrop{}
		}
	}
	return sdkmetric.DefaultAggregationSelector(kind)
}

// Collect reads the instruments. It fails once the provider has been shut down
// or if there is none, and if an instrument is not what its signal takes it for;
// failing callbacks of the program are logged, and make only their own
// instruments age.
func (s *Source) Collect(ctx context.Context, into *signal.Snapshot) error {
	if into.Schema().Hash() != s.schema.Hash() {
		return fmt.Errorf("%w: not that of this otel source", signal.ErrSchema)
	}
	s.mu.Lock()
	defer s.mu.Unlock()

	// The SDK fills both, if it comes to collecting. What is left of the last
	// collection must not pass for new.
	s.data.Resource, s.data.ScopeMetrics = nil, s.data.ScopeMetrics[:0]
	err := s.reader.Collect(ctx, &s.data)
	switch {
	case s.data.Resource == nil && errors.Is(err, sdkmetric.ErrReaderNotRegistered):
		return fmt.Errorf("evenkeel: otel source: %w: make the meter provider with sdkmetric.WithReader(source.Reader())", err)
	case s.data.Resource == nil && err != nil:
		return fmt.Errorf("evenkeel: otel source: %w", err)
	case err != nil && err.Error() != s.warned:
		s.warned = err.Error()
		s.config.Logger.WarnContext(ctx, "callbacks of OpenTelemetry instruments fail", "err", err)
	case err == nil:
		s.warned = ""
	}

	now := time.Now()
	var errs []error
	for i := range s.config.Signals {
		if err := s.collectOne(i, now, into); err != nil {
			sig := &s.config.Signals[i]
			errs = append(errs, fmt.Errorf("evenkeel: signal %v, instrument %q: %w", sig.Def.Key, sig.Instrument, err))
		}
	}
	s.last = now
	return errors.Join(errs...)
}

func (s *Source) collectOne(i int, now time.Time, into *signal.Snapshot) error {
	sig, st := &s.config.Signals[i], &s.states[i]
	var r reading
	for _, scope := range s.data.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name == sig.Instrument {
				sig.read(&r, m.Data)
			}
		}
	}
	if sig.Kind == Level {
		if r.seen && r.err == nil {
			into.Set(i, signal.Value(r.sum))
		}
		return r.err
	}
	// What was counted belongs to the history even if something else is wrong:
	// the SDK does not say it again.
	r.sum += st.growth(r.totals)
	switch {
	case st.seen: // idle if it says nothing
		st.push(now.Sub(s.last)).add(&r)
	case r.seen && r.totals == nil:
		st.push(now.Sub(r.start)).add(&r)
	}
	st.seen = st.seen || r.seen
	switch {
	case r.err != nil || len(st.past) == 0:
		return r.err
	case sig.Kind == Distribution:
		var d signal.Dist
		st.into(&d)
		into.SetDist(i, &d, 0)
	default:
		into.Set(i, signal.Value(st.perSecond()))
	}
	return nil
}

// growth returns by how much the series have grown since the last call. A series
// that is new has not grown; one that went down began anew.
func (st *state) growth(totals map[attribute.Distinct]float64) float64 {
	var sum float64
	for k, v := range totals {
		if before, ok := st.totals[k]; ok {
			if v < before {
				before = 0
			}
			sum += v - before
		}
	}
	st.totals = totals
	return sum
}
