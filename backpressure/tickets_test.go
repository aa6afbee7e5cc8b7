package backpressure

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// An office gives out tickets while its gate has no unit.
type office struct {
	t       *testing.T
	gate    *Gate
	tickets *Tickets
	front   http.Handler
}

func newOffice(t *testing.T, cfg TicketsConfig, model http.HandlerFunc) *office {
	g := closed(t, Route{Name: "later", Elsewhere: true})
	cfg.Gate, cfg.Handler = g, model
	tickets, err := NewTickets(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &office{t, g, tickets, g.Handler(model, HandlerConfig{
		Routes: map[string]http.Handler{"later": http.HandlerFunc(tickets.Issue)},
	})}
}

func (o *office) ask(body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	o.front.ServeHTTP(w, httptest.NewRequest("POST", "/v1/completions", strings.NewReader(body)))
	return w
}

func (o *office) look(method, at string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	o.tickets.Status(w, httptest.NewRequest(method, at, nil))
	return w
}

// issue asks for a ticket and returns its address.
func (o *office) issue(body string) string {
	o.t.Helper()
	w := o.ask(body)
	var said struct{ ID, Status string }
	if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || w.Code != http.StatusAccepted || said.Status != "pending" ||
		w.Header().Get("Location") != "/tickets/"+said.ID || len(said.ID) < 26 || w.Header().Get("Retry-After") == "" {
		o.t.Fatalf("%d %v %q", w.Code, w.Header(), w.Body)
	}
	return w.Header().Get("Location")
}

func (o *office) empty() {
	o.t.Helper()
	o.tickets.mu.Lock()
	defer o.tickets.mu.Unlock()
	if len(o.tickets.all) != 0 || o.tickets.bytes != 0 {
		o.t.Errorf("%d tickets of %d bytes are left", len(o.tickets.all), o.tickets.bytes)
	}
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("X-Model", "large")
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, "%s as %v", body, CallerFrom(r.Context()).Class)
}

// The whole way: a ticket, no answer while the gate has no room, the answer and
// the callback when it has, and nothing left after its time.
func TestTickets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(chan Ticket, 2)
		o := newOffice(t, TicketsConfig{TTL: time.Minute, Answered: func(_ context.Context, k Ticket) { told <- k }}, echo)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- o.tickets.Run(ctx) }()
		at := o.issue(`{"prompt":"hello"}`)
		time.Sleep(20 * time.Second)
		if w := o.look("GET", at); w.Code != http.StatusAccepted {
			t.Errorf("%d %q", w.Code, w.Body)
		}
		o.gate.Observe(Outlook{Ready: 1, Members: 1})
		time.Sleep(10 * time.Second)
		w := o.look("GET", at)
		if w.Code != http.StatusCreated || w.Body.String() != `{"prompt":"hello"} as sheddable` || w.Header().Get("X-Model") != "large" {
			t.Errorf("%d %v %q", w.Code, w.Header(), w.Body)
		}
		if k := <-told; "/tickets/"+k.ID != at || string(k.Body) != w.Body.String() || k.Status != w.Code {
			t.Errorf("told %+v", k)
		}
		if s := o.gate.Stats(); s.Elsewhere != 1 || s.Completed != 1 || s.InFlight != 0 || s.Routes[0].InFlight != 0 {
			t.Errorf("%+v", s)
		}
		time.Sleep(2 * time.Minute)
		o.empty()
		if w := o.look("GET", at); w.Code != http.StatusNotFound {
			t.Errorf("%d %q after its time", w.Code, w.Body)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestTicketBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, TicketsConfig{Requests: 2, Bytes: 1000, Answer: 50, TTL: time.Minute}, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			switch {
			case strings.Contains(string(body), "panic"):
				panic("no")
			case strings.Contains(string(body), "slow"):
				<-r.Context().Done()
			default:
				for range 20 {
					fmt.Fprint(w, "0123456789")
				}
			}
		})
		refused := func(body string, status int) {
			t.Helper()
			if w := o.ask(body); w.Code != status {
				t.Errorf("%d %q, want %d", w.Code, w.Body, status)
			}
		}
		refused(strings.Repeat("x", 1001), http.StatusServiceUnavailable)
		refused(strings.Repeat("x", maxEstimate+1), http.StatusRequestEntityTooLarge)
		long, broken := o.issue("long"), o.issue("panic")
		refused("one too many", http.StatusServiceUnavailable)

		o.gate.Observe(Outlook{Ready: 1, Members: 1})
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error)
		go func() { ran <- o.tickets.Run(ctx) }()
		time.Sleep(time.Second)
		for at, want := range map[string]int{long: http.StatusInsufficientStorage, broken: http.StatusInternalServerError} {
			if w := o.look("GET", at); w.Code != want || w.Body.Len() > 0 {
				t.Errorf("%d %q, want %d", w.Code, w.Body, want)
			}
		}
		// An unread answer goes after its time, and work that is taken back stops.
		time.Sleep(2 * time.Minute)
		o.empty()
		o.gate.Observe(Outlook{ReadyIn: time.Second})
		slow := o.issue("slow")
		o.gate.Observe(Outlook{Ready: 1, Members: 1})
		time.Sleep(5 * time.Second)
		if s := o.gate.Stats(); s.InFlight != 1 {
			t.Errorf("%d in flight", s.InFlight)
		}
		if w := o.look("DELETE", slow); w.Code != http.StatusNoContent {
			t.Errorf("%d", w.Code)
		}
		synctest.Wait()
		if s := o.gate.Stats(); s.InFlight != 0 {
			t.Errorf("%d in flight", s.InFlight)
		}
		o.empty()
		// A ticket outlives the Run that was at it.
		o.gate.Observe(Outlook{ReadyIn: time.Second})
		again := o.issue("slow")
		o.gate.Observe(Outlook{Ready: 1, Members: 1})
		time.Sleep(5 * time.Second)
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
		if w := o.look("GET", again); w.Code != http.StatusAccepted || len(o.tickets.jobs) != 1 {
			t.Errorf("%d, %d to do", w.Code, len(o.tickets.jobs))
		}
		if s := o.gate.Stats(); s.InFlight != 0 {
			t.Errorf("%d in flight", s.InFlight)
		}
	})
}

func TestTicketsConfig(t *testing.T) {
	g, h := newGate(t, Config{}), http.NotFoundHandler()
	for _, tt := range []struct {
		cfg  TicketsConfig
		want string
	}{
		{TicketsConfig{}, "Gate and Handler"},
		{TicketsConfig{Gate: g, Handler: h, Requests: -1}, "Requests is -1"},
		{TicketsConfig{Gate: g, Handler: h, Bytes: -1}, "Bytes is -1"},
		{TicketsConfig{Gate: g, Handler: h, TTL: -1}, "TTL is -1ns"},
	} {
		if _, err := NewTickets(tt.cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want %q", err, tt.want)
		}
	}
}
