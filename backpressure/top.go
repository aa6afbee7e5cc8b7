package backpressure

import (
	"cmp"
	"fmt"
	"slices"
)

// topTenants is how many tenants are reported.
const topTenants = 16

// topEvery is after how much work, in requests, the counts are halved, so that
// the top is that of the last while.
const topEvery = 4096

// A TenantStats is what one tenant asked for lately.
type TenantStats struct {
	// Tenant is a hash of the name, 8 hex digits; see [Gate.TenantLabel].
	Tenant string
	// Share of all work offered by tenants with a name, 0 to 1. Too high by at most
	// that of the last in the list.
	Share float64
	// Refused is the part of its requests that were refused, 0 to 1.
	Refused float64
}

// A top knows the tenants that ask for most in a fixed room, by the algorithm
// Space-Saving (A. Metwally, D. Agrawal, A. El Abbadi, ICDT 2005): who is not
// among them takes the place of the last, and its count. Names are never kept.
type top struct {
	n       int // requests since the last halving
	work    float64
	tenants [topTenants]uint64
	counts  [topTenants]topCount
}

type topCount struct{ work, offered, refused float64 }

func (t *top) offer(tenant uint64, work float64) {
	if t.n++; t.n > topEvery {
		t.fade()
	}
	t.work += work
	i := slices.Index(t.tenants[:], tenant)
	if i < 0 {
		i = 0
		for j := range t.counts {
			if t.counts[j].work < t.counts[i].work {
				i = j
			}
		}
		t.tenants[i], t.counts[i].offered, t.counts[i].refused = tenant, 0, 0
	}
	c := &t.counts[i]
	c.work += work
	c.offered++
	if i > 0 && c.work > t.counts[i-1].work { // those who ask most are found first
		t.counts[i], t.counts[i-1] = t.counts[i-1], t.counts[i]
		t.tenants[i], t.tenants[i-1] = t.tenants[i-1], t.tenants[i]
	}
}

func (t *top) refuse(tenant uint64) {
	if i := slices.Index(t.tenants[:], tenant); i >= 0 {
		t.counts[i].refused++
	}
}

func (t *top) fade() {
	t.n = 0
	t.work /= 2
	for i := range t.counts {
		c := &t.counts[i]
		c.work, c.offered, c.refused = c.work/2, c.offered/2, c.refused/2
	}
}

// list returns the tenants, the largest first; nil if none has a name.
func (t *top) list() []TenantStats {
	var list []TenantStats
	for i, tenant := range t.tenants {
		if c := t.counts[i]; tenant != 0 {
			list = append(list, TenantStats{tenantLabel(tenant), c.work / t.work, min(c.refused/max(c.offered, 1), 1)})
		}
	}
	slices.SortStableFunc(list, func(a, b TenantStats) int { return cmp.Compare(b.Share, a.Share) })
	return list
}

func tenantLabel(hash uint64) string { return fmt.Sprintf("%08x", uint32(hash>>32^hash)) }
