package backpressure

import (
	"math"
	"testing"
	"time"
)

// jain is Jain's index of fairness of what the tenants got of their fair share.
func jain(got []float64) float64 {
	sum, squares := 0.0, 0.0
	for _, x := range got {
		sum += x
		squares += x * x
	}
	return sum * sum / float64(len(got)) / squares
}

// One tenant asks for twenty times its fair share beside four that ask for less
// than theirs: those do not notice, and nothing is lost.
func TestGreedyTenant(t *testing.T) {
	for _, queue := range []int{1000, 40} {
		for seed := range uint64(3) {
			kinds := []*customers{{tenant: 1, deadline: 1}}
			for i := range uint64(4) {
				kinds = append(kinds, &customers{tenant: 2 + i, deadline: 1})
			}
			b := newBazaar(t, Config{Queue: Queue{Requests: queue}}, seed, kinds...)
			b.knows = false
			for i, k := range kinds {
				k.rate = []float64{4, 0.15, 0.15, 0.15, 0.15}[i] * b.capacity()
				k.next = b.rng.ExpFloat64() / k.rate
			}
			b.run(10, 72)
			good, light := 0, 1.0
			var got []float64
			for i, k := range kinds {
				good += k.good
				// Of what max-min fairness gives it: all it asks for, or what is left.
				got = append(got, float64(k.good)/60/b.capacity()/[]float64{0.4, 0.15, 0.15, 0.15, 0.15}[i])
				if i > 0 {
					light = min(light, k.success())
				}
			}
			worst := p99(kinds[1:])
			goodput := float64(good) / 60 / b.capacity()
			t.Logf("queue %d, seed %d: light success %.4f, p99 %v, Jain %.4f, goodput %.3f", queue, seed, light, worst, jain(got), goodput)
			if light < 0.99 || worst > 350*time.Millisecond || jain(got) < 0.98 || goodput < 0.97 {
				t.Errorf("want light success 0.99, p99 350ms, Jain 0.98, goodput 0.97; each got %v of its share", got)
			}
			if b.most > queue {
				t.Errorf("%d waited, the bound is %d", b.most, queue)
			}
		}
	}
}

// Tenants that all ask for more than their share get work in proportion to their
// weights, however large their requests are.
func TestSharesFollowWeights(t *testing.T) {
	kinds := []*customers{
		{tenant: 1, weight: 1, rate: 400},
		{tenant: 2, weight: 2, rate: 400},
		{tenant: 3, weight: 1, rate: 200, size: 3},
		{tenant: 4, weight: math.NaN(), rate: 600}, // 1
	}
	b := newBazaar(t, Config{}, 1, kinds...)
	b.run(0, 10)
	for _, k := range kinds {
		k.work = 0
	}
	b.kinds = kinds
	b.run(0, 70)
	for _, k := range kinds {
		share := k.work / kinds[0].work
		if want := weightOf(k.weight); math.Abs(share/want-1) > 0.02 {
			t.Errorf("tenant %d got %.3f of what the first got, want %v", k.tenant, share, want)
		}
	}
}
