package main

import (
	"math/rand/v2"
	"time"

	"github.com/evenkeel/evenkeel/backpressure"
)

// evenkeel is a backpressure.Admission with its defaults.
type evenkeel struct {
	adm  *backpressure.Admission
	held map[*backpressure.Request]*job
	rng  *rand.Rand
}

func newEvenkeel(e env) (policy, error) {
	adm, err := backpressure.NewAdmission(backpressure.Config{TTFT: e.ttft, TPOT: e.tpot})
	if err != nil {
		return nil, err
	}
	p := &evenkeel{adm: adm, held: make(map[*backpressure.Request]*job), rng: e.rng()}
	p.units(0, e.units)
	return p, nil
}

// tenantNames are of the tenants; the first is the only one in most scenarios.
var tenantNames = [...]string{"greedy", "light-1", "light-2", "light-3", "light-4"}

func instant(t time.Duration) time.Time { return epoch.Add(t) }

func (p *evenkeel) offer(now time.Duration, j *job) verdict {
	j.ticket.Cost = backpressure.Cost{Prompt: int64(j.prompt)}
	if !j.toAnswer && j.giveUp != never {
		j.ticket.Deadline = instant(j.giveUp)
	}
	j.ticket.Caller = backpressure.Caller{Tenant: tenantNames[j.tenant], Class: j.class}
	v := p.adm.Offer(instant(now), &j.ticket)
	switch v.Action {
	case backpressure.Admit:
		return verdict{action: admit}
	case backpressure.Hold:
		p.held[&j.ticket] = j
		return verdict{action: hold}
	}
	return p.refusal(v)
}

func (p *evenkeel) next(now time.Duration) *job { return p.take(p.adm.Next(instant(now))) }

func (p *evenkeel) expire(now time.Duration) (*job, verdict) {
	r, v := p.adm.Expire(instant(now))
	if r == nil {
		return nil, verdict{}
	}
	return p.take(r), p.refusal(v)
}

// refusal is what the caller is told.
func (p *evenkeel) refusal(v backpressure.Verdict) verdict {
	return verdict{shed, v.Jittered(p.rng.Uint32())}
}

func (p *evenkeel) take(r *backpressure.Request) *job {
	if r == nil {
		return nil
	}
	j := p.held[r]
	delete(p.held, r)
	return j
}

func (p *evenkeel) wake() time.Duration {
	if t, ok := p.adm.WakeAt(); ok {
		return t.Sub(epoch)
	}
	return never
}

func (p *evenkeel) leave(now time.Duration, j *job) {
	delete(p.held, &j.ticket)
	p.adm.Cancel(instant(now), &j.ticket)
}

func (p *evenkeel) first(now time.Duration, j *job) { p.adm.FirstToken(instant(now), &j.ticket) }
func (p *evenkeel) token(now time.Duration, j *job) { p.adm.Tokens(instant(now), &j.ticket, 1) }

func (p *evenkeel) done(now time.Duration, j *job, how ending) {
	o := backpressure.Completed
	switch how {
	case left:
		o = backpressure.Abandoned
	case lost:
		o = backpressure.Failed
	}
	p.adm.Done(instant(now), &j.ticket, o)
}

func (p *evenkeel) units(now time.Duration, n int) {
	p.adm.Observe(instant(now), backpressure.Outlook{Ready: n, Members: 1})
}
