package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// showProgress writes a line every few seconds until ctx ends.
func showProgress(ctx context.Context, f *fleet, c *client, w io.Writer) {
	const every = 5 * time.Second
	t := time.NewTicker(every)
	defer t.Stop()
	began, sent := time.Now(), int64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		st, err := f.supervisor.Status(ctx)
		if err != nil {
			continue
		}
		now, stats := c.sent.Load(), f.gate.Stats()
		fmt.Fprintf(w, "%7.0f s    %5.1f requests/s   %d of %d replicas ready   %d in flight   %d waiting   %d shed\n",
			time.Since(began).Seconds(), float64(now-sent)/every.Seconds(), st.Fleet.Ready, st.Fleet.Desired, stats.InFlight, stats.Waiting, stats.Shed.Total())
		sent = now
	}
}

// A sharedWriter takes lines from several goroutines, one after the other.
type sharedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *sharedWriter) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(b)
}

// A spectator is a slog.Handler that writes what a person who watches cares for:
// every scaling with its reason, and every warning.
type spectator struct {
	w     io.Writer
	attrs []slog.Attr
}

func (s spectator) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

func (s spectator) Handle(_ context.Context, r slog.Record) error {
	attrs := slices.Clip(s.attrs) // calls may come side by side
	r.Attrs(func(a slog.Attr) bool { attrs = append(attrs, a); return true })
	line, scale := r.Message, ""
	for _, a := range attrs {
		switch {
		case a.Key == "why":
			scale = a.Value.String()
		case r.Level >= slog.LevelWarn:
			line += fmt.Sprintf(" %s=%v", a.Key, a.Value)
		}
	}
	if scale != "" {
		line = scale
	}
	_, err := fmt.Fprintf(s.w, "   decision  %s\n", line)
	return err
}

func (s spectator) WithAttrs(attrs []slog.Attr) slog.Handler {
	s.attrs = append(slices.Clip(s.attrs), attrs...)
	return s
}

func (s spectator) WithGroup(string) slog.Handler { return s }
