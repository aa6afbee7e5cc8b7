package backpressure

import (
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// plainEngine is the engine of the published comparison of admission policies:
// small, fast steps and little KV memory.
func plainEngine() *engine {
	return &engine{a: 4e-3, b: 15e-6, c: 0.03e-6, p: 12e-6, chunk: 2048, maxSeqs: 256, maxKV: 200_000, end: math.Inf(1)}
}

// times is an engine whose steps take x times as long.
func (e *engine) times(x float64) *engine {
	e.a, e.b, e.c, e.p = e.a*x, e.b*x, e.c*x, e.p*x
	return e
}

func documents(rate float64) traffic {
	return traffic{rate: func(float64) float64 { return rate }, prompt: lognormal(4000, 0.5), output: lognormal(150, 0.6)}
}

// sharing is traffic half of whose prompts find three quarters of their tokens
// in the prefix cache.
func (tr traffic) sharing() traffic {
	tr.cached = func(rng *rand.Rand, prompt int) int {
		if rng.Uint32()&1 == 0 {
			return 0
		}
		return prompt * 3 / 4
	}
	return tr
}

// An llmCase is one engine under one kind of traffic.
type llmCase struct {
	name     string
	engine   func() *engine
	traffic  func() traffic
	tpot     float64
	slowAt   float64 // from when a step takes twice as long; 0: never
	from, to float64 // requests that count arrive in between
	// bar is the good requests per second to reach; 0: 0.9 of the best static cap.
	bar float64
}

func llmCases() []llmCase {
	other := func(e func() *engine, x float64, tr func(traffic) traffic) []llmCase {
		if tr == nil {
			tr = func(t traffic) traffic { return t }
		}
		return []llmCase{
			{"chat", e, func() traffic { return tr(chat(80 * x)) }, 0.1, 0, 20, 130, 0},
			{"documents", e, func() traffic { return tr(documents(20 * x)) }, 0.1, 0, 20, 130, 0},
			{"both in turn", e, func() traffic { return tr(inTurn(chat(80*x), documents(20*x))) }, 0.1, 0, 20, 140, 0},
		}
	}
	cases := []llmCase{
		{"chat", plainEngine, func() traffic { return chat(80) }, 0.05, 0, 20, 130, 49.4},
		{"documents", plainEngine, func() traffic { return documents(20) }, 0.05, 0, 20, 130, 11.6 * 0.95},
		{"both in turn", plainEngine, func() traffic { return inTurn(chat(80), documents(20)) }, 0.05, 0, 20, 140, 27.5},
		{"chat, slower from 70 s", plainEngine, func() traffic { return chat(80) }, 0.1, 70, 70, 150, 26.9},
		{"documents, slower from 70 s", plainEngine, func() traffic { return documents(20) }, 0.1, 70, 70, 150, 6},
	}
	for name, c := range map[string][]llmCase{
		"4x faster": other(func() *engine { return plainEngine().times(0.25) }, 4, nil),
		"4x slower": other(func() *engine { return plainEngine().times(4) }, 0.25, nil),
		"512 tokens a step, prefix cache": other(func() *engine {
			e := plainEngine()
			e.chunk = 512
			return e
		}, 1, traffic.sharing),
	} {
		for _, c := range c {
			c.name = name + ": " + c.name
			cases = append(cases, c)
		}
	}
	return cases
}

// goodRate plays the case and returns the good requests per second: with the
// gate, or with a static cap on the unanswered prompt tokens.
func (c llmCase) goodRate(t testing.TB, staticCap int, seed uint64) float64 {
	cfg := Config{TPOT: time.Duration(c.tpot * float64(time.Second))}
	if staticCap > 0 {
		cfg.Mode = Off
	}
	f := newFleet(t, cfg, 1, seed)
	f.engines[0], f.cap = c.engine(), staticCap
	if c.slowAt > 0 {
		f.slower = func(t float64) float64 {
			if t >= c.slowAt {
				return 2
			}
			return 1
		}
	}
	f.run(c.traffic(), c.to+10)
	return float64(f.good(c.from, c.to, 2, c.tpot)) / (c.to - c.from)
}

// fullSize reports whether the tests run at full size.
func fullSize() bool { return os.Getenv("EVENKEEL_LONG") != "" }

// A gate with its defaults, on engines and traffic it knows nothing of, does as
// well as a static cap that was tuned for each of them by hand.
func TestGoodputOfEngines(t *testing.T) {
	seeds, caps := seeds(), []int{12_000, 70_000}
	if fullSize() {
		caps = []int{1500, 3000, 6000, 9000, 12_000, 18_000, 25_000, 35_000, 50_000, 70_000, 100_000}
	}
	for _, c := range llmCases() {
		if !fullSize() && c.slowAt == 0 {
			c.to = 60 // traffic in turn has had its two turns
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, best, bestCap := 0.0, 0.0, 0
			for _, seed := range seeds {
				got += c.goodRate(t, 0, seed) / float64(len(seeds))
			}
			bar := c.bar
			if bar == 0 || fullSize() {
				for _, limit := range caps {
					sum := 0.0
					for _, seed := range seeds {
						sum += c.goodRate(t, limit, seed) / float64(len(seeds))
					}
					if sum > best {
						best, bestCap = sum, limit
					}
				}
			}
			if bar == 0 {
				bar = 0.9 * best
			}
			t.Logf("%.2f good requests/s; the best static cap, %d tokens: %.2f", got, bestCap, best)
			if got < bar {
				t.Errorf("%.2f good requests/s, want %.2f", got, bar)
			}
		})
	}
}
