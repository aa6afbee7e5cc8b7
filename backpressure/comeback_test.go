package backpressure

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// busy is a comeback after ten seconds in which come work units a second came and 100
// of them were let in, of one unit.
func busy(come float64) *comeback {
	c := new(comeback)
	for s := range 10 {
		c.came, c.let, c.excess = come, 100, true
		c.turn(time.Duration(s+1)*time.Second, 1)
	}
	return c
}

func TestComeback(t *testing.T) {
	const sec = time.Second
	for _, c := range []struct {
		name  string
		come  float64
		work  float64
		after time.Duration
		want  []time.Duration
	}{
		// After two time constants, 0.86 of what comes is known: half of the room is left.
		{"room for half", 58, 24, 0, []time.Duration{0, 0, 2 * sec, 2 * sec, 3 * sec, 3 * sec}},
		{"no room but the least", 500, 15, 0, []time.Duration{0, 0, 2 * sec, 2 * sec, 3 * sec}},
		{"later", 500, 30, 7300 * time.Millisecond, []time.Duration{7300 * time.Millisecond, 9 * sec, 10 * sec}},
		{"larger than a second's room", 500, 45, 0, []time.Duration{0, 2 * sec, 3 * sec}},
	} {
		b := busy(c.come)
		for i, want := range c.want {
			if got := b.book(c.work, c.after); got != want {
				t.Errorf("%s: number %d comes back after %v, want %v (room %.1f)", c.name, i+1, got, want, b.room)
			}
		}
	}
}

// A second that has passed is forgotten, whoever came.
func TestComebackForgets(t *testing.T) {
	b := busy(500)
	for range 10 {
		b.book(30, 0)
	}
	b.turn(30*time.Second, 1)
	for i, booked := range b.booked {
		if booked != 0 {
			t.Errorf("second %d has still %v booked", i, booked)
		}
	}
	if got := b.book(30, 0); got != 0 {
		t.Errorf("after %v in an empty book", got)
	}
}

// While nothing is known of the rate, whoever waits for the same event is spread over
// half as long again.
func TestComebackOfTheUnknown(t *testing.T) {
	b, seen := new(comeback), map[time.Duration]int{}
	for range 310 {
		seen[b.book(10, time.Minute)]++
	}
	for s := range 31 {
		if n := seen[time.Minute+time.Duration(s)*time.Second]; n != 10 {
			t.Errorf("%d come back after %d s, want 10", n, 60+s)
		}
	}
}

// No second has more booked than it has room for, but one request; nobody is told
// less than the wait that was asked for, or more than can be told; the same calls give
// the same answers.
func TestLawComeback(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := busy(rapid.Float64Range(0, 1000).Draw(t, "come"))
		twin := *b
		now := 10 * time.Second
		for range rapid.IntRange(1, 400).Draw(t, "calls") {
			if rapid.IntRange(0, 20).Draw(t, "pass") == 0 {
				now += time.Duration(rapid.Int64Range(0, int64(5*time.Second)).Draw(t, "for"))
				b.turn(now, 1)
				twin.turn(now, 1)
			}
			work := rapid.Float64Range(1, 60).Draw(t, "work")
			after := time.Duration(rapid.Int64Range(0, int64(40*time.Second)).Draw(t, "after"))
			before := b.booked
			got := b.book(work, after)
			if again := twin.book(work, after); again != got {
				t.Fatalf("the same calls: %v and %v", got, again)
			}
			if got < after || got > maxRetry*time.Second {
				t.Fatalf("after %v: told %v", after, got)
			}
			for i, w := range b.booked {
				if w > b.room && before[i] != 0 && w != before[i] {
					t.Fatalf("second %d: %v were booked, now %v, room for %v", i, before[i], w, b.room)
				}
			}
		}
	})
}

// Clients that never come back cost those who do nothing but patience: the time that
// is told stays within what can be told, and is short again once the rush is over.
func TestComebackOfNobody(t *testing.T) {
	a := mustAdmission(t, Config{Queue: Queue{Requests: -1}})
	rng := rand.New(rand.NewPCG(1, 1))
	offer := func(rate float64, from, to float64) (longest time.Duration) {
		for at := from; at < to; at += rng.ExpFloat64() / rate {
			r := &Request{Cost: Cost{Whole: true, Prompt: 100, MaxOutput: 1}}
			if v := a.Offer(instant(at), r); v.Action == Admit {
				a.Done(instant(at+0.01), r, Completed)
			} else {
				longest = max(longest, v.RetryAfter)
			}
		}
		return longest
	}
	// The server works nothing off for a while, so that nearly all are refused.
	stuck := []*Request{}
	for range 40 {
		r := &Request{Cost: Cost{Whole: true, Prompt: 100, MaxOutput: 1}}
		if a.Offer(instant(0), r).Action == Admit {
			stuck = append(stuck, r)
		}
	}
	if got := offer(300, 0.1, 60); got > maxRetry*time.Second {
		t.Errorf("told to come back after %v", got)
	}
	for _, r := range stuck {
		a.Done(instant(60), r, Completed)
	}
	offer(50, 60, 300)
	if got := offer(50, 300, 310); got > 2*time.Second {
		t.Errorf("four minutes after the rush somebody is told to come back after %v", got)
	}
}
