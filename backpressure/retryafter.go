package backpressure

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter is how much of a Retry-After is believed.
const maxRetryAfter = 24 * time.Hour

// RetryAfter reads when a server wants to see the caller again: Retry-After-Ms,
// which OpenAI's servers send, or else Retry-After, in seconds or as a date (RFC
// 9110, section 10.2.3). It is never negative and at most a day; a date that is
// past is 0. ok is false if there is neither, or nothing that can be read.
func RetryAfter(h http.Header, now time.Time) (after time.Duration, ok bool) {
	if ms, ok := parseAfter(h.Get("Retry-After-Ms"), time.Millisecond); ok {
		return ms, true
	}
	s := h.Get("Retry-After")
	if secs, ok := parseAfter(s, time.Second); ok {
		return secs, true
	}
	at, err := http.ParseTime(strings.TrimSpace(s))
	if err != nil {
		return 0, false
	}
	return min(max(at.Sub(now), 0), maxRetryAfter), true
}

// parseAfter reads a number of units. Fractions are taken: some servers send them.
func parseAfter(s string, unit time.Duration) (time.Duration, bool) {
	v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || !(v >= 0) { // also NaN
		return 0, false
	}
	return time.Duration(min(v*float64(unit), float64(maxRetryAfter))), true
}
