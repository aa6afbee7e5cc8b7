package backpressure

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Of callers of two kinds, what a request will make is known within 10 % of the
// mean after 100 requests; and bounds, which nobody uses up, do not mislead.
func TestExpectsOutput(t *testing.T) {
	kinds := []struct {
		class  Class
		bound  int64
		output func(*rand.Rand) int
	}{
		{Critical, 4096, lognormal(250, 0.6)},
		{Sheddable, 256, lognormal(40, 0.5)},
	}
	off, naive := 0.0, 0.0
	const runs = 50
	for seed := range uint64(runs) {
		rng := rand.New(rand.NewPCG(seed, 4))
		a, now := mustAdmission(t, Config{Mode: Off}), 0.0
		one := func(kind int) (expected, made float64) {
			k := kinds[kind]
			now++
			r := &Request{Cost: Cost{Prompt: 100, MaxOutput: k.bound}, Class: k.class}
			a.Offer(instant(now), r)
			n := min(k.output(rng), int(k.bound))
			expected = (r.work - 100) / OutputWeight
			a.Tokens(instant(now), r, int64(n))
			a.Done(instant(now), r, Completed)
			return expected, float64(n)
		}
		for range 100 {
			one(int(rng.Uint32() & 1))
		}
		var expected, made [2]float64
		for range 400 {
			kind := int(rng.Uint32() & 1)
			// What was learned from 100 requests is asked for, and not what follows.
			was := a.use
			e, m := one(kind)
			a.use = was
			expected[kind] += e
			made[kind] += m
		}
		for kind := range kinds {
			off += math.Abs(expected[kind]/made[kind]-1) / (2 * runs)
		}
		naive += math.Abs((expected[0]+expected[1])/(made[0]+made[1])-1) / runs
	}
	t.Logf("off by %.3f of the mean of its kind, by %.3f of the mean of all", off, naive)
	if off > 0.1 || naive > 0.1 {
		t.Errorf("off by %.3f and %.3f, want 0.1", off, naive)
	}
}

// The engine's memory fills up, and somebody says so: less is let in ahead, but
// never nothing. What is old is not believed.
func TestPressure(t *testing.T) {
	admitted := func(o Outlook, later float64) int {
		a, now := taught(t, Config{Queue: Queue{Requests: -1}})
		o.Ready, o.Members = 1, 1
		a.Observe(now, o)
		now = now.Add(seconds(later))
		n := 0
		for a.Offer(now, &Request{Cost: Cost{Prompt: 100}}).Action == Admit {
			n++
		}
		return n
	}
	free := admitted(Outlook{}, 0)
	for _, c := range []struct {
		name        string
		o           Outlook
		later       float64
		least, most int
	}{
		{"not known", Outlook{}, 0, free, free},
		{"little", Outlook{Pressure: 0.5}, 0, free, free},
		{"much", Outlook{Pressure: 0.95}, 0, 3, free - 3},
		{"full", Outlook{Pressure: 1}, 0, 1, 1},
		{"beyond full", Outlook{Pressure: 7}, 0, 1, 1},
		{"no number", Outlook{Pressure: math.NaN()}, 0, free, free},
		{"full, long ago", Outlook{Pressure: 1, PressureAge: 3 * pressureStale}, 0, free, free},
		{"full, and nothing since", Outlook{Pressure: 1}, 2 * pressureStale.Seconds(), free, free + 1},
	} {
		if got := admitted(c.o, c.later); got < c.least || got > c.most {
			t.Errorf("%s: %d let in, want %d to %d", c.name, got, c.least, c.most)
		}
	}
}
