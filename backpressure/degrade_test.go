package backpressure

import (
	"math"
	"os"
	"testing"
)

// At about twice what one engine can do, of traffic that swings between short
// questions and long documents, hardly anybody is refused: the answers become
// shorter, and what still does not fit goes to a smaller model, whose engine is
// four times as fast. The full service keeps its objectives meanwhile.
func TestDegradeBeforeShed(t *testing.T) {
	documents := traffic{rate: func(float64) float64 { return 27 }, prompt: lognormal(4000, 0.5), output: lognormal(150, 0.6)}
	routes := []Route{{Name: "short", From: 0.9, MaxOutput: 100}, {Name: "small", Elsewhere: true, Limit: 400}}
	seeds := uint64(1)
	if os.Getenv("EVENKEEL_LONG") != "" {
		seeds = 3
	}
	for seed := range seeds {
		run := func(routes []Route) (full, short, small, refused, good, all int) {
			f := newFleet(t, Config{Routes: routes}, 1, seed)
			big := engine{a: 4e-3, b: 15e-6, c: 0.03e-6, p: 12e-6, chunk: 2048, maxSeqs: 256, maxKV: 200_000, end: math.Inf(1)}
			less := big
			less.a, less.b, less.c, less.p, less.maxKV = big.a/4, big.b/4, big.c/4, big.p/4, 4*big.maxKV
			f.engines, f.small = []*engine{&big, &less}, &less
			f.run(inTurn(chat(110), documents), 140)
			for _, r := range f.all {
				switch {
				case !r.done:
					refused++
				case r.by == "":
					full++
				case r.by == "short":
					short++
				default:
					small++
				}
				if r.meets(2, 0.1) {
					good++
				}
			}
			return full, short, small, refused, good, len(f.all)
		}
		_, _, _, refused, good, all := run(nil)
		t.Logf("seed %d, no route: %d requests, %.1f %% refused, %.1f %% within the objectives", seed, all, pct(refused, all), pct(good, all))
		full, short, small, refused, good, all := run(routes)
		t.Logf("seed %d, routes: %.1f %% in full, %.1f %% short, %.1f %% by the small model, %.2f %% refused, %.1f %% within the objectives",
			seed, pct(full, all), pct(short, all), pct(small, all), pct(refused, all), pct(good, all))
		if pct(refused, all) > 1 {
			t.Errorf("%d of %d requests were not answered", refused, all)
		}
		if pct(good, all) < 90 {
			t.Errorf("%d of %d requests met their objectives", good, all)
		}
		if full == 0 || short == 0 || small == 0 {
			t.Errorf("%d in full, %d short, %d by the small model", full, short, small)
		}
	}
}

func pct(n, of int) float64 { return 100 * float64(n) / float64(of) }
