package evenkeel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/internal/page"
	"github.com/evenkeel/evenkeel/signal"
)

// Errors of [Keel].
var (
	ErrRunning = errors.New("evenkeel: already run: a Keel runs once, make a new one")
	ErrNoPool  = errors.New("evenkeel: no such pool")
)

// A Keel is the assembled loop of one process.
type Keel struct {
	cfg     Config
	loops   []*loop
	journal *journal
	page    *page.Page
	started time.Time

	leads   atomic.Pointer[actuate.Term]
	ran     atomic.Bool
	stopRun context.CancelFunc // set by New; ends Run
	runCtx  context.Context    //nolint:containedctx // the life of Run, which Shutdown ends
	done    chan struct{}      // closed when Run has returned

	stateMu  sync.Mutex
	states   map[string]json.RawMessage // by pool
	lastSave time.Time
}

// New checks c and returns the Keel. It starts nothing. All that is wrong with c
// is reported at once, joined.
func New(c Config) (*Keel, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	c = c.WithDefaults()
	k := &Keel{cfg: c, started: time.Now(), done: make(chan struct{}), states: make(map[string]json.RawMessage),
		journal: &journal{w: c.Journal, log: c.Logger}}
	k.runCtx, k.stopRun = context.WithCancel(context.Background())
	var errs []error
	for _, p := range c.Pools {
		l, err := newLoop(k, p)
		if err != nil {
			errs = append(errs, fmt.Errorf("evenkeel: pool %q: %w", p.Name, err))
		}
		k.loops = append(k.loops, l)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	var err error
	if k.page, err = k.newPage(); err != nil {
		return nil, fmt.Errorf("evenkeel: live page: %w", err)
	}
	return k, nil
}

func newLoop(k *Keel, p Pool) (*loop, error) {
	l := &loop{Pool: p, keel: k, poked: make(chan struct{}, 1)}
	l.watcher.startup.learned = p.Startup
	var sources []signal.Source
	if p.Gate != nil {
		sources = append(sources, p.Gate)
		schema, err := signal.NewSchema(p.Gate.Defs()...)
		if err != nil {
			return nil, err
		}
		l.gateSchema, l.gatePool = schema, p.Gate.Config().Pool
	}
	collector, err := signal.NewCollector(append(sources, p.Sources...)...)
	if err != nil {
		return nil, err
	}
	l.collector, l.snapshot = collector, signal.NewSnapshot(collector.Schema())
	if len(p.Policy.Policies) == 0 {
		return l, nil
	}
	if len(p.Policy.Signals) == 0 {
		p.Policy.Signals = collector.Schema().Defs()
	} else if s, err := signal.NewSchema(p.Policy.Signals...); err != nil {
		return nil, err
	} else if s.Hash() != collector.Schema().Hash() {
		return nil, errors.New("Policy.Signals are not those of Gate and Sources, in that order: leave Policy.Signals empty, or list just these")
	}
	l.core, err = decide.New(p.Policy)
	return l, err
}

// Run runs everything until ctx ends, [Keel.Shutdown] is called or a Runner
// fails; it then stops everything and returns the Runner's error, or nil. It may
// be called once.
func (k *Keel) Run(ctx context.Context) error {
	if !k.ran.CompareAndSwap(false, true) {
		return ErrRunning
	}
	defer close(k.done)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(k.runCtx, cancel)()
	unpublish, err := k.publish()
	if err != nil {
		return err
	}
	defer unpublish()

	g, ctx := errgroup.WithContext(ctx)
	for _, r := range k.runners() {
		g.Go(func() error {
			if err := r.Run(ctx); err != nil && ctx.Err() == nil {
				return fmt.Errorf("evenkeel: %T: %w", r, err)
			}
			return nil
		})
	}
	g.Go(func() error { return k.campaign(ctx) })
	for _, l := range k.loops {
		g.Go(func() error { l.run(ctx); return nil })
	}
	g.Go(func() error { k.record(ctx); return nil })
	return g.Wait()
}

// runners returns all that must run: what the pools name, and those of their
// sources, gates and targets that are Runners. Each once.
func (k *Keel) runners() []signal.Runner {
	var out []signal.Runner
	add := func(v any) {
		r, ok := v.(signal.Runner)
		// Only what is comparable can be seen to be the same.
		if !ok || reflect.TypeOf(r).Comparable() && slices.Contains(out, r) {
			return
		}
		out = append(out, r)
	}
	for _, l := range k.loops {
		for _, r := range l.Runners {
			add(r)
		}
		for _, s := range l.Sources {
			add(s)
		}
		if l.Target != nil {
			add(l.Target.Target())
		}
	}
	return out
}

// campaign keeps this process a candidate, and its term where the loops see it.
func (k *Keel) campaign(ctx context.Context) error {
	defer k.leads.Store(nil)
	for {
		term, err := k.cfg.Leader.Campaign(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			k.cfg.Logger.Warn("leader election failed; trying again", "err", err)
			if !sleep(ctx, k.cfg.Tick) {
				return nil
			}
			continue
		}
		k.loadStates(ctx, term)
		k.leads.Store(&term)
		k.Poke()
		select {
		case <-ctx.Done():
			return nil
		case <-term.Lost():
			k.leads.Store(nil)
			k.cfg.Logger.Warn("leadership lost; no longer scaling")
		}
	}
}

// sleep waits for d and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// term returns the term under which this process leads, or nil.
func (k *Keel) term() actuate.Term {
	if t := k.leads.Load(); t != nil {
		return *t
	}
	return nil
}

// Poke asks for a decision now rather than at the next tick: something happened
// that cannot wait. At most ten a second are made.
func (k *Keel) Poke() {
	for _, l := range k.loops {
		select {
		case l.poked <- struct{}{}:
		default: // one is waiting already
		}
	}
}

// Override sets the count of a pool to n until a time, whatever its policies
// say, within its limits. A time in the past ends an override. It is refused
// with [ErrNoPool] for a pool that does not exist or has no policy.
func (k *Keel) Override(pool string, n int64, until time.Time) error {
	if n < 0 || n > decide.MaxReplicas {
		return fmt.Errorf("evenkeel: override of pool %q to %d replicas: it must be 0 to %d", pool, n, decide.MaxReplicas)
	}
	for _, l := range k.loops {
		if l.Name != pool || l.core == nil {
			continue
		}
		o, detail := decide.Override{Replicas: n, Until: until.Round(0).UTC()}, fmt.Sprintf("%d replicas until %s", n, until.UTC().Format(time.RFC3339))
		if !until.After(time.Now()) {
			o, detail = decide.Override{}, "ended"
		}
		l.mu.Lock()
		l.override = o
		l.mu.Unlock()
		l.event(Event{What: EventOverride, Detail: detail})
		k.Poke()
		return nil
	}
	return fmt.Errorf("%w: %q", ErrNoPool, pool)
}

// Shutdown stops admitting in every pool, waits until the admitted requests have
// finished or ctx ends, then ends [Keel.Run] and waits for it. It returns the
// error of ctx if requests were still running. What Run stops, it stops even then.
func (k *Keel) Shutdown(ctx context.Context) error {
	var g errgroup.Group
	for _, l := range k.loops {
		if l.Gate != nil {
			g.Go(func() error { return l.Gate.Drain(ctx) })
		}
	}
	err := g.Wait()
	k.stopRun()
	if k.ran.Load() {
		<-k.done
	}
	return err
}

// Handler returns the live page: / for people, /state.json and /history.json for
// programs, /journal for the newest journal lines. It changes nothing. It answers
// only where it is asked for by a loopback name or one of Config.Hosts.
func (k *Keel) Handler() http.Handler { return k.page }
