package backpressure

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// maxRoutes bounds Config.Routes: they are looked through per request.
	maxRoutes = 16
	// routeLeave is the share of Route.From at which a route is left by default.
	routeLeave = 0.8
	// routeCalm is how long saturation must stay below Route.Until before a route
	// is left. It swings with every long prompt; the routes should not.
	routeCalm = time.Second
)

// A Route is a way to serve a request less well than in full, and better than not
// at all: with a shorter answer, by a smaller model, from a cache, later, or in
// another region. What the gate lets in by a route is degraded, not shed; it is
// counted in [Stats] and in the signal evenkeel.degraded.requests.
//
// There are two kinds. A route on the gate's own units makes requests cheaper:
// while it is on, all requests of its classes take it. A route that leads
// Elsewhere takes only what the gate would otherwise refuse, on arrival or after
// its wait in the queue, so full service is always tried first. Requests over
// their quota, and all while the gate drains, are refused and not degraded. In
// the modes Off and Shadow nothing is.
//
// Where several routes would do, the one with the highest From is taken.
type Route struct {
	// Name, for [Permit.Route] and for metrics: few and fixed.
	Name string
	// From is the saturation at which the route is switched on. Below 1, as full
	// service comes near its end. Default 1. A route that leads Elsewhere from 1 or
	// less takes any request that would be refused.
	From float64
	// Until is the saturation below which it is switched off, after a second.
	// Default 0.8 of From. Between the two it stays as it is.
	Until float64
	// Classes that may take it. Empty: all.
	Classes []Class
	// MaxOutput bounds the answer, in tokens. The gate counts on it; the handler
	// sees to it, with [Permit.MaxOutput]. Default: as the request says.
	MaxOutput int64
	// Scale is what a request costs on this route, as a share of its full cost, in
	// (0, 1]. Default 1. For a smaller model on the same units.
	Scale float64
	// Elsewhere: served without any of the units of this gate.
	Elsewhere bool
	// OtherRegion: served by a gate elsewhere that has routes of its own. A request
	// that was passed on once ([Caller].Hops) does not take it again, so two full
	// regions do not pass a request to and fro. Only with Elsewhere.
	OtherRegion bool
	// Limit is how many requests may be under way Elsewhere. Default: any number.
	Limit int
}

// RouteStats are the figures of one route.
type RouteStats struct {
	Name string
	On   bool
	// Taken is the requests that took it since the beginning, Failed those of them
	// that ended by the server's fault. Failed is counted Elsewhere only.
	Taken, Failed uint64
	// InFlight is the requests on it now.
	InFlight int
}

// A route is a Route in force. Requests point at it, so it outlives an Update
// that takes it away.
type route struct {
	Route
	classes  uint8 // one bit each
	on       bool
	calm     time.Duration // since when saturation has been below Until, while on
	taken    uint64
	failed   uint64
	inFlight int
}

func (r Route) withDefaults() Route {
	orDefault(&r.From, 1)
	orDefault(&r.Until, routeLeave*r.From)
	orDefault(&r.Scale, 1)
	return r
}

// validate checks r, defaults filled in.
func (r Route) validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("backpressure: Routes %q: "+format, append([]any{r.Name}, args...)...))
	}
	if r.Name == "" {
		bad("no Name: every route needs one")
	}
	if !(r.From > 0) || r.From > 1e6 {
		bad("From is %v: it must be positive, or 0 for 1", r.From)
	}
	if !(r.Until > 0 && r.Until <= r.From) {
		bad("Until is %v: it must be positive and at most From (%v), or 0 for %v of it", r.Until, r.From, routeLeave)
	}
	if r.MaxOutput < 0 {
		bad("MaxOutput is %d: it must be positive, or 0 for no bound", r.MaxOutput)
	}
	if !(r.Scale > 0 && r.Scale <= 1) {
		bad("Scale is %v: it must lie in (0, 1], or be 0 for 1", r.Scale)
	}
	if r.Limit < 0 || r.Limit > 0 && !r.Elsewhere {
		bad("Limit is %d: it must be positive, or 0 for none, and needs Elsewhere", r.Limit)
	}
	if r.OtherRegion && !r.Elsewhere {
		bad("OtherRegion needs Elsewhere")
	}
	for _, c := range r.Classes {
		if c < Sheddable || c > CriticalPlus {
			bad("Classes has %v: use Sheddable, SheddablePlus, Critical or CriticalPlus", c)
		}
	}
	return errors.Join(errs...)
}

// validateRoutes checks all of them, defaults filled in.
func validateRoutes(routes []Route) error {
	var errs []error
	if len(routes) > maxRoutes {
		errs = append(errs, fmt.Errorf("backpressure: Routes has %d: use at most %d", len(routes), maxRoutes))
	}
	for i, r := range routes {
		errs = append(errs, r.validate())
		if slices.ContainsFunc(routes[:i], func(o Route) bool { return o.Name == r.Name }) {
			errs = append(errs, fmt.Errorf("backpressure: Routes %q is there twice: give each its own Name", r.Name))
		}
	}
	return errors.Join(errs...)
}

// cloneRoutes returns routes with the defaults filled in, sharing nothing.
func cloneRoutes(routes []Route) []Route {
	out := slices.Clone(routes)
	for i := range out {
		out[i] = out[i].withDefaults()
		out[i].Classes = slices.Clone(out[i].Classes)
	}
	return out
}

// newRoutes puts routes into force, the highest From first. One that was there
// under the same name goes on as it was.
func newRoutes(routes []Route, old []*route) []*route {
	var all []*route
	for _, cfg := range routes {
		i := slices.IndexFunc(old, func(o *route) bool { return o.Name == cfg.Name && o.Elsewhere == cfg.Elsewhere })
		r := &route{}
		if i >= 0 {
			r = old[i]
		}
		r.Route, r.classes = cfg, 0
		for _, c := range cfg.Classes {
			r.classes |= 1 << (c - Sheddable)
		}
		if len(cfg.Classes) == 0 {
			r.classes = 1<<classes - 1
		}
		all = append(all, r)
	}
	slices.SortStableFunc(all, func(a, b *route) int {
		switch {
		case a.From > b.From:
			return -1
		case a.From < b.From:
			return 1
		}
		return 0
	})
	return all
}

// turn switches the route on or off, at t after the start.
func (r *route) turn(t time.Duration, saturation float64) {
	switch {
	case saturation >= r.From:
		r.on, r.calm = true, t
	case saturation >= r.Until:
		r.calm = t
	case r.on && t-r.calm >= routeCalm:
		r.on = false
	}
}

// serves reports whether request q may take the route at all.
func (r *route) serves(q *Request) bool {
	return r.classes>>q.rank&1 == 1 && !q.inFull && (!r.OtherRegion || q.Hops <= 0)
}
