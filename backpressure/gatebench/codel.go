package main

import "time"

// codel runs as many jobs as there are slots, which it is told, and holds the rest:
// for 100 ms while the queue has been empty lately, for 5 ms otherwise; and takes the
// newest first while the queue stands. Facebook's combination of controlled delay
// and adaptive LIFO (Maurer, "Fail at Scale", ACM Queue 13-8, 2015).
type codel struct {
	passive
	slots, inFlight int
	queue           []*job // in order of arrival
	empty           time.Duration
}

const (
	codelShort = 5 * time.Millisecond
	codelLong  = 100 * time.Millisecond
)

func (p *codel) offer(now time.Duration, j *job) verdict {
	if len(p.queue) == 0 {
		p.empty = now
		if p.inFlight < p.slots {
			p.inFlight++
			return verdict{}
		}
	}
	limit := codelLong
	if p.standing(now) {
		limit = codelShort
	}
	j.extra = now + limit
	p.queue = append(p.queue, j)
	return verdict{action: hold}
}

func (p *codel) standing(now time.Duration) bool { return p.empty < now-codelLong }

func (p *codel) next(now time.Duration) *job {
	if p.inFlight >= p.slots || len(p.queue) == 0 {
		return nil
	}
	i := 0
	if p.standing(now) {
		i = len(p.queue) - 1
	}
	j := p.queue[i]
	p.remove(i)
	p.inFlight++
	return j
}

func (p *codel) remove(i int) { p.queue = append(p.queue[:i], p.queue[i+1:]...) }

func (p *codel) expire(now time.Duration) (*job, verdict) {
	for i, j := range p.queue {
		if until, ok := j.extra.(time.Duration); ok && until <= now {
			p.remove(i)
			return j, verdict{action: shed}
		}
	}
	return nil, verdict{}
}

func (p *codel) wake() time.Duration {
	t := never
	for _, j := range p.queue {
		if until, ok := j.extra.(time.Duration); ok {
			t = min(t, until)
		}
	}
	return t
}

func (p *codel) leave(_ time.Duration, j *job) {
	for i, k := range p.queue {
		if k == j {
			p.remove(i)
			return
		}
	}
}

func (p *codel) done(time.Duration, *job, ending) { p.inFlight-- }
