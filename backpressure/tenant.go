package backpressure

import (
	"context"
	"hash/maphash"
)

// nobody is the caller of a context that has none.
var nobody Caller

// callerOf is [CallerFrom] without the copy. It is not changed.
func callerOf(ctx context.Context) *Caller {
	if c, ok := ctx.Value(callerKey{}).(*Caller); ok {
		return c
	}
	return &nobody
}

// tenant returns the hash and the weight of c's tenant. The hash has a random
// seed, so that nobody can choose a name to share another's part.
func (g *Gate) tenant(c *Caller) (hash uint64, weight float64) {
	if c.Tenant == "" {
		return 0, 1
	}
	weight = 1
	if f := g.weigh.Load(); f != nil {
		weight = (*f)(c.Tenant)
	}
	return maphash.String(g.seed, c.Tenant) | 1, weight // 0 is who has no name
}

func (g *Gate) weighBy(f func(tenant string) float64) {
	if f == nil {
		g.weigh.Store(nil)
		return
	}
	g.weigh.Store(&f)
}

// TenantLabel is how the gate names a tenant in [Stats]: 8 hex digits of a hash.
// Its seed is made with the gate, so that a label does not tell a name to whoever
// has a list of names; the same name has the same label as long as the gate lives.
func (g *Gate) TenantLabel(name string) string {
	hash, _ := g.tenant(&Caller{Tenant: name})
	return tenantLabel(hash)
}
