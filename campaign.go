package evenkeel

import (
	"context"
	"errors"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// campaign keeps this process a candidate, and its term where the loops see it.
func (k *Keel) campaign(ctx context.Context) {
	for ctx.Err() == nil {
		began := time.Now()
		term, err := k.cfg.Leader.Campaign(ctx)
		if ctx.Err() != nil {
			if err == nil && term != nil { // it came too late to be used
				k.giveUp(context.WithoutCancel(ctx), term)
			}
			return
		}
		if err == nil && term == nil {
			err = errors.New("Campaign returned no term")
		}
		if err != nil {
			k.cfg.Logger.Warn("leader election failed; trying again", "err", err)
			sleep(ctx, k.cfg.Tick)
			continue
		}
		k.loadStates(ctx, term)
		k.leads.Store(&term)
		k.Poke()
		select {
		case <-ctx.Done(): // Run still saves the states under this term
			return
		case <-term.Lost():
		}
		k.leads.Store(nil)
		k.Poke()
		k.cfg.Logger.Warn("leadership lost; no longer scaling", "epoch", term.Epoch())
		if time.Since(began) < k.cfg.Tick { // a term that is lost at once must not make a storm
			sleep(ctx, k.cfg.Tick)
		}
	}
}

// resign gives up the term, if this process leads and the term can be given up. All
// that could act under it has ended.
func (k *Keel) resign(ctx context.Context) {
	if term := k.leads.Swap(nil); term != nil {
		k.giveUp(ctx, *term)
	}
}

func (k *Keel) giveUp(ctx context.Context, term actuate.Term) {
	r, ok := term.(actuate.Resigner)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lastSave)
	defer cancel()
	if err := r.Resign(ctx); err != nil {
		k.cfg.Logger.Warn("leadership not given up; the next leader has to wait until it is lost", "epoch", term.Epoch(), "err", err)
	}
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// term returns the term under which this process leads, nil if it does not. Two
// terms are the same only if the pointers are.
func (k *Keel) term() *actuate.Term {
	t := k.leads.Load()
	if t == nil || (*t).Check() != nil {
		return nil
	}
	return t
}
