package actuatetest

import (
	"testing"
	"testing/synctest"
)

// firstEpoch is the leadership under which the checks scale.
const firstEpoch = 7

// A check is one clause of the contract.
type check struct {
	name string
	run  func(t testing.TB, h Harness)
}

// checks in the order of the contract in the package's documentation.
var checks = []check{
	{"up and down", checkUpDown},
	{"idempotent", checkIdempotent},
	{"stable order", checkStableOrder},
	{"zero", checkZero},
	{"negative", checkNegative},
	{"cancelled", checkCancelled},
	{"deadline", checkDeadline},
	{"concurrent", checkConcurrent},
	{"version", checkVersion},
	{"one writer wins", checkOneWriter},
	{"fencing", checkFencing},
	{"victims", checkVictims},
	{"unknown victims", checkUnknownVictims},
	{"drain", checkDrain},
	{"drain ends by itself", checkDrainEnds},
	{"drain again", checkDrainAgain},
	{"drain of nobody", checkDrainUnknown},
	{"busy first", checkBusy},
	{"called off", checkCalledOff},
	{"killed", checkKilled},
}

// Run checks the targets that newTarget makes, one for each check, in real time.
// The checks run one after another.
func Run(t *testing.T, newTarget func(t *testing.T) Harness) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) { conduct(t, c, func() Harness { return newTarget(t) }) })
	}
}

// RunVirtual is [Run] with every check in a synctest bubble: waiting takes no real
// time, and a goroutine left behind fails the check. The target must not wait for
// anything outside the bubble, such as a socket or a process.
func RunVirtual(t *testing.T, newTarget func(t *testing.T) Harness) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { conduct(t, c, func() Harness { return newTarget(t) }) })
		})
	}
}

// conduct runs one check on one target, stops the target and looks for what it
// left behind.
func conduct(t testing.TB, c check, newTarget func() Harness) {
	started := mark()
	defer started.clear()
	h, err := newTarget().withDefaults()
	if h.Stop != nil {
		// Deferred, so that a check that fails still stops its target.
		defer func() {
			if err := h.Stop(); err != nil {
				t.Errorf("Harness.Stop: %v", err)
			}
			started.gone(t, h.Timeout)
		}()
	} else {
		defer started.gone(t, h.Timeout)
	}
	if err != nil {
		t.Fatal(err)
	}
	c.run(t, h)
}
