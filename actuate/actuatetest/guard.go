package actuatetest

import (
	"context"
	"sync"
	"testing"

	"github.com/evenkeel/evenkeel/actuate"
)

// checkVersion: a write made on an old reading is refused and changes nothing.
func checkVersion(t testing.TB, h Harness) {
	stale := h.at(t, 1).Version
	if stale == "" {
		t.Skip("the target has no versions")
	}
	fresh := h.at(t, 2).Version
	if fresh == stale {
		t.Fatalf("the version is still %q after the count changed", stale)
	}
	h.refuse(t, actuate.Request{Desired: h.Max, Version: stale, Epoch: firstEpoch}, actuate.Conflict)
	h.settled(t, 2)
	h.scale(t, actuate.Request{Desired: 1, Version: h.status(t).Version, Epoch: firstEpoch})
	h.settled(t, 1)
}

// checkOneWriter: of several writers with the same version exactly one wins.
func checkOneWriter(t testing.TB, h Harness) {
	version := h.at(t, 1).Version
	if version == "" {
		t.Skip("the target has no versions")
	}
	ctx, cancel := context.WithTimeout(t.Context(), h.Timeout)
	defer cancel()
	const writers = 8
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			errs[i] = h.Target.Scale(ctx, actuate.Request{Desired: 2, Version: version, Epoch: firstEpoch})
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case actuate.ClassOf(err) != actuate.Conflict:
			t.Errorf("a writer that lost got %v (%v), want %v", actuate.ClassOf(err), err, actuate.Conflict)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d writers with the same version won, want 1", won, writers)
	}
	h.settled(t, 2)
}

// checkFencing: an epoch older than one already seen is refused.
func checkFencing(t testing.TB, h Harness) {
	if h.NoFencing {
		t.Skip("the target remembers no epoch (Harness.NoFencing)")
	}
	h.at(t, 2)
	h.refuse(t, actuate.Request{Desired: 1, Epoch: firstEpoch - 1}, actuate.Fenced)
	h.settled(t, 2)
	// The same count under a later epoch still moves the fence: that is how a new
	// leader shuts out the old one before it changes anything.
	h.scale(t, actuate.Request{Desired: 2, Epoch: firstEpoch + 1})
	h.refuse(t, actuate.Request{Desired: 1, Epoch: firstEpoch}, actuate.Fenced)
	h.scale(t, actuate.Request{Desired: 1, Epoch: firstEpoch + 1})
	h.settled(t, 1)
}

// checkConcurrent: calls at the same time race with nothing, every status is
// consistent, and the last word counts.
func checkConcurrent(t testing.TB, h Harness) {
	h.at(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), h.Timeout)
	defer cancel()
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 8 {
				req := actuate.Request{Desired: 1 + int64(g+i)%h.Max, Epoch: firstEpoch}
				err := h.Target.Scale(ctx, req)
				// A platform may say that it is busy with another change.
				if c := actuate.ClassOf(err); err != nil && c != actuate.Busy && c != actuate.Conflict {
					t.Errorf("Scale(%d) beside others: %v", req.Desired, err)
				}
			}
		})
		wg.Go(func() {
			for range 8 {
				st, err := h.Target.Status(ctx)
				if err != nil {
					t.Errorf("Status beside others: %v", err)
					continue
				}
				if err := consistent(st); err != nil {
					t.Errorf("Status beside others contradicts itself: %v\n%+v", err, st)
				}
				if n := st.Fleet.Desired; n < 1 || n > h.Max {
					t.Errorf("Status beside others says desired %d, which nobody asked for", n)
				}
			}
		})
	}
	wg.Wait()
	h.at(t, 2)
}
