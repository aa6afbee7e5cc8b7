package otel_test

import (
	"context"
	"fmt"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/evenkeel/evenkeel/signal"
	"github.com/evenkeel/evenkeel/signal/otel"
)

// What the program already measures becomes a signal.
func ExampleSource() {
	source, err := otel.NewSource(otel.Config{Signals: []otel.Signal{{
		Instrument: "http.server.request.duration",
		Def: signal.Def{
			Key:      signal.Key{Name: signal.NameDuration},
			Unit:     signal.Seconds,
			Quantile: 0.95,
		},
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(source.Reader()))
	ctx := context.Background()
	duration, err := provider.Meter("server").Float64Histogram("http.server.request.duration")
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range 100 {
		duration.Record(ctx, float64(i+1)/100)
	}

	schema, err := signal.NewSchema(source.Defs()...)
	if err != nil {
		fmt.Println(err)
		return
	}
	snap := signal.NewSnapshot(schema)
	if err := source.Collect(ctx, snap); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("p95 %.1f s of %v requests\n", snap.At(0).Value, snap.At(0).Weight)
	// Output: p95 0.9 s of 100 requests
}

// Signals are shown wherever the program's metrics go.
func ExamplePublish() {
	schema, err := signal.NewSchema(
		signal.Def{Key: signal.Key{Name: signal.NameQueued}, Unit: signal.Requests},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	snap := signal.NewSnapshot(schema)
	snap.Set(0, signal.Value(12))

	provider := sdkmetric.NewMeterProvider()
	reg, err := otel.Publish(provider, otel.Publication{Schema: schema, Samples: snap.Samples})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("published")
	if err := reg.Close(); err != nil {
		fmt.Println(err)
	}
	// Output: published
}
