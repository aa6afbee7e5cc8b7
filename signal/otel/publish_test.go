package otel

import (
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/evenkeel/evenkeel/signal"
)

// shown collects what a reader sees as name{pool} unit -> value.
func shown(t *testing.T, reader sdkmetric.Reader) map[string]float64 {
	t.Helper()
	var rm metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &rm); err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, s := range rm.ScopeMetrics {
		for _, m := range s.Metrics {
			var points []metricdata.DataPoint[float64]
			switch d := m.Data.(type) {
			case metricdata.Gauge[float64]:
				points = d.DataPoints
			case metricdata.Sum[float64]:
				if !d.IsMonotonic {
					t.Errorf("%s is not monotonic", m.Name)
				}
				points = d.DataPoints
			}
			for _, p := range points {
				pool, _ := p.Attributes.Value(PoolKey)
				key := signal.Key{Name: m.Name, Pool: pool.AsString()}
				out[key.String()+" "+m.Unit] = p.Value
			}
		}
	}
	return out
}

func TestPublish(t *testing.T) {
	schema := must(signal.NewSchema(
		signal.Def{Key: signal.Key{Name: "evenkeel.queue.requests", Pool: "chat"}, Unit: signal.Requests},
		signal.Def{Key: signal.Key{Name: "evenkeel.queue.requests", Pool: "embed"}, Unit: signal.Requests},
		signal.Def{Key: signal.Key{Name: "evenkeel.saturation"}, Unit: signal.Ratio},
	))
	snap := signal.NewSnapshot(schema)
	snap.Set(0, signal.Value(3))
	snap.Set(1, signal.Value(4))
	now := time.Now()
	shed := signal.NewCounter(0, 0)
	shed.Add(now, 12)

	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	reg, err := Publish(provider, Publication{
		Schema:  schema,
		Samples: snap.Samples,
		Totals:  []Total{{Key: signal.Key{Name: "evenkeel.shed"}, Unit: signal.Requests, Read: shed.Total}},
	})
	if err != nil {
		t.Fatal(err)
	}
	check := func(want map[string]float64) {
		t.Helper()
		got := shown(t, reader)
		for k, v := range want {
			if g, ok := got[k]; !ok || g != v {
				t.Errorf("%s: %v, %v; want %v", k, g, ok, v)
			}
		}
		if len(got) != len(want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	check(map[string]float64{
		"evenkeel.queue.requests{chat} {request}":  3,
		"evenkeel.queue.requests{embed} {request}": 4,
		"evenkeel.shed {request}":                  12,
	})
	snap.Set(2, signal.Value(0.5))
	snap.Set(1, signal.Sample{Value: 4, Age: time.Minute, Quality: signal.Fresh}) // stale: not shown
	shed.Add(now, 1)
	check(map[string]float64{
		"evenkeel.queue.requests{chat} {request}": 3,
		"evenkeel.saturation 1":                   0.5,
		"evenkeel.shed {request}":                 13,
	})
	if err := reg.Close(); err != nil {
		t.Fatal(err)
	}
	check(nil)
}

func TestPublishRefuses(t *testing.T) {
	key := signal.Key{Name: "x"}
	schema := must(signal.NewSchema(signal.Def{Key: key, Unit: signal.Requests}))
	units := must(signal.NewSchema(
		signal.Def{Key: signal.Key{Name: "x", Pool: "a"}, Unit: signal.Requests},
		signal.Def{Key: signal.Key{Name: "x", Pool: "b"}, Unit: signal.Bytes},
	))
	none := func() []signal.Sample { return nil }
	zero := func() float64 { return 0 }
	tests := []struct {
		name string
		in   Publication
		want string
	}{
		{"nothing", Publication{}, "nothing to publish"},
		{"no samples", Publication{Schema: schema}, "only one of"},
		{"no schema", Publication{Samples: none}, "only one of"},
		{"units", Publication{Schema: units, Samples: none}, "x{b}: the name is used twice"},
		{"sample and total", Publication{Schema: schema, Samples: none, Totals: []Total{{key, signal.Requests, zero}}}, "used twice"},
		{"total twice", Publication{Totals: []Total{{key, signal.Requests, zero}, {key, signal.Requests, zero}}}, "Totals[1]: x is there twice"},
		{"no read", Publication{Totals: []Total{{key, signal.Requests, nil}}}, "Totals[0].Read is nil"},
		{"name", Publication{Totals: []Total{{signal.Key{Name: "0 bad name"}, signal.Requests, zero}}}, "0 bad name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			reader := sdkmetric.NewManualReader()
			provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
			reg, err := Publish(provider, tt.in)
			if reg != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, %v; want %q", reg, err, tt.want)
			}
		})
	}
}

func TestPublishATable(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	reason := attribute.Key("evenkeel.reason")
	table := func(pool string, n float64) Table {
		return Table{Pool: pool, Columns: []Column{{"evenkeel.requests.shed", signal.Requests, true}, {"evenkeel.shed.share", signal.Ratio, false}},
			Rows: func(row func([]float64, ...attribute.KeyValue)) {
				row([]float64{n, 0.5}, reason.String("saturated"))
				row([]float64{n + 1, math.NaN()}, reason.String("draining"))
			}}
	}
	reg, err := Publish(provider, Publication{Tables: []Table{table("a", 3), table("b", 7)}})
	if err != nil {
		t.Fatal(err)
	}
	var rm metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &rm); err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, m := range rm.ScopeMetrics[0].Metrics {
		var points []metricdata.DataPoint[float64]
		switch d := m.Data.(type) {
		case metricdata.Gauge[float64]:
			points = d.DataPoints
		case metricdata.Sum[float64]:
			points = d.DataPoints
		}
		for _, p := range points {
			pool, _ := p.Attributes.Value(PoolKey)
			why, _ := p.Attributes.Value(reason)
			got[m.Name+" "+pool.AsString()+" "+why.AsString()] = p.Value
		}
	}
	want := map[string]float64{
		"evenkeel.requests.shed a saturated": 3, "evenkeel.requests.shed a draining": 4, "evenkeel.shed.share a saturated": 0.5,
		"evenkeel.requests.shed b saturated": 7, "evenkeel.requests.shed b draining": 8, "evenkeel.shed.share b saturated": 0.5,
	}
	if !maps.Equal(got, want) {
		t.Errorf("published %v, want %v", got, want)
	}
	if err := reg.Close(); err != nil {
		t.Error(err)
	}
	for name, bad := range map[string]Publication{
		"there is no column": {Tables: []Table{{Rows: table("", 1).Rows}}},
		"there is no row":    {Tables: []Table{{Columns: table("", 1).Columns}}},
		"one comes twice":    {Tables: []Table{table("a", 1), table("a", 1)}},
	} {
		if _, err := Publish(provider, bad); err == nil {
			t.Errorf("published where %s", name)
		}
	}
}
