package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func queue(n int, takes time.Duration) chan time.Duration {
	pictures := make(chan time.Duration, n)
	for range n {
		pictures <- takes
	}
	return pictures
}

// The program to its end, in virtual time.
func TestScale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pictures := queue(600, 50*time.Millisecond)
		var said []string
		began := time.Now()
		if err := scale(t.Context(), pictures, func(line string) { said = append(said, line) }); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); len(pictures) != 0 || took < 5*time.Second || took > 20*time.Second {
			t.Errorf("%d of 600 pictures left after %v, want none after ten seconds or so", len(pictures), took)
		}
		if len(said) < 3 || !strings.HasPrefix(said[0], "0 → ") || !strings.HasPrefix(said[len(said)-1], "1 → 0: drain wants 0") {
			t.Errorf("said:\n%s", strings.Join(said, "\n"))
		}
	})
}

// The end of the context ends everything: synctest fails if a worker is left.
func TestScaleEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pictures := queue(1000, time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := scale(ctx, pictures, func(string) {}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want the context's error", err)
		}
	})
}
