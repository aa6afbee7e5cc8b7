// Package simulate plays a workload trace against a model fleet in virtual time,
// with the real decision core and the real admission: to compare policies, to
// size a fleet, and to see what a change of settings would have done.
//
//	day, err := trace.Read("conversation.csv.gz")
//	…
//	model, _ := llm.Preset("llama-3.1-70b-fp8/h100x4")
//	startup, _ := llm.StartupPreset("warm-node-cached")
//	report, err := simulate.Run(ctx, simulate.Config{
//		Model:    model,
//		Startup:  startup,
//		Arrivals: day,
//		Policy:   decide.Config{…},
//		Gate:     &backpressure.Config{},
//	})
//
// # What is simulated
//
// Requests arrive as in the trace and are offered to one [backpressure.Admission].
// Those admitted go to the ready replica with the fewest requests. Each replica
// is an [llm.Engine], which makes steps as long as its batch takes. Every tick
// the admission's signals and the fleet's state go to the [decide.Core], and the
// fleet is scaled to what it decides: a new replica is ready after its start-up
// time, one taken away finishes its requests first, and both are paid for. When
// demand returns, those that still drain are called back before others are
// started, as the targets do.
//
// [Constant] and any other [Decider] can take the core's place:
// [SmallestConstant] finds the constant fleet with the same service, which is
// the yardstick for the replica-seconds of a policy. [ReplicasNeeded] and
// [SpeedFor] size traces by the model's closed form.
//
// # What it leaves out
//
// Network and platform delays, retries of refused clients, several gates over
// one fleet, prefix caches, noise from step to step. Routing is perfect. What
// comes out is what the policy can do, not what a cluster will do.
//
// # Contract
//
// The same [Config] gives the same [Report]: there is no wall clock, no
// goroutine, and randomness only in start-up times, from Config.Seed. Runs share
// nothing, so that any number may go on at a time; a Decider belongs to one run.
package simulate
