package backpressure

import (
	"net/http"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		ms, s string
		want  time.Duration
		ok    bool
	}{
		{"", "", 0, false},
		{"", "7", 7 * time.Second, true},
		{"", " 7 ", 7 * time.Second, true},
		{"", "0.5", time.Second / 2, true},
		{"", "0", 0, true},
		{"", "-1", 0, false},
		{"", "NaN", 0, false},
		{"", "soon", 0, false},
		{"", "99999999999999999999", maxRetryAfter, true},
		{"1500", "7", 1500 * time.Millisecond, true},
		{"soon", "7", 7 * time.Second, true},
		{"-5", "", 0, false},
		{"", "Thu, 01 Jan 2026 00:00:30 GMT", 30 * time.Second, true},
		{"", "Thursday, 01-Jan-26 00:00:30 GMT", 30 * time.Second, true},
		{"", "Wed, 31 Dec 2025 23:59:00 GMT", 0, true},
		{"", "Fri, 01 Jan 2100 00:00:00 GMT", maxRetryAfter, true},
	} {
		h := http.Header{}
		if c.ms != "" {
			h.Set("retry-after-ms", c.ms)
		}
		if c.s != "" {
			h.Set("Retry-After", c.s)
		}
		if got, ok := RetryAfter(h, now); got != c.want || ok != c.ok {
			t.Errorf("%q %q: %v %v, want %v %v", c.ms, c.s, got, ok, c.want, c.ok)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "7", "1e309", "-Inf", "0x1p4", "Thu, 01 Jan 2026 00:00:30 GMT"} {
		f.Add(s, s)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, ms, s string) {
		h := http.Header{"Retry-After-Ms": {ms}, "Retry-After": {s}}
		if d, ok := RetryAfter(h, now); d < 0 || d > maxRetryAfter || !ok && d != 0 {
			t.Errorf("%q %q: %v %v", ms, s, d, ok)
		}
	})
}
