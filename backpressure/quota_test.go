package backpressure

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func newQuotas(t testing.TB, cfg QuotaConfig) *Quotas {
	t.Helper()
	q, err := NewQuotas(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

var day = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)

func after(d time.Duration) time.Time { return day.Add(d) }

// Each step asks for one request of one key, which holds its reservation.
func TestReserve(t *testing.T) {
	type step struct {
		at     time.Duration
		cost   Cost
		reason Reason
		retry  time.Duration
	}
	tests := []struct {
		name    string
		quota   Quota
		members int
		steps   []step
	}{
		{"no limit", Quota{}, 1, []step{{0, Cost{Prompt: math.MaxInt64, MaxOutput: math.MaxInt64}, Admitted, 0}}},
		{"requests", Quota{Requests: 2}, 1, []step{
			{0, Cost{}, Admitted, 0},
			{0, Cost{}, Admitted, 0},
			{0, Cost{}, QuotaRequests, 30 * time.Second},
			{20 * time.Second, Cost{}, QuotaRequests, 10 * time.Second},
			{30 * time.Second, Cost{}, Admitted, 0},
			{30 * time.Second, Cost{}, QuotaRequests, 30 * time.Second},
		}},
		{"tokens", Quota{Tokens: 600}, 1, []step{
			{0, Cost{Prompt: 300, MaxOutput: 200}, Admitted, 0},
			{0, Cost{Prompt: 100, MaxOutput: 50}, QuotaTokens, 5 * time.Second},
			{0, Cost{Prompt: 50, MaxOutput: 50}, Admitted, 0}, // a smaller one fits
			{0, Cost{Prompt: 1, MaxOutput: 9}, QuotaTokens, time.Second},
		}},
		{"the later of the two", Quota{Requests: 1, Tokens: 600}, 1, []step{
			{0, Cost{Prompt: 600, MaxOutput: 1}, Admitted, 0},
			{0, Cost{Prompt: 10, MaxOutput: 1}, QuotaRequests, time.Minute},
		}},
		{"a short burst", Quota{Requests: 60, Burst: 2 * time.Second}, 1, []step{
			{0, Cost{}, Admitted, 0},
			{0, Cost{}, Admitted, 0},
			{0, Cost{}, QuotaRequests, time.Second},
			{time.Hour, Cost{}, Admitted, 0}, // unused quota does not add up
			{time.Hour, Cost{}, Admitted, 0},
			{time.Hour, Cost{}, QuotaRequests, time.Second},
		}},
		{"a burst below one request", Quota{Requests: 1, Burst: time.Second}, 1, []step{
			{0, Cost{}, Admitted, 0},
			{0, Cost{}, QuotaRequests, time.Minute},
			{time.Minute, Cost{}, Admitted, 0},
		}},
		{"divided by members", Quota{Requests: 8, Tokens: 800}, 4, []step{
			{0, Cost{Prompt: 50, MaxOutput: 50}, Admitted, 0},
			{0, Cost{Prompt: 50, MaxOutput: 50}, Admitted, 0},
			{0, Cost{Prompt: 50, MaxOutput: 50}, QuotaRequests, 30 * time.Second},
		}},
		{"a prompt of more than one member's part", Quota{Tokens: 800}, 4, []step{
			{0, Cost{Prompt: 400, MaxOutput: 1}, Admitted, 0},
			{0, Cost{Prompt: 100, MaxOutput: 100}, QuotaTokens, 2 * time.Minute},
		}},
		{"too large", Quota{Tokens: 600}, 1, []step{
			{0, Cost{Prompt: 601, MaxOutput: 1}, QuotaTooLarge, 0},
			{0, Cost{Prompt: math.MaxInt64, MaxOutput: math.MaxInt64}, QuotaTooLarge, 0},
			{0, Cost{Prompt: 100, MaxOutput: 4096}, Admitted, 0}, // when the bucket is full
			{0, Cost{Prompt: 100, MaxOutput: 4096}, QuotaTokens, time.Minute},
		}},
		{"none", Quota{Requests: -1}, 1, []step{{0, Cost{}, QuotaTooLarge, 0}}},
		{"negative costs", Quota{Tokens: 600}, 1, []step{
			{0, Cost{Prompt: -5, MaxOutput: math.MinInt64}, Admitted, 0}, // the guess for an output without a bound
			{0, Cost{Prompt: 600, MaxOutput: 1}, QuotaTokens, 25600 * time.Millisecond},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := newQuotas(t, QuotaConfig{Default: tt.quota})
			for i, s := range tt.steps {
				_, v := q.Reserve(after(s.at), tt.members, "k", s.cost)
				if v.Reason != s.reason || v.RetryAfter.Round(time.Microsecond) != s.retry {
					t.Errorf("step %d: %v after %v, want %v after %v", i, v.Reason, v.RetryAfter, s.reason, s.retry)
				}
			}
		})
	}
}

func TestQuotaOfEachKey(t *testing.T) {
	q := newQuotas(t, QuotaConfig{Default: Quota{Requests: 1}, Keys: map[string]Quota{"big": {Requests: 3}}})
	admitted := func(key string) (n int) {
		for range 10 {
			if _, v := q.Reserve(day, 1, key, Cost{}); v.Action == Admit {
				n++
			}
		}
		return n
	}
	if a, b, big := admitted("a"), admitted("b"), admitted("big"); a != 1 || b != 1 || big != 3 {
		t.Errorf("%d, %d and %d let in; want 1, 1, 3", a, b, big)
	}
	if err := q.Update(QuotaConfig{Default: Quota{Burst: -time.Second}, Keys: map[string]Quota{"x": {Burst: 2 * time.Hour}}, MaxKeys: -1}); err == nil ||
		!strings.Contains(err.Error(), "Default.Burst") || !strings.Contains(err.Error(), `Keys["x"].Burst`) || !strings.Contains(err.Error(), "MaxKeys") {
		t.Errorf("a bad configuration: %v", err)
	}
	if err := q.Update(QuotaConfig{Limit: func(key string) Quota { return Quota{Requests: int64(len(key))} }}); err != nil {
		t.Fatal(err)
	}
	if four := admitted("four"); four != 4 {
		t.Errorf("%d let in by the function, want 4", four)
	}
}

// A request that used more than was reserved leaves a debt, and its key waits
// until that is paid: not shorter, and not longer.
func TestNoLockoutBeyondTheDebt(t *testing.T) {
	q := newQuotas(t, QuotaConfig{Default: Quota{Tokens: 6000}}) // 100 a second
	r, _ := q.Reserve(day, 1, "k", Cost{Prompt: 1000, MaxOutput: 1000})
	r.Settle(after(10*time.Second), 1000, 14000) // 15,000 used, 1,000 of them came back
	one := Cost{Prompt: 90, MaxOutput: 10}
	_, v := q.Reserve(after(10*time.Second), 1, "k", one)
	if want := 81 * time.Second; v.Reason != QuotaTokens || v.RetryAfter != want { // 15,100 - 6,000 - 1,000
		t.Fatalf("%v after %v, want %v", v.Reason, v.RetryAfter, want)
	}
	back := after(10*time.Second + v.RetryAfter)
	if _, v := q.Reserve(back.Add(-time.Millisecond), 1, "k", one); v.Action == Admit {
		t.Error("let in before the debt was paid")
	}
	if _, v := q.Reserve(back, 1, "k", one); v.Action != Admit {
		t.Errorf("kept out %v longer than the debt", v.RetryAfter)
	}

	r, _ = q.Reserve(day, 1, "runaway", Cost{Prompt: 10})
	r.Settle(after(0), math.MaxInt64, math.MaxInt64)
	if _, v := q.Reserve(after(0), 1, "runaway", one); v.RetryAfter > maxDebt+time.Minute {
		t.Errorf("locked out for %v", v.RetryAfter)
	}
}

func TestReservationEndsOnce(t *testing.T) {
	q := newQuotas(t, QuotaConfig{Default: Quota{Requests: 10, Tokens: 1000}})
	start := q.State(day, 1, "k")
	if start.Requests != (QuotaMeter{10, 10, 0}) || start.Tokens != (QuotaMeter{1000, 1000, 0}) {
		t.Fatalf("a new key has %+v", start)
	}
	r, _ := q.Reserve(day, 1, "k", Cost{Prompt: 100, MaxOutput: 300})
	if s := q.State(day, 1, "k"); s.Requests.Remaining != 9 || s.Tokens.Remaining != 600 || s.Tokens.Reset != 24*time.Second {
		t.Errorf("reserved: %+v", s)
	}
	r.Refund()
	r.Refund()
	r.Settle(day, 500, 0)
	if s := q.State(day, 1, "k"); s != start {
		t.Errorf("refunded: %+v, want %+v", s, start)
	}
	r, _ = q.Reserve(day, 1, "k", Cost{Prompt: 100, MaxOutput: 300})
	r.Settle(day, 100, 50)
	r.Settle(day, 100, 50)
	if s := q.State(day, 1, "k"); s.Requests.Remaining != 9 || s.Tokens.Remaining != 850 {
		t.Errorf("settled: %+v", s)
	}
	(&Reservation{}).Refund()
}

// What one key has used is known as long as it matters, and no longer.
func TestQuotaMemoryIsBounded(t *testing.T) {
	q := newQuotas(t, QuotaConfig{Default: Quota{Requests: 60}})
	for i := range 200_000 { // 100 new keys a second, each full again after one
		now := after(time.Duration(i) * 10 * time.Millisecond)
		r, v := q.Reserve(now, 1, fmt.Sprint("key ", i), Cost{Prompt: 1, MaxOutput: 1})
		if v.Action != Admit {
			t.Fatal(v)
		}
		r.Settle(now, 1, 1)
	}
	if n := q.Len(); n > 8000 {
		t.Errorf("%d keys remembered, and 6,100 were used within the last minute and a second", n)
	}

	q = newQuotas(t, QuotaConfig{Default: Quota{Requests: 60}, MaxKeys: 100})
	admitted := 0
	for i := range 10_000 {
		if _, v := q.Reserve(day, 1, strings.Repeat("long ", 100)+fmt.Sprint(i), Cost{}); v.Action == Admit {
			admitted++
		}
	}
	if n := q.Len(); n != 100 || admitted != 160 {
		t.Errorf("%d keys, %d let in; want 100, and 60 more that share a bucket", n, admitted)
	}
	if s := q.State(day, 1, "new"); s.Requests.Remaining != 0 {
		t.Errorf("a key without a place has %+v", s)
	}
}

// Whatever is asked and used: what was let in is covered by the quota, but for
// what requests used beyond their reservations; and what is told of waiting is
// true.
func TestQuotaLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := Quota{
			Requests: rapid.Int64Range(0, 1000).Draw(t, "requests"),
			Tokens:   rapid.Int64Range(1, 1e6).Draw(t, "tokens"),
			Burst:    time.Duration(rapid.Int64Range(1, 3600).Draw(t, "burst")) * time.Second,
		}
		members := rapid.IntRange(1, 5).Draw(t, "members")
		q, err := NewQuotas(QuotaConfig{Default: limit})
		if err != nil {
			t.Fatal(err)
		}
		perMinute := float64(limit.Tokens) / float64(members)
		var now time.Duration
		var open []Reservation
		var used, over float64 // tokens, and those beyond a reservation
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += time.Duration(rapid.Int64Range(0, int64(20*time.Second)).Draw(t, "pass"))
			if len(open) > 0 && rapid.Bool().Draw(t, "end") {
				r := &open[len(open)-1]
				open = open[:len(open)-1]
				reserved := float64(r.charge) / r.rate.perToken
				if rapid.Bool().Draw(t, "refund") {
					r.Refund()
					continue
				}
				prompt, output := r.prompt, rapid.Int64Range(0, 2000).Draw(t, "output")
				r.Settle(after(now), prompt, output)
				used += float64(prompt + output)
				over += max(float64(prompt+output)-reserved, 0)
				continue
			}
			c := Cost{Prompt: rapid.Int64Range(-1, 5000).Draw(t, "prompt"), MaxOutput: rapid.Int64Range(-1, 3000).Draw(t, "max")}
			r, v := q.Reserve(after(now), members, "k", c)
			if v.Action == Admit {
				open = append(open, r)
				continue
			}
			if v.Reason == QuotaTooLarge {
				continue
			}
			if v.RetryAfter <= 0 || v.RetryAfter > maxBurst+maxDebt {
				t.Fatalf("come back after %v", v.RetryAfter)
			}
			// Nothing else happens, so then it fits; a nanosecond is rounding.
			now += v.RetryAfter + 1
			r, v = q.Reserve(after(now), members, "k", c)
			if v.Action != Admit {
				t.Fatalf("came back as told: wait another %v", v.RetryAfter)
			}
			open = append(open, r)
		}
		// One prompt may be larger than a member's part of the bucket.
		allowed := perMinute*(limit.Burst.Minutes()+now.Minutes()) + over + 5000 + 1
		if used > allowed {
			t.Fatalf("%v tokens used, %v allowed", used, allowed)
		}
		s := q.State(after(now), members, "k")
		for _, m := range []QuotaMeter{s.Requests, s.Tokens} {
			if m.Remaining < 0 || m.Remaining > m.Limit || m.Reset < 0 {
				t.Fatalf("%+v", s)
			}
		}
	})
}

func FuzzReserve(f *testing.F) {
	f.Add(int64(100), int64(-1), int64(60), int64(6000), int64(0), 1, int64(0))
	f.Add(int64(math.MaxInt64), int64(math.MinInt64), int64(math.MaxInt64), int64(1), int64(math.MaxInt64), math.MinInt, int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, prompt, output, requests, tokens, burst int64, members int, pass int64) {
		q := newQuotas(t, QuotaConfig{Limit: func(string) Quota { return Quota{requests, tokens, time.Duration(burst)} }})
		for range 3 {
			r, v := q.Reserve(day, members, "k", Cost{Prompt: prompt, MaxOutput: output})
			if v.RetryAfter < 0 || v.RetryAfter > maxBurst+maxDebt || (v.Action == Shed) != (v.Reason.ofQuota()) {
				t.Fatalf("%+v", v)
			}
			r.Settle(day.Add(time.Duration(pass)), prompt, output)
			s := q.State(day, members, "k")
			if s.Tokens.Remaining < 0 || s.Tokens.Remaining > s.Tokens.Limit || s.Requests.Remaining < 0 || s.Requests.Reset < 0 {
				t.Fatalf("%+v", s)
			}
		}
	})
}
