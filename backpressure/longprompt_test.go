package backpressure

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// perTenth is 1 ms more for every 10 tokens above 4,000.
var perTenth = LongPrompt{Above: 4000, PerToken: 100 * time.Microsecond}

func TestLongPromptExtra(t *testing.T) {
	for _, c := range []struct {
		l      LongPrompt
		prompt int64
		want   time.Duration
	}{
		{LongPrompt{}, 1 << 40, 0},
		{LongPrompt{Above: 4000}, 1 << 40, 0},
		{perTenth, 0, 0},
		{perTenth, -5, 0},
		{perTenth, 4000, 0},
		{perTenth, 4001, 100 * time.Microsecond},
		{perTenth, 44_000, 4 * time.Second},
		{LongPrompt{PerToken: time.Millisecond}, 500, 500 * time.Millisecond},
		{LongPrompt{PerToken: time.Hour}, math.MaxInt64, math.MaxInt64},
		{LongPrompt{PerToken: 1}, math.MaxInt64, math.MaxInt64},
	} {
		if got := c.l.Extra(c.prompt); got != c.want {
			t.Errorf("%+v, %d tokens: %v, want %v", c.l, c.prompt, got, c.want)
		}
	}
}

func TestLongPromptRefused(t *testing.T) {
	for _, l := range []LongPrompt{{Above: -1}, {PerToken: -1}} {
		if _, err := NewAdmission(Config{LongPrompt: l}); err == nil || !strings.Contains(err.Error(), "LongPrompt is") {
			t.Errorf("%+v: %v", l, err)
		}
	}
}

// Of one unit that computes 10,000 tokens a second, a prompt of 40,000 takes 4 s:
// never within 2 s, and within the 5.6 s that it may take. Behind it a short one
// has no time; a long one, a little.
func TestLongPromptBudget(t *testing.T) {
	learned := func(l LongPrompt) *Admission {
		a, err := NewAdmission(Config{LongPrompt: l})
		if err != nil {
			t.Fatal(err)
		}
		rng, now := rand.New(rand.NewPCG(1, 1)), 0.0
		for range 50 { // prompts one after another
			r := &Request{Cost: Cost{Prompt: 500 + rng.Int64N(1000)}}
			if v := a.Offer(instant(now), r); v.Action != Admit {
				t.Fatalf("%+v", v)
			}
			now += float64(r.Cost.Prompt) / 10_000
			a.FirstToken(instant(now), r)
			a.Done(instant(now), r, Completed)
		}
		return a
	}
	offer := func(a *Admission, prompt int64) Action {
		return a.Offer(instant(10), &Request{Cost: Cost{Prompt: prompt}}).Action
	}
	flat, grown := learned(LongPrompt{}), learned(perTenth)
	for _, a := range []*Admission{flat, grown} { // something is ahead
		if offer(a, 3000) != Admit {
			t.Error("a short prompt on an idle unit is refused")
		}
	}
	if got := offer(flat, 40_000); got != Shed {
		t.Errorf("with one objective for all, a prompt of 40,000 tokens is %v", got)
	}
	if got := offer(grown, 40_000); got != Admit {
		t.Errorf("a prompt that may take longer is %v", got)
	}
	if got := offer(grown, 100); got != Shed {
		t.Errorf("a short prompt behind 4.3 s of others is %v", got)
	}
	if got := offer(grown, 60_000); got != Shed {
		t.Errorf("a prompt of 6 s behind 4.3 s of others, with 7.6 s, is %v", got)
	}
	// What the objective is can change at any time.
	if err := grown.Update(Config{}); err != nil || offer(grown, 40_000) != Shed {
		t.Errorf("after the update a long prompt is let in: %v", err)
	}
}

// Prompts of 30,000 tokens on four units that compute 10,000 a second take 3 s each.
// As many as there are units wait for nothing, and have to be let in: the time
// that they add up to is not one that anybody waits.
func TestLongPromptsUseFreeUnits(t *testing.T) {
	for _, c := range []struct {
		l    LongPrompt
		want int // let in of eight at once
	}{{LongPrompt{Above: 4000, PerToken: 100 * time.Microsecond}, 4}, {LongPrompt{Above: 4000}, 1}} {
		a, err := NewAdmission(Config{Queue: Queue{Requests: -1}, LongPrompt: c.l})
		if err != nil {
			t.Fatal(err)
		}
		a.Observe(instant(0), Outlook{Ready: 4, Members: 1})
		now, admitted := 0.0, 0
		for range 20 { // learn: one prompt after another
			r := &Request{Cost: Cost{Prompt: 30_000}}
			a.Offer(instant(now), r)
			now += 3
			a.FirstToken(instant(now), r)
			a.Done(instant(now), r, Completed)
		}
		for range 8 {
			if a.Offer(instant(now), &Request{Cost: Cost{Prompt: 30_000}}).Action == Admit {
				admitted++
			}
		}
		if admitted != c.want {
			t.Errorf("%+v: %d let in at once, want %d", c.l, admitted, c.want)
		}
	}
}

// Long prompts of very different lengths end too rarely for two seconds to tell
// their rate.
func TestLongPromptsRateIsSteady(t *testing.T) {
	spread := func(l LongPrompt) float64 {
		a, err := NewAdmission(Config{Mode: Off, LongPrompt: l})
		if err != nil {
			t.Fatal(err)
		}
		rng, now := rand.New(rand.NewPCG(1, 1)), 0.0
		least, most := math.Inf(1), 0.0
		for i := range 300 { // always one, at 10,000 tokens a second
			r := &Request{Cost: Cost{Prompt: int64(lognormal(10_000, 1)(rng))}}
			a.Offer(instant(now), r)
			for done := now + float64(r.Cost.Prompt)/10_000; now < done; now += 0.25 {
				a.Observe(instant(now), Outlook{Ready: 1, Members: 1})
			}
			a.FirstToken(instant(now), r)
			a.Done(instant(now), r, Completed)
			if rate := a.Stats(instant(now)).DrainRate; i > 100 {
				least, most = min(least, rate), max(most, rate)
			}
		}
		return most / least
	}
	flat, grown := spread(LongPrompt{}), spread(perTenth)
	t.Logf("largest over smallest rate: %.1f, and %.1f where prompts are long", flat, grown)
	if grown > flat/2 || grown > 3 {
		t.Errorf("largest over smallest rate: %.1f, and %.1f where prompts are long", flat, grown)
	}
}

// Without PerToken nothing at all changes.
func TestLongPromptAboveAlone(t *testing.T) {
	verdicts := func(l LongPrompt) []Verdict {
		a, err := NewAdmission(Config{LongPrompt: l})
		if err != nil {
			t.Fatal(err)
		}
		var out []Verdict
		var held []*Request
		rng, now := rand.New(rand.NewPCG(2, 2)), 0.0
		for range 3000 {
			now += rng.ExpFloat64() / 20
			r := &Request{Cost: Cost{Prompt: 1 + rng.Int64N(8000), Whole: rng.Uint32()%8 == 0}}
			v := a.Offer(instant(now), r)
			if out = append(out, v); v.Action != Shed {
				held = append(held, r)
			}
			for n := a.Next(instant(now)); n != nil; n = a.Next(instant(now)) {
				out = append(out, Verdict{})
			}
			if len(held) > 0 && rng.Uint32()%3 > 0 {
				a.FirstToken(instant(now), held[0])
				a.Done(instant(now), held[0], Completed)
				held = held[1:]
			}
		}
		return out
	}
	flat, above, grown := verdicts(LongPrompt{}), verdicts(LongPrompt{Above: 2000}), verdicts(perTenth)
	if !slices.Equal(flat, above) {
		t.Error("Above alone changes verdicts")
	}
	if slices.Equal(flat, grown) {
		t.Error("PerToken changes no verdict: the load tells nothing")
	}
}
