package backpressure

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// A bazaar is a server with so many slots, and customers of several kinds before
// its gate. It serves in order of admission, each for a lognormal time with a
// mean of 100 ms, and streams nothing.
type bazaar struct {
	a     *Admission
	slots int
	rng   *rand.Rand
	kinds []*customers
	busy  []*customer // by end
	line  []*customer
	held  map[*Request]*customer
	most  int  // ever in the queue
	knows bool // how many slots there are, and learns nothing more
	after func(t float64)
}

type customers struct {
	rate     float64 // per second
	class    Class
	tenant   uint64
	weight   float64
	size     float64 // of their requests, times the usual
	deadline float64 // seconds; 0: none
	stops    bool    // can be preempted

	next                            float64
	offered, good, started, stopped int
	least                           float64   // seconds left at a start
	took                            []float64 // of the good ones, seconds
	work                            float64   // let in
}

type customer struct {
	Request
	kind    *customers
	at, end float64
	takes   float64
}

// newBazaar has a gate that knows how many slots there are, unless b.knows is reset.
func newBazaar(t testing.TB, cfg Config, seed uint64, kinds ...*customers) *bazaar {
	b := &bazaar{a: mustAdmission(t, cfg), slots: 32, rng: rand.New(rand.NewPCG(seed, 1)), kinds: kinds, held: map[*Request]*customer{}, knows: true}
	b.a.Observe(epoch, Outlook{Ready: 1})
	for _, k := range kinds {
		k.size, k.least = max(k.size, 1), math.Inf(1)
		k.next = b.rng.ExpFloat64() / k.rate
	}
	return b
}

// fix keeps the gate from learning another number of slots.
func (b *bazaar) fix() {
	if !b.knows {
		return
	}
	l := &b.a.lines[answers]
	l.rate, l.conf, l.mean, l.allowed = 0, 0, 0, float64(b.slots)-coldAhead
}

// capacity in requests per second of the usual size.
func (b *bazaar) capacity() float64 { return float64(b.slots) / 0.1 }

// run plays from 0 to until; what arrives from the instant from on is counted, but
// for the last two seconds.
func (b *bazaar) run(from, until float64) {
	b.fix()
	for {
		t, kind := math.Inf(1), (*customers)(nil)
		for _, k := range b.kinds {
			if k.next < t {
				t, kind = k.next, k
			}
		}
		ends := len(b.busy) > 0 && b.busy[0].end < t
		if ends {
			t = b.busy[0].end
		}
		if t > until {
			return
		}
		if ends {
			c := b.busy[0]
			b.busy = b.busy[1:]
			b.a.Done(instant(t), &c.Request, Completed)
			if k := c.kind; c.at >= from && c.at < until-2 && (k.deadline == 0 || t <= c.at+k.deadline) && !c.victim {
				k.good++
				k.took = append(k.took, t-c.at)
			}
		} else {
			b.arrive(t, kind, t >= from && t < until-2)
		}
		b.pump(t, from)
		if b.after != nil {
			b.after(t)
		}
	}
}

func (b *bazaar) arrive(t float64, k *customers, counts bool) {
	k.next += b.rng.ExpFloat64() / k.rate
	c := &customer{kind: k, at: t, takes: k.size * 0.1 * math.Exp(0.5*b.rng.NormFloat64()-0.125)}
	c.Cost = Cost{Whole: true, Prompt: int64(100 * k.size), MaxOutput: 1}
	c.Class, c.Tenant, c.Weight = k.class, k.tenant, k.weight
	if k.deadline > 0 {
		c.Deadline = instant(t + k.deadline)
	}
	if counts {
		k.offered++
	}
	switch b.a.Offer(instant(t), &c.Request).Action {
	case Admit:
		b.begin(t, c)
	case Hold:
		b.held[&c.Request] = c
	}
	b.most = max(b.most, b.a.queue.n)
}

func (b *bazaar) begin(t float64, c *customer) {
	c.kind.started++
	c.kind.work += c.work
	if c.kind.deadline > 0 {
		c.kind.least = min(c.kind.least, c.at+c.kind.deadline-t)
	}
	if c.kind.stops {
		b.a.Preemptible(&c.Request)
	}
	b.line = append(b.line, c)
}

func (b *bazaar) pump(t, from float64) {
	now := instant(t)
	for {
		r, _ := b.a.Expire(now)
		if r == nil {
			if r = b.a.Next(now); r == nil {
				break
			}
			b.begin(t, b.held[r])
		}
		delete(b.held, r)
	}
	for len(b.line) > 0 && len(b.busy) < b.slots {
		c := b.line[0]
		b.line = b.line[1:]
		c.end = t + c.takes
		b.serve(c)
	}
	for {
		r, _ := b.a.Preempt(now)
		if r == nil {
			break
		}
		for i, c := range b.busy {
			if &c.Request == r { // stops within 5 ms
				b.busy = slices.Delete(b.busy, i, i+1)
				c.end = min(c.end, t+0.005)
				c.kind.stopped++
				b.serve(c)
				break
			}
		}
	}
	b.fix()
}

func (b *bazaar) serve(c *customer) {
	i, _ := slices.BinarySearchFunc(b.busy, c.end, func(c *customer, end float64) int {
		if c.end < end {
			return -1
		}
		return 1
	})
	b.busy = slices.Insert(b.busy, i, c)
}

// success is the part of the offered requests that were answered in time.
func (k *customers) success() float64 { return float64(k.good) / float64(max(k.offered, 1)) }

// p99 of the time that those took who were answered in time.
func p99(kinds []*customers) time.Duration {
	var all []float64
	for _, k := range kinds {
		all = append(all, k.took...)
	}
	slices.Sort(all)
	return seconds(all[len(all)*99/100])
}
