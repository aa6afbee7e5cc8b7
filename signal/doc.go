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
// # From a measurement to a decision
//
//   - The recorders measure: [Histogram] for latencies and sizes, [Counter] for
//     rates, [Gauge] for levels. They take the time as an argument and allocate
//     nothing, so that they may stand in the path of every request.
//   - A [Collector] asks all sources of a process at once and joins what they say.
//   - [Snapshot.AppendBinary] and [Snapshot.UnmarshalBinary] carry a member's
//     snapshot to another, in a versioned form of 64 KiB at most.
//   - [MergeMembers] makes one snapshot of those of all members. A latency is a
//     distribution ([Dist]) until then: the quantile of the fleet is taken from
//     what all members saw, never averaged from theirs.
//
// In short:
//
//	latency := signal.NewHistogram(30*time.Second, 10)
//	latency.Record(time.Now(), 0.42)
//
//	var d signal.Dist
//	latency.Into(time.Now(), &d)
//	snapshot.SetDist(i, &d, 0) // snapshot.At(i).Value is now its quantile
//
// # Concurrency
//
// A [Schema] is immutable. A [Snapshot] and a [Dist] belong to one goroutine at
// a time. The recorders and the Collector may be used from any goroutine. The
// package starts goroutines only inside [Collector.Collect], one for each
// source; they end when the source returns.
package signal
