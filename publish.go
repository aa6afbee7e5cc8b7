package evenkeel

import (
	"errors"
	"fmt"

	"github.com/evenkeel/evenkeel/signal"
	"github.com/evenkeel/evenkeel/signal/otel"
)

// Names of the counters that are published beside the signals.
const (
	metricOffered  = "evenkeel.requests.offered"
	metricAdmitted = "evenkeel.requests.admitted"
	metricShed     = "evenkeel.requests.shed"
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
	for _, l := range k.loops {
		r, err := otel.Publish(k.cfg.MeterProvider, l.publication())
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

func (l *loop) publication() otel.Publication {
	p := otel.Publication{
		Schema: l.collector.Schema(),
		Samples: func() []signal.Sample {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.view.samples
		},
	}
	if l.Gate == nil {
		return p
	}
	total := func(name string, read func() uint64) {
		p.Totals = append(p.Totals, otel.Total{
			Key:  signal.Key{Name: name, Pool: l.gatePool},
			Unit: signal.Requests,
			Read: func() float64 { return float64(read()) },
		})
	}
	total(metricOffered, func() uint64 { return l.Gate.Stats().Offered })
	total(metricAdmitted, func() uint64 { return l.Gate.Stats().Admitted })
	total(metricShed, func() uint64 { return l.Gate.Stats().Shed.Total() })
	return p
}
