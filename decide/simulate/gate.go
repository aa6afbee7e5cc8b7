package simulate

import (
	"errors"
	"time"

	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/signal"
)

// epoch is when every run begins. Only differences matter, but the zero time
// means "not set" in many places.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// A gate is the admission in front of the fleet, in virtual time.
type gate struct {
	*backpressure.Admission
	requests map[*backpressure.Request]*request // those offered and not yet ended
	alarm    time.Duration                      // when an evGate is due, 0 for none
	signals  signals
}

func newGate(c *backpressure.Config, defs []signal.Def) (*gate, error) {
	if c == nil {
		c = &backpressure.Config{Mode: backpressure.Off}
	}
	if len(c.Routes) > 0 {
		return nil, errors.New("simulate: Gate.Routes: what is served by a route is not simulated, leave it empty")
	}
	a, err := backpressure.NewAdmission(*c)
	if err != nil {
		return nil, err
	}
	window := c.Window
	orDefault(&window, backpressure.DefaultWindow)
	sig, err := newSignals(defs, window)
	if err != nil {
		return nil, err
	}
	return &gate{Admission: a, requests: make(map[*backpressure.Request]*request), signals: sig}, nil
}

func (g *gate) offer(now time.Duration, r *request) backpressure.Verdict {
	r.ticket.Cost = backpressure.Cost{Prompt: r.rec.Input}
	v := g.Offer(epoch.Add(now), &r.ticket)
	if v.Action != backpressure.Shed {
		g.requests[&r.ticket] = r
	}
	return v
}

// next returns a request that has waited and may run now, with the reason
// Admitted, or one that has waited long enough, with the reason why it is
// refused; nil if there is neither.
func (g *gate) next(now time.Duration) (*request, backpressure.Reason) {
	if t := g.Next(epoch.Add(now)); t != nil {
		return g.requests[t], backpressure.Admitted
	}
	t, v := g.Expire(epoch.Add(now))
	if t == nil {
		return nil, backpressure.Admitted
	}
	return g.forget(t), v.Reason
}

// wake returns when the gate wants to be asked again, if it has not said so
// before.
func (g *gate) wake(now time.Duration) (time.Duration, bool) {
	t, ok := g.WakeAt()
	if !ok {
		return 0, false
	}
	at := max(t.Sub(epoch), now+time.Microsecond)
	if g.alarm > now && g.alarm <= at {
		return 0, false
	}
	g.alarm = at
	return at, true
}

func (g *gate) firstToken(now time.Duration, r *request) {
	g.FirstToken(epoch.Add(now), &r.ticket)
	g.signals.ttft.Record(epoch.Add(now), (now - r.rec.At).Seconds())
}

func (g *gate) tokens(now time.Duration, r *request, n int) {
	g.Tokens(epoch.Add(now), &r.ticket, int64(n))
}

func (g *gate) done(now time.Duration, r *request, o backpressure.Outcome) {
	g.Done(epoch.Add(now), &r.ticket, o)
	g.forget(&r.ticket)
	if o != backpressure.Completed {
		return
	}
	g.signals.duration.Record(epoch.Add(now), (now - r.rec.At).Seconds())
	if r.made > 1 {
		g.signals.tpot.Record(epoch.Add(now), (now-r.first).Seconds()/float64(r.made-1))
	}
}

// withdraw takes back a request whose client has left while it waited.
func (g *gate) withdraw(now time.Duration, r *request) {
	g.Cancel(epoch.Add(now), &r.ticket)
	g.forget(&r.ticket)
}

func (g *gate) forget(t *backpressure.Request) *request {
	r := g.requests[t]
	delete(g.requests, t)
	return r
}

func (g *gate) observe(now time.Duration, o backpressure.Outlook) { g.Observe(epoch.Add(now), o) }
