// Package compat has other autoscalers' rules: to compare with, and to come from.
//
// Each rule is what its autoscaler does, written from a description of it, with
// the faults it ships with where those are known; AIBrix's are there repaired as
// well. They are baselines: nothing in evenkeel's own decisions uses them.
//
// # Rules
//
// A [Rule] takes its state and an [Observation] to the next state and a
// [Verdict]. Its [Facts] say what a fair comparison must grant it: its tick, the
// age of its signals, and which count it reads, for that is what tells those
// that stay calm while replicas start from those that run away. Demand divided by
// what a replica takes is the same however many are on their way. A ratio times a
// count with pending replicas in it grows with every tick.
//
//	rule                   reads              shape     tick   delay  known failure
//	kubernetes-hpa         spec+status+ready  ratio     15s    27.5s  decides on data that is half a minute old; tolerance strands queued work
//	knative-kpa            ready              absolute  2s     1s     panics while replicas start slowly, and pays for it a minute long
//	keda                   spec+status+ready  ratio     15s    7.5s   from many to zero in one step; a fallback of 0 turns an error into an outage
//	ray-serve              spec+ready         absolute  100ms  5s     half a minute late on the way up, and later still through its averages
//	aibrix-apa@as-shipped  spec               ratio     10s    5s     doubles at every tick while replicas start; its window speeds up shrinking
//	aibrix-apa@repaired    spec+ready         ratio     10s    5s     late by its three-minute mean
//	aibrix-kpa@as-shipped  spec               absolute  10s    5s     takes the mean for the total and shrinks a full fleet; panic never holds
//	aibrix-kpa@repaired    spec+ready         absolute  10s    5s     panics on a ratio of means, so also on little load
//	llm-d-wva-v1           spec+status+ready  step      15s    15s    one at a time, and none while any starts: hopeless in a burst
//	llm-d-wva-v2           status+ready       absolute  15s    15s    no limit to a change; a capacity observed once is believed for a day
//	dynamo-load            spec+status+ready  step      5s     5s     one at a time; one worker that never starts bars every change
//	dynamo-throughput      none               absolute  3m0s   0s     sees means only; demand by completions hides load; kills requests on the way down
//	nomad-target-value     spec               ratio     10s    10s    one point decides, and a change bars the next for minutes, up as well
//	aws-target-tracking    spec+ready         ratio     1m0s   30s    three minutes until it notices; cannot leave zero
//
// [Layered] puts an HPA on top of a rule that only publishes a count, [Dynamo]
// has both modes of its planner, [DynamoSLO] its load mode with objectives,
// [NomadThreshold] the other strategy of Nomad, and [WVAQueue] the model by which
// llm-d sizes.
//
// # In a simulation
//
// A [Baseline] runs a rule as a Decider of package decide/simulate: at its own
// tick, with signals as old and averaged over as long as the rule would get them.
//
//	b, err := compat.NewBaseline(compat.KPA{Target: 8}, compat.Wiring{Feeds: []compat.Feed{{
//		Signal: signal.Def{Key: signal.Key{Name: signal.NameInFlight}, Unit: signal.Requests},
//	}}})
//	…
//	report, err := simulate.Run(ctx, simulate.Config{Decider: b, Tick: time.Second, …})
//
// # Contract
//
// Rules are pure: they read no clock, do no I/O and change nothing that they are
// given. Nothing that they are given makes them panic; a value that is no number
// counts as one that could not be read. A rule may be used by any number of
// goroutines, a state belongs to one at a time.
package compat
