package llm

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// steady drives an engine with Poisson arrivals for the given virtual time and
// returns the mean inter-token latency of the requests that ended after warmup.
func steady(t testing.TB, m Model, rate float64, prompt, output int64, warmup, length time.Duration) time.Duration {
	e := newEngine(t, m)
	rng := rand.New(rand.NewPCG(11, 13))
	first := map[uint64]time.Duration{}
	var now, next, sum time.Duration
	var id uint64
	var n int
	for now < length {
		for next <= now || e.Idle() {
			now = max(now, next)
			id++
			add(t, e, id, prompt, output)
			next += time.Duration(rng.ExpFloat64() / rate * float64(time.Second))
		}
		d, out := e.Step()
		now += d
		for _, ev := range out {
			if ev.First {
				first[ev.ID] = now
			}
			if ev.Done {
				if now > warmup {
					sum += (now - first[ev.ID]) / time.Duration(output-1)
					n++
				}
				delete(first, ev.ID)
			}
		}
	}
	return sum / time.Duration(n)
}

// The closed form and the step simulation agree as well as it says.
func TestSteadyStateAgreesWithTheClosedForm(t *testing.T) {
	m, _ := Preset("llama-3.1-70b-fp8/h100x4")
	const prompt, output = 1000, 250
	for _, c := range []struct{ utilization, margin float64 }{{0.2, 0.02}, {0.5, 0.07}, {0.7, 0.10}, {0.85, 0.19}} {
		rate := c.utilization * 1000 / m.work(prompt, output)
		got := steady(t, m, rate, prompt, output, 2*time.Minute, 15*time.Minute)
		want := m.ITL(rate, prompt, output)
		if off := math.Abs(float64(got)/float64(want) - 1); off > c.margin {
			t.Errorf("at %v: simulated %v, closed form %v, %.1f %% apart; want %.0f", c.utilization, got, want, 100*off, 100*c.margin)
		} else {
			t.Logf("at %v: simulated %v, closed form %v, %.1f %% apart", c.utilization, got, want, 100*off)
		}
	}
}
