package backpressure

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// A faster engine that runs out of sequences and of KV memory, too, and traffic
// that swings between short questions and long documents every 20 s. The gate
// knows neither.
func TestAnotherEngineAndMixedTraffic(t *testing.T) {
	fast := func(cfg Config) *fleet {
		cfg.TPOT = 50 * time.Millisecond
		f := newFleet(t, cfg, 1, 1)
		f.engines[0] = &engine{a: 4e-3, b: 15e-6, c: 0.03e-6, p: 12e-6, chunk: 2048, maxSeqs: 256, maxKV: 200_000, end: math.Inf(1)}
		return f
	}
	documents := traffic{rate: func(float64) float64 { return 20 }, prompt: lognormal(4000, 0.5), output: lognormal(150, 0.6)}
	for _, tt := range []struct {
		name    string
		traffic traffic
		atLeast float64 // good requests/s
	}{
		{"chat within capacity", chat(20), 19},
		{"chat at 1.5x", chat(80), 50},
		{"documents at 2x", documents, 10},
		{"both in turn", inTurn(chat(80), documents), 27},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := fast(Config{})
			f.run(tt.traffic, 140)
			got := float64(f.good(20, 130, 2, 0.05)) / 110
			off := fast(Config{Mode: Off})
			off.run(tt.traffic, 140)
			t.Logf("%.1f good requests/s; without a gate %.1f", got, float64(off.good(20, 130, 2, 0.05))/110)
			if got < tt.atLeast {
				t.Errorf("%.1f good requests/s, want %.1f", got, tt.atLeast)
			}
		})
	}
}

// inTurn is traffic a and b, 20 s each.
func inTurn(a, b traffic) traffic {
	now := 0.0
	at := func() traffic {
		if int(now/20)%2 == 0 {
			return a
		}
		return b
	}
	return traffic{
		rate:   func(t float64) float64 { now = t; return at().rate(t) },
		prompt: func(rng *rand.Rand) int { return at().prompt(rng) },
		output: func(rng *rand.Rand) int { return at().output(rng) },
	}
}
