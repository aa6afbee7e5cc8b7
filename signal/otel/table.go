package otel

import (
	"math"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/evenkeel/evenkeel/signal"
)

// A Table is instruments that share their attributes: requests offered, admitted
// and shed, by class.
type Table struct {
	// Pool is the attribute [PoolKey] of all rows, unless empty.
	Pool string
	// Columns are the instruments.
	Columns []Column
	// Rows calls row for each set of attributes, with a value for each column; NaN
	// where there is none. What rows are there may change, and so many are kept by
	// whoever collects, so that there must be few: a reason, a class, no user's
	// name. No two rows may have the same attributes. The rules are those of
	// Publication.Samples.
	Rows func(row func(values []float64, attrs ...attribute.KeyValue))
}

// A Column is one instrument of a [Table].
type Column struct {
	Name string
	Unit signal.Unit
	// Total says that the values only grow, so that they become a counter. Default:
	// a gauge.
	Total bool
}

// A table is a Table on a meter.
type table struct {
	Table
	columns []metric.Observable
	pool    []attribute.KeyValue
}

// instruments makes the columns. The provider returns the same instrument for the
// same name, so that pools share them.
func (t Table) instruments(meter metric.Meter) (table, error) {
	made := table{Table: t}
	if t.Pool != "" {
		made.pool = []attribute.KeyValue{PoolKey.String(t.Pool)}
	}
	for _, c := range t.Columns {
		var o metric.Observable
		var err error
		if c.Total {
			o, err = meter.Float64ObservableCounter(c.Name, metric.WithUnit(string(c.Unit)))
		} else {
			o, err = meter.Float64ObservableGauge(c.Name, metric.WithUnit(string(c.Unit)))
		}
		if err != nil {
			return table{}, err
		}
		made.columns = append(made.columns, o)
	}
	return made, nil
}

// observe reports every row.
func (t *table) observe(to metric.Observer) {
	t.Rows(func(values []float64, attrs ...attribute.KeyValue) {
		set := metric.WithAttributeSet(attribute.NewSet(append(attrs, t.pool...)...))
		for i, v := range values[:min(len(values), len(t.columns))] {
			if !math.IsNaN(v) {
				to.ObserveFloat64(t.columns[i].(metric.Float64Observable), v, set)
			}
		}
	})
}
