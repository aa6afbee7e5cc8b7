package backpressure

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// A route is switched on only at From, off only after a second below Until, and
// stays as it is in between.
func TestRouteHysteresis(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Route{Name: "r", From: rapid.Float64Range(0.1, 5).Draw(t, "from")}.withDefaults()
		if rapid.Bool().Draw(t, "narrow") {
			cfg.Until = cfg.From * rapid.Float64Range(0.01, 1).Draw(t, "until")
		}
		r := &route{Route: cfg}
		now, last, lastAbove := time.Duration(0), false, time.Duration(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += time.Duration(rapid.IntRange(0, 700).Draw(t, "ms")) * time.Millisecond
			s := rapid.Float64Range(0, 6).Draw(t, "saturation")
			r.turn(now, s)
			switch {
			case s >= cfg.From && !r.on:
				t.Fatalf("off at %v, from %v", s, cfg.From)
			case r.on && !last && s < cfg.From:
				t.Fatalf("switched on at %v, from %v", s, cfg.From)
			case !r.on && last && (s >= cfg.Until || now-lastAbove < routeCalm):
				t.Fatalf("switched off at %v, until %v, %v after it was above", s, cfg.Until, now-lastAbove)
			case r.on && s < cfg.Until && now-lastAbove >= routeCalm:
				t.Fatalf("on at %v, until %v, %v after it was above", s, cfg.Until, now-lastAbove)
			}
			if s >= cfg.Until {
				lastAbove = now
			}
			last = r.on
		}
	})
}

func TestRouteValidation(t *testing.T) {
	ok := Route{Name: "small", Elsewhere: true}
	for _, tt := range []struct {
		name   string
		routes []Route
		want   string // in the error; empty: none
	}{
		{"plain", []Route{ok}, ""},
		{"all fields", []Route{{Name: "x", From: 2, Until: 1, Classes: []Class{Sheddable}, MaxOutput: 5, Scale: 0.5, Elsewhere: true, OtherRegion: true, Limit: 3}}, ""},
		{"no name", []Route{{}}, "no Name"},
		{"twice", []Route{ok, ok}, "twice"},
		{"from", []Route{{Name: "x", From: -1}}, "From is -1"},
		{"until", []Route{{Name: "x", From: 1, Until: 2}}, "Until is 2"},
		{"output", []Route{{Name: "x", MaxOutput: -1}}, "MaxOutput is -1"},
		{"scale", []Route{{Name: "x", Scale: 1.5}}, "Scale is 1.5"},
		{"limit", []Route{{Name: "x", Limit: 1}}, "Limit is 1"},
		{"region", []Route{{Name: "x", OtherRegion: true}}, "OtherRegion needs"},
		{"class", []Route{{Name: "x", Classes: []Class{7}}}, "class(7)"},
		{"many", slices.Repeat([]Route{ok}, maxRoutes+1), "at most 16"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := NewAdmission(Config{Routes: tt.routes})
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// closed is a gate with no unit, so that full service is refused.
func closed(t testing.TB, routes ...Route) *Gate {
	g := newGate(t, Config{Queue: Queue{Requests: -1}, Routes: routes})
	g.Observe(Outlook{Ready: 0, ReadyIn: time.Second})
	return g
}

func as(c Caller) context.Context { return WithCaller(context.Background(), c) }

func TestDivert(t *testing.T) {
	small := Route{Name: "small", Elsewhere: true, MaxOutput: 20}
	for _, tt := range []struct {
		name   string
		routes []Route
		caller Caller
		want   string // empty: refused
	}{
		{"instead of a refusal", []Route{small}, Caller{}, "small"},
		{"on the own units there is none", []Route{{Name: "short", MaxOutput: 5}}, Caller{}, ""},
		{"not yet on", []Route{{Name: "cache", Elsewhere: true, From: 1e6}}, Caller{}, ""},
		{"the highest that is on", []Route{small, {Name: "later", Elsewhere: true, From: 0.9}, {Name: "cache", Elsewhere: true, From: 1e6}}, Caller{}, "small"},
		{"another class", []Route{{Name: "later", Elsewhere: true, Classes: []Class{Sheddable}}}, Caller{}, ""},
		{"its class", []Route{{Name: "later", Elsewhere: true, Classes: []Class{Sheddable}}}, Caller{Class: Sheddable}, "later"},
		{"other region", []Route{{Name: "west", Elsewhere: true, OtherRegion: true}}, Caller{}, "west"},
		{"passed on once", []Route{{Name: "west", Elsewhere: true, OtherRegion: true}}, Caller{Hops: 1}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := closed(t, tt.routes...)
			p, err := g.Acquire(as(tt.caller), Cost{Prompt: 10})
			if tt.want == "" {
				if r, ok := errors.AsType[*Rejected](err); !ok || r.Reason() != NoCapacity || g.Stats().Shed[NoCapacity] != 1 {
					t.Fatalf("error %v", err)
				}
				return
			}
			if err != nil || p.Route() != tt.want {
				t.Fatalf("route %q, error %v, want %q", p.Route(), err, tt.want)
			}
			p.FirstToken()
			p.Tokens(5)
			s := g.Stats()
			if s.Elsewhere != 1 || s.Degraded != 1 || s.Admitted != 0 || s.InFlight != 0 || s.Shed.Total() != 0 {
				t.Errorf("counted as %+v", s)
			}
			p.Fail()
			p.Release()
			p.Release()
			for _, r := range g.Stats().Routes {
				if want := b2i(r.Name == tt.want); int(r.Taken) != want || int(r.Failed) != want || r.InFlight != 0 {
					t.Errorf("%+v", r)
				}
			}
			if s := g.Stats(); s.Failed != 0 || s.OutputRate != 0 || s.MeanOutput != 0 {
				t.Errorf("what happens elsewhere was learned: %+v", s)
			}
			if p.Route() != "" || p.MaxOutput() != 0 {
				t.Error("a route after the end")
			}
		})
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// What has waited in vain is degraded, too, and what has left or is drained is not.
func TestDivertFromQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, Config{Queue: Queue{Wait: 10 * time.Second}, Routes: []Route{{Name: "small", Elsewhere: true, Limit: 1}}})
		g.Observe(Outlook{Ready: 0, ReadyIn: 5 * time.Second})
		start := time.Now()
		p, err := g.Acquire(t.Context(), Cost{})
		if err != nil || p.Route() != "small" || time.Since(start) != 10*time.Second {
			t.Fatalf("route %q after %v, error %v", p.Route(), time.Since(start), err)
		}
		if _, err := g.Acquire(t.Context(), Cost{}); !errors.Is(err, ErrEvicted) {
			t.Fatalf("above the limit: %v", err)
		}
		drained := make(chan error)
		go func() { drained <- g.Drain(t.Context()) }()
		synctest.Wait()
		select {
		case err := <-drained:
			t.Fatalf("drained with a request elsewhere: %v", err)
		default:
		}
		p.Release()
		if err := <-drained; err != nil {
			t.Fatal(err)
		}
		if _, err := g.Acquire(t.Context(), Cost{}); err == nil {
			t.Fatal("degraded while draining")
		}
		g.Resume()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := g.Acquire(ctx, Cost{}); err == nil {
			t.Fatal("degraded though its caller has left")
		}
	})
}

// A route on the gate's own units is on for all of its classes, costs less and
// teaches nothing about full service.
func TestCheaperRoute(t *testing.T) {
	a, err := NewAdmission(Config{Routes: []Route{{Name: "short", MaxOutput: 10, Scale: 0.5, Classes: []Class{Critical}}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		on     bool
		caller Caller
		cost   Cost
		route  string
		limit  int64
		work   float64
	}{
		{false, Caller{}, Cost{Prompt: 100, MaxOutput: 100}, "", 0, 100 + 8*100},
		{true, Caller{Class: Sheddable}, Cost{Prompt: 100, MaxOutput: 100}, "", 0, 100 + 8*100},
		{true, Caller{}, Cost{Prompt: 100, MaxOutput: 100}, "short", 10, 50 + 8*5},
		{true, Caller{}, Cost{Prompt: 100, MaxOutput: 6}, "short", 0, 50 + 8*3},
	} {
		a.routes[0].on = tt.on
		r := &Request{Cost: tt.cost, Class: tt.caller.Class, Hops: tt.caller.Hops}
		if v := a.Offer(epoch, r); v.Action != Admit || r.Route() != tt.route || r.limit != tt.limit || r.work != tt.work {
			t.Errorf("%+v: %v by %q, at most %d tokens, work %v", tt, v, r.Route(), r.limit, r.work)
		}
		a.FirstToken(epoch, r)
		a.Tokens(epoch, r, 99)
		a.Done(epoch, r, Completed)
	}
	if s := a.Stats(epoch); s.Degraded != 2 || s.Elsewhere != 0 || s.Admitted != 4 || s.Completed != 4 || a.use.output.n != 2 {
		t.Errorf("%+v", s)
	}
	if sum, _ := a.window.sum(0); sum.work != 3*900+148 { // the last asked for 6 tokens
		t.Errorf("demand is %v, which is not what was asked for", sum.work)
	}
}

// Update keeps a route that stays, and lets requests finish on one that goes.
func TestUpdateRoutes(t *testing.T) {
	small := Route{Name: "small", Elsewhere: true, Limit: 1}
	g := closed(t, small)
	p, err := g.Acquire(as(Caller{}), Cost{})
	if err != nil {
		t.Fatal(err)
	}
	update := func(routes ...Route) {
		t.Helper()
		if err := g.Update(Config{Queue: Queue{Requests: -1}, Routes: routes}); err != nil {
			t.Fatal(err)
		}
	}
	update(Route{Name: "new", From: 2}, small)
	if s := g.Stats(); s.Routes[1].InFlight != 1 || s.Routes[1].Taken != 1 {
		t.Errorf("forgotten: %+v", s.Routes)
	}
	update()
	if _, err := g.Acquire(as(Caller{}), Cost{}); err == nil {
		t.Error("no route is left")
	}
	p.Release()
	if s := g.Stats(); g.adm.elsewhere != 0 || s.Routes != nil || s.Elsewhere != 1 {
		t.Errorf("%+v", s)
	}
}

func TestDivertAllocatesNothing(t *testing.T) {
	g := closed(t, Route{Name: "small", Elsewhere: true})
	ctx := as(Caller{})
	if n := testing.AllocsPerRun(100, func() {
		p, _ := g.Acquire(ctx, Cost{})
		p.Release()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
