package backpressure

import (
	"fmt"
	"testing"
)

func rag(rate float64) traffic {
	return traffic{rate: func(float64) float64 { return rate }, prompt: lognormal(4000, 0.4), output: lognormal(150, 0.6)}
}

// goodRate runs traffic against n units for 120 s and returns the good requests
// per second and unit, start and end left out.
func goodRate(t *testing.T, cfg Config, n int, tr traffic, seed uint64) float64 {
	f := newFleet(t, cfg, n, seed)
	f.run(tr, 120)
	return float64(f.good(20, 110, 2, 0.1)) / 90 / float64(n)
}

// The goodput at overload, over the best that the same engines reach at any load
// without a gate. The bar of this test leaves room for the noise of a seed.
func TestGoodputUnderOverload(t *testing.T) {
	for name, kind := range map[string]struct {
		traffic func(float64) traffic
		loads   []float64 // around the knee, per unit
	}{
		"chat":           {chat, []float64{11.5, 12}},
		"long documents": {rag, []float64{5.4, 5.8}},
	} {
		t.Run(name, func(t *testing.T) {
			const n = 1
			capacity := 0.0
			for _, load := range kind.loads {
				capacity = max(capacity, goodRate(t, Config{Mode: Off}, n, kind.traffic(load*n), 1))
			}
			for _, over := range []float64{2, 5, 10} {
				load := over * capacity * n
				got := goodRate(t, Config{}, n, kind.traffic(load), 2) / capacity
				t.Logf("%gx: %.3f of the capacity of %.2f requests/s per unit", over, got, capacity)
				if got < 0.9 {
					t.Errorf("goodput at %gx is %.3f of capacity, want at least 0.9", over, got)
				}
			}
			if none := goodRate(t, Config{Mode: Off}, n, kind.traffic(2*capacity*n), 2) / capacity; none > 0.1 {
				t.Errorf("without a gate goodput at 2x is %.3f of capacity: this is no overload", none)
			}
		})
	}
}

// Three of six units go. From two seconds later the gate serves what the three
// can.
func TestCapacityLoss(t *testing.T) {
	const load = 6 * 15
	left := goodRate(t, Config{}, 3, chat(load), 1) * 3

	f := newFleet(t, Config{}, 6, 1)
	f.onSecond = func(s float64) {
		if s == 60 {
			f.lose(s, 3)
			f.a.Observe(instant(s), Outlook{Ready: 3, Members: 1})
		}
	}
	f.run(chat(load), 100)
	got := float64(f.good(62, 92, 2, 0.1)) / 30
	t.Logf("%.1f good requests/s in the 30 s from 2 s after the loss, %.1f with three units from the start: %.3f", got, left, got/left)
	if got < 0.95*left {
		t.Errorf("goodput after the loss is %.3f of what is left, want 0.95", got/left)
	}
}

// Three of six units go, and three new ones come. From two seconds after each the
// gate serves what there is.
func TestUnitsGoAndComeBack(t *testing.T) {
	const load = 6 * 15
	for _, seed := range seeds() {
		three := goodRate(t, Config{}, 3, chat(load), seed) * 3
		six := goodRate(t, Config{}, 6, chat(load), seed) * 6
		f := newFleet(t, Config{}, 6, seed)
		f.onSecond = func(s float64) {
			switch s {
			case 45:
				f.lose(s, 3)
				f.a.Observe(instant(s), Outlook{Ready: 3, Members: 1})
			case 75:
				for i := range 3 {
					f.engines[i] = smallEngine()
				}
				f.a.Observe(instant(s), Outlook{Ready: 6, Members: 1})
			}
		}
		f.run(chat(load), 110)
		lost, back := float64(f.good(47, 75, 2, 0.1))/28/three, float64(f.good(77, 107, 2, 0.1))/30/six
		t.Logf("seed %d: %.3f of three from the start, then %.3f of six", seed, lost, back)
		if lost < 0.95 || back < 0.95 {
			t.Errorf("seed %d: %.3f of three from the start, then %.3f of six; want 0.95", seed, lost, back)
		}
	}
}

// The engines become half as fast, and nobody tells the gate. What runs already
// is twice what they can do well, and takes most of a minute to get done.
func TestSlowDown(t *testing.T) {
	slow := func(from float64) float64 {
		f := newFleet(t, Config{}, 1, 3)
		f.slower = func(t float64) float64 {
			if t >= from {
				return 2
			}
			return 1
		}
		f.run(chat(40), 300)
		return float64(f.good(130, 280, 2, 0.1)) / 150
	}
	got, steady := slow(70), slow(0)
	t.Logf("%.2f good requests/s after the slow-down, %.2f with slow engines from the start", got, steady)
	if got < 0.9*steady {
		t.Errorf("goodput %.2f after a slow-down, want 0.9 of the steady %.2f", got, steady)
	}
}

// bounded is chat whose callers say how much output they want, some of them
// little.
func bounded(rate float64) traffic {
	tr := chat(rate)
	tr.maxOutput = func(output int) int64 {
		if output < 200 {
			return 200
		}
		return 4000
	}
	return tr
}

// Demand over the unit rate is the units that the demand takes up: what an
// autoscaler needs to know. It must hold at every load, from nearly idle to three
// times too much.
func TestLearnsTheUnitRate(t *testing.T) {
	const n = 2
	for _, tt := range []struct {
		name    string
		traffic func(float64) traffic
		rates   []float64 // requests/s and unit
	}{
		{"chat", chat, []float64{1, 4, 8, 11, 40}},
		{"chat with bounds", bounded, []float64{4, 11}},
		{"long documents", rag, []float64{2, 4, 5.5, 12}},
	} {
		for _, rate := range tt.rates {
			t.Run(fmt.Sprintf("%s at %g per second", tt.name, rate), func(t *testing.T) {
				f := newFleet(t, Config{}, n, 1)
				var s Stats
				work, used, worst := 0.0, 0.0, 0.0
				f.onSecond = func(sec float64) {
					s = f.a.Stats(instant(sec))
					if sec > 60 { // by then requests of all lengths have finished
						work += s.DemandWork
						used += s.UnitUse / 90
					}
					if sec >= 90 {
						units := work / (sec - 60) / s.UnitRate // the mean demand, to leave its noise out
						off := units/(rate*n*f.takes()) - 1
						worst = max(worst, off, -off)
					}
				}
				f.run(tt.traffic(rate*n), 150)
				use := rate * f.takes()
				t.Logf("rate %.0f tokens/s; units needed at worst %.0f %% off after 90 s; use %.2f of %.2f, idle step %v", s.UnitRate, 100*worst, used, use, s.IdleTPOT)
				if !(worst <= 0.25) {
					t.Errorf("the units needed were %.0f %% off, want 25 at most", 100*worst)
				}
				if use < 0.9 && (used < use-0.1 || used > use+0.1) {
					t.Errorf("use %.2f, want about %.2f", used, use)
				}
			})
		}
	}
}

// What is asked for is exported as it is, in requests, prompt tokens and work, however
// little of it is let in: at three times what two engines can do.
func TestDemandIsTheTruthUnderOverload(t *testing.T) {
	for _, tt := range []struct {
		name    string
		traffic traffic
	}{{"chat", chat(360)}, {"long documents", rag(120)}} {
		f := newFleet(t, Config{}, 2, 1)
		var requests, input, work, n float64
		f.onSecond = func(sec float64) {
			if s := f.a.Stats(instant(sec)); sec > 60 {
				requests, input, work, n = requests+s.DemandRequests, input+s.DemandInput, work+s.DemandWork, n+1
			}
		}
		f.run(tt.traffic, 150)
		var offered, prompt, output float64
		for _, r := range f.all {
			if r.at > 50 {
				offered, prompt, output = offered+1, prompt+float64(r.prompt), output+float64(r.output)
			}
		}
		shed := float64(f.a.Stats(instant(150)).Shed[Saturated]+f.a.Stats(instant(150)).Shed[DecodeSaturated]) / float64(len(f.all))
		for _, c := range []struct {
			what      string
			got, want float64
		}{
			{"requests", requests / n, offered / 100},
			{"prompt tokens", input / n, prompt / 100},
			{"work", work / n, (prompt + OutputWeight*output) / 100},
		} {
			t.Logf("%s, %.0f %% shed: %s %.0f/s, in truth %.0f/s", tt.name, 100*shed, c.what, c.got, c.want)
			if off := c.got/c.want - 1; off < -0.1 || off > 0.1 {
				t.Errorf("%s: %s are %.0f/s, in truth %.0f/s", tt.name, c.what, c.got, c.want)
			}
		}
		if shed < 0.6 {
			t.Errorf("%s: only %.0f %% were shed: no overload", tt.name, 100*shed)
		}
	}
}

// takes returns the unit-seconds that the mean request so far takes up, from the
// constants of the engine.
func (f *fleet) takes() (secs float64) {
	e := f.engines[0]
	for _, r := range f.all {
		p, o := float64(r.prompt), float64(r.output)
		secs += e.p*p + e.b*o + e.c*o*(p+o/2)
	}
	return secs / float64(max(len(f.all), 1))
}
