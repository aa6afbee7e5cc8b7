// Package filelock elects the leader among the processes of one machine, by a lock on
// a file.
//
//	leader, err := filelock.New(filelock.Config{Path: "/var/lib/serve/evenkeel.lock"})
//	keel, err := evenkeel.New(evenkeel.Config{Leader: leader, …})
//
// Whoever holds the lock leads. The system lets go of it when the process ends,
// however it ends, so there is no lease that has to run out: after a kill -9 the next
// candidate leads within [Config.Every]. What the leader has learned is kept in a file
// beside it, Path with ".state" at the end, for the next leader and past a restart.
//
// # Contract
//
// The epoch is greater than that of every earlier term, and no less than the time of
// the election in microseconds since 1970, so that it rises even where the file was
// lost. A term is lost when the file is removed or replaced, since others may then
// lock another one: Term.Check sees it.
//
// The lock is flock(2): for file systems of the machine itself, on Linux, macOS and
// the BSDs. Elsewhere New returns an error that wraps errors.ErrUnsupported.
//
// # Concurrency
//
// A Leader may campaign from several goroutines; each term is another hold of the same
// lock, so one of them leads at a time.
package filelock
