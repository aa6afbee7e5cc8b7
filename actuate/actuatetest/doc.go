// Package actuatetest is the specification of [actuate.Target] and of
// [actuate.Leader], as tests, and an in-memory [Fleet] that keeps the first.
//
// Whoever writes a Target runs the suite on it, with -race:
//
//	func TestConformance(t *testing.T) {
//		actuatetest.Run(t, func(t *testing.T) actuatetest.Harness {
//			target := mytarget.New(…)
//			return actuatetest.Harness{Target: target, Stop: target.Close}
//		})
//	}
//
// # The contract
//
//   - Scale is absolute and idempotent: asking for the same count again changes
//     no instance and no version.
//   - Once Scale has returned nil, Status says so: Fleet.Desired is the new count,
//     and within the harness's Timeout so many replicas are ready and none is
//     starting or draining.
//   - Where instances are listed, the counts are those of the instances: Ready,
//     Starting, and Draining (with or without those that are Stopping) agree with
//     the phases, IDs are unique, and the order is stable.
//   - A count below zero is refused as Invalid. Zero is taken, or refused as
//     Invalid. A refusal changes nothing.
//   - A call returns soon after its context ends, and leaves a target that works.
//   - Calls are safe at the same time.
//   - With a Version, a stale one is refused as Conflict, and of two writers with
//     the same one exactly one wins.
//   - An epoch older than one already seen is refused as Fenced, unless the
//     harness says NoFencing.
//   - Victims go first, unless the harness says NoVictims; unknown ones are
//     ignored.
//   - A Drainer shows the drain, ends it when the ttl has passed and not before,
//     ends it at once for a ttl of 0, prolongs it when asked again, and answers
//     NotFound for an instance that it does not know.
//   - With the Busy hook: scale-in waits for a busy instance and shows it as
//     draining, and a higher count meanwhile keeps it.
//   - With the Kill hook: an instance that ends by itself is replaced.
//   - After Stop no goroutine is left that the target started.
//
// # Use
//
// [Run] waits in real time. [RunVirtual] runs every check in a synctest bubble,
// for targets that need nothing outside the process. Each check builds a target
// of its own. A check that the target has no ability for is skipped and says so.
//
// [RunLeader] checks a Leader: one leads at a time, however many are candidates;
// epochs rise; what one term saves the next one loads, and a lost term saves nothing;
// a campaign ends with its context.
//
// This is the one package of evenkeel outside tests that imports package testing.
package actuatetest
