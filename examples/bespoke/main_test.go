package main

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The program to its end, in virtual time. Synctest fails if a worker is left.
func TestScale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pictures := make(chan time.Duration, 600)
		for range cap(pictures) {
			pictures <- 50 * time.Millisecond
		}
		var said bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if err := scale(ctx, pictures, slog.New(slog.NewTextHandler(&said, nil))); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(said.String()), "\n")
		if len(pictures) != 0 || len(lines) < 3 || !strings.Contains(lines[0], "from=0") || !strings.Contains(lines[len(lines)-1], "1 → 0: drain wants 0") {
			t.Errorf("%d of 600 pictures left; said:\n%s", len(pictures), said.String())
		}
	})
}

// The end of the context ends everything in the middle of the work.
func TestScaleEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pictures := make(chan time.Duration, 1000)
		for range cap(pictures) {
			pictures <- time.Second
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := scale(ctx, pictures, slog.New(slog.DiscardHandler)); err != nil {
			t.Error(err)
		}
		if n := len(pictures); n < 900 || n == 1000 {
			t.Errorf("%d of 1000 pictures left after three seconds", n)
		}
	})
}
