package backpressure

import (
	"math"
	"time"
)

const (
	// backOver is the time constant of what comes and is let in, in seconds.
	backOver = 5.0
	// backLeast is the part of what is let in that is kept for those who come back,
	// even while as much comes that has never been here.
	backLeast = 0.3
	// backSeconds are kept: those that can be told, and a power of two.
	backSeconds = 128
)

// A comeback books the return of those who are refused, so that the answer to "when?"
// is a time at which there will be room for this one too. Who is told to come back is
// a backlog like what waits in the queue, only elsewhere: for each second to come the
// gate knows how much work it has told to come then, and gives the next one the first
// second that has room. Told from the queue alone, all would come at once, again and
// again.
//
// The room of a second is what is let in per second while some is refused, less what
// comes that was not told to: fresh work. Nobody knows who will really come back; a
// second that was booked in vain is lost to nobody, since all that is asked is that
// those who do come are not too many.
type comeback struct {
	booked [backSeconds]float64 // work told to come, by second, around
	second int64                // the present one, since the start
	next   time.Duration        // when the next one begins
	from   int64                // those from here
	to     int64                // to before here are full
	spread uint32               // takes turns where all are

	came, let float64 // work that asked, and that was let in, since the last turn
	excess    bool    // some was refused since
	fresh     float64 // work per second that comes unbooked, decayed
	rate      float64 // work per second and unit that is let in, decayed; 0: not known
	units     float64 // that were there last
	room      float64 // work that a second to come has room for; 0: not known
}

// turn goes on to the second of t, behind which there are so many units.
func (c *comeback) turn(t time.Duration, units float64) {
	if t < c.next {
		return
	}
	second := int64(t / time.Second)
	n := second - c.second
	c.next = time.Duration(second+1) * time.Second
	if n <= 0 {
		return
	}
	due := 0.0
	for s := c.second; s < min(second, c.second+backSeconds); s++ {
		b := &c.booked[uint64(s)%backSeconds]
		due += *b
		*b = 0
	}
	c.second = second
	keep := math.Exp(-float64(n) / backOver)
	c.fresh = c.fresh*keep + (1-keep)*max(c.came-due, 0)/float64(n)
	if c.excess && units > 0 {
		rate := c.let / units / float64(n)
		if c.rate == 0 {
			c.rate = rate
		}
		c.rate = c.rate*keep + (1-keep)*rate
	}
	c.came, c.let, c.excess = 0, 0, false
	if units > 0 {
		c.units = units
	}
	all := c.rate * c.units
	c.room = max(all-c.fresh, backLeast*all)
	c.from, c.to = 0, 0 // what was full may have room by now
}

// book returns when work may come back that would find room after so long, were it
// the only one.
func (c *comeback) book(work float64, after time.Duration) time.Duration {
	c.excess = true
	if c.room == 0 { // over half as long again
		if more := uint32(after/time.Second) / 2; more > 0 {
			c.spread++
			after += time.Duration(c.spread%(more+1)) * time.Second
		}
		return after
	}
	first := c.second + max(int64((after+time.Second-1)/time.Second), 1)
	s, last := first, c.second+maxRetry
	if c.from <= s && s < c.to {
		s = c.to
	}
	for ; s <= last; s++ {
		if b := &c.booked[uint64(s)%backSeconds]; *b == 0 || *b+work <= c.room {
			*b += work
			break
		}
	}
	if first < c.from || first > c.to {
		c.from = first
	}
	c.to = s
	switch {
	case s > last: // so many that nobody knows: over the later half of what can be told
		c.spread++
		return time.Duration(maxRetry-int64(c.spread%(maxRetry/2))) * time.Second
	case s == first:
		return after
	}
	return time.Duration(s-c.second) * time.Second
}

// comeBack makes v, by which r is refused, tell a time for which others have not been
// told too. A deadline that is too short where nobody waits says nothing about room.
func (a *Admission) comeBack(r *Request, v Verdict) Verdict {
	switch {
	case v.Reason == Cancelled, v.Reason == Draining:
		return v
	case v.Reason == NoCapacity && v.RetryAfter <= 0:
		return v
	case v.Reason == DeadlineTooShort && a.queue.n == 0:
		return v
	}
	a.comeback.turn(a.now, a.units)
	v.RetryAfter = a.comeback.book(r.work, v.RetryAfter)
	return v
}
