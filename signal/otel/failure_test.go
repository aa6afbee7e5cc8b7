package otel

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/evenkeel/evenkeel/signal"
)

func TestCollectFails(t *testing.T) {
	sig := number("rate", "requests", signal.RequestsPerSecond)
	t.Run("without a provider", func(t *testing.T) {
		s := must(NewSource(Config{Signals: []Signal{sig}}))
		schema := must(signal.NewSchema(s.Defs()...))
		err := s.Collect(t.Context(), signal.NewSnapshot(schema))
		if !errors.Is(err, sdkmetric.ErrReaderNotRegistered) || !strings.Contains(err.Error(), "WithReader") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("another schema", func(t *testing.T) {
		r := newRig(t, Config{Signals: []Signal{sig}})
		other := must(signal.NewSchema(signal.Def{Key: signal.Key{Name: "x"}, Unit: signal.Ratio}))
		if err := r.source.Collect(t.Context(), signal.NewSnapshot(other)); !errors.Is(err, signal.ErrSchema) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("after shutdown", func(t *testing.T) {
		r := newRig(t, Config{Signals: []Signal{sig}})
		c := must(r.meter.Int64Counter("requests"))
		c.Add(t.Context(), 100)
		r.mustCollect()
		before := r.snap.At(0)
		if err := r.provider.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := r.collect(); !errors.Is(err, sdkmetric.ErrReaderShutdown) || r.snap.At(0) != before {
			t.Errorf("got %v and %+v; want an error, and %+v as it was", err, r.snap.At(0), before)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, Config{Signals: []Signal{sig}})
			c := must(r.meter.Int64Counter("requests"))
			time.Sleep(10 * time.Second)
			c.Add(t.Context(), 100)
			r.mustCollect()
			time.Sleep(10 * time.Second)
			c.Add(t.Context(), 100)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := r.source.Collect(ctx, r.snap); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			r.mustCollect() // nothing was lost, nothing taken for zero
			if v := r.snap.At(0); math.Abs(v.Value-10) > 1e-9 {
				t.Errorf("got %+v, want 10 per second", v)
			}
		})
	})
}

func TestWrongKindOfInstrument(t *testing.T) {
	rate := number("s", "i", signal.RequestsPerSecond)
	level := number("s", "i", signal.Requests)
	dist := number("s", "i", signal.Seconds)
	dist.Def.Quantile = 0.5
	ctx := t.Context()
	counter := func(m metric.Meter) { must(m.Int64Counter("i")).Add(ctx, 1) }
	gauge := func(m metric.Meter) { must(m.Float64Gauge("i")).Record(ctx, 1) }
	updown := func(m metric.Meter) { must(m.Int64UpDownCounter("i")).Add(ctx, 1) }
	histogram := func(m metric.Meter) { must(m.Int64Histogram("i")).Record(ctx, 1) }
	explicit := sdkmetric.WithView(sdkmetric.NewView(sdkmetric.Instrument{Name: "i"},
		sdkmetric.Stream{Aggregation: sdkmetric.AggregationExplicitBucketHistogram{Boundaries: []float64{1}}}))
	tests := []struct {
		name    string
		signal  Signal
		record  func(metric.Meter)
		options []sdkmetric.Option
		want    string
	}{
		{"level of a counter", level, counter, nil, "a counter, which has no level"},
		{"distribution of a counter", dist, counter, nil, "set Kind to rate"},
		{"rate of a gauge", rate, gauge, nil, "a gauge, which has no rate"},
		{"rate of an up-down counter", rate, updown, nil, "set Kind to level"},
		{"distribution of explicit buckets", dist, histogram, []sdkmetric.Option{explicit}, "a view"},
		{"rate of explicit buckets", rate, histogram, []sdkmetric.Option{explicit}, ""},
		{"rate of a histogram", rate, histogram, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, Config{Signals: []Signal{tt.signal}}, tt.options...)
			tt.record(r.meter)
			err := r.collect()
			if tt.want == "" {
				if err != nil || !r.snap.At(0).OK() {
					t.Errorf("got %+v, %v", r.snap.At(0), err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), `"i"`) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if r.snap.At(0).Quality != signal.Absent {
				t.Errorf("got %+v, want absent", r.snap.At(0))
			}
		})
	}
}

func TestCallbacksOfOthers(t *testing.T) {
	var log bytes.Buffer
	rate := number("rate", "requests", signal.RequestsPerSecond)
	level := number("level", "broken", signal.Requests)
	broken := errors.New("cannot say")
	runs := 0
	setUp := func(signals ...Signal) *rig {
		runs = 0
		r := newRig(t, Config{Signals: signals, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		must(r.meter.Int64Counter("requests")).Add(t.Context(), 1)
		must(r.meter.Int64ObservableGauge("broken", metric.WithInt64Callback(
			func(context.Context, metric.Int64Observer) error {
				runs++
				return broken
			})))
		return r
	}
	r := setUp(rate, level)
	for range 3 {
		r.mustCollect()
	}
	if !r.snap.At(0).OK() || r.snap.At(1).Quality != signal.Absent || runs != 3 {
		t.Errorf("rate %+v, level %+v, %d runs", r.snap.At(0), r.snap.At(1), runs)
	}
	if n := strings.Count(log.String(), "cannot say"); n != 1 {
		t.Errorf("logged %d times, want once: %s", n, log.String())
	}
	r = setUp(rate) // no levels wanted: gauges are not asked for us
	r.mustCollect()
	if runs != 0 {
		t.Errorf("a callback that nobody needs ran %d times", runs)
	}
}

func TestCollectFromManyGoroutines(t *testing.T) {
	rate := number("rate", "requests", signal.RequestsPerSecond)
	p95 := number("p95", "latency", signal.Seconds)
	p95.Def.Quantile = 0.95
	r := newRig(t, Config{Signals: []Signal{rate, p95}, Window: time.Hour})
	c := must(r.meter.Int64Counter("requests"))
	h := must(r.meter.Float64Histogram("latency"))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			snap := signal.NewSnapshot(r.snap.Schema())
			for range 100 {
				c.Add(t.Context(), 1)
				h.Record(t.Context(), 1)
				if err := r.source.Collect(t.Context(), snap); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	r.mustCollect()
	if n := r.snap.Dist(1).Count(); n != 400 {
		t.Errorf("%d values, want 400", n)
	}
}
