package backpressure_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/backpressure"
)

// As the server fills up, answers become shorter; what still does not fit goes to
// a smaller model.
func ExampleRoute() {
	gate, err := backpressure.New(backpressure.Config{Routes: []backpressure.Route{
		{Name: "short", From: 0.9, MaxOutput: 128},
		{Name: "small", Elsewhere: true},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	say := func(text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, text) })
	}
	h := gate.Handler(say("a long answer"), backpressure.HandlerConfig{
		Routes: map[string]http.Handler{"small": say("an answer")},
	})
	ask := func() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/v1/completions", strings.NewReader(`{"prompt":"how are you"}`)))
		fmt.Printf("%d %q by %q\n", w.Code, w.Body, w.Header().Get(backpressure.RouteHeader))
	}
	ask()
	gate.Observe(backpressure.Outlook{Ready: 0}) // all units are gone
	ask()
	s := gate.Stats()
	fmt.Println(s.Admitted, "in full,", s.Degraded, "degraded,", s.Shed.Total(), "shed")
	// Output:
	// 200 "a long answer" by ""
	// 200 "an answer" by "small"
	// 1 in full, 1 degraded, 0 shed
}

// Without HTTP, the permit tells which way to serve.
func ExamplePermit_Route() {
	gate, err := backpressure.New(backpressure.Config{Routes: []backpressure.Route{
		{Name: "cached", Elsewhere: true, Classes: []backpressure.Class{backpressure.Sheddable}},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	gate.Observe(backpressure.Outlook{Ready: 0})
	for _, class := range []backpressure.Class{backpressure.Sheddable, backpressure.Critical} {
		ctx := backpressure.WithCaller(context.Background(), backpressure.Caller{Class: class})
		p, err := gate.Acquire(ctx, backpressure.Cost{})
		if err != nil {
			fmt.Println(class, "is refused")
			continue
		}
		fmt.Println(class, "takes the route", p.Route())
		p.Release()
	}
	// Output:
	// sheddable takes the route cached
	// critical is refused
}

// The other region reads the hops of those who may say so; here, everybody.
func ExampleNewRegion() {
	west := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "west, %d hop", backpressure.HopsFrom(r))
	}))
	defer west.Close()
	gate, err := backpressure.New(backpressure.Config{Routes: []backpressure.Route{
		{Name: "west", Elsewhere: true, OtherRegion: true},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	region, err := backpressure.NewRegion(backpressure.RegionConfig{URL: west.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := gate.Handler(http.NotFoundHandler(), backpressure.HandlerConfig{
		Caller: func(r *http.Request) backpressure.Caller {
			return backpressure.Caller{Hops: backpressure.HopsFrom(r)}
		},
		Routes: map[string]http.Handler{"west": region},
	})
	gate.Observe(backpressure.Outlook{Ready: 0})
	for _, hops := range []string{"", "1"} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
		r.Header.Set(backpressure.HopsHeader, hops)
		h.ServeHTTP(w, r)
		fmt.Printf("%d by %q, refused for %q\n", w.Code, w.Header().Get(backpressure.RouteHeader), w.Header().Get(backpressure.ReasonHeader))
	}
	// Output:
	// 200 by "west", refused for ""
	// 503 by "", refused for "no_capacity"
}

// Batch work that does not fit now gets a ticket, and its answer later.
func ExampleTickets() {
	gate, err := backpressure.New(backpressure.Config{Routes: []backpressure.Route{
		{Name: "later", Elsewhere: true},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	model := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "fine") })
	answered := make(chan backpressure.Ticket)
	tickets, err := backpressure.NewTickets(backpressure.TicketsConfig{
		Gate: gate, Handler: model, TTL: time.Minute,
		Answered: func(_ context.Context, t backpressure.Ticket) { answered <- t },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("POST /v1/completions", gate.Handler(model, backpressure.HandlerConfig{
		Routes: map[string]http.Handler{"later": http.HandlerFunc(tickets.Issue)},
	}))
	mux.HandleFunc("/tickets/{id}", tickets.Status)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	defer func() { stop(); <-ended }()

	gate.Observe(backpressure.Outlook{Ready: 0})
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("POST", "/v1/completions", strings.NewReader(`{"prompt":"how are you"}`)))
	fmt.Println(w.Code, strings.HasPrefix(w.Header().Get("Location"), "/tickets/"))

	gate.Observe(backpressure.Outlook{Ready: 1})
	go func() { ended <- tickets.Run(ctx) }()
	t := <-answered
	fmt.Println(t.Status, string(t.Body), "/tickets/"+t.ID == w.Header().Get("Location"))
	// Output:
	// 202 true
	// 200 fine true
}
