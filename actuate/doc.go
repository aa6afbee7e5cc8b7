// Package actuate makes it so: it brings a fleet to the count that was decided,
// safely, whatever the platform.
//
// A [Target] is the thing scaled; there is one for each platform, and it only has
// to read, to write and to say what its errors mean. An [Actuator] is the safety
// around one Target, the same for all of them:
//
//	a, err := actuate.New(actuate.Config{Target: target})
//	…
//	st, err := a.Status(ctx)
//	res, err := a.Apply(ctx, actuate.Request{Desired: 4, Version: st.Version})
//
// # What one Apply does
//
//  1. It waits for an earlier Apply to end. If a later one arrives meanwhile, it
//     gives way: only the newest count is worth writing.
//  2. It reads the status. If the platform already works towards the count,
//     nothing is sent. If somebody else changed the count since the caller read
//     it, nothing is sent either: the caller decides again.
//  3. It asks the safeguards, in this order: pause, dry run, leadership, breaker.
//  4. It writes, and reads back whether the platform agrees.
//  5. What failed for the moment it tries again, from 2, with growing waits, at
//     most five times and never past Config.Within. What was refused it does not
//     try again; see [Class]. The caller's next tick is the last retry.
//
// Whatever happens, the [Result] tells it, and fits one line of a journal.
//
// # Breakers
//
// After several failures in a row an Actuator leaves its Target alone for a while
// and says so with [ErrOpen]. Reads and writes have a breaker each, so that a
// platform that refuses to be changed can still be watched. A whole Apply with all
// its retries counts as one failure, and only if the platform did not work: a
// refusal, such as "no capacity", means that it does.
//
// # Leadership
//
// Of several processes that could scale one fleet, one does: the one that holds a
// [Term]. It is checked before every write, and its epoch travels in the Request,
// so that a Target that remembers epochs refuses a leader who has been replaced and
// does not know it yet. [Solo] leads where there is only one process,
// package filelock elects among those of one machine. A [Resigner] is given up at the
// end.
//
// # Concurrency
//
// All methods are safe for concurrent use. Nothing here starts a goroutine.
package actuate
