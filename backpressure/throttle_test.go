package backpressure

import (
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The share that is not sent is the formula's, for whatever was counted.
func TestThrottleFollowsTheRule(t *testing.T) {
	now := epoch
	for _, c := range []struct{ requests, accepts int }{{0, 0}, {1, 0}, {10, 0}, {100, 0}, {100, 20}, {100, 49}, {100, 50}, {100, 90}} {
		want := math.Max(0, float64(c.requests-2*c.accepts)/float64(c.requests+1))
		const n = 2000
		held := 0
		for range n {
			var th Throttle
			th.advance(now)
			for i := range c.requests {
				if i < c.accepts {
					th.Accepted(now)
				} else {
					th.Refused(now, time.Minute)
				}
			}
			if err := th.Ask(now); err != nil {
				held++
				if r, ok := errors.AsType[*Throttled](err); !ok || !errors.Is(err, ErrThrottled) || r.RetryAfter() < time.Minute || r.RetryAfter() > 90*time.Second {
					t.Fatalf("%v", err)
				}
				if th.requests != int64(c.requests)+1 {
					t.Fatal("what was not sent was not counted")
				}
			}
		}
		if got := float64(held) / n; math.Abs(got-want) > 0.05 {
			t.Errorf("%d accepted of %d: %.3f held back, want %.3f", c.accepts, c.requests, got, want)
		}
	}
}

// At ten times what a server takes, it sees about twice that. When it has
// recovered, so has the client: soon, if it asks once a second just as if it asks
// a hundred times.
func TestThrottleHoldsBackAndLetsGo(t *testing.T) {
	for _, rate := range []int{1, 10, 100} {
		var th Throttle
		now, gap := epoch, time.Second/time.Duration(rate)
		run := func(d time.Duration, takes func(i int) bool) (asked, sent int) {
			for end := now.Add(d); now.Before(end); now = now.Add(gap) {
				asked++
				if th.Ask(now) != nil {
					continue
				}
				sent++
				if takes(sent) {
					th.Accepted(now)
				} else {
					th.Refused(now, 2*time.Second)
				}
			}
			return asked, sent
		}
		// The server takes a tenth of what is asked, however much is sent.
		taken, elapsed := 0.0, epoch
		tenth := func(int) bool {
			if now.Sub(elapsed).Seconds()*float64(rate)/10 >= taken+1 {
				taken++
				return true
			}
			return false
		}
		run(5*time.Minute, tenth)
		before := taken
		asked, sent := run(10*time.Minute, tenth)
		per := float64(sent) / (taken - before)
		t.Logf("%d/s: %.2f sent for each that was taken, of %d", rate, per, asked)
		if rate >= 10 && per > 2.6 {
			t.Errorf("%d/s: %.2f were sent for each that was taken", rate, per)
		}
		// It takes nothing for five minutes, then everything.
		if _, sent := run(5*time.Minute, func(int) bool { return false }); sent == 0 || rate >= 100 && sent > 300*rate/10 {
			t.Errorf("%d/s: %d sent in five minutes without an answer", rate, sent)
		}
		asked, sent = run(20*time.Second, func(int) bool { return true })
		t.Logf("%d/s: %d of %d sent in the 20 s after", rate, sent, asked)
		if sent < asked*8/10 {
			t.Errorf("%d/s: only %d of %d sent in the 20 s after", rate, sent, asked)
		}
	}
}

// What is older than two minutes is forgotten, whatever the steps of the clock.
func TestThrottleForgets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var th Throttle
		now := epoch
		type event struct {
			at      time.Time
			accepts int64
		}
		var all []event
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.Int64Range(-int64(time.Minute), int64(3*time.Minute)).Draw(t, "step")))
			if n := len(all); n > 0 && now.Before(all[n-1].at) {
				now = all[n-1].at // the window's clock stands still
			}
			e := event{now, int64(rapid.IntRange(0, 1).Draw(t, "accepted"))}
			if e.accepts == 1 {
				th.Accepted(now)
			} else {
				th.Refused(now, 0)
			}
			all = append(all, e)
			var requests, accepts int64
			slot := now.UnixNano() / int64(throttleSlot)
			for _, e := range all {
				if slot-e.at.UnixNano()/int64(throttleSlot) < throttleSlots {
					requests++
					accepts += e.accepts
				}
			}
			if th.requests != requests || th.accepts != accepts {
				t.Fatalf("%d of %d, want %d of %d", th.accepts, th.requests, accepts, requests)
			}
		}
	})
}

func TestThrottleFromManyGoroutines(t *testing.T) {
	var th Throttle
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 1000 {
				now := epoch.Add(time.Duration(n) * time.Millisecond)
				if th.Ask(now) != nil {
					continue
				}
				if (n+i)%3 == 0 {
					th.Accepted(now)
				} else {
					th.Refused(now, time.Second)
				}
			}
		})
	}
	wg.Wait()
	if th.requests != 8000 {
		t.Errorf("%d requests were counted", th.requests)
	}
}

// However requests and retries come, retries stay within the share and the floor.
func TestRetryBudgetLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		share := rapid.Float64Range(0.01, 1).Draw(t, "share")
		var b retryBudget
		now, requests, retries := epoch, 0, 0
		for range rapid.IntRange(1, 300).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.Int64Range(-1e9, 5e9).Draw(t, "step")))
			b.earn(now, share)
			requests++
			for range rapid.IntRange(0, 3).Draw(t, "wanted") {
				if b.spend() {
					retries++
				}
			}
			// The clock may step back and forth; each step forward counts at most once.
			most := retryFirst + share*float64(requests) + retryFloor*b.last.Sub(epoch).Seconds() + 0.5
			if float64(retries) > most {
				t.Fatalf("%d retries, at most %v", retries, most)
			}
		}
	})
}

func BenchmarkThrottle(b *testing.B) {
	var th Throttle
	now := epoch
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Millisecond)
		if th.Ask(now) == nil {
			th.Accepted(now)
		}
	}
}
