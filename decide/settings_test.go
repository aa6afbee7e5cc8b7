package decide_test

import (
	"time"

	"pgregory.net/rapid"

	"github.com/evenkeel/evenkeel/decide"
)

// The generators of what the later stages are set to.

func maybe(t *rapid.T, name string) bool { return rapid.IntRange(0, 2).Draw(t, name) == 0 }

// anyFixed sets what does not change by the clock: with it, limits are fixed.
func anyFixed(t *rapid.T, c *decide.Config) {
	for _, d := range []*decide.Direction{&c.Up, &c.Down} {
		if maybe(t, "several rates") {
			for range rapid.IntRange(1, 3).Draw(t, "rates") {
				d.Rates = append(d.Rates, decide.Rate{
					Count:  rapid.Int64Range(1, 9).Draw(t, "rate count"),
					Share:  pick(0, 0.1, 1).Draw(t, "rate share"),
					Period: pick(0, 15*time.Second, 90*time.Second).Draw(t, "rate period"),
				})
			}
			d.Select = pick(decide.SelectMax, decide.SelectMin).Draw(t, "select")
		}
	}
	if maybe(t, "burst") {
		c.Burst = decide.Burst{
			Factor: pick(0, 1.5, 3).Draw(t, "burst factor"),
			Window: pick(0, 10*time.Second).Draw(t, "burst window"),
			For:    pick(20*time.Second, 2*time.Minute).Draw(t, "burst for"),
		}
	}
	if maybe(t, "warm") {
		c.Warm = anyWarm(t)
	}
	c.Hold.After = pick(-1, 0, time.Minute).Draw(t, "fallback after")
	switch c.Hold.Fallback = pick(decide.FallbackHold, decide.FallbackFloor, decide.FallbackLastGood, decide.FallbackFixed).Draw(t, "fallback"); c.Hold.Fallback {
	case decide.FallbackFloor, decide.FallbackFixed:
		c.Hold.Replicas = rapid.Int64Range(1, 50).Draw(t, "fallback to")
	}
	if maybe(t, "always") { // every hour of every day: a limit that does not change
		w := decide.Window{Min: pick[int64](0, 0, 3, 20).Draw(t, "floor"), Max: pick[int64](0, 20, 35).Draw(t, "ceiling")}
		if maybe(t, "warm by window") {
			w.Warm = anyWarm(t)
		}
		c.Schedule = append(c.Schedule, w)
	}
	if maybe(t, "budget") {
		c.Budget = decide.Budget{Price: 2, PerHour: pick(0.0, 61, 1000).Draw(t, "per hour")}
	}
}

// surges sets what may raise the count without holding it back.
func surges(t *rapid.T, c *decide.Config) {
	if maybe(t, "burst") {
		c.Burst.Factor = rapid.Float64Range(1.1, 4).Draw(t, "burst factor")
	}
	if maybe(t, "warm") {
		c.Warm = anyWarm(t)
	}
	c.Hold.Fallback = pick(decide.FallbackHold, decide.FallbackLastGood).Draw(t, "fallback")
}

func anyWarm(t *rapid.T) decide.Warm {
	return decide.Warm{Replicas: rapid.Int64Range(0, 4).Draw(t, "warm"), Share: pick(0, 0.1, 0.5).Draw(t, "warm share")}
}

// anything is a configuration with limits that change by the clock too.
func anything(t *rapid.T) decide.Config {
	c := anyConfig(t)
	for range rapid.IntRange(0, 3).Draw(t, "windows") {
		w := decide.Window{
			Days: decide.Days(rapid.Uint8Range(0, 127).Draw(t, "days")),
			From: time.Duration(rapid.IntRange(0, 24*60-1).Draw(t, "from")) * time.Minute,
			To:   time.Duration(rapid.IntRange(0, 24*60).Draw(t, "to")) * time.Minute,
			Zone: pick("", "Europe/Berlin", "America/New_York").Draw(t, "zone"),
			Min:  rapid.Int64Range(0, 20).Draw(t, "floor"),
			Ramp: pick(0, time.Minute, 3*time.Hour).Draw(t, "ramp"),
		}
		switch pick("none", "some", "closed").Draw(t, "ceiling") {
		case "some":
			w.Max = w.Min + rapid.Int64Range(1, 20).Draw(t, "above")
		case "closed":
			w.Min, w.Closed = 0, true
		}
		c.Schedule = append(c.Schedule, w)
	}
	if maybe(t, "monthly") {
		c.Budget.Price = pick(0.01, 2.5).Draw(t, "price")
		c.Budget.PerMonth = pick(1.0, 500, 50000).Draw(t, "per month")
		c.Budget.Pace = pick(-1.0, 0, 1, 3).Draw(t, "pace")
	}
	if rapid.IntRange(0, 9).Draw(t, "disabled") == 0 {
		c.Up.Select = decide.SelectDisabled
	}
	if rapid.IntRange(0, 9).Draw(t, "disabled") == 0 {
		c.Down.Select = decide.SelectDisabled
	}
	return c
}

func anyPause(t *rapid.T, now time.Time) decide.Pause {
	if !maybe(t, "paused") {
		return decide.Pause{}
	}
	return decide.Pause{
		Up: rapid.Bool().Draw(t, "pause up"), Down: rapid.Bool().Draw(t, "pause down"),
		Until: pick(time.Time{}, now.Add(time.Hour), now.Add(-time.Hour)).Draw(t, "pause until"),
	}
}
