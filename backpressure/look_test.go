package backpressure

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// looker is a look before a server of so many slots, which takes service seconds for
// a request, and before which as many stand as the look allows, or most.
type looker struct {
	l       look
	service float64
	slots   float64
	most    float64
	rng     *rand.Rand
}

func (k *looker) requests() float64 {
	if k.l.alone == 0 {
		return k.most
	}
	return min(k.most, k.l.near()*k.slots/k.service)
}

// run looks whenever it is time to, from one instant to another.
func (k *looker) run(from, to time.Duration) {
	for t := from; t < to; t += foldEvery {
		n := k.requests()
		took := max(k.service, n*k.service/k.slots)
		k.l.fold(t, true, int(n), took)
		if k.l.most == 0 {
			continue
		}
		took = max(k.service, float64(k.l.most)*k.service/k.slots)
		var all []*Request
		for k.l.most > 0 {
			r := new(Request)
			all = append(all, r)
			k.l.enter(t, r)
		}
		for _, r := range all {
			k.l.leave(r, took*math.Exp(0.5*k.rng.NormFloat64()-0.125), true)
		}
	}
}

// What a look finds does not depend on where it starts, and follows a server that
// becomes slower, or faster.
func TestLookFindsTheServersOwnTime(t *testing.T) {
	for _, most := range []float64{20, 64, 160, 1000} {
		k := &looker{l: look{turn: 1}, service: 0.1, slots: 32, most: most, rng: rand.New(rand.NewPCG(1, uint64(most)))}
		k.run(0, time.Minute)
		first := k.l.alone
		k.service = 0.4
		k.run(time.Minute, 3*time.Minute)
		slow := k.l.alone
		k.service = 0.05
		k.run(3*time.Minute, 5*time.Minute)
		t.Logf("%4.0f in flight at most: %.3f s alone, slower %.3f, faster %.3f", most, first, slow, k.l.alone)
		for _, c := range []struct{ got, want float64 }{{first, 0.1}, {slow, 0.4}, {k.l.alone, 0.05}} {
			if math.Abs(c.got/c.want-1) > 0.2 {
				t.Errorf("%v in flight at most: found %v, want %v", most, c.got, c.want)
			}
		}
	}
}

// Requests that never end keep no look open for ever, and what comes back from an
// earlier look does not count in a later one.
func TestLookGivesUp(t *testing.T) {
	l := look{turn: 1}
	l.fold(0, true, 100, 0.1)
	if !l.holds(50) || l.holds(49) {
		t.Fatalf("a look at half of 100 keeps %d", l.most)
	}
	hung := make([]Request, 64)
	for i := range hung {
		l.enter(0, &hung[i])
	}
	if l.holds(1000) || l.open != 64 {
		t.Fatalf("the look goes on after %d requests, of which %d are open", len(hung), l.open)
	}
	l.fold(20*time.Second, true, 100, 0.1)
	if l.holds(1000) {
		t.Error("a second look began while the first was open")
	}
	for now := 31 * time.Second; now <= 31*time.Second+foldEvery; now += foldEvery {
		l.fold(now, true, 100, 0.1)
	}
	if !l.holds(50) {
		t.Error("no second look after the first was given up")
	}
	for i := range hung {
		l.leave(&hung[i], 1000, true)
	}
	if l.open != 0 || l.alone != 0 {
		t.Errorf("%d open and %v s learned from requests of a look that was given up", l.open, l.alone)
	}
}

// A look ends when nobody waits any more, and when too few come.
func TestLookEnds(t *testing.T) {
	for _, c := range []struct {
		name   string
		at     time.Duration
		wanted bool
	}{{"nobody waits", foldEvery, false}, {"too few come", 500 * time.Millisecond, true}} {
		l := look{turn: 1}
		l.fold(0, true, 100, 0.1)
		l.fold(c.at, c.wanted, 50, 0.1)
		if l.holds(1000) {
			t.Errorf("%s: the look goes on", c.name)
		}
	}
}

// Where all callers are of one kind it does not matter who goes next: nobody is ever
// kept waiting for a look.
func TestNoLookAtOneTenant(t *testing.T) {
	k := &customers{deadline: 1}
	b := newBazaar(t, Config{}, 1, k)
	b.knows = false
	k.rate = 4 * b.capacity()
	looks := 0
	b.after = func(float64) { looks += b.a.look.most }
	b.run(0, 30)
	if looks > 0 || b.a.look.alone > 0 {
		t.Errorf("the gate looked, and found %v s", b.a.look.alone)
	}
}
