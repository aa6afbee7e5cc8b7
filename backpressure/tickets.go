package backpressure

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Defaults of [TicketsConfig].
const (
	DefaultTickets      = 1000
	DefaultTicketBytes  = 64 << 20
	DefaultTicketAnswer = 1 << 20
	DefaultTicketTTL    = time.Hour
	DefaultTicketRuns   = 16
	DefaultTicketPath   = "/tickets/"
)

// ticketPoll is how many seconds a client is told to wait before it asks again.
const ticketPoll = "5"

// A TicketsConfig configures [Tickets].
type TicketsConfig struct {
	// Gate that the work goes through, and Handler that does it. Both are needed.
	Gate    *Gate
	Handler http.Handler
	// Serving is how the gate treats that work. Its Caller, Routes and Reject do not
	// count.
	Serving HandlerConfig
	// Path goes before a ticket's id in its address. Default [DefaultTicketPath].
	Path string
	// Requests bounds the tickets there are, answered or not. Default
	// [DefaultTickets].
	Requests int
	// Bytes bounds the bodies of their requests and answers together. Default
	// [DefaultTicketBytes].
	Bytes int64
	// Answer bounds the body of one answer. Default [DefaultTicketAnswer].
	Answer int64
	// TTL is how long a ticket waits for its answer, and how long the answer is kept.
	// Default [DefaultTicketTTL].
	TTL time.Duration
	// Runs is how many tickets may stand before the gate at once. Default
	// [DefaultTicketRuns].
	Runs int
	// Answered is called with each answer, when it is there, by Run. Default: clients
	// fetch it.
	Answered func(ctx context.Context, t Ticket)
	// Logger gets the panics of Handler and Answered. Default: none.
	Logger *slog.Logger
}

// A Ticket is an answer that came later.
type Ticket struct {
	ID     string
	Caller Caller // that was given the ticket
	Status int
	Header http.Header
	Body   []byte
}

// Tickets takes requests that would be refused and answers them later: the handler
// of a [Route] that leads Elsewhere. [Tickets.Issue] answers 202 with the address
// of the ticket in Location, where [Tickets.Status] tells how it stands, and at
// last gives the answer. Run does the work, when the gate lets it in as
// [Sheddable], in full service.
//
// Ids cannot be guessed; who knows one may fetch the answer, or with DELETE take
// the request back. All is kept in memory: a server that ends forgets its tickets.
type Tickets struct {
	cfg   TicketsConfig
	serve http.Handler
	jobs  chan *ticket // has room for all

	mu    sync.Mutex
	all   map[string]*ticket
	bytes int64
}

// A ticket is guarded by Tickets.mu, but for its id and caller, which never change.
type ticket struct {
	id      string
	request *http.Request
	body    []byte
	caller  Caller
	expires time.Time
	cancel  context.CancelFunc // while it runs
	gone    bool               // out of all
	answer  *answer            // nil until it is there
	bytes   int64              // counted against the bound
}

// NewTickets checks cfg. It starts nothing: see Run.
func NewTickets(cfg TicketsConfig) (*Tickets, error) {
	orDefault(&cfg.Path, DefaultTicketPath)
	orDefault(&cfg.Requests, DefaultTickets)
	orDefault(&cfg.Bytes, DefaultTicketBytes)
	orDefault(&cfg.Answer, DefaultTicketAnswer)
	orDefault(&cfg.TTL, DefaultTicketTTL)
	orDefault(&cfg.Runs, DefaultTicketRuns)
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("backpressure: tickets: "+format, args...))
	}
	if cfg.Gate == nil || cfg.Handler == nil {
		bad("Gate and Handler are both needed")
	}
	if cfg.Requests < 0 || cfg.Runs < 0 {
		bad("Requests is %d and Runs is %d: they must be positive, or 0 for %d and %d", cfg.Requests, cfg.Runs, DefaultTickets, DefaultTicketRuns)
	}
	if cfg.Bytes < 0 || cfg.Answer < 0 {
		bad("Bytes is %d and Answer is %d: they must be positive, or 0 for %d and %d", cfg.Bytes, cfg.Answer, DefaultTicketBytes, DefaultTicketAnswer)
	}
	if cfg.TTL < 0 {
		bad("TTL is %v: it must be positive, or 0 for %v", cfg.TTL, DefaultTicketTTL)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	t := &Tickets{cfg: cfg, all: make(map[string]*ticket), jobs: make(chan *ticket, cfg.Requests)}
	own := cfg.Serving
	own.Caller, own.Routes, own.Reject = nil, nil, putOff
	t.serve = cfg.Gate.Handler(http.HandlerFunc(t.handle), own)
	return t, nil
}

// Issue gives out a ticket for the request.
func (t *Tickets) Issue(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEstimate))
	if err != nil {
		writeUnreadable(w, err)
		return
	}
	k := &ticket{id: rand.Text(), body: body, caller: CallerFrom(r.Context()), bytes: int64(len(body))}
	k.request = r.Clone(context.Background()) // headers and address; the body is put in when it runs
	k.request.Body = nil
	now := time.Now()
	k.expires = now.Add(t.cfg.TTL)

	t.mu.Lock()
	t.expire(now)
	full := len(t.all) >= t.cfg.Requests || t.bytes+k.bytes > t.cfg.Bytes
	if !full {
		select {
		case t.jobs <- k:
			t.all[k.id] = k
			t.bytes += k.bytes
		default: // places of tickets that have gone
			full = true
		}
	}
	t.mu.Unlock()
	if full {
		WriteRejection(w, t.cfg.Gate.refuse(QueueFull, 0))
		return
	}
	w.Header().Set("Location", t.cfg.Path+k.id)
	t.waits(w, k.id)
}

// waits says that the answer is not there yet.
func (t *Tickets) waits(w http.ResponseWriter, id string) {
	data, err := json.Marshal(map[string]string{"id": id, "status": "pending", "status_url": t.cfg.Path + id})
	if err != nil { // strings always marshal
		data = nil
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Retry-After", ticketPoll)
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write(append(data, '\n'))
}

// Status answers for the ticket whose id ends the address: 202 while its answer is
// not there, then the answer, and 404 when the ticket has expired or never was.
// DELETE takes the ticket back.
func (t *Tickets) Status(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Path
	for i := len(id) - 1; i >= 0; i-- {
		if id[i] == '/' {
			id = id[i+1:]
			break
		}
	}
	t.mu.Lock()
	t.expire(time.Now())
	k := t.all[id]
	var a *answer
	switch {
	case k == nil:
	case r.Method == http.MethodDelete:
		t.forget(k)
	default:
		a = k.answer
	}
	t.mu.Unlock()
	switch {
	case k == nil:
		writeError(w, http.StatusNotFound, "invalid_request_error", "unknown_ticket", "there is no such ticket, or no longer")
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	case a == nil:
		t.waits(w, id)
	default:
		for name, values := range a.header {
			w.Header()[name] = append([]string(nil), values...)
		}
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body)
	}
}

// expire forgets the tickets whose time is over. t.mu is held.
func (t *Tickets) expire(now time.Time) {
	for _, k := range t.all {
		if !now.Before(k.expires) {
			t.forget(k)
		}
	}
}

// forget takes k away, and stops its work. t.mu is held.
func (t *Tickets) forget(k *ticket) {
	delete(t.all, k.id)
	t.bytes -= k.bytes
	k.gone, k.bytes, k.body, k.request = true, 0, nil, nil
	if k.cancel != nil {
		k.cancel()
	}
}
