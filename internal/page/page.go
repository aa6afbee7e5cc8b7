package page

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Config of a [Page]. The zero Config serves loopback names, without a journal.
type Config struct {
	// Title names the service in the heading. Default: none.
	Title string
	// AllowedHosts are the host names, besides loopback, under which the page may
	// be asked for: "keel.example.com", "10.0.0.7"; without scheme or port. Any
	// other Host header is refused, so that no foreign page can read this one
	// through a name of its own that resolves to it.
	AllowedHosts []string
	// Journal writes the journal so far, one JSON object a line, until it is
	// through or ctx ends. Nil: there is none to see.
	Journal func(ctx context.Context, w io.Writer) error
	// Explain returns the whole explanation of the last decision for a pool, as
	// text for a terminal, and whether there is one. Nil: there is none to see.
	Explain func(pool string) (text string, ok bool)
	// Log gets what goes wrong while serving. Nil: discarded.
	Log *slog.Logger
}

// A Page is the live page as an [http.Handler]. It may be mounted under any path
// with [http.StripPrefix].
type Page struct {
	cfg    Config
	hosts  map[string]bool
	assets map[string]asset

	mu      sync.Mutex
	state   []byte // the last State as JSON
	history map[string]*History
}

// New returns a page that waits for its first [Page.Update].
func New(cfg Config) (*Page, error) {
	hosts, err := allowed(cfg.AllowedHosts)
	assets, aerr := loadAssets()
	if err := errors.Join(err, aerr); err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	p := &Page{cfg: cfg, hosts: hosts, assets: assets, history: map[string]*History{}}
	return p, p.Update(State{})
}

// Update replaces what the page shows and adds one point to the history of every
// pool. It does not keep s. The error says what of s cannot be shown; then the
// page keeps what it had.
func (p *Page) Update(s State) error {
	pools := make([]Pool, len(s.Pools))
	seen := make(map[string]bool, len(s.Pools))
	for i := range s.Pools {
		pools[i] = prepare(s.Pools[i], s.Now)
		if name := pools[i].Name; seen[name] {
			return fmt.Errorf("evenkeel: page: two pools are named %q: names must differ", name)
		}
		seen[pools[i].Name] = true
	}
	s.Pools = pools
	b, err := json.Marshal(struct {
		Schema  int    `json:"schema"`
		Title   string `json:"title"`
		Journal bool   `json:"journal"`
		Explain bool   `json:"explain"`
		State
	}{1, p.cfg.Title, p.cfg.Journal != nil, p.cfg.Explain != nil, s})
	if err != nil {
		return fmt.Errorf("evenkeel: page: state: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = b
	for name := range p.history {
		if !seen[name] {
			delete(p.history, name)
		}
	}
	for i := range pools {
		h := p.history[pools[i].Name]
		if h == nil {
			h = new(History)
			p.history[pools[i].Name] = h
		}
		h.Add(PointOf(&pools[i], s.Now))
	}
	return nil
}

// prepare fills in what follows from the rest, and leaves out what is too much.
func prepare(p Pool, now time.Time) Pool {
	if p.Headline == "" {
		p.Tone, p.Headline, p.Detail = Describe(&p, now)
	}
	p.Demand.Replicas = demandReplicas(&p)
	if p.Demand.WorkUnit == "" {
		p.Demand.WorkUnit = "tokens/s"
	}
	p.Instances = first(p.Instances, MaxInstances)
	p.Shed = first(p.Shed, MaxEvents)
	p.Decisions = first(p.Decisions, MaxDecisions)
	p.Events = first(p.Events, MaxEvents)
	return p
}

// first returns at most n of s, and never nil, so that JSON has a list.
func first[T any](s []T, n int) []T {
	if s == nil {
		return []T{}
	}
	return s[:min(n, len(s))]
}
