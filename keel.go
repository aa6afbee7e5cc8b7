package evenkeel

import (
	"context"
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

	leads   atomic.Pointer[actuate.Term] // nil: another process leads, or none
	ran     atomic.Bool
	stopRun context.CancelFunc // set by New; ends Run
	runCtx  context.Context    //nolint:containedctx // the life of Run, which Shutdown ends
	done    chan struct{}      // closed when Run has returned

	stateMu sync.Mutex
	saved   saved         // as of the last step
	unsaved bool          // saved has changed since it was saved
	changed chan struct{} // asks for it to be saved soon
}

// New checks c, reads its policy files and returns the Keel. It starts nothing. All
// that is wrong with c is reported at once, joined.
func New(c Config) (*Keel, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	c = c.WithDefaults()
	k := &Keel{cfg: c, started: time.Now(), done: make(chan struct{}), saved: newSaved(),
		changed: make(chan struct{}, 1),
		journal: &journal{w: c.Journal, log: c.Logger, heads: make(map[string]head)}}
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
	l := &loop{Pool: p, keel: k, poked: make(chan struct{}, 1), limits: p.Limits, tick: k.cfg.Tick, decides: p.decides()}
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
	var errs [2]error
	if p.PolicyFile != "" {
		errs[rolePolicy] = l.follow()
	} else {
		l.roles[rolePolicy].core, errs[rolePolicy] = l.compile("Policy", p.Policy)
	}
	if l.roles[roleShadow].core, errs[roleShadow] = l.compile("Shadow", p.Shadow); errs[roleShadow] != nil {
		errs[roleShadow] = fmt.Errorf("Shadow: %w", errs[roleShadow])
	}
	if p.Promote {
		l.acts = roleShadow
	}
	return l, errors.Join(errs[:]...)
}

// Run runs everything until ctx ends, [Keel.Shutdown] is called or a Runner
// fails; it then stops everything, saves the cores' states for the next leader
// (for at most a second) and returns the Runner's error, or nil. It may be called
// once: later calls return [ErrRunning]. After Shutdown it starts nothing and
// returns nil.
func (k *Keel) Run(ctx context.Context) error {
	if !k.ran.CompareAndSwap(false, true) {
		return ErrRunning
	}
	defer close(k.done)
	if k.runCtx.Err() != nil {
		return nil
	}
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
			err := r.Run(ctx)
			switch {
			case err == nil || ctx.Err() != nil && errors.Is(err, ctx.Err()):
				return nil
			case ctx.Err() != nil:
				k.cfg.Logger.Warn("a runner failed while it was stopped", "runner", fmt.Sprintf("%T", r), "err", err)
				return nil
			}
			return fmt.Errorf("evenkeel: %T: %w", r, err)
		})
	}
	g.Go(func() error { k.campaign(ctx); return nil })
	g.Go(func() error { k.keepSaving(ctx); return nil })
	for _, l := range k.loops {
		g.Go(func() error { l.run(ctx); return nil })
	}
	g.Go(func() error { k.record(ctx); return nil })
	err = g.Wait()
	k.saveStates(context.WithoutCancel(ctx), lastSave)
	k.resign(context.WithoutCancel(ctx))
	return err
}

// runners returns all that must run: what the pools name, those of their sources
// and targets that are Runners, and who looks at their policy files. Each once.
func (k *Keel) runners() []signal.Runner {
	var out []signal.Runner
	add := func(v any) {
		r, ok := v.(signal.Runner)
		// Only what is comparable can be seen to be the same.
		if !ok || reflect.ValueOf(r).Comparable() && slices.Contains(out, r) {
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
		if l.file != nil {
			add(l.file)
		}
	}
	return out
}

// Poke asks for a decision now rather than at the next tick: something happened
// that cannot wait. At most ten a second are made. It never blocks; before Run and
// after it, nothing happens.
func (k *Keel) Poke() {
	for _, l := range k.loops {
		l.poke()
	}
}

// Shutdown stops admitting in every pool, waits until the admitted requests have
// finished or ctx ends, then ends [Keel.Run] and waits for it. It returns the
// error of ctx if requests were still running. What Run stops, it stops even then.
// It may be called before Run, which then starts nothing, and again.
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
// programs, /explain?pool= for the last decision in full, /journal for the newest
// journal lines. It changes nothing. It answers
// only where it is asked for by a loopback name or one of Config.Hosts.
func (k *Keel) Handler() http.Handler { return k.page }
