package backpressure

import (
	"net/http"
	"time"
)

// turnRoutes switches the routes by how saturated the gate is at t.
func (a *Admission) turnRoutes(t time.Duration) {
	sum, _ := a.window.sum(t)
	s := sum.asked(a.fullness(sum))
	for _, r := range a.routes {
		r.turn(t, s)
	}
}

// cheapen puts r on the route on the gate's own units that is on for it, if any,
// and makes it cost as much less. Demand has been counted in full by then.
func (a *Admission) cheapen(r *Request) {
	for _, way := range a.routes {
		if way.on && !way.Elsewhere && way.serves(r) {
			r.route = way
			if r.Cost.MaxOutput <= 0 || r.Cost.MaxOutput > way.MaxOutput {
				r.limit = way.MaxOutput
			}
			c := r.Cost
			if r.limit > 0 {
				c.MaxOutput = r.limit
			}
			r.prompt *= way.Scale
			r.work = r.prompt + OutputWeight*way.Scale*a.use.expectOutput(c, int(r.rank))
			r.amount = r.prompt
			if r.whole {
				r.amount = r.work
			}
			return
		}
	}
}

// divert finds a route that leads elsewhere for r, which would be refused for
// that reason, and lets r in by it.
func (a *Admission) divert(r *Request, why Reason) bool {
	if a.cfg.Mode != Enforce || a.draining || !why.divertible() {
		return false
	}
	for _, way := range a.routes {
		// To be refused is to find the gate full, whatever the figure says.
		if !way.Elsewhere || !way.on && way.From > 1 || !way.serves(r) || way.Limit > 0 && way.inFlight >= way.Limit {
			continue
		}
		r.state, r.route, r.limit = elsewhere, way, way.MaxOutput
		way.taken++
		way.inFlight++
		a.elsewhere++
		w := a.window.at(a.now)
		w.degraded++
		w.elsewhere++
		a.totals.degraded++
		a.totals.elsewhere++
		return true
	}
	return false
}

// divertible reports whether a request that is refused for this reason may be
// served elsewhere: not where the caller has left or has used up its part, and
// not by a server that is about to go.
func (r Reason) divertible() bool {
	return r != Admitted && r != Draining && r != Cancelled && r.status() != http.StatusTooManyRequests
}

// enterRoute counts r, which was let in for full service or by a route on the gate's
// own units.
func (a *Admission) enterRoute(r *Request) {
	r.route.taken++
	r.route.inFlight++
	a.window.at(a.now).degraded++
	a.totals.degraded++
}

// leaveRoute counts r out of its route.
func (a *Admission) leaveRoute(r *Request, o Outcome) {
	way := r.route
	way.inFlight--
	if r.state == elsewhere {
		a.elsewhere--
		if o == Failed {
			way.failed++
		}
	}
	r.route, r.limit = nil, 0
}

// Route is the name of the route that the request was let in by; empty: full
// service.
func (r *Request) Route() string {
	if r.route == nil {
		return ""
	}
	return r.route.Name
}

// routeStats returns the figures of all routes, in the order of the Config.
func (a *Admission) routeStats() []RouteStats {
	var all []RouteStats
	for _, cfg := range a.cfg.Routes {
		for _, r := range a.routes {
			if r.Name == cfg.Name {
				all = append(all, RouteStats{r.Name, r.on, r.taken, r.failed, r.inFlight})
			}
		}
	}
	return all
}
