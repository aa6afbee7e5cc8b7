// Package signal says what is happening: it names measurements, takes them
// cheaply, keeps them over a window, merges them across the members of a fleet
// and carries them over the wire.
//
// The word is meant as in "control signal": one number that a scaling decision
// can be made on. It has nothing to do with os/signal or with the OpenTelemetry
// sense (traces, metrics, logs).
//
// # Contract
//
// A [Def] says what a signal is: its unit, how members merge it, which quantile
// of a distribution is meant, and for how long a value is fresh. A [Source] has
// a fixed list of Defs and fills a [Snapshot] with one [Sample] for each. A
// Sample carries its age and quality, because absent is not zero: a source that
// fails makes its samples stale, then absent, and a decision holds on them.
//
// Ages travel, never instants, so that the clocks of two machines need not agree.
//
// # Concurrency
//
// A [Schema] is immutable. A Snapshot belongs to one goroutine at a time. The
// recorders ([Histogram], [Counter], [Gauge]) may be used from any goroutine.
package signal
