package actuatetest

import (
	"testing"
	"time"
)

func fleetHarness(f *Fleet) Harness {
	return Harness{Target: f, Kill: f.Kill, Busy: f.Busy}
}

func TestFleetConforms(t *testing.T) {
	RunVirtual(t, func(t *testing.T) Harness { return fleetHarness(&Fleet{StartUp: 3 * time.Second}) })
}

func TestFleetConformsInRealTime(t *testing.T) {
	Run(t, func(t *testing.T) Harness {
		h := fleetHarness(&Fleet{StartUp: 2 * time.Millisecond})
		h.TTL, h.Poll = 20*time.Millisecond, time.Millisecond
		return h
	})
}
