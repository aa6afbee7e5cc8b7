package main

import (
	"math/rand/v2"
	"time"

	"github.com/evenkeel/evenkeel/backpressure"
)

// evenkeel is a backpressure.Admission with its defaults.
type evenkeel struct {
	adm       *backpressure.Admission
	held      map[*backpressure.Request]*job
	stoppable map[*backpressure.Request]*job // that run
	rng       *rand.Rand
}

func newEvenkeel(e env) (policy, error) {
	adm, err := backpressure.NewAdmission(backpressure.Config{TTFT: e.ttft, TPOT: e.tpot})
	if err != nil {
		return nil, err
	}
	p := &evenkeel{adm: adm, held: make(map[*backpressure.Request]*job), stoppable: make(map[*backpressure.Request]*job), rng: e.rng()}
	p.units(0, e.units)
	return p, nil
}

func instant(t time.Duration) time.Time { return epoch.Add(t) }

func (p *evenkeel) offer(now time.Duration, j *job) verdict {
	j.ticket.Cost = backpressure.Cost{Prompt: int64(j.prompt)}
	if !j.toAnswer && j.giveUp != never {
		j.ticket.Deadline = instant(j.giveUp)
	}
	j.ticket.Tenant, j.ticket.Class = uint64(j.tenant+1), j.class
	v := p.adm.Offer(instant(now), &j.ticket)
	switch v.Action {
	case backpressure.Admit:
		p.admitted(j)
		return verdict{action: admit}
	case backpressure.Hold:
		p.held[&j.ticket] = j
		return verdict{action: hold}
	}
	return p.refusal(v)
}

func (p *evenkeel) next(now time.Duration) *job {
	j := p.take(p.adm.Next(instant(now)))
	if j != nil {
		p.admitted(j)
	}
	return j
}

// admitted says, as the HTTP handler does of every request, that j can be stopped.
func (p *evenkeel) admitted(j *job) {
	if j.class < backpressure.Critical {
		p.adm.Preemptible(&j.ticket)
		p.stoppable[&j.ticket] = j
	}
}

func (p *evenkeel) preempt(now time.Duration) (*job, verdict) {
	r, v := p.adm.Preempt(instant(now))
	if r == nil {
		return nil, verdict{}
	}
	return p.stoppable[r], p.refusal(v)
}

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
	delete(p.stoppable, &j.ticket)
	p.adm.Done(instant(now), &j.ticket, o)
}

func (p *evenkeel) units(now time.Duration, n int) {
	p.adm.Observe(instant(now), backpressure.Outlook{Ready: n, Members: 1})
}
