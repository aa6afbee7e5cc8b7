package actuatetest

import (
	"slices"
	"testing"

	"github.com/evenkeel/evenkeel/actuate"
)

// checkVictims: the instances that the request names go first.
func checkVictims(t testing.TB, h Harness) {
	if h.NoVictims {
		t.Skip("the target cannot choose who goes (Harness.NoVictims)")
	}
	for _, pick := range []int64{0, 1, h.Max - 1} {
		st := h.at(t, h.Max)
		if len(st.Instances) == 0 {
			t.Fatal("the target lists no instances, so nobody can name victims: set Harness.NoVictims")
		}
		id := st.Instances[pick].ID
		keep := slices.DeleteFunc(ids(st), func(s string) bool { return s == id })
		h.scale(t, actuate.Request{Desired: h.Max - 1, Epoch: firstEpoch, Victims: []string{id}})
		after := ids(h.settled(t, h.Max-1))
		slices.Sort(keep)
		slices.Sort(after)
		if !slices.Equal(after, keep) {
			t.Fatalf("with victim %q left %q, want %q", id, after, keep)
		}
	}
}

// checkUnknownVictims: victims are hints; one that is gone already is no error,
// and a listed one beyond the count stays.
func checkUnknownVictims(t testing.TB, h Harness) {
	h.at(t, 2)
	h.scale(t, actuate.Request{Desired: 1, Epoch: firstEpoch, Victims: []string{"nobody"}})
	st := h.settled(t, 1)
	h.scale(t, actuate.Request{Desired: 1, Epoch: firstEpoch, Victims: ids(st)})
	if after := ids(h.settled(t, 1)); !slices.Equal(ids(st), after) {
		t.Errorf("a victim went though the count stayed: %q, then %q", ids(st), after)
	}
}

// busyFleet brings up two instances with one request each, and the first of them
// on its way out.
func (h Harness) busyFleet(t testing.TB) (actuate.Status, string) {
	t.Helper()
	if h.Busy == nil {
		t.Skip("the harness cannot make an instance busy (Harness.Busy)")
	}
	st := h.at(t, 2)
	if len(st.Instances) == 0 {
		t.Skip("the target lists no instances")
	}
	for _, id := range ids(st) {
		h.busy(t, id, 1)
	}
	req := actuate.Request{Desired: 1, Epoch: firstEpoch}
	if !h.NoVictims {
		req.Victims = ids(st)[:1]
	}
	h.scale(t, req)
	var id string
	h.await(t, "one instance draining", func(st actuate.Status) bool {
		for _, in := range st.Instances {
			if in.Phase == actuate.Draining {
				id = in.ID
				return true
			}
		}
		return false
	})
	return st, id
}

func (h Harness) busy(t testing.TB, id string, n int64) {
	t.Helper()
	if err := h.Busy(id, n); err != nil {
		t.Fatalf("Harness.Busy(%q, %d): %v", id, n, err)
	}
}

// checkBusy: scale-in waits for a busy instance, shows it, and then ends it.
func checkBusy(t testing.TB, h Harness) {
	st, id := h.busyFleet(t)
	if !h.NoVictims && id != st.Instances[0].ID {
		t.Errorf("%q drains, want the victim %q", id, st.Instances[0].ID)
	}
	f := h.status(t).Fleet
	if f.Desired != 1 || f.Ready != 1 || f.Draining != 1 {
		t.Errorf("with one of two on its way out: desired %d, ready %d, draining %d, want 1, 1, 1", f.Desired, f.Ready, f.Draining)
	}
	h.busy(t, id, 0)
	after := h.settled(t, 1)
	if _, ok := phase(after, id); ok {
		t.Errorf("%q drained and finished, but another one went", id)
	}
}

// checkCalledOff: a higher count keeps an instance that still drains, rather than
// ending it and starting another.
func checkCalledOff(t testing.TB, h Harness) {
	before, _ := h.busyFleet(t)
	h.scale(t, actuate.Request{Desired: 2, Epoch: firstEpoch})
	after := h.settled(t, 2)
	a, b := ids(before), ids(after)
	slices.Sort(a)
	slices.Sort(b)
	if !slices.Equal(a, b) {
		t.Errorf("the scale-in was called off but the instances went from %q to %q", a, b)
	}
	for _, in := range after.Instances {
		if in.Restarts != 0 {
			t.Errorf("instance %q was restarted %d times though the scale-in was called off", in.ID, in.Restarts)
		}
	}
	for _, id := range b {
		h.busy(t, id, 0)
	}
	h.settled(t, 2)
}
