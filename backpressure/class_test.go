package backpressure

import (
	"testing"
	"time"
)

// The high class hardly notices that five times too much is asked, as long as it
// asks for half itself; the low one fills what is left.
func TestHighClassFirst(t *testing.T) {
	for _, classes := range [][2]Class{{Critical, Sheddable}, {CriticalPlus, Critical}, {SheddablePlus, Sheddable}} {
		high := &customers{class: classes[0], deadline: 1, rate: 1}
		low := &customers{class: classes[1], deadline: 1, rate: 1}
		b := newBazaar(t, Config{}, 1, high, low)
		b.knows = false
		high.rate, low.rate = 0.5*b.capacity(), 4.5*b.capacity()
		b.run(10, 72)
		goodput := float64(high.good+low.good) / 60 / b.capacity()
		t.Logf("%v: success %.4f, p99 %v, beside %v: %.4f; goodput %.3f", high.class, high.success(), p99([]*customers{high}), low.class, low.success(), goodput)
		if high.success() < 0.99 || goodput < 0.97 {
			t.Errorf("want success 0.99 and goodput 0.97")
		}
	}
}

// A class that asks for all there is leaves the lowest its sliver, and no more.
func TestSliver(t *testing.T) {
	high := &customers{class: CriticalPlus, deadline: 1, rate: 1}
	low := &customers{class: Sheddable, rate: 100}
	b := newBazaar(t, Config{}, 1, high, low)
	high.rate = 3 * b.capacity()
	b.run(10, 72)
	share := low.work / (high.work + low.work)
	t.Logf("the lowest class got %.4f of the work", share)
	if share < sliver/2 || share > sliver*1.5 {
		t.Errorf("want about %v", sliver)
	}
}

// Classes that can be shed stop before the server is full.
func TestHoldBack(t *testing.T) {
	for class, want := range map[Class]float64{Sheddable: 0.8, SheddablePlus: 0.9, Critical: 1, CriticalPlus: 1, -100: 0.8, 100: 1} {
		a, now := taught(t, Config{Queue: Queue{Requests: -1}})
		for a.Offer(now, &Request{Class: class, Cost: Cost{Prompt: 10}}).Action == Admit {
		}
		if got := a.Stats(now).PromptsAhead / (1000 * a.firstToken); got < want-0.02 || got > want+0.02 {
			t.Errorf("%v filled %.2f of the room, want %v", class, got, want)
		}
		if v := a.Offer(now, &Request{Class: CriticalPlus, Cost: Cost{Prompt: 10}}); (v.Action == Admit) != (want < 1) {
			t.Errorf("after %v, the highest class: %+v", class, v)
		}
	}
}

// A request for which too little time is left does not begin, and none waits for
// longer than its deadline allows.
func TestNobodyStartsTooLate(t *testing.T) {
	for _, deadline := range []float64{0.25, 0.5, 1} {
		k := &customers{deadline: deadline, rate: 1}
		b := newBazaar(t, Config{}, 1, k)
		k.rate = 3 * b.capacity()
		b.run(10, 10) // the first seconds teach it how long the service takes
		k.least = 1
		b.run(10, 72)
		mean := b.a.whole.mean
		goodput := float64(k.good) / 60 / b.capacity()
		t.Logf("deadline %vs: at least %.0f ms were left at a start; p50 %.0f ms, p90 %.0f ms; goodput %.3f",
			deadline, 1000*k.least, 1000*mean*b.a.spread.p50, 1000*mean*b.a.spread.p90, goodput)
		if k.least < 0.1*0.8 { // the median service, less what the estimate varies by
			t.Errorf("a request began with %.3fs left", k.least)
		}
	}
}

// A standing queue is served from its newest end, until it was empty.
func TestStandingQueueTurnsOver(t *testing.T) {
	a := mustAdmission(t, Config{Queue: Queue{Wait: 300 * time.Millisecond}})
	a.folded = 1 << 61
	a.lines[answers] = line{allowed: 1 - coldAhead} // one at a time
	offer := func(ms int) *Request {
		r := &Request{Cost: Cost{Whole: true}}
		a.Offer(epoch.Add(time.Duration(ms)*time.Millisecond), r)
		return r
	}
	next := func(ms int, running *Request) *Request {
		now := epoch.Add(time.Duration(ms) * time.Millisecond)
		a.Done(now, running, Failed)
		return a.Next(now)
	}
	first := offer(0)
	second, third, fourth := offer(10), offer(20), offer(30)
	if got := next(200, first); got != second {
		t.Fatal("a burst is not served in order")
	}
	expire := func(ms int, want *Request) {
		r, v := a.Expire(epoch.Add(time.Duration(ms) * time.Millisecond))
		if r != want || r != nil && v.Reason != QueueTimeout {
			t.Fatalf("at %d ms %+v: %+v expired", ms, r, v)
		}
	}
	fifth := offer(290)
	expire(321, third)
	expire(321, nil)
	if got := next(325, second); got != fifth {
		t.Fatal("the queue was never empty for 315 ms, and its newest is not served")
	}
	expire(331, fourth)
	// The queue was empty: in order again.
	sixth, seventh := offer(332), offer(340)
	if got := next(345, fifth); got != sixth {
		t.Fatal("not in order after the queue was empty")
	}
	for ms := 400; ms <= 640; ms += 60 { // never empty, newest last
		seventh = offer(ms)
	}
	if got := next(660, sixth); got != seventh {
		t.Fatal("a queue that stands again is not served from its newest end")
	}
}
