package backpressure

import (
	"math"
	"time"
)

const (
	// lookPart of the requests behind the gate stay there during a look.
	lookPart = 0.5
	// lookFew requests must be behind it, and be looked at; lookMost are enough.
	lookFew, lookMost = 8, 64
	// lookSoon is the time to the second look. It doubles up to lookLater as long as
	// looks find the same, within lookSame.
	lookSoon, lookLater = 500 * time.Millisecond, 8 * time.Second
	lookSame            = 0.15
	// lookGiveUp is how long after a look its requests are waited for.
	lookGiveUp = 30 * time.Second
	// lookNear is how long whole answers may be predicted to take, over the time that
	// the server itself needs, where others may have to go before the next one. Above
	// 1 is what keeps the server busy while the gate is told that it has room.
	lookNear = 1.35
)

// A look finds out how long whole answers take that do not wait behind the gate,
// while there are always some that do. From time to time it lets the number there
// fall by half, lets in as many more as leave, and takes their mean time. Where that
// half still waits, it waits half as long, and a few looks find the truth. The cost
// is part of one service time every few seconds. TCP BBR looks for its path's round
// trip in the same way (N. Cardwell et al., ACM Queue 14(5), 2016, ProbeRTT).
type look struct {
	next  time.Duration // when to look again
	every time.Duration
	most  int           // requests behind the gate while looking; 0: not looking
	until time.Duration // it is over by then
	left  int           // requests that are still to be looked at

	turn    uint8   // marks the requests looked at; never 0
	open, n int     // requests looked at that run, and that have ended
	sum     float64 // of the latters' seconds
	alone   float64 // the mean of the looks, in seconds; 0 while not known
}

// near is how long a whole answer may be predicted to take behind the gate.
func (l *look) near() float64 {
	if l.alone == 0 {
		return math.Inf(1)
	}
	return lookNear * l.alone
}

// fold begins a look if it is time to, and ends one that takes too long. It is
// called several times per second; wanted says that somebody waits, and that it
// matters who goes next.
func (l *look) fold(t time.Duration, wanted bool, requests int, mean float64) {
	switch {
	case l.most > 0:
		if !wanted || t > l.until {
			l.end(t)
		}
	case l.open > 0:
		if t > l.until+lookGiveUp { // some never end
			l.turn = max(l.turn+1, 1)
			l.open, l.n, l.sum = 0, 0, 0
		}
	case wanted && t >= l.next && requests >= lookFew && mean > 0:
		l.most = max(int(lookPart*float64(requests)), lookFew/2)
		l.left = min(requests, lookMost)
		l.until = t + seconds(4*mean)
	}
}

// holds reports whether a look keeps the next request waiting.
func (l *look) holds(requests int) bool { return l.most > 0 && requests >= l.most }

// enter takes in r, which is let in while the gate looks.
func (l *look) enter(t time.Duration, r *Request) {
	r.looked = l.turn
	l.open++
	if l.left--; l.left == 0 {
		l.end(t)
	}
}

// end stops holding back. What was let in meanwhile is still waited for.
func (l *look) end(t time.Duration) {
	l.most = 0
	l.next = t + max(l.every, lookSoon)
	l.found()
}

// leave takes in that r has ended after so many seconds, if it was looked at; told
// says that they tell something.
func (l *look) leave(r *Request, secs float64, told bool) {
	if r.looked != l.turn {
		return
	}
	r.looked = 0
	l.open--
	if told {
		l.sum += secs
		l.n++
	}
	l.found()
}

// found learns from the look, if nothing of it is open any more.
func (l *look) found() {
	if l.open > 0 || l.most > 0 {
		return
	}
	if l.n >= lookFew {
		mean := l.sum / float64(l.n)
		if l.alone == 0 {
			l.alone = mean
		}
		if math.Abs(mean-l.alone) > lookSame*l.alone {
			l.every = lookSoon
		} else {
			l.every = min(max(2*l.every, lookSoon), lookLater)
		}
		l.alone += (mean - l.alone) / 2
	}
	l.sum, l.n = 0, 0
}
