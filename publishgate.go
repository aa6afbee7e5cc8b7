package evenkeel

import (
	"go.opentelemetry.io/otel/attribute"

	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/signal"
	"github.com/evenkeel/evenkeel/signal/otel"
)

// Names of what is published of a gate beside its signals.
const (
	metricOffered   = "evenkeel.requests.offered"   // by class
	metricAdmitted  = "evenkeel.requests.admitted"  // by class
	metricPreempted = "evenkeel.requests.preempted" // by class
	metricShed      = "evenkeel.requests.shed"      // by reason
	metricDegraded  = "evenkeel.requests.degraded"  // by route
	metricShare     = "evenkeel.tenant.share"       // of what is asked for, by tenant
	metricRefused   = "evenkeel.tenant.refused"     // of what it asked for, by tenant
)

var gateMetrics = []string{metricOffered, metricAdmitted, metricPreempted, metricShed, metricDegraded, metricShare, metricRefused}

// The attributes. A tenant's is a hash that says nothing of its name and is
// another one in each process; at most sixteen are there at a time.
const (
	classKey  = attribute.Key("evenkeel.class")
	reasonKey = attribute.Key("evenkeel.reason")
	routeKey  = attribute.Key("evenkeel.route")
	tenantKey = attribute.Key("evenkeel.tenant")
)

// gateTables is what g has counted, told apart by what matters.
func gateTables(g *backpressure.Gate, pool string) []otel.Table {
	total := func(name string) otel.Column { return otel.Column{Name: name, Unit: signal.Requests, Total: true} }
	ratio := func(name string) otel.Column { return otel.Column{Name: name, Unit: signal.Ratio} }
	return []otel.Table{
		{Pool: pool, Columns: []otel.Column{total(metricOffered), total(metricAdmitted), total(metricPreempted)},
			Rows: func(row func([]float64, ...attribute.KeyValue)) {
				s := g.Stats()
				for c := backpressure.Sheddable; c <= backpressure.CriticalPlus; c++ {
					n := s.Class(c)
					if c == backpressure.Critical || n.Offered > 0 {
						row([]float64{float64(n.Offered), float64(n.Admitted), float64(n.Preempted)}, classKey.String(c.String()))
					}
				}
			}},
		{Pool: pool, Columns: []otel.Column{total(metricShed)},
			Rows: func(row func([]float64, ...attribute.KeyValue)) {
				s := g.Stats()
				for why, n := range s.Shed {
					if r := backpressure.Reason(why); n > 0 || r == backpressure.Saturated {
						row([]float64{float64(n)}, reasonKey.String(r.String()))
					}
				}
			}},
		{Pool: pool, Columns: []otel.Column{total(metricDegraded)},
			Rows: func(row func([]float64, ...attribute.KeyValue)) {
				s := g.Stats()
				for _, r := range s.Routes {
					row([]float64{float64(r.Taken)}, routeKey.String(r.Name))
				}
			}},
		{Pool: pool, Columns: []otel.Column{ratio(metricShare), ratio(metricRefused)},
			Rows: func(row func([]float64, ...attribute.KeyValue)) {
				s := g.Stats()
				for _, t := range s.Tenants {
					row([]float64{t.Share, t.Refused}, tenantKey.String(t.Tenant))
				}
			}},
	}
}
