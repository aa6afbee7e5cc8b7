package main

import (
	"context"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// loop looks, decides and acts, four times a second.
func loop(ctx context.Context, core *decide.Core, fleet actuate.Target, waiting func() int, say func(string)) error {
	target, err := actuate.New(actuate.Config{Target: fleet}) // deadlines, retries, a breaker
	if err != nil {
		return err
	}
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	var state decide.State // from a cold start: nothing is taken away before a window has passed
	for {
		st, err := target.Status(ctx)
		if err != nil {
			return err
		}
		in := decide.Input{
			Now: time.Now(), Fleet: st.Fleet, Limits: decide.Limits{Max: 8},
			Signals: []signal.Sample{signal.Value(float64(waiting()))},
		}
		var d decide.Decision
		if state, d = core.Next(state, in); d.Desired != d.From {
			say(core.Explain(&in, &d))
			if _, err := target.Apply(ctx, actuate.Request{Desired: d.Desired, Reason: d.Reason}); err != nil {
				return err
			}
		} else if d.Desired == 0 && waiting() == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
