// Package decide says what to do: from what is known of a fleet it decides how
// many replicas there should be, and explains it.
//
// The package is pure. It reads no clock, does no I/O, starts no goroutine, takes
// no lock, logs nothing and draws no random number; time is an argument. The same
// state and input give the same bits on every platform, so one line of a journal
// replays one decision, a policy can be tried on yesterday, and a new leader goes
// on where the last one stopped.
//
// # Guide
//
//  1. A [Config] names the signals that may be read, the policies, and the guards
//     of either direction. Zero fields are sensible defaults, a negative number
//     switches a guard off. [New] makes a [Core] of it.
//
//  2. A [Policy] says how many replicas demand needs: [Track] keeps a signal at a
//     setpoint, [Capacity] divides demand by what a replica can take, [Backlog]
//     drains a queue within a time. All of them give absolute counts: what is
//     already on its way never makes them ask again. A policy that cannot tell,
//     because a signal is absent or stale, is held.
//
//  3. [Core.Next] takes the [State] and an [Input] to the next State and a
//     [Decision]. [Core.Step] does the same in memory that is used again.
//
//  4. Stages stand between what is needed and what is done, in this order; a later
//     one has the last word:
//
//     recommend → combine → pending → tolerance → stabilise → rate → cooldown → hold → override → bounds
//
//  5. Every stage that has something to say leaves a [Note]. The Decision names
//     the stage that bound it and what would have been Without that stage;
//     [Core.Explain] puts it in a sentence.
//
//  6. The State encodes as JSON, in 16 KiB at the most. The zero State is a cold
//     start: nothing is taken away until a whole window has been observed.
//
// # Laws
//
// Each of these is a property test on Next.
//
//  1. Bounds always hold, whatever the signals say.
//  2. Under fixed limits, bad, stale or absent data never scales down.
//  3. With policies that are [Monotone], more demand never yields fewer replicas
//     from the same state.
//  4. The same state and input give the same bits.
//  5. Under fixed limits, no change of direction is faster than the window.
//  6. A slow start never causes a second scale-up for the same demand. A stuck
//     replica stops counting after its time and never keeps the fleet from
//     shrinking to what is ready.
//  7. Tolerance never strands queued work.
//  8. Constant demand and limits settle, and stay.
//  9. A restart, a change of leader or the loss of 30 % of the members causes no
//     scale-down.
//  10. Time may jump either way; no deadline ends up in next year.
//
// The laws speak of what policies and guards do. An operator's [Override] may
// scale down on bad data, and no law holds for a policy that breaks the contract
// of Policy.
//
// # Input
//
// Nothing that comes in makes the core panic. NaN and infinity count as absent,
// counts are brought into the range from 0 to [MaxReplicas], times into the years
// that can be written down; [Input.Clean] shows what the core makes of an Input.
//
// # Concurrency
//
// A Core is immutable and safe for concurrent use. A State, an Input and a
// Decision belong to one goroutine at a time.
package decide
