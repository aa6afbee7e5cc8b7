package backpressure

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// Two regions that are both full pass a request on once, and then refuse it,
// whether or not a function reads the hops.
func TestRegionsDoNotPingPong(t *testing.T) {
	for _, reads := range []bool{true, false} {
		t.Run(fmt.Sprintf("reads=%v", reads), func(t *testing.T) {
			var urls [2]string
			var asked [2]atomic.Int64
			var gates [2]*Gate
			for i := range 2 {
				gates[i] = closed(t, Route{Name: "other", Elsewhere: true, OtherRegion: true})
				srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					asked[i].Add(1)
					other, err := NewRegion(RegionConfig{URL: urls[1-i]})
					if err != nil {
						t.Error(err)
						return
					}
					cfg := HandlerConfig{Routes: map[string]http.Handler{"other": other}}
					if reads {
						cfg.Caller = func(r *http.Request) Caller { return Caller{Hops: HopsFrom(r)} }
					}
					gates[i].Handler(http.NotFoundHandler(), cfg).ServeHTTP(w, r)
				}))
				defer srv.Close()
				urls[i] = srv.URL
			}
			res, err := http.Post(urls[0]+"/v1/completions", "application/json", strings.NewReader(`{"prompt":"hello"}`))
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || res.Header.Get(ReasonHeader) == "" {
				t.Errorf("status %d, headers %v", res.StatusCode, res.Header)
			}
			if a, b := asked[0].Load(), asked[1].Load(); a != 1 || b != 1 {
				t.Errorf("the regions were asked %d and %d times", a, b)
			}
			for i, g := range gates {
				if g.adm.elsewhere != 0 {
					t.Errorf("region %d keeps a permit", i)
				}
			}
			if s := gates[1].Stats(); reads && (s.Elsewhere != 0 || s.Shed[NoCapacity] != 1) {
				t.Errorf("the second region counts %+v", s)
			}
		})
	}
}

// The other region's answer comes back whole, with the route's name.
func TestRegionServes(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s hops %d", r.Method, r.URL.Path, HopsFrom(r))
	}))
	defer other.Close()
	for _, tt := range []struct {
		url    string
		status int
		body   string
	}{
		{other.URL + "/west", 200, "POST /west/v1/completions hops 1"},
		{"http://127.0.0.1:0", 503, "cannot be reached"},
	} {
		region, err := NewRegion(RegionConfig{URL: tt.url})
		if err != nil {
			t.Fatal(err)
		}
		g := closed(t, Route{Name: "west", Elsewhere: true, OtherRegion: true})
		h := g.Handler(http.NotFoundHandler(), HandlerConfig{Routes: map[string]http.Handler{"west": region}})
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/v1/completions", strings.NewReader(`{}`)))
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.body) || w.Header().Get(RouteHeader) != "west" {
			t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
		}
		if r := g.Stats().Routes[0]; int(r.Failed) != b2i(tt.status >= 500) {
			t.Errorf("%+v", r)
		}
	}
	for _, bad := range []string{"", "other.example", "ftp://other.example", "http://", "http://%zz"} {
		if _, err := NewRegion(RegionConfig{URL: bad}); err == nil || !strings.Contains(err.Error(), "URL") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestHopsFrom(t *testing.T) {
	for v, want := range map[string]int{"": 0, "1": 1, "-3": 0, "x": 0, "99999999999999999999": 0, "5000": maxHops} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set(HopsHeader, v)
		if got := HopsFrom(r); got != want {
			t.Errorf("%q: %d, want %d", v, got, want)
		}
	}
}

// A handler for each route; what leads elsewhere without one is refused.
func TestHandlerRoutes(t *testing.T) {
	say := func(s string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, s, " ", PermitFrom(r.Context()).Route())
		})
	}
	for _, tt := range []struct {
		route  Route
		routes map[string]http.Handler
		status int
		body   string
	}{
		{Route{Name: "small", Elsewhere: true}, map[string]http.Handler{"small": say("from the small model by")}, 200, "from the small model by small"},
		{Route{Name: "small", Elsewhere: true}, nil, 503, "objective"},
		{Route{Name: "short", MaxOutput: 9}, nil, 200, "in full by short"},
		{Route{Name: "short", MaxOutput: 9}, map[string]http.Handler{"short": say("short")}, 200, "short short"},
	} {
		g := newGate(t, Config{Queue: Queue{Requests: -1}, Routes: []Route{tt.route}})
		if tt.route.Elsewhere {
			g.Observe(Outlook{})
		}
		g.adm.routes[0].on = true
		w := httptest.NewRecorder()
		g.Handler(say("in full by"), HandlerConfig{Routes: tt.routes}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.body) {
			t.Errorf("%+v: %d %q", tt.route, w.Code, w.Body)
		}
		if want := tt.route.Name; tt.status == 200 && w.Header().Get(RouteHeader) != want {
			t.Errorf("headers %v", w.Header())
		}
		if s := g.Stats(); s.Routes[0].InFlight != 0 || s.InFlight != 0 {
			t.Errorf("a permit is left: %+v", s)
		}
	}
}
