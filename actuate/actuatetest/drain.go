package actuatetest

import (
	"context"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// drainer skips the check unless the target can drain and lists its instances,
// of which it returns the first of two.
func (h Harness) drainer(t testing.TB) (actuate.Drainer, string) {
	t.Helper()
	d, ok := h.Target.(actuate.Drainer)
	if !ok {
		t.Skip("the target is no Drainer")
	}
	st := h.at(t, 2)
	if len(st.Instances) == 0 {
		t.Fatal("the target is a Drainer but lists no instances: nobody can name one")
	}
	return d, st.Instances[0].ID
}

// drain asks for a drain and waits until it is seen, or over: a short one may be
// before anybody looks.
func (h Harness) drain(t testing.TB, d actuate.Drainer, id string, ttl time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), h.Timeout)
	defer cancel()
	start := time.Now()
	if err := d.Drain(ctx, id, ttl); err != nil {
		t.Fatalf("Drain(%q, %v): %v", id, ttl, err)
	}
	if ttl == 0 {
		h.settled(t, 2)
		return
	}
	h.await(t, "the drain shown", func(st actuate.Status) bool {
		p, ok := phase(st, id)
		return ok && p == actuate.Draining || time.Since(start) >= ttl
	})
}

// checkDrain: a drain is shown, changes no count, and ends when told.
func checkDrain(t testing.TB, h Harness) {
	d, id := h.drainer(t)
	h.drain(t, d, id, 10*h.Timeout)
	st := h.status(t)
	if f := st.Fleet; f.Desired != 2 || f.Ready != 1 || f.Draining != 1 {
		t.Errorf("with one of two draining: desired %d, ready %d, draining %d, want 2, 1, 1", f.Desired, f.Ready, f.Draining)
	}
	h.drain(t, d, id, 0)
}

// checkDrainEnds: a drain ends when its ttl has passed, and not before.
func checkDrainEnds(t testing.TB, h Harness) {
	d, id := h.drainer(t)
	start := time.Now()
	h.drain(t, d, id, h.TTL)
	st := h.settled(t, 2)
	if took := time.Since(start); took < h.TTL {
		t.Errorf("the drain ended after %v, before its ttl of %v", took, h.TTL)
	}
	if _, ok := phase(st, id); !ok {
		t.Errorf("instance %q is gone after its drain ended by itself", id)
	}
}

// checkDrainAgain: a drain of one that drains already replaces the ttl.
func checkDrainAgain(t testing.TB, h Harness) {
	d, id := h.drainer(t)
	h.drain(t, d, id, h.TTL)
	h.drain(t, d, id, 10*h.Timeout)
	time.Sleep(2 * h.TTL)
	if p, ok := phase(h.status(t), id); !ok || p != actuate.Draining {
		t.Errorf("the first drain's ttl ended the second: %q is %v (listed: %v)", id, p, ok)
	}
	h.drain(t, d, id, 0)
}

// checkDrainUnknown: nobody drains one that is not there.
func checkDrainUnknown(t testing.TB, h Harness) {
	d, _ := h.drainer(t)
	ctx, cancel := context.WithTimeout(t.Context(), h.Timeout)
	defer cancel()
	err := d.Drain(ctx, "nobody", h.TTL)
	if err == nil {
		t.Fatal("Drain of an unknown instance was accepted")
	}
	if got := actuate.ClassOf(err); got != actuate.NotFound {
		t.Errorf("Drain of an unknown instance refused as %v (%v), want %v", got, err, actuate.NotFound)
	}
	h.settled(t, 2)
}
