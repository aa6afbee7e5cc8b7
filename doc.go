// Package evenkeel keeps an inference fleet steady under load: it is linked into
// a server (or a gateway in front of engines), measures the pressure from the
// inside, admits what can still be served well, and scales the fleet.
//
// # The flow
//
//	requests → backpressure.Gate → your handler
//	              │ demand, in flight, TTFT, TPOT       ▲ Outlook: units ready,
//	              ▼                                     │ starting, help in t
//	signal.Source → Snapshot → decide.Core → Decision → actuate.Actuator → Target
//	                              │
//	                              └→ journal, metrics, live page
//
// This package is the assembly: [New] checks a [Config] of one or more [Pool]s and
// starts nothing; [Keel.Run] runs the loop of every pool, and whatever else of
// theirs must run, until its context ends; [Keel.Shutdown] drains first.
//
// Every tick the loop collects the signals, reads the fleet's state, asks the
// core, writes the journal, applies the decision if this process leads, and tells
// the gate what to expect. A change that cannot wait for the tick is announced
// with [Keel.Poke].
//
// # Journal
//
// The journal is JSON lines: a header for each segment, then the Input and the
// Decision of every tick, and a line for each action and event. [Replay] reads it
// and checks that the core still decides the same. [Compare] tries another policy
// on it and says where that would have decided otherwise.
//
// # A policy in a file
//
// Pool.PolicyFile names a file that says policy, limits and tick, as package
// decide/policy reads it. A change of the file is taken at a tick, whole; what is
// learned is kept by the policies' names. A bad file leaves in force what was: the
// log, an event in the journal ([EventRefused]) and the live page say why.
//
// # Another policy
//
// Pool.Shadow is a second policy that sees what the first one sees and only
// watches: the journal, the live page, two gauges and [Keel.Shadow] tell how the two
// differ. Pool.Promote lets them change parts, each with what it has learned.
// [Keel.SetPolicy] and [Keel.SetShadow] replace either while the pool runs, at a
// tick and whole; a policy that makes no sense is refused and the running one goes
// on. So does [Keel.SetLimits] with the limits.
//
// # Operators
//
// [Keel.Override] sets a count for a while, [Keel.Pause] holds a direction. Both are
// saved with the leader's state, so that whoever leads next knows of them.
//
// # Concurrency
//
// All methods of [Keel] are safe for concurrent use. Run may be called once.
package evenkeel
