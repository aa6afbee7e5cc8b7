package main

import (
	"time"

	"github.com/evenkeel/evenkeel/backpressure"
)

// dagor is the overload control of WeChat (Zhou et al., "Overload Control for Scaling
// WeChat Microservices", SoCC 2018). Every request has a priority: its class, then
// 128 levels by the hash of its user. In each window of a second or 2,000 requests,
// if those that began waited for more than 20 ms in the mean, 5 % fewer are let in;
// otherwise 1 % of what comes more. The level to be let in follows from a histogram of
// the priorities. It reads the waiting time inside the server, which the others do
// not see.
type dagor struct {
	passive
	level   int // priorities from here on are let in
	came    [dagorLevels]int
	arrived int
	passed  int
	waits   time.Duration
	began   int
	closes  time.Duration
}

const (
	dagorUsers  = 128
	dagorLevels = 4 * dagorUsers
)

func (p *dagor) offer(now time.Duration, j *job) verdict {
	if now >= p.closes || p.arrived >= 2000 {
		p.fold(now)
	}
	user := int(j.id * 0x9E3779B97F4A7C15 >> 57) // each request is another user's
	at := int(j.class-backpressure.Sheddable)*dagorUsers + user
	p.came[at]++
	p.arrived++
	if at < p.level {
		return verdict{action: shed}
	}
	p.passed++
	return verdict{}
}

func (p *dagor) started(now time.Duration, j *job) {
	p.waits += now - j.admitted
	p.began++
}

func (p *dagor) fold(now time.Duration) {
	if p.arrived == 0 {
		return
	}
	const overloaded, less, more = 20 * time.Millisecond, 0.05, 0.01
	want := float64(p.passed) + more*float64(p.arrived)
	if p.began > 0 && p.waits/time.Duration(p.began) > overloaded {
		want = (1 - less) * float64(p.passed)
	}
	sum := 0
	for p.level = dagorLevels; p.level > 0 && float64(sum) < want; p.level-- {
		sum += p.came[p.level-1]
	}
	*p = dagor{level: p.level, closes: now + time.Second}
}
