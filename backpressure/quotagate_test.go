package backpressure

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func asKey(ctx context.Context, key string) context.Context {
	return WithCaller(ctx, Caller{Key: key})
}

// A hundred callers of one key, who come back as soon as they may, use the whole
// quota and do not pass it: by nothing while outputs have a bound, and by less
// than one request otherwise.
func TestQuotaHoldsAgainstConcurrentCallers(t *testing.T) {
	for name, bound := range map[string]int64{"bounded": 400, "unbounded": 0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const perMinute, prompt, minutes = 60_000, 100, 10
				q := newQuotas(t, QuotaConfig{Default: Quota{Tokens: perMinute}})
				g := newGate(t, Config{Mode: Enforce, Quotas: q})
				g.freeze(1e9)
				ctx, cancel := context.WithTimeout(asKey(t.Context(), "k"), minutes*time.Minute)
				defer cancel()
				var used atomic.Int64
				var wg sync.WaitGroup
				for i := range 100 {
					rng := rand.New(rand.NewPCG(1, uint64(i)))
					wg.Go(func() {
						for ctx.Err() == nil {
							p, err := g.Acquire(ctx, Cost{Prompt: prompt, MaxOutput: bound})
							if err != nil {
								time.Sleep(time.Duration(1+rng.IntN(500)) * time.Millisecond)
								continue
							}
							out := 1 + rng.IntN(400)
							time.Sleep(time.Duration(out) * 10 * time.Millisecond)
							p.Tokens(out)
							p.Release()
							used.Add(int64(prompt + out))
						}
					})
				}
				wg.Wait()
				allowed := int64(perMinute * (minutes + 1)) // a full bucket at the beginning
				over := used.Load() - allowed
				t.Logf("%d of %d tokens used", used.Load(), allowed)
				if over > 400-outputGuess {
					t.Errorf("%d tokens beyond the quota, more than one request's error", over)
				}
				if used.Load() < allowed*9/10 {
					t.Errorf("only %d of %d tokens could be used", used.Load(), allowed)
				}
			})
		})
	}
}

// A request that did not run costs nothing: shed, evicted or given up.
func TestQuotaIsRefunded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQuotas(t, QuotaConfig{Default: Quota{Requests: 10, Tokens: 10_000}})
		g := newGate(t, Config{Share: 0.6, Quotas: q})
		g.freeze(1000)
		full := q.State(time.Now(), 1, "k")
		defer acquire(t, g, Cost{Prompt: 1190}).Release()
		ctx := asKey(t.Context(), "k")

		if _, err := g.Acquire(ctx, Cost{Prompt: 5000}); err == nil || reason(err) != Saturated {
			t.Errorf("%v, want saturated", err)
		}
		if _, err := g.Acquire(ctx, Cost{Prompt: 100}); err == nil || reason(err) != QueueTimeout {
			t.Errorf("%v, want a queue timeout", err)
		}
		leaving, cancel := context.WithCancel(ctx)
		time.AfterFunc(10*time.Millisecond, cancel)
		if _, err := g.Acquire(leaving, Cost{Prompt: 100}); err == nil || reason(err) != Cancelled {
			t.Errorf("%v, want cancelled", err)
		}
		if s := q.State(time.Now(), 1, "k"); s != full {
			t.Errorf("left %+v, want %+v", s, full)
		}
	})
}

func reason(err error) Reason { return err.(*Rejected).Reason() } //nolint:errorlint // an Acquire's error is nothing else

func TestQuotaAtTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQuotas(t, QuotaConfig{Default: Quota{Requests: 2, Tokens: 1000}})
		g := newGate(t, Config{Quotas: q})
		tenant := WithCaller(t.Context(), Caller{Tenant: "a"}) // its name is the key
		p, err := g.Acquire(tenant, Cost{Prompt: 100, MaxOutput: 400})
		if err != nil {
			t.Fatal(err)
		}
		if s := q.State(time.Now(), 1, "a"); s.Tokens.Remaining != 500 {
			t.Errorf("reserved: %+v", s)
		}
		p.Used(80, 20)
		p.Release()
		if s := q.State(time.Now(), 1, "a"); s.Tokens.Remaining != 900 || s.Requests.Remaining != 1 {
			t.Errorf("used 80 and 20: %+v", s)
		}
		if _, err := g.Acquire(tenant, Cost{Prompt: 5000}); reason(err) != QuotaTooLarge || err.(*Rejected).RetryAfter() != 0 || err.(*Rejected).Status() != 429 { //nolint:errorlint // as above
			t.Errorf("too large: %v", err)
		}
		if p, err = g.Acquire(tenant, Cost{Prompt: 100, MaxOutput: 400}); err != nil {
			t.Fatal(err)
		}
		p.Release() // counted nothing: the estimate stands
		if s := q.State(time.Now(), 1, "a"); s.Tokens.Remaining != 400 {
			t.Errorf("nothing reported: %+v", s)
		}
		_, err = g.Acquire(tenant, Cost{Prompt: 1})
		rej := err.(*Rejected) //nolint:errorlint // as above
		if after := rej.RetryAfter(); rej.Reason() != QuotaRequests || after < 30*time.Second || after > 35*time.Second {
			t.Errorf("%v, want 30s and little more", err)
		}
		s := g.Stats()
		if s.Shed[QuotaTooLarge] != 1 || s.Shed[QuotaRequests] != 1 || s.Offered != 4 || s.ShedRate != 0 || s.Saturation > 1 {
			t.Errorf("counted %+v, and as demand %v", s.Shed, s.ShedRate)
		}

		if err := g.Update(Config{Mode: Shadow, Quotas: q}); err != nil {
			t.Fatal(err)
		}
		if p, err = g.Acquire(tenant, Cost{Prompt: 1}); err != nil {
			t.Fatalf("in shadow: %v", err)
		}
		p.Release()
		if s := g.Stats(); s.Shadowed[QuotaRequests] != 1 {
			t.Errorf("shadowed %v", s.Shadowed)
		}
		g.Observe(Outlook{Ready: 4, Members: 4})
		if err := g.Update(Config{Quotas: q}); err != nil {
			t.Fatal(err)
		}
		other := asKey(t.Context(), "b")
		if p, err = g.Acquire(other, Cost{Prompt: 1, MaxOutput: 1}); err != nil {
			t.Fatal(err)
		}
		p.Release()
		if _, err = g.Acquire(other, Cost{Prompt: 1, MaxOutput: 1}); err == nil {
			t.Error("half a request per minute and member, and the second is let in")
		}
	})
}

func TestRetryAfterOfAQuotaCoversTheDebt(t *testing.T) {
	table := newTable()
	for _, why := range []Reason{QuotaRequests, QuotaTokens} {
		for debt := time.Millisecond; debt <= maxBurst+maxDebt; debt += debt/3 + time.Millisecond {
			for range 20 {
				r := table.pick(Verdict{Shed, why, debt}, false)
				if got := r.RetryAfter(); got < debt || got > debt+debt/8+62*time.Second || r.Reason() != why || r.Status() != 429 {
					t.Fatalf("%v told as %v (%v)", debt, got, r)
				}
			}
		}
	}
}

func BenchmarkRejectQuota(b *testing.B) {
	q := newQuotas(b, QuotaConfig{Default: Quota{Requests: 1}})
	g, ctx := newGate(b, Config{Quotas: q}), asKey(context.Background(), "k")
	p, err := g.Acquire(ctx, Cost{})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Release()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Acquire(ctx, Cost{Prompt: 300}); err == nil {
			b.Fatal("admitted")
		}
	}
}

func BenchmarkAcquireReleaseQuota(b *testing.B) {
	q := newQuotas(b, QuotaConfig{Default: Quota{Requests: 1 << 60, Tokens: 1 << 60}})
	g, ctx := newGate(b, Config{Quotas: q}), asKey(context.Background(), "k")
	b.ReportAllocs()
	for b.Loop() {
		p, err := g.Acquire(ctx, Cost{Prompt: 300, MaxOutput: 200})
		if err != nil {
			b.Fatal(err)
		}
		p.Release()
	}
}

// Whatever a request claims to cost, and whenever its deadline was, the gate's
// figures stay in their ranges and nothing is left behind.
func FuzzAcquire(f *testing.F) {
	f.Add(int64(-1), int64(-1), int64(-1), int64(-1), int8(9), false)
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64), int64(math.MaxInt64), int64(math.MinInt64), int8(-9), true)
	f.Add(int64(100), int64(50), int64(1000), int64(time.Hour), int8(0), true)
	f.Fuzz(func(t *testing.T, prompt, output, bytes, left int64, class int8, whole bool) {
		q := newQuotas(t, QuotaConfig{Default: Quota{Requests: 100, Tokens: 1e6}})
		g := newGate(t, Config{Quotas: q, Queue: Queue{Wait: time.Millisecond}})
		g.freeze(1000)
		ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(time.Duration(left)))
		defer cancel()
		ctx = WithCaller(ctx, Caller{Key: "k", Class: Class(class)})
		for range 3 {
			p, err := g.Acquire(ctx, Cost{Prompt: prompt, MaxOutput: output, Bytes: bytes, Whole: whole})
			s := g.Stats()
			for name, v := range map[string]float64{
				"WaitingBytes": float64(s.WaitingBytes), "PromptsAhead": s.PromptsAhead, "Saturation": s.Saturation,
				"DemandInput": s.DemandInput, "DemandWork": s.DemandWork, "MeanPrompt": s.MeanPrompt, "DrainRate": s.DrainRate,
			} {
				if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
					t.Errorf("%s is %v", name, v)
				}
			}
			if err == nil {
				p.FirstToken()
				p.Tokens(int(output))
				p.Used(prompt, output)
				p.Release()
			} else if r := err.(*Rejected); r.Status() < 429 { //nolint:errorlint // as above
				t.Errorf("%v with status %d", r, r.Status())
			}
		}
		if s := g.Stats(); s.InFlight != 0 || s.Waiting != 0 || s.PromptsAhead != 0 {
			t.Errorf("%d in flight, %d waiting, %v prompts ahead", s.InFlight, s.Waiting, s.PromptsAhead)
		}
	})
}
