package otel

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/evenkeel/evenkeel/signal"
)

// A rig is a source, a provider that it reads and a collector that asks it.
type rig struct {
	t        *testing.T
	source   *Source
	provider *sdkmetric.MeterProvider
	meter    metric.Meter
	snap     *signal.Snapshot
}

func newRig(t *testing.T, config Config, options ...sdkmetric.Option) *rig {
	t.Helper()
	source, err := NewSource(config)
	if err != nil {
		t.Fatal(err)
	}
	provider := sdkmetric.NewMeterProvider(append(options, sdkmetric.WithReader(source.Reader()))...)
	schema, err := signal.NewSchema(source.Defs()...)
	if err != nil {
		t.Fatal(err)
	}
	return &rig{t, source, provider, provider.Meter("test"), signal.NewSnapshot(schema)}
}

func (r *rig) collect() error { return r.source.Collect(r.t.Context(), r.snap) }

func (r *rig) mustCollect() {
	r.t.Helper()
	if err := r.collect(); err != nil {
		r.t.Fatal(err)
	}
}

// must is for what the API refuses only when misused.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func number(name, instrument string, unit signal.Unit) Signal {
	return Signal{Def: signal.Def{Key: signal.Key{Name: name}, Unit: unit}, Instrument: instrument}
}

func TestRateOfCounter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := Config{Window: 4 * time.Second, Signals: []Signal{
			number("rate", "requests", signal.RequestsPerSecond),
			number("never", "unknown", signal.RequestsPerSecond),
		}}
		r := newRig(t, config)
		r.mustCollect()
		if r.snap.At(0).Quality != signal.Absent {
			t.Error("a counter that does not exist has a rate")
		}
		c := must(r.meter.Int64Counter("requests"))
		ctx := t.Context()
		steps := []struct {
			sleep time.Duration
			add   int64
			want  float64
		}{
			{10 * time.Second, 50, 5}, // over its whole life so far, not over the window
			{4 * time.Second, 12, 3},  // which is out by now
			{4 * time.Second, 0, 0},   // idle is zero, not absent
			{time.Second, 10, 2},      // 10 in 5 s
			{100 * time.Millisecond, 10, 20 / 5.1},
			{3900 * time.Millisecond, 0, 10 / 4.},
			{time.Minute, 0, 0},
		}
		for i, s := range steps {
			time.Sleep(s.sleep)
			if s.add > 0 {
				c.Add(ctx, s.add, metric.WithAttributes(attribute.Int64("n", s.add)))
			}
			r.mustCollect()
			if v := r.snap.At(0); !v.OK() || math.Abs(v.Value-s.want) > 1e-9 {
				t.Errorf("step %d: %+v, want %v", i, v, s.want)
			}
		}
		if r.snap.At(1).Quality != signal.Absent {
			t.Error("a counter that never reported is not absent")
		}
	})
}

func TestRateOfHistogramAndObservableCounter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{Signals: []Signal{
			number("rate", "duration", signal.RequestsPerSecond),
			number("seen", "seen", signal.RequestsPerSecond),
		}})
		h := must(r.meter.Float64Histogram("duration"))
		total := 1000.0
		must(r.meter.Float64ObservableCounter("seen", metric.WithFloat64Callback(
			func(_ context.Context, o metric.Float64Observer) error {
				o.Observe(total)
				return nil
			})))
		r.mustCollect()
		if r.snap.At(1).Quality != signal.Absent {
			t.Errorf("the rate from one total is %+v, want absent", r.snap.At(1))
		}
		for range 30 {
			time.Sleep(time.Second)
			h.Record(t.Context(), 0.1)
			h.Record(t.Context(), 0.2)
			total += 3
			r.mustCollect()
		}
		if v := r.snap.At(0); math.Abs(v.Value-2) > 1e-9 {
			t.Errorf("the histogram's rate is %+v, want 2", v)
		}
		if v := r.snap.At(1); math.Abs(v.Value-3) > 1e-9 {
			t.Errorf("the observable counter's rate is %+v, want 3", v)
		}
		total = 30 // began anew
		time.Sleep(30 * time.Second)
		r.mustCollect()
		if v := r.snap.At(1); math.Abs(v.Value-1) > 1e-9 {
			t.Errorf("the rate after a restart of the count is %+v, want 1", v)
		}
	})
}

func TestLevels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mean := number("mean", "use", signal.Ratio)
		mean.Def.Merge = signal.MergeMean
		one := number("one", "busy", signal.Requests)
		one.Where = []attribute.KeyValue{attribute.String("pool", "a")}
		r := newRig(t, Config{Signals: []Signal{
			number("busy", "busy", signal.Requests),
			one,
			number("largest", "use", signal.Ratio),
			mean,
			number("watched", "watched", signal.Bytes),
		}})
		ctx := t.Context()
		busy := must(r.meter.Int64UpDownCounter("busy"))
		busy.Add(ctx, 5, metric.WithAttributes(attribute.String("pool", "a"), attribute.Int("x", 1)))
		busy.Add(ctx, -2, metric.WithAttributes(attribute.String("pool", "b")))
		use := must(r.meter.Float64Gauge("use"))
		use.Record(ctx, 0.5, metric.WithAttributes(attribute.Int("gpu", 0)))
		use.Record(ctx, 0.9, metric.WithAttributes(attribute.Int("gpu", 1)))
		use.Record(ctx, 0.1, metric.WithAttributes(attribute.Int("gpu", 2)))
		answers := true
		must(r.meter.Int64ObservableGauge("watched", metric.WithInt64Callback(
			func(_ context.Context, o metric.Int64Observer) error {
				if answers {
					o.Observe(77)
				}
				return nil
			})))
		for range 2 { // levels do not go away between collections
			r.mustCollect()
			for i, want := range []float64{3, 5, 0.9, 0.5, 77} {
				if v := r.snap.At(i); !v.OK() || math.Abs(v.Value-want) > 1e-9 {
					t.Errorf("%v: %+v, want %v", r.snap.Schema().Def(i).Key, v, want)
				}
			}
		}
		answers = false
		r.snap.Grow(20 * time.Second) // as a collector does
		r.mustCollect()
		if r.snap.At(4).Quality != signal.Stale || r.snap.At(0).Quality != signal.Fresh {
			t.Errorf("the gauge that stopped answering is %v, another is %v", r.snap.At(4).Quality, r.snap.At(0).Quality)
		}
	})
}

// The quantile holds although the instrument asks for buckets that are useless
// for it, and the program's own reader sees those buckets as before.
func TestDistribution(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p95 := number("p95", "latency", signal.Seconds)
		p95.Def.Quantile = 0.95
		theirs := sdkmetric.NewManualReader()
		r := newRig(t, Config{Window: 3 * time.Second, Signals: []Signal{p95}}, sdkmetric.WithReader(theirs))
		h := must(r.meter.Float64Histogram("latency", metric.WithExplicitBucketBoundaries(1, 1000)))
		var values []float64
		for i := range 1000 {
			v := 0.01 * math.Exp(float64(i)/150) // 10 ms to 8 s
			values = append(values, v)
			h.Record(t.Context(), v, metric.WithAttributes(attribute.Int("shard", i%3)))
		}
		h.Record(t.Context(), 0)
		r.mustCollect()
		exact := values[949]
		if v := r.snap.At(0); !v.OK() || math.Abs(v.Value-exact) > 0.03*exact || v.Weight != 1001 {
			t.Errorf("got %+v, want %v of 1001", v, exact)
		}
		if sum := r.snap.Dist(0).Sum(); math.Abs(sum-sumOf(values)) > 0.01*sum {
			t.Errorf("sum %v, want %v", sum, sumOf(values))
		}
		kept := r.snap.Dist(0)
		before := kept.Count()

		time.Sleep(time.Second)
		h.Record(t.Context(), 1)
		other := signal.NewSnapshot(r.snap.Schema())
		if err := r.source.Collect(t.Context(), other); err != nil {
			t.Fatal(err)
		}
		if other.At(0).Weight != 1002 || kept.Count() != before {
			t.Errorf("the window has %v values, want 1002; the earlier snapshot now has %d", other.At(0).Weight, kept.Count())
		}
		time.Sleep(3 * time.Second)
		r.mustCollect()
		time.Sleep(3 * time.Second)
		r.mustCollect()
		if v := r.snap.At(0); v.Quality != signal.Absent {
			t.Errorf("the quantile of an empty window is %+v, want absent", v)
		}

		var rm metricdata.ResourceMetrics
		if err := theirs.Collect(t.Context(), &rm); err != nil {
			t.Fatal(err)
		}
		data, ok := rm.ScopeMetrics[0].Metrics[0].Data.(metricdata.Histogram[float64])
		if !ok || data.Temporality != metricdata.CumulativeTemporality || !slices.Equal(data.DataPoints[0].Bounds, []float64{1, 1000}) {
			t.Errorf("the program's own reader sees %+v", rm.ScopeMetrics[0].Metrics[0].Data)
		}
	})
}

func sumOf(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum
}

func TestOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := number("all", "requests", signal.RequestsPerSecond)
		some := number("some", "requests", signal.RequestsPerSecond)
		some.Where = []attribute.KeyValue{attribute.Int("user", 3)}
		record := func(r *rig) {
			c := must(r.meter.Int64Counter("requests"))
			time.Sleep(10 * time.Second)
			for i := range 100 {
				c.Add(t.Context(), 1, metric.WithAttributes(attribute.Int("user", i)))
			}
		}
		r := newRig(t, Config{Signals: []Signal{all}, MaxSeries: 10})
		record(r)
		r.mustCollect()
		if v := r.snap.At(0); math.Abs(v.Value-10) > 1e-9 {
			t.Errorf("got %+v, want 10 per second with the overflow point", v)
		}
		r = newRig(t, Config{Signals: []Signal{some}, MaxSeries: 10})
		record(r)
		if err := r.collect(); !errors.Is(err, errOverflow) || r.snap.At(0).Quality != signal.Absent {
			t.Errorf("filtered: %+v, %v; want an error", r.snap.At(0), err)
		}
		r = newRig(t, Config{Signals: []Signal{some}, MaxSeries: 200})
		record(r)
		r.mustCollect()
		if v := r.snap.At(0); math.Abs(v.Value-0.1) > 1e-9 {
			t.Errorf("filtered with room: %+v, want 0.1 per second", v)
		}
	})
}
