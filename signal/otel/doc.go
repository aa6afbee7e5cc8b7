// Package otel connects signals with OpenTelemetry metrics, both ways: what a
// program already measures with OpenTelemetry can be a signal, and signals can
// be published as OpenTelemetry metrics. It uses the SDK that is in the process;
// nothing is exported and fetched back.
//
// # OpenTelemetry to signals
//
// A [Source] reads chosen instruments. It has an SDK reader of its own, which
// must be given to the meter provider when that is made, as the SDK does not
// take readers later:
//
//	src, err := otel.NewSource(otel.Config{Signals: []otel.Signal{{
//		Instrument: "http.server.request.duration",
//		Def: signal.Def{
//			Key:      signal.Key{Name: "http.server.request.duration"},
//			Unit:     signal.Seconds,
//			Quantile: 0.95,
//		},
//	}}})
//	…
//	provider := metric.NewMeterProvider(metric.WithReader(src.Reader()), …)
//
// The reader asks for differences since its last collection and for exponential
// histograms, whatever buckets the instruments advise; the program's other
// readers and exporters do not notice. A view is for the whole provider: what it
// drops or filters is hidden from the Source too, and one that sets explicit
// buckets for an instrument takes the quantiles away.
//
// An instrument that has never reported is absent. A counter or histogram that
// has, and has nothing new, is idle: its rate is zero. An observable counter has
// a rate from the second collection on. The SDK does not say when
// a gauge was last set, so a synchronous gauge is always fresh; prefer an
// observable one, which is asked at each collection, and ages if it stops
// answering.
//
// The point into which the SDK gathers attribute sets beyond its limit counts
// like any other, unless attributes are filtered: since nobody knows what is in
// it, the signal then ages instead. Config.MaxSeries raises the limit.
//
// # Signals to OpenTelemetry
//
// [Publish] makes observable instruments on the program's meter provider.
//
// # Callbacks
//
// The SDK runs the callbacks of observable instruments under a lock. A callback
// that collects, makes an instrument or unregisters waits for itself for ever;
// so none may call [Source.Collect] or [Registration.Close], and the functions
// given to Publish must only read. A slow callback cannot be stopped by a
// context, so Collect may return late; a [signal.Collector] copes with that.
//
// # Concurrency
//
// All methods may be called from any goroutine. Nothing is started.
package otel
