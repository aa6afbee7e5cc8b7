package otel

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/evenkeel/evenkeel/signal"
)

// scope is the name of the meter that publishes.
const scope = "github.com/evenkeel/evenkeel"

// PoolKey is the attribute that tells apart signals of the same name.
const PoolKey = attribute.Key("evenkeel.pool")

// A Publication is what to publish.
type Publication struct {
	// Samples become observable gauges named and measured as Schema says. Samples
	// returns the latest, in the order of Schema; only fresh ones are published,
	// so that a value that is no longer measured is no longer shown. It is called
	// at each collection of each reader: it must be quick, may be called from
	// several goroutines, must not keep on writing to what it returned, and must
	// not call into OpenTelemetry.
	Schema  *signal.Schema
	Samples func() []signal.Sample
	// Totals become observable counters.
	Totals []Total
	// Tables become observable counters and gauges with attributes.
	Tables []Table
}

// A Total is an amount that only grows, such as that of a [signal.Counter].
type Total struct {
	signal.Key
	// Unit of the amount, as in [signal.Requests].
	Unit signal.Unit
	// Read returns the amount. The rules are those of Publication.Samples.
	Read func() float64
}

// A Registration is a publication under way.
type Registration struct {
	registration metric.Registration
}

// Close ends the publication. The instruments stay known to the provider, and
// report nothing more. It must not be called from a callback of an instrument,
// where it would wait for itself.
func (r *Registration) Close() error { return r.registration.Unregister() }

// Publish makes the instruments of p on the provider and keeps them up to date
// until the registration is closed. It starts nothing: the provider's readers
// ask when they collect.
func Publish(provider metric.MeterProvider, p Publication) (*Registration, error) {
	if err := p.validate(); err != nil {
		return nil, fmt.Errorf("evenkeel: publish: %w", err)
	}
	meter := provider.Meter(scope)
	var (
		instruments []metric.Observable
		gauges      []metric.Float64ObservableGauge // by position in the schema
		counters    []metric.Float64ObservableCounter
		options     []metric.ObserveOption // of gauges, then counters
		errs        []error
		byName      = map[string]metric.Observable{}
	)
	for _, d := range p.defs() {
		g, ok := byName[d.Name].(metric.Float64ObservableGauge)
		if !ok {
			var err error
			g, err = meter.Float64ObservableGauge(d.Name, metric.WithUnit(string(d.Unit)))
			errs = append(errs, err)
			byName[d.Name] = g
			instruments = append(instruments, g)
		}
		gauges = append(gauges, g)
		options = append(options, poolOption(d.Pool))
	}
	for _, t := range p.Totals {
		c, ok := byName[t.Name].(metric.Float64ObservableCounter)
		if !ok {
			var err error
			c, err = meter.Float64ObservableCounter(t.Name, metric.WithUnit(string(t.Unit)))
			errs = append(errs, err)
			byName[t.Name] = c
			instruments = append(instruments, c)
		}
		counters = append(counters, c)
		options = append(options, poolOption(t.Pool))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("evenkeel: publish: %w", err)
	}
	tables := make([]table, len(p.Tables))
	for i, t := range p.Tables {
		var err error
		if tables[i], err = t.instruments(meter); err != nil {
			return nil, fmt.Errorf("evenkeel: publish: %w", err)
		}
		instruments = append(instruments, tables[i].columns...)
	}
	registration, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		if p.Samples != nil {
			for i, v := range p.Samples() {
				if i < len(gauges) && v.OK() {
					o.ObserveFloat64(gauges[i], v.Value, options[i])
				}
			}
		}
		for i, t := range p.Totals {
			o.ObserveFloat64(counters[i], t.Read(), options[len(gauges)+i])
		}
		for _, t := range tables {
			t.observe(o)
		}
		return nil
	}, instruments...)
	if err != nil {
		return nil, fmt.Errorf("evenkeel: publish: %w", err)
	}
	return &Registration{registration}, nil
}

func poolOption(pool string) metric.ObserveOption {
	if pool == "" {
		return metric.WithAttributeSet(*attribute.EmptySet())
	}
	return metric.WithAttributeSet(attribute.NewSet(PoolKey.String(pool)))
}

func (p *Publication) defs() []signal.Def {
	if p.Schema == nil {
		return nil
	}
	return p.Schema.Defs()
}

func (p *Publication) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if (p.Schema == nil) != (p.Samples == nil) {
		bad("only one of Schema and Samples is set: set both, or neither to publish totals alone")
	}
	if p.Schema == nil && len(p.Totals) == 0 && len(p.Tables) == 0 {
		bad("nothing to publish: set Schema and Samples, Totals or Tables")
	}
	type use struct {
		unit  signal.Unit
		total bool
	}
	names := map[string]use{}
	check := func(k signal.Key, u use) {
		if old, ok := names[k.Name]; ok && old != u {
			bad("%v: the name is used twice with different units, or as a sample and a total: rename one", k)
		}
		names[k.Name] = u
	}
	for _, d := range p.defs() {
		check(d.Key, use{d.Unit, false})
	}
	keys := map[signal.Key]bool{}
	for i, t := range p.Totals {
		check(t.Key, use{t.Unit, true})
		if keys[t.Key] {
			bad("Totals[%d]: %v is there twice: give it another name or pool", i, t.Key)
		}
		keys[t.Key] = true
		if t.Read == nil {
			bad("Totals[%d].Read is nil: give a function that returns the amount", i)
		}
	}
	for i, t := range p.Tables {
		if len(t.Columns) == 0 || t.Rows == nil {
			bad("Tables[%d] has no Columns or no Rows: set both", i)
		}
		for _, c := range t.Columns {
			k := signal.Key{Name: c.Name, Pool: t.Pool}
			check(k, use{c.Unit, c.Total})
			if keys[k] {
				bad("Tables[%d]: %v is there twice: give it another name or pool", i, k)
			}
			keys[k] = true
		}
	}
	return errors.Join(errs...)
}
