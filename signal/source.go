package signal

import "context"

// A Source is something that can be asked for samples.
//
// Defs returns the same list on every call. Collect fills into, whose schema
// holds exactly those Defs in that order, and returns in time for ctx. What it
// does not set stays as it was: on an error the samples of the last good
// collection age, they never become zero. What it sets before it fails is thrown
// away by a [Collector].
//
// Collect is never called concurrently for one Source by one [Collector], but a
// Source shared by two must allow it.
type Source interface {
	Defs() []Def
	Collect(ctx context.Context, into *Snapshot) error
}

// A Runner is whatever must run for the parts of evenkeel to work. Run blocks
// until ctx ends or the runner fails, and leaves nothing behind. Constructors
// start nothing; the root package runs the Runners of a pool under one group.
type Runner interface {
	Run(ctx context.Context) error
}
