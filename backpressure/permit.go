package backpressure

import "context"

// A Permit is the right to run one request. It is a small value: copy it, keep it
// in a context, release it as often as you like. Only the first Release counts,
// and what is called after it does nothing. The zero Permit is harmless.
//
// Hold a permit for as long as the work lasts: a stream to its end. Release it
// with defer, so that a panic does not keep it.
//
// The methods may be called from any goroutine.
type Permit struct {
	lease *lease
	gen   uint32
}

// Release ends the request: as completed, unless Fail or Abandon was called.
func (p Permit) Release() {
	if p.lease != nil {
		p.lease.gate.release(p.lease, p.gen)
	}
}

// Fail marks the request as failed by the server's fault: it counts as an error,
// and teaches nothing about speed. It does not release the permit.
func (p Permit) Fail() { p.mark(Failed) }

// Abandon marks the request as given up by the caller: neither success nor
// error. It does not release the permit.
func (p Permit) Abandon() { p.mark(Abandoned) }

func (p Permit) mark(o Outcome) {
	if p.lease == nil {
		return
	}
	g := p.lease.gate
	g.mu.Lock()
	if p.lease.generation() == p.gen {
		p.lease.outcome = o
	}
	g.mu.Unlock()
}

// FirstToken reports the first output token. The gate learns its speed from it,
// and the request makes room for the next one's prompt. Call it at most once;
// more calls do nothing.
func (p Permit) FirstToken() {
	if p.lease != nil {
		p.lease.gate.tokens(p.lease, p.gen, 1, true)
	}
}

// Tokens reports n more output tokens, after the one that FirstToken stands for.
// Without a FirstToken, the first of them is that one. It is cheap enough to be
// called per token: it takes no lock and reads no clock, but for the first calls.
func (p Permit) Tokens(n int) {
	if p.lease == nil || n <= 0 {
		return
	}
	l, more := p.lease, uint64(min(n, 1<<24))
	for {
		w := l.word.Load()
		switch {
		case uint32(w>>32) != p.gen:
			return
		case w&tokenMask == 0: // not known to decode yet
			l.gate.tokens(l, p.gen, int64(more), false)
			return
		case w&tokenMask+more > tokenMask:
			return
		}
		if l.word.CompareAndSwap(w, w+more) {
			l.gate.made.Add(int64(more))
			return
		}
	}
}

// Route is the name of the [Route] that the request was let in by. Empty: full
// service.
func (p Permit) Route() string {
	name, _ := p.way()
	return name
}

// MaxOutput is how many output tokens the request's route allows it, 0 for as
// many as it asked for.
func (p Permit) MaxOutput() int {
	if p.lease == nil {
		return 0
	}
	g := p.lease.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.lease.generation() != p.gen {
		return 0
	}
	return int(p.lease.req.limit)
}

// way is the route's name, and whether it leads elsewhere.
func (p Permit) way() (name string, away bool) {
	if p.lease == nil {
		return "", false
	}
	g := p.lease.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if r := &p.lease.req; p.lease.generation() == p.gen {
		name, away = r.Route(), r.state == elsewhere
	}
	return name, away
}

// output counts n tokens that say nothing about speed: they came all at once.
func (p Permit) output(n int) {
	if p.lease == nil || n <= 0 {
		return
	}
	g := p.lease.gate
	g.mu.Lock()
	if l := p.lease; l.generation() == p.gen {
		g.adm.output(&l.req, int64(n))
		if l.req.decodes {
			l.word.Add(uint64(n))
		}
	}
	g.mu.Unlock()
}

type permitKey struct{}

// WithPermit returns a context whose work runs under p, for [PermitFrom]. Gates
// before other protocols than HTTP pass their permits on with it.
func WithPermit(ctx context.Context, p Permit) context.Context {
	return &permitContext{ctx, p}
}

// A permitContext is a context.WithValue that needs no memory for the value.
type permitContext struct {
	context.Context //nolint:containedctx // it is one
	permit          Permit
}

func (c *permitContext) Value(key any) any {
	if _, ok := key.(permitKey); ok {
		return &c.permit
	}
	return c.Context.Value(key)
}

// PermitFrom returns the permit under which the request of ctx runs, or the zero
// Permit, which is harmless.
func PermitFrom(ctx context.Context) Permit {
	if p, ok := ctx.Value(permitKey{}).(*Permit); ok {
		return *p
	}
	return Permit{}
}
