package actuatetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// A Harness is one fresh target with what the suite must know of it. Only Target
// is required; hooks that are nil skip the checks that need them.
type Harness struct {
	Target actuate.Target
	// Max is the largest count the suite asks for, at least 2. Default 3.
	Max int64
	// Timeout bounds how long the platform takes to converge. Default 30 s.
	Timeout time.Duration
	// Poll is the time between two reads of Status while waiting. Default 10 ms.
	Poll time.Duration
	// TTL is a short drain, yet long enough to be seen. Default 500 ms.
	TTL time.Duration
	// Settle drives or awaits the platform until it has converged. It is called
	// before the suite itself waits for Status to say so.
	Settle func(context.Context) error
	// Kill ends an instance behind the target's back.
	Kill func(id string) error
	// Busy sets the number of requests now at an instance.
	Busy func(id string, n int64) error
	// Stop ends all that the harness started, within Timeout. It is called once.
	Stop func() error
	// NoFencing: the platform has nowhere to remember an epoch.
	NoFencing bool
	// NoVictims: the platform chooses for itself which instances go.
	NoVictims bool
}

// withDefaults returns h with its zero fields filled, or what is wrong with it.
func (h Harness) withDefaults() (Harness, error) {
	if h.Target == nil {
		return h, fmt.Errorf("Harness.Target is nil: give the target to check")
	}
	if h.Max == 0 {
		h.Max = 3
	}
	if h.Max < 2 {
		return h, fmt.Errorf("Harness.Max is %d: the suite needs at least 2", h.Max)
	}
	if h.Timeout <= 0 {
		h.Timeout = 30 * time.Second
	}
	if h.Poll <= 0 {
		h.Poll = 10 * time.Millisecond
	}
	if h.TTL <= 0 {
		h.TTL = 500 * time.Millisecond
	}
	return h, nil
}

// scale asks for n under req's other fields and fails the check if it is refused.
func (h Harness) scale(t testing.TB, req actuate.Request) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), h.Timeout)
	defer cancel()
	if err := h.Target.Scale(ctx, req); err != nil {
		t.Fatalf("Scale(%+v) = %v, want it accepted", req, err)
	}
}

// refuse asks for something that must be refused with one of the classes.
func (h Harness) refuse(t testing.TB, req actuate.Request, want actuate.Class) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), h.Timeout)
	defer cancel()
	err := h.Target.Scale(ctx, req)
	if err == nil {
		t.Fatalf("Scale(%+v) was accepted, want it refused as %v", req, want)
	}
	if got := actuate.ClassOf(err); got != want {
		t.Fatalf("Scale(%+v) refused as %v (%v), want %v", req, got, err, want)
	}
}

// status reads the status and checks that it does not contradict itself.
func (h Harness) status(t testing.TB) actuate.Status {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), h.Timeout)
	defer cancel()
	st, err := h.Target.Status(ctx)
	if err != nil {
		t.Fatalf("Status: %v", err)
	}
	if err := consistent(st); err != nil {
		t.Fatalf("Status contradicts itself: %v\n%+v", err, st)
	}
	return st
}

// at scales to n and waits until the platform is there.
func (h Harness) at(t testing.TB, n int64) actuate.Status {
	t.Helper()
	h.scale(t, actuate.Request{Desired: n, Epoch: firstEpoch})
	return h.settled(t, n)
}

// settled waits until n replicas are ready and nothing is under way.
func (h Harness) settled(t testing.TB, n int64) actuate.Status {
	t.Helper()
	if h.Settle != nil {
		ctx, cancel := context.WithTimeout(t.Context(), h.Timeout)
		defer cancel()
		if err := h.Settle(ctx); err != nil {
			t.Fatalf("Harness.Settle: %v", err)
		}
	}
	return h.await(t, fmt.Sprintf("%d ready and nothing under way", n), func(st actuate.Status) bool {
		return Settled(st) && st.Fleet.Desired == n
	})
}

// await polls until the status is as wanted.
func (h Harness) await(t testing.TB, what string, ok func(actuate.Status) bool) actuate.Status {
	t.Helper()
	deadline := time.Now().Add(h.Timeout)
	for {
		st := h.status(t)
		if ok(st) {
			return st
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v still not %s: %+v", h.Timeout, what, st)
		}
		time.Sleep(h.Poll)
	}
}
