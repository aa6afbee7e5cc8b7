package evenkeel

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/signal"
	"github.com/evenkeel/evenkeel/signal/otel"
)

// published collects what a reader sees, by name and pool attribute; what has
// other attributes too is added up.
func published(t *testing.T, reader sdkmetric.Reader) map[signal.Key]float64 {
	t.Helper()
	var rm metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &rm); err != nil {
		t.Fatal(err)
	}
	out := make(map[signal.Key]float64)
	for _, s := range rm.ScopeMetrics {
		for _, m := range s.Metrics {
			var points []metricdata.DataPoint[float64]
			switch d := m.Data.(type) {
			case metricdata.Gauge[float64]:
				points = d.DataPoints
			case metricdata.Sum[float64]:
				points = d.DataPoints
			}
			for _, p := range points {
				pool, _ := p.Attributes.Value(otel.PoolKey)
				key := signal.Key{Name: m.Name, Pool: pool.AsString()}
				if _, twice := out[key]; twice && p.Attributes.Len() < 2 {
					t.Errorf("%v is there twice", key)
				}
				out[key] += p.Value
			}
		}
	}
	return out
}

func TestPublish(t *testing.T) {
	for _, tc := range []struct {
		name  string
		pools []string // of the gates; the pools are a and b
		want  []string // the attributes
	}{
		{"gates without a name", []string{"", ""}, []string{"a", "b"}},
		{"gates of one name", []string{"x", "x"}, []string{"x", "b"}},
		{"gates with names of their own", []string{"x", "y"}, []string{"x", "y"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reader := sdkmetric.NewManualReader()
				cfg := Config{Tick: time.Second, MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))}
				var gates []*backpressure.Gate
				for i, name := range tc.pools {
					gate := newGate(t, backpressure.Config{Pool: name})
					l := &load{}
					l.value.Store(int64(i + 5))
					gates = append(gates, gate)
					cfg.Pools = append(cfg.Pools, Pool{Name: string(rune('a' + i)), Gate: gate, Sources: []signal.Source{l}})
				}
				k, err := New(cfg)
				if err != nil {
					t.Fatal(err)
				}
				if got := published(t, reader); len(got) != 0 {
					t.Errorf("published before Run: %v", got)
				}
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- k.Run(ctx) }()
				for i, gate := range gates {
					for n := range i + 2 {
						p, err := gate.Acquire(t.Context(), backpressure.Cost{Prompt: 10})
						if err != nil {
							t.Fatal(err)
						}
						if n > 0 { // one stays
							p.Release()
						} else {
							defer p.Release()
						}
					}
				}
				if err := gates[1].Drain(expired(t)); err == nil {
					t.Error("drained with a request running")
				}
				if _, err := gates[1].Acquire(t.Context(), backpressure.Cost{}); err == nil {
					t.Error("admitted while draining")
				}
				time.Sleep(1100 * time.Millisecond)
				got := published(t, reader)
				for key, want := range map[signal.Key]float64{
					{Name: "evenkeel.requests.offered", Pool: tc.want[0]}:  2,
					{Name: "evenkeel.requests.admitted", Pool: tc.want[0]}: 2,
					{Name: "evenkeel.requests.shed", Pool: tc.want[0]}:     0,
					{Name: "evenkeel.requests.offered", Pool: tc.want[1]}:  4,
					{Name: "evenkeel.requests.admitted", Pool: tc.want[1]}: 3,
					{Name: "evenkeel.requests.shed", Pool: tc.want[1]}:     1,
					{Name: signal.NameInFlight, Pool: tc.want[0]}:          1,
					{Name: signal.NameInFlight, Pool: tc.want[1]}:          1,
					{Name: loadKey.Name, Pool: "a"}:                        5,
					{Name: loadKey.Name, Pool: "b"}:                        6,
				} {
					if v, ok := got[key]; !ok || v != want {
						t.Errorf("%v is %v, %v; want %v", key, v, ok, want)
					}
				}
				cancel()
				if err := <-done; err != nil {
					t.Errorf("Run: %v", err)
				}
				if got := published(t, reader); len(got) != 0 {
					t.Errorf("published after Run: %v", got)
				}
			})
		})
	}
}

// expired returns a context that is over.
func expired(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// A provider that refuses an instrument stops Run before anything starts.
func TestRunRefusesWhatCannotBePublished(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	r := newRig(t, func(c *Config) {
		c.MeterProvider = sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
		c.Pools[0].Policy.Signals = nil
		c.Pools[0].Sources = append(c.Pools[0].Sources, &unpublishable{})
	})
	if err := r.keel.Run(t.Context()); err == nil || r.fleet.Reads() != 0 {
		t.Errorf("Run: %v after %d readings of the fleet; want an error and none", err, r.fleet.Reads())
	}
	if got := published(t, reader); len(got) != 0 {
		t.Errorf("published all the same: %v", got)
	}
}

type unpublishable struct{ load }

func (*unpublishable) Defs() []signal.Def {
	return []signal.Def{{Key: signal.Key{Name: "0 no name"}, Unit: signal.Requests}}
}

// What a gate counts is told apart by class, reason and route, and by tenants that
// nobody can name.
func TestPublishOfAGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := newGate(t, backpressure.Config{})
		acquire := func(c backpressure.Caller, want bool) {
			t.Helper()
			p, err := gate.Acquire(backpressure.WithCaller(t.Context(), c), backpressure.Cost{Prompt: 10})
			if (err == nil) != want {
				t.Fatalf("%+v: %v", c, err)
			}
			p.Release()
		}
		acquire(backpressure.Caller{Tenant: "acme"}, true)
		acquire(backpressure.Caller{Tenant: "acme", Class: backpressure.Sheddable}, true)
		if err := gate.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		acquire(backpressure.Caller{Class: backpressure.CriticalPlus}, false)

		got := map[string]float64{}
		for _, table := range gateTables(gate, "p") {
			table.Rows(func(values []float64, attrs ...attribute.KeyValue) {
				for i, v := range values {
					got[table.Columns[i].Name+" "+attrs[0].Value.AsString()] = v
				}
			})
		}
		label := gate.Stats().Tenants[0].Tenant
		if len(label) != 8 || strings.Contains(label, "acme") {
			t.Errorf("a tenant is shown as %q", label)
		}
		for key, want := range map[string]float64{
			metricOffered + " critical": 1, metricAdmitted + " critical": 1,
			metricOffered + " sheddable": 1, metricAdmitted + " sheddable": 1,
			metricOffered + " critical_plus": 1, metricAdmitted + " critical_plus": 0,
			metricShed + " draining": 1, metricShed + " saturated": 0,
			metricShare + " " + label: 1, metricRefused + " " + label: 0,
		} {
			if v, ok := got[key]; !ok || v != want {
				t.Errorf("%s is %v, %v; want %v", key, v, ok, want)
			}
		}
	})
}
