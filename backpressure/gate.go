package backpressure

import (
	"context"
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/evenkeel/evenkeel/signal"
)

// A Gate admits requests: a lock and waiters around an [Admission]. It starts no
// goroutine and needs no Close. Make it with [New]. All methods may be called
// from any goroutine.
type Gate struct {
	base   time.Time // of the gate's clock
	pool   string
	window time.Duration

	mu       sync.Mutex
	adm      *Admission
	free     *lease
	rejected *table
	empty    chan struct{} // closed when nothing is in flight; nil if nobody waits

	routed atomic.Bool // there are routes

	made atomic.Int64 // tokens not yet told to adm

	quotas  atomic.Pointer[Quotas]                      // nil: none
	members atomic.Int64                                // that share the quotas
	seed    maphash.Seed                                // of the tenants' hashes
	weigh   atomic.Pointer[func(tenant string) float64] // nil: all the same
	victims []victim                                    // to be stopped once mu is free

	ttft, tpot, duration *signal.Histogram
	scratch              struct {
		sync.Mutex
		dist signal.Dist
	}
}

// New returns a gate. The zero Config is valid. Until the first Observe the gate
// counts on one ready unit that is its own.
func New(cfg Config) (*Gate, error) {
	adm, err := NewAdmission(cfg)
	if err != nil {
		return nil, err
	}
	g := &Gate{base: time.Now(), pool: cfg.Pool, window: adm.cfg.Window, adm: adm, rejected: newTable()}
	adm.start, adm.started = g.base, true
	g.routed.Store(adm.routes != nil)
	g.quotas.Store(cfg.Quotas)
	g.seed = maphash.MakeSeed()
	g.weighBy(adm.cfg.Fair.Weight)
	g.ttft = signal.NewHistogram(g.window, windowSlots)
	g.tpot = signal.NewHistogram(g.window, windowSlots)
	g.duration = signal.NewHistogram(g.window, windowSlots)
	return g, nil
}

// now is time.Now at half the price: only the monotonic clock is read.
func (g *Gate) now() time.Time { return g.base.Add(time.Since(g.base)) }

// lock takes g.mu and tells adm of the tokens made since.
func (g *Gate) lock() {
	g.mu.Lock()
	if g.made.Load() != 0 {
		g.adm.made(g.made.Swap(0))
	}
}

// Acquire asks to let in a request of cost c. It returns at once if the request
// is admitted or shed, and waits in the queue otherwise: at most as long as the
// objective, the deadline of ctx and Config.Queue allow. When ctx ends, it
// returns at once.
//
// An error is always a *[Rejected].
func (g *Gate) Acquire(ctx context.Context, c Cost) (Permit, error) {
	if ctx.Err() != nil {
		return Permit{}, g.gone(ctx)
	}
	deadline, _ := ctx.Deadline()
	who := callerOf(ctx)
	tenant, weight := g.tenant(who)
	t := time.Since(g.base)
	var l *lease
	if q := g.quotas.Load(); q != nil && !who.inFull { // that one has been charged
		var rej *Rejected
		if l, rej = g.reserve(q, t, who, c); rej != nil {
			return Permit{}, rej
		}
	}
	g.lock()
	if l == nil {
		l = g.take()
	}
	l.req.Cost, l.req.Deadline = c, deadline
	l.req.inFull = who.inFull
	l.req.Class, l.req.Hops, l.req.Tenant, l.req.Weight = who.Class, who.Hops, tenant, weight
	v := g.adm.offer(g.adm.pass(t), &l.req)
	if g.adm.queue.displaced != nil && v.Action != Hold {
		g.pump(g.base.Add(t))
	}
	switch v.Action {
	case Admit:
		p := Permit{l, l.generation()}
		g.unlock()
		return p, nil
	case Shed:
		rej := g.rejected.pick(v, false)
		g.putBack(l)
		g.unlock()
		return Permit{}, rej
	}
	if l.wake == nil {
		l.wake = make(chan struct{}, 1)
	}
	wait := l.req.giveUp - g.adm.now
	if g.adm.preempt.n > 0 && who.Class >= Critical {
		wait = l.req.halfway() - g.adm.now
	}
	g.pump(g.base.Add(t))
	g.unlock()
	return g.wait(ctx, l, wait)
}

// gone refuses a request whose context had ended before it asked.
func (g *Gate) gone(ctx context.Context) error {
	v := Verdict{Shed, Cancelled, 0}
	if ctx.Err() == context.DeadlineExceeded {
		v.Reason = DeadlineTooShort
	}
	g.lock()
	defer g.mu.Unlock()
	return g.rejected.pick(v, true) // it asks for nothing any more: no demand, no refusal to count
}

// refuse is a refusal that the gate has not counted.
func (g *Gate) refuse(why Reason, retry time.Duration) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.rejected.pick(Verdict{Shed, why, retry}, false)
}

// end finishes l and gives it back. g.mu is held.
func (g *Gate) end(now time.Time, l *lease, o Outcome) {
	if l.quota.bucket != nil {
		l.settle(now, o)
	}
	g.adm.Done(now, &l.req, o)
	g.put(l)
	g.pump(now)
	if g.empty != nil && g.adm.inFlight+g.adm.elsewhere == 0 {
		close(g.empty)
		g.empty = nil
	}
}

func (g *Gate) release(l *lease, gen uint32) {
	now := g.now()
	g.lock()
	if l.generation() != gen {
		g.mu.Unlock()
		return
	}
	r, o := &l.req, l.outcome
	if n := l.word.Load() & tokenMask; n > 0 {
		r.output = int64(n)
	}
	t := g.adm.advance(now)
	took := float64(t-r.arrived) * 1e-9 // as in pass
	var perToken float64
	if r.decodes {
		perToken = float64(t-r.first) * 1e-9 / float64(r.output-1)
	}
	unseen, away := r.state == waiting && !r.whole, r.state == elsewhere
	g.end(now, l, o)
	g.unlock()

	if o == Completed && !away {
		g.duration.Record(now, took)
		if perToken > 0 {
			g.tpot.Record(now, perToken)
		}
		if unseen {
			g.ttft.Record(now, took)
		}
	}
}

// tokens reports tokens of l under the lock: the first one, and those until the
// request is known to decode.
func (g *Gate) tokens(l *lease, gen uint32, n int64, firstOnly bool) {
	now := g.now()
	g.lock()
	if l.generation() != gen {
		g.mu.Unlock()
		return
	}
	r := &l.req
	first := r.state == waiting && !r.Cost.Whole
	switch {
	case firstOnly:
		g.adm.FirstToken(now, r)
	case r.decodes: // another goroutine was faster, and counts in word by now
		l.word.Add(uint64(n))
		g.adm.made(n)
	default:
		g.adm.Tokens(now, r, n)
		if r.decodes {
			l.word.Store(uint64(gen)<<32 | uint64(r.output)&tokenMask)
		}
	}
	took := r.first - r.arrived
	g.pump(now)
	g.unlock()
	if first {
		g.ttft.Record(now, float64(took)*1e-9)
	}
}

// Observe tells the gate of the fleet behind it.
func (g *Gate) Observe(o Outlook) {
	now := g.now()
	g.lock()
	defer g.unlock()
	g.adm.Observe(now, o)
	g.members.Store(int64(o.Members))
	g.pump(now)
}

// Update puts another configuration into force, whole or not at all. What was
// learned stays. Pool and Window cannot change.
func (g *Gate) Update(cfg Config) error {
	now := g.now()
	g.lock()
	defer g.unlock()
	if w := cfg.withDefaults().Window; w != g.window {
		return fmt.Errorf("backpressure: Window cannot change from %v to %v: make another gate", g.window, w)
	}
	if err := g.adm.Update(cfg); err != nil {
		return err
	}
	g.routed.Store(g.adm.routes != nil)
	g.quotas.Store(cfg.Quotas)
	g.weighBy(cfg.Fair.Weight)
	g.pump(now)
	return nil
}

// Config returns the gate's configuration, defaults filled in.
func (g *Gate) Config() Config {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.adm.cfg
}

// Saturation returns 0 for idle, 1 for full, and above 1 how many times as much
// is asked as could be let in. It is the larger of two: the predicted time to
// first token over the share of its objective, and the predicted time per output
// token over its own; times demand over admitted while something is being shed.
func (g *Gate) Saturation() float64 {
	now := g.now()
	g.lock()
	defer g.mu.Unlock()
	return g.adm.Saturation(now)
}

// Stats returns the gate's figures.
func (g *Gate) Stats() Stats {
	now := g.now()
	g.lock()
	defer g.mu.Unlock()
	return g.adm.Stats(now)
}

// Drain stops admission, in every mode, and waits until nothing is in flight or
// ctx ends. What waits in the queue is evicted at once. The gate stays closed
// either way, until Resume.
func (g *Gate) Drain(ctx context.Context) error {
	now := g.now()
	g.lock()
	g.adm.Drain(true)
	g.pump(now)
	n := g.adm.inFlight + g.adm.elsewhere
	if n == 0 {
		g.unlock()
		return nil
	}
	if g.empty == nil {
		g.empty = make(chan struct{})
	}
	empty := g.empty
	g.unlock()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		g.mu.Lock()
		n := g.adm.inFlight + g.adm.elsewhere
		g.mu.Unlock()
		return fmt.Errorf("evenkeel: drain: %d requests are still in flight: %w", n, context.Cause(ctx))
	}
}

// Resume opens the gate again after Drain.
func (g *Gate) Resume() {
	g.lock()
	defer g.mu.Unlock()
	g.adm.Drain(false)
}
