package actuatetest

import (
	"context"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// prompt is how soon a call returns once its context has ended. It is generous:
// what it must tell apart is a call that looks at its context and one that does not.
const prompt = 2 * time.Second

// checkCancelled: a call under a context that has ended returns soon, and leaves
// either the old count or the new one.
func checkCancelled(t testing.TB, h Harness) {
	h.at(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var err error
	within(t, "Scale under a cancelled context", func() {
		err = h.Target.Scale(ctx, actuate.Request{Desired: 2, Epoch: firstEpoch})
	})
	within(t, "Status under a cancelled context", func() { _, _ = h.Target.Status(ctx) })
	h.whole(t, err, 1, 2)
}

// checkDeadline: the same when the context ends in the midst of the call.
func checkDeadline(t testing.TB, h Harness) {
	h.at(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	var err error
	within(t, "Scale past its deadline", func() {
		err = h.Target.Scale(ctx, actuate.Request{Desired: 2, Epoch: firstEpoch})
	})
	h.whole(t, err, 1, 2)
}

// whole checks that the count is one of two, that an accepted call counts, and
// that the target still works.
func (h Harness) whole(t testing.TB, err error, before, after int64) {
	t.Helper()
	st := h.status(t)
	if n := st.Fleet.Desired; n != before && n != after {
		t.Fatalf("desired is %d, want %d or %d", n, before, after)
	}
	if err == nil {
		h.settled(t, after)
	}
	h.at(t, 2)
}

// within runs f and fails the check if it takes longer than prompt. It waits for f
// in any case, so that nothing is left running.
func within(t testing.TB, what string, f func()) {
	t.Helper()
	start := time.Now()
	f()
	if took := time.Since(start); took > prompt {
		t.Errorf("%s took %v, want less than %v", what, took, prompt)
	}
}
