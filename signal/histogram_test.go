package signal

import (
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// epoch has no monotonic reading, so tests can move time as they like.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }

func TestHistogramWindow(t *testing.T) {
	// 4 slots of 1 s. A value counts while its slot is the live one or one of the
	// three before it.
	h := NewHistogram(4*time.Second, 4)
	steps := []struct {
		ms   int
		add  float64 // 0: none
		want []float64
	}{
		{0, 0, nil},
		{0, 10, []float64{10}},
		{999, 20, []float64{10, 20}},
		{1000, 30, []float64{10, 20, 30}},
		{3999, 0, []float64{10, 20, 30}},
		{4000, 0, []float64{30}},      // the first slot is out
		{3500, 40, []float64{30, 40}}, // earlier time counts as the latest
		{-9000, 50, []float64{30, 40, 50}},
		{5000, 0, []float64{40, 50}},
		{7999, 0, []float64{40, 50}},
		{8000, 0, nil},
		{1000000, 60, []float64{60}}, // a pause much longer than the window
		{1003000, 0, []float64{60}},
		{1005000, 70, []float64{70}},
	}
	var d Dist
	for i, s := range steps {
		if s.add != 0 {
			h.Record(at(s.ms), s.add)
		}
		h.Into(at(s.ms), &d)
		var sum float64
		for _, v := range s.want {
			sum += v
		}
		if d.Count() != uint64(len(s.want)) || d.Sum() != sum {
			t.Errorf("step %d, at %d ms: %d values, sum %v; want %v", i, s.ms, d.Count(), d.Sum(), s.want)
		}
	}
}

func TestHistogramIgnoresWhatIsNoNumber(t *testing.T) {
	h := NewHistogram(0, 0)
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		h.Record(epoch, v)
	}
	var d Dist
	h.Into(epoch, &d)
	if d.Count() != 0 || d.Sum() != 0 {
		t.Errorf("got %d values, sum %v; want none", d.Count(), d.Sum())
	}
}

func TestRecorderDefaults(t *testing.T) {
	h, c := NewHistogram(-1, 1), NewCounter(0, 0)
	for _, r := range []*ring{&h.ring, &c.ring} {
		if r.slots != DefaultSlots || time.Duration(r.width)*DefaultSlots != DefaultWindow {
			t.Errorf("%d slots of %v, want the default", r.slots, time.Duration(r.width))
		}
	}
}

// The window against a plain list of values, for any order of times.
func TestHistogramAgainstList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slots := rapid.IntRange(2, 7).Draw(t, "slots")
		h := NewHistogram(time.Duration(slots)*time.Second, slots)
		type value struct {
			slot int
			v    float64
		}
		var all []value
		h.Record(epoch, 1)
		all = append(all, value{0, 1})
		latest, now := 0, 0
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += rapid.IntRange(-1500, 3000).Draw(t, "move")
			latest = max(latest, now/1000)
			v := float64(rapid.IntRange(1, 1000).Draw(t, "v"))
			h.Record(at(now), v)
			all = append(all, value{latest, v})

			var d, want Dist
			h.Into(at(now), &d)
			for _, x := range all {
				if x.slot > latest-slots {
					want.Record(x.v)
				}
			}
			if !equalDists(&d, &want) {
				t.Fatalf("at %d ms: %d values, sum %v; want %d, sum %v", now, d.n, d.sum, want.n, want.sum)
			}
		}
	})
}

// Writers cross many slot ends together while a reader reads: nothing is lost.
// Within one window nothing expires, so that all must be found at the end.
func TestRecordersLoseNothing(t *testing.T) {
	const writers, each = 4, 20000
	h := NewHistogram(time.Hour, 1000)
	c := NewCounter(time.Hour, 1000)
	var g Gauge
	h.Record(epoch, 1)
	step := 3500 * time.Second / each // stays within the hour
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				now := epoch.Add(time.Duration(i) * step)
				h.Record(now, float64(w+1))
				c.Add(now, 1)
				g.Add(now, 1)
			}
		})
	}
	var d Dist
	for i := range 100 {
		h.Into(epoch.Add(time.Duration(i)*each/100*step), &d)
		c.PerSecond(epoch)
		g.Sample(epoch)
	}
	wg.Wait()
	h.Into(epoch.Add(3500*time.Second), &d)
	wantSum := float64(1 + each*(1+2+3+4))
	if d.Count() != 1+writers*each || d.Sum() != wantSum {
		t.Errorf("histogram: %d values, sum %v; want %d, sum %v", d.Count(), d.Sum(), 1+writers*each, wantSum)
	}
	if got := c.Total(); got != writers*each {
		t.Errorf("counter: total %v, want %d", got, writers*each)
	}
	if got := c.PerSecond(epoch.Add(3500*time.Second)) * 3500; math.Abs(got-writers*each) > 1e-6 {
		t.Errorf("counter: %v in the window, want %d", got, writers*each)
	}
	if got := g.Load(); got != writers*each {
		t.Errorf("gauge: %v, want %d", got, writers*each)
	}
}

// The hard moment: all writers meet a live slot that ended long ago. None of
// their values may be taken for an old one.
func TestRecordersAfterAPause(t *testing.T) {
	const writers = 8
	for round := range 200 {
		h := NewHistogram(time.Second, 2)
		c := NewCounter(time.Second, 2)
		h.Record(epoch, 1)
		c.Add(epoch, 1)
		later := at(60000 + round)
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				h.Record(later, 1)
				c.Add(later, 1)
			})
		}
		wg.Wait()
		var d Dist
		h.Into(later, &d)
		if d.Count() != writers {
			t.Fatalf("round %d: %d values in the window, want %d", round, d.Count(), writers)
		}
		if c.Total() != writers+1 {
			t.Fatalf("round %d: total %v, want %d", round, c.Total(), writers+1)
		}
	}
}

func TestRecordersDoNotAllocate(t *testing.T) {
	h, c := NewHistogram(time.Second, 4), NewCounter(time.Second, 4)
	var g Gauge
	var d Dist
	for i := range 50 { // until every slot has its memory
		h.Record(at(i*100), 5)
		h.Into(at(i*100), &d)
	}
	c.Add(epoch, 1)
	g.Set(epoch, 1)
	i := 50
	allocs := testing.AllocsPerRun(100, func() {
		i++
		now := at(i * 100) // crosses slots
		h.Record(now, 5)
		h.Into(now, &d)
		c.Add(now, 1)
		c.PerSecond(now)
		g.Set(now, 1)
		g.Add(now, 1)
		g.Sample(now)
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want none", allocs)
	}
}

func equalDists(a, b *Dist) bool {
	if a.n != b.n || math.Abs(a.sum-b.sum) > 1e-9*math.Abs(b.sum) {
		return false
	}
	for bucket := range distBuckets {
		if a.bucket(bucket) != b.bucket(bucket) {
			return false
		}
	}
	return true
}

func (d *Dist) bucket(b int) uint64 {
	if b < d.lo || b >= d.lo+len(d.counts) {
		return 0
	}
	return d.counts[b-d.lo]
}

// Until the live slot is empty, writers must still see that it has ended: one
// that wrote into it earlier would have its value taken for an old one.
func TestRingPublishesLast(t *testing.T) {
	var r ring
	r.init(10*time.Second, 10)
	r.at(epoch)
	var places []int
	turn := func(ms int) {
		now := int64(ms) * int64(time.Millisecond)
		r.turn(now, func(place int) {
			if !r.ended(now) {
				t.Errorf("at %d ms: the new slot is open before the old one is empty", ms)
			}
			places = append(places, place)
		}, func(place int) {
			if !r.ended(now) {
				t.Errorf("at %d ms: the new slot is open before place %d is empty", ms, place)
			}
			places = append(places, -place)
		})
		if r.ended(now) {
			t.Errorf("at %d ms: the slot is still over", ms)
		}
	}
	turn(999)
	turn(1000)
	turn(3500)
	turn(2000)
	if want := []int{0, -1, 1, -2, -3}; !slices.Equal(places, want) {
		t.Errorf("moved %v, want %v", places, want)
	}
}

// A value that comes while an empty slot ends may leave its part of the sum there and
// be counted in the next: the two are found together.
func TestSumOfASlotWithoutCounts(t *testing.T) {
	h := NewHistogram(10*time.Second, 10)
	h.Record(epoch, 1)
	h.end(h.at(epoch.Add(time.Second)))
	addFloat(&h.sum, 7)
	h.end(h.at(epoch.Add(2 * time.Second)))
	h.live[bucketOf(7)].Add(1)
	var d Dist
	if h.Into(epoch.Add(3*time.Second), &d); d.Count() != 2 || d.Sum() != 8 {
		t.Errorf("%d values, sum %v; want 2, sum 8", d.Count(), d.Sum())
	}
	if h.Into(epoch.Add(30*time.Second), &d); d.Count() != 0 || d.Sum() != 0 {
		t.Errorf("after the window: %d values, sum %v; want nothing", d.Count(), d.Sum())
	}
}
