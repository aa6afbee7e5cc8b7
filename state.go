package evenkeel

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/decide"
)

// saved is the form in which the states of the pools' cores are kept with the
// leader's term.
type saved struct {
	V     int                        `json:"v"`
	Pools map[string]json.RawMessage `json:"pools"`
}

const (
	savedVersion = 1
	// saveEvery is how often the states are saved if nothing changes.
	saveEvery = 30 * time.Second
)

// loadStates takes over what the last leader saved. What cannot be read is left
// behind, with a warning: a cold start holds rather than errs.
func (k *Keel) loadStates(ctx context.Context, term actuate.Term) {
	b, err := term.Load(ctx)
	var s saved
	if err == nil && len(b) > 0 {
		if err = json.Unmarshal(b, &s); err == nil && s.V != savedVersion {
			err = fmt.Errorf("saved in version %d, this is %d", s.V, savedVersion)
		}
	}
	if err != nil {
		k.cfg.Logger.Warn("state of the last leader not taken over; starting cold", "err", err)
		return
	}
	k.stateMu.Lock()
	defer k.stateMu.Unlock()
	maps.Copy(k.states, s.Pools)
}

// savedState returns the state to begin with under a new term.
func (k *Keel) savedState(pool string) (s decide.State) {
	k.stateMu.Lock()
	b := k.states[pool]
	k.stateMu.Unlock()
	if len(b) == 0 {
		return s
	}
	if err := json.Unmarshal(b, &s); err != nil {
		k.cfg.Logger.Warn("state of the last leader not taken over; starting cold", "pool", pool, "err", err)
		return decide.State{}
	}
	return s
}

// keepState saves the state of a pool, and those of the others as they were,
// with the term: at once if the count changed, else now and then.
func (k *Keel) keepState(ctx context.Context, pool string, s *decide.State, changed bool) {
	k.stateMu.Lock()
	if !changed && time.Since(k.lastSave) < saveEvery {
		k.stateMu.Unlock()
		return
	}
	k.lastSave = time.Now()
	state, err := json.Marshal(s)
	var all []byte
	if err == nil {
		k.states[pool] = state
		all, err = json.Marshal(saved{V: savedVersion, Pools: k.states})
	}
	k.stateMu.Unlock()
	if term := k.term(); err == nil && term != nil {
		err = term.Save(ctx, all)
	}
	if err != nil && ctx.Err() == nil {
		k.cfg.Logger.Warn("state not saved; a new leader would start from an older one", "err", err)
	}
}
