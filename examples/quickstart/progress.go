package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
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
		var shed uint64
		for _, n := range stats.Shed {
			shed += n
		}
		fmt.Fprintf(w, "%5.0f s   %5.1f req/s offered   %d of %d replicas ready   %d in flight, %d waiting   %d shed\n",
			time.Since(began).Seconds(), float64(now-sent)/every.Seconds(), st.Fleet.Ready, st.Fleet.Desired, stats.InFlight, stats.Waiting, shed)
		sent = now
	}
}

// newLog returns a logger that writes what a spectator cares about, one plain
// line a record.
func newLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{
		Level: slog.LevelInfo,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			switch a.Key {
			case slog.TimeKey, slog.LevelKey, "pool", "action", "from", "to":
				return slog.Attr{}
			case "why":
				return slog.String(a.Key, strings.TrimSpace(a.Value.String()))
			}
			return a
		},
	}))
}
