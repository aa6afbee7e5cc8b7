package backpressure

import (
	"context"
	"net/http"
	"time"
)

// early refuses a request that has no chance, whatever is in its body, before
// that is read: from a caller whose quota is spent, or by a gate that would refuse
// the smallest of requests. What it then counts as demand is what the length of
// the body tells. Anything else is left to Acquire, body in hand.
func (g *Gate) early(ctx context.Context, r *http.Request) error {
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody || ctx.Err() != nil {
		return nil
	}
	t := time.Since(g.base)
	if q := g.quotas.Load(); q != nil && !callerOf(ctx).inFull {
		if v := q.spent(g.base.Add(t), int(g.members.Load()), callerOf(ctx).quotaKey()); v.Action == Shed {
			g.mu.Lock()
			rej := g.overQuota(v)
			g.mu.Unlock()
			if rej != nil {
				return rej
			}
		}
	}
	who := callerOf(ctx)
	tenant, weight := g.tenant(who)
	deadline, _ := ctx.Deadline()
	g.lock()
	l := g.take()
	l.req.Cost, l.req.Deadline = Cost{}, deadline
	l.req.Class, l.req.Hops, l.req.Tenant, l.req.Weight = who.Class, who.Hops, tenant, weight
	v, sure := g.adm.turnAway(g.adm.pass(t), &l.req)
	g.putBack(l)
	if !sure {
		g.unlock()
		return nil
	}
	rej := g.rejected.pick(v, false)
	g.unlock()
	return rej
}

// spent refuses a request of which nothing is known, if even the smallest one
// would not fit into key's quota. It reserves nothing.
func (q *Quotas) spent(now time.Time, members int, key string) Verdict {
	limit := q.cfg.Load().of(key)
	if limit.unlimited() {
		return Verdict{}
	}
	r := rates(limit, members)
	if limit.Requests < 0 || limit.Tokens < 0 {
		return Verdict{Shed, QuotaTooLarge, 0}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	t := q.advance(now)
	b := q.peek(key)
	if b == nil {
		return Verdict{}
	}
	late, reason := b.requests.wait(t, r.perRequest, r.burst), QuotaRequests
	if w := b.tokens.wait(t, r.tokens(1), r.burst); w > late {
		late, reason = w, QuotaTokens
	}
	if late > 0 {
		return Verdict{Shed, reason, late}
	}
	return Verdict{}
}
