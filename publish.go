package evenkeel

import (
	"errors"
	"fmt"
	"slices"

	"github.com/evenkeel/evenkeel/signal"
	"github.com/evenkeel/evenkeel/signal/otel"
)

// Names of the gauges that say what was decided, in the process that decides.
const (
	metricDesired = "evenkeel.replicas.desired"
	metricShadow  = "evenkeel.shadow.replicas.desired" // what the shadow would have
)

// publish makes every pool's signals observable on the user's provider, until
// the returned function is called.
func (k *Keel) publish() (stop func(), err error) {
	var open []*otel.Registration
	stop = func() {
		for _, r := range open {
			if err := r.Close(); err != nil {
				k.cfg.Logger.Warn("metrics not unregistered", "err", err)
			}
		}
	}
	if k.cfg.MeterProvider == nil {
		return stop, nil
	}
	var errs []error
	taken := make(map[signal.Key]bool)
	for _, l := range k.loops {
		p, err := l.publication(taken)
		var r *otel.Registration
		if err == nil {
			r, err = otel.Publish(k.cfg.MeterProvider, p)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("evenkeel: pool %q: %w", l.Name, err))
			continue
		}
		open = append(open, r)
	}
	if err := errors.Join(errs...); err != nil {
		stop()
		return nil, err
	}
	return stop, nil
}

// publication is what l publishes, under keys that no other pool has: two pools
// may well have signals of the same name.
func (l *loop) publication(taken map[signal.Key]bool) (otel.Publication, error) {
	own := func(k signal.Key) signal.Key {
		if k.Pool == "" || taken[k] {
			k.Pool = l.Name
		}
		return k
	}
	defs := l.collector.Schema().Defs()
	for i := range defs {
		defs[i].Key = own(defs[i].Key)
	}
	if l.decides {
		for _, name := range []string{metricDesired, metricShadow} {
			defs = append(defs, signal.Def{Key: own(signal.Key{Name: name}), Unit: signal.Replicas})
		}
	}
	for _, d := range defs {
		taken[d.Key] = true
	}
	schema, err := signal.NewSchema(defs...)
	if err != nil {
		return otel.Publication{}, err
	}
	p := otel.Publication{
		Schema: schema,
		Samples: func() []signal.Sample {
			l.mu.Lock()
			defer l.mu.Unlock()
			if !l.decides {
				return l.view.samples
			}
			return append(slices.Clip(l.view.samples), l.view.wanted()...)
		},
	}
	if l.Gate == nil {
		return p, nil
	}
	pool := l.gatePool
	for _, name := range gateMetrics {
		if taken[signal.Key{Name: name, Pool: pool}] || pool == "" {
			pool = l.Name
		}
	}
	p.Tables = gateTables(l.Gate, pool)
	for _, name := range gateMetrics {
		taken[signal.Key{Name: name, Pool: pool}] = true
	}
	return p, nil
}
