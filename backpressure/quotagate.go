package backpressure

import "time"

// quotaKey is whose quota a caller uses.
func (c *Caller) quotaKey() string {
	if c.Key != "" {
		return c.Key
	}
	return c.Tenant
}

// reserve takes a lease for a request at t after the gate's start, with its quota. It
// is called without g.mu, since a limit may be the user's function.
func (g *Gate) reserve(q *Quotas, t time.Duration, who *Caller, c Cost) (*lease, *Rejected) {
	g.mu.Lock()
	l := g.take()
	g.mu.Unlock()
	l.quota = Reservation{}
	v := q.reserve(&l.quota, g.base.Add(t), int(g.members.Load()), who.quotaKey(), c)
	if v.Action == Admit {
		return l, nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	rej := g.overQuota(v)
	if rej != nil {
		g.putBack(l)
	}
	return l, rej
}

// overQuota refuses a request, unless the gate only watches. It is counted among
// the refusals, but is no demand: a larger fleet could not serve it either. g.mu is
// held.
func (g *Gate) overQuota(v Verdict) *Rejected {
	switch g.adm.cfg.Mode {
	case Shadow:
		g.adm.totals.shadowed[v.Reason]++
		return nil
	case Off:
		return nil
	}
	g.adm.totals.offered++
	g.adm.totals.shed[v.Reason]++
	return g.rejected.pick(v, false)
}

// settle corrects the quota of a request that ran. g.mu is held.
func (l *lease) settle(now time.Time, o Outcome) {
	output := l.req.output
	if l.used > 0 {
		output = l.used - 1
	} else if output == 0 && o == Completed {
		l.quota.Keep() // nobody counts here
		return
	}
	l.quota.Settle(now, l.quota.prompt, output)
}

// Used tells what the request really took, as the engine counted it, in place of
// what the gate has seen: the caller's quota is corrected by it at the end.
func (p Permit) Used(prompt, output int64) {
	if p.lease == nil {
		return
	}
	g := p.lease.gate
	g.mu.Lock()
	if l := p.lease; l.generation() == p.gen {
		l.quota.prompt, l.used = max(prompt, 0), min(max(output, 0), maxTokens)+1
	}
	g.mu.Unlock()
}
