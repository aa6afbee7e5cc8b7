package backpressure

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestRejectedSaysWhatItIs(t *testing.T) {
	table := newTable()
	tests := []struct {
		v       Verdict
		evicted bool
		status  int
		is, not error
		text    string
	}{
		{Verdict{Shed, Saturated, 3 * time.Second}, false, 503, ErrShed, ErrEvicted, "evenkeel: shed: the predicted time to first token is over its objective (saturated), retry after "},
		{Verdict{Shed, QueueTimeout, 0}, true, 503, ErrEvicted, ErrShed, "(queue_timeout)"},
		{Verdict{Shed, Cancelled, 0}, true, 499, context.Canceled, context.DeadlineExceeded, "(cancelled)"},
		{Verdict{Shed, DeadlineTooShort, 0}, true, 503, context.DeadlineExceeded, context.Canceled, "(deadline_too_short)"},
		{Verdict{Shed, DeadlineTooShort, 0}, false, 503, ErrShed, context.DeadlineExceeded, "(deadline_too_short)"},
	}
	for _, tt := range tests {
		r := table.pick(tt.v, tt.evicted)
		if r.Status() != tt.status || !errors.Is(r, tt.is) || errors.Is(r, tt.not) || !strings.Contains(r.Error(), tt.text) {
			t.Errorf("%+v: %d %v, is %v: %v, is %v: %v", tt.v, r.Status(), r, tt.is, errors.Is(r, tt.is), tt.not, errors.Is(r, tt.not))
		}
	}
}

// Clients that are refused together and come back when told do not come
// together: no second gets more than half again its share.
func TestRetryAfterSpreads(t *testing.T) {
	table := newTable()
	const n = 12000
	for _, after := range []time.Duration{0, time.Second, 9500 * time.Millisecond, time.Minute, time.Hour} {
		seconds := map[time.Duration]int{}
		low, high := time.Hour, time.Duration(0)
		for range n {
			got := table.pick(Verdict{Shed, Saturated, after}, false).RetryAfter()
			seconds[got]++
			low, high = min(low, got), max(high, got)
		}
		if low < min(after, maxRetry*time.Second) || high > maxRetry*time.Second || high < time.Second {
			t.Errorf("%v: from %v to %v", after, low, high)
		}
		for s, got := range seconds {
			if share := float64(got) / n * float64(len(seconds)); share > 1.5 {
				t.Errorf("%v: %d of %d at %v, %.2f times the mean", after, got, n, s, share)
			}
		}
		if len(seconds) < 2 && after < time.Hour {
			t.Errorf("%v: no jitter", after)
		}
	}
}

func TestConfigIsRefusedWhole(t *testing.T) {
	_, err := New(Config{Mode: 9, TTFT: -1, TPOT: -1, Share: 1.5, Window: time.Millisecond, Queue: Queue{Bytes: -1, Wait: -1}})
	if err == nil {
		t.Fatal("no error")
	}
	for _, field := range []string{"Mode", "TTFT", "TPOT", "Share", "Window", "Queue.Bytes", "Queue.Wait"} {
		if !strings.Contains(err.Error(), field+" is ") {
			t.Errorf("%s is not named in %q", field, err)
		}
	}
}

// What simulations reckon with is what callers are told.
func TestJitteredIsWhatCallersAreTold(t *testing.T) {
	for _, after := range []time.Duration{0, time.Second, 30 * time.Second, time.Hour} {
		v := Verdict{Shed, Saturated, after}
		table, twin := newTable(), newTable()
		for range 100 {
			twin.below(1)
			if got, want := v.Jittered(twin.random), table.pick(v, false).RetryAfter(); got != want {
				t.Errorf("after %v: Jittered is %v, a Rejected says %v", after, got, want)
			}
		}
	}
}
