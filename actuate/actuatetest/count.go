package actuatetest

import (
	"context"
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/actuate"
)

// checkUpDown: the status follows the count, both ways.
func checkUpDown(t testing.TB, h Harness) {
	h.at(t, 1)
	h.at(t, h.Max)
	h.at(t, 1)
	h.at(t, 2)
}

// checkIdempotent: the same count again changes no instance and no version.
func checkIdempotent(t testing.TB, h Harness) {
	before := h.at(t, h.Max)
	h.scale(t, actuate.Request{Desired: h.Max, Epoch: firstEpoch})
	h.scale(t, actuate.Request{Desired: h.Max, Epoch: firstEpoch, Version: h.status(t).Version})
	after := h.settled(t, h.Max)
	if before.Version != after.Version {
		t.Errorf("the version went from %q to %q though the count stayed", before.Version, after.Version)
	}
	a, b := ids(before), ids(after)
	slices.Sort(a)
	slices.Sort(b)
	if !slices.Equal(a, b) {
		t.Errorf("asking for the same count again replaced instances: %q, then %q", a, b)
	}
}

// checkStableOrder: two listings of a quiet fleet are in the same order.
func checkStableOrder(t testing.TB, h Harness) {
	first := ids(h.at(t, h.Max))
	if first == nil {
		t.Skip("the target lists no instances")
	}
	for range 10 {
		if again := ids(h.status(t)); !slices.Equal(first, again) {
			t.Fatalf("the order changed from %q to %q", first, again)
		}
	}
}

// checkZero: zero is taken like any count, or refused as Invalid.
func checkZero(t testing.TB, h Harness) {
	h.at(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), h.Timeout)
	defer cancel()
	if err := h.Target.Scale(ctx, actuate.Request{Epoch: firstEpoch}); err != nil {
		if got := actuate.ClassOf(err); got != actuate.Invalid {
			t.Fatalf("Scale to 0 refused as %v (%v), want accepted or %v", got, err, actuate.Invalid)
		}
		h.settled(t, 1)
		return
	}
	h.settled(t, 0)
	h.at(t, 1) // and back from zero
}

// checkNegative: a count below zero is refused as Invalid and changes nothing.
func checkNegative(t testing.TB, h Harness) {
	before := h.at(t, 2)
	h.refuse(t, actuate.Request{Desired: -1, Epoch: firstEpoch}, actuate.Invalid)
	// A later epoch in a refused request must not lock out the present leader.
	h.refuse(t, actuate.Request{Desired: -1, Epoch: firstEpoch + 1}, actuate.Invalid)
	after := h.settled(t, 2)
	if before.Version != after.Version {
		t.Errorf("a refused request changed the version from %q to %q", before.Version, after.Version)
	}
	h.at(t, 1)
}

// checkKilled: an instance that ends by itself is replaced.
func checkKilled(t testing.TB, h Harness) {
	if h.Kill == nil {
		t.Skip("the harness cannot kill an instance (Harness.Kill)")
	}
	before := h.at(t, 2)
	if len(before.Instances) == 0 {
		t.Skip("the target lists no instances")
	}
	victim := before.Instances[0]
	if err := h.Kill(victim.ID); err != nil {
		t.Fatalf("Harness.Kill(%q): %v", victim.ID, err)
	}
	// The same ID with one more restart, or another ID: either says that it ended.
	h.await(t, "an instance that replaces the killed one", func(st actuate.Status) bool {
		for _, in := range st.Instances {
			if in.ID == victim.ID && in.Restarts <= victim.Restarts {
				return false
			}
		}
		return Settled(st) && st.Fleet.Desired == 2
	})
}
