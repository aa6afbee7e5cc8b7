package backpressure

import (
	"testing"
	"time"
)

func mustAdmission(t testing.TB, cfg Config) *Admission {
	t.Helper()
	a, err := NewAdmission(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// taught returns an Admission that has learned a drain rate of 1000 prompt
// tokens per second and unit, with nothing in flight, and the instant it is.
func taught(t testing.TB, cfg Config) (*Admission, time.Time) {
	t.Helper()
	a, now := mustAdmission(t, cfg), epoch
	for range 200 {
		r := &Request{Cost: Cost{Prompt: 100}}
		if v := a.Offer(now, r); v.Action != Admit {
			t.Fatalf("teaching: %+v", v)
		}
		now = now.Add(100 * time.Millisecond)
		a.FirstToken(now, r)
		a.Done(now, r, Completed)
	}
	if got := a.Stats(now).DrainRate; got < 990 || got > 1010 {
		t.Fatalf("drain rate %v, want 1000", got)
	}
	return a, now
}

// fill admits n requests of 100 prompt tokens.
func fill(t testing.TB, a *Admission, now time.Time, n int) []*Request {
	t.Helper()
	var in []*Request
	for range n {
		r := &Request{Cost: Cost{Prompt: 100}}
		if v := a.Offer(now, r); v.Action != Admit {
			t.Fatalf("request %d: %+v", len(in), v)
		}
		in = append(in, r)
	}
	return in
}

func TestAdmitsUpToTheShareOfTheObjective(t *testing.T) {
	// 1000 tokens a second, 0.5 of 2 s: 1000 tokens, ten requests of 100.
	a, now := taught(t, Config{Queue: Queue{Requests: -1}})
	fill(t, a, now, 9)
	for a.Offer(now, &Request{Cost: Cost{Prompt: 10}}).Action == Admit {
	}
	if got := a.Stats(now).PromptsAhead; got < 980 || got > 1020 {
		t.Errorf("%v prompt tokens admitted, want about 1000", got)
	}
	r := &Request{Cost: Cost{Prompt: 100}}
	v := a.Offer(now, r)
	if v.Action != Shed || v.Reason != Saturated {
		t.Fatalf("one more: %+v, want shed as saturated", v)
	}
	if v.RetryAfter < 80*time.Millisecond || v.RetryAfter > 110*time.Millisecond {
		t.Errorf("RetryAfter %v, want the 100 tokens too many at 1000 a second", v.RetryAfter)
	}
}

func TestRateFollowsUnitsAtOnce(t *testing.T) {
	a, now := taught(t, Config{Queue: Queue{Requests: -1}})
	a.Observe(now, Outlook{Ready: 6, Members: 2})
	fill(t, a, now, 28) // three units for this gate
	a.Observe(now, Outlook{Ready: 3, Members: 2})
	if v := a.Offer(now, &Request{Cost: Cost{Prompt: 100}}); v.Action != Shed {
		t.Fatalf("after half of the units went: %+v", v)
	}
	if got := a.Stats(now).PredictedTTFT; got < 1800*time.Millisecond {
		t.Errorf("predicted %v, want about 2800 tokens at 1500 a second", got)
	}
}

func TestSilenceClosesTheGate(t *testing.T) {
	a, now := taught(t, Config{Queue: Queue{Requests: -1}})
	stuck := fill(t, a, now, 1)
	now = now.Add(10 * time.Second)
	if v := a.Offer(now, &Request{Cost: Cost{Prompt: 100}}); v.Action != Shed {
		t.Fatalf("behind a stalled engine: %+v", v)
	}
	a.Done(now, stuck[0], Abandoned)
	if v := a.Offer(now, &Request{Cost: Cost{Prompt: 100}}); v.Action != Admit {
		t.Fatalf("with nothing ahead: %+v", v)
	}
}
