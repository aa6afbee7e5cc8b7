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
	V int `json:"v"`
	// Pools and Shadows are the states of the pools' two policies, whichever acts.
	Pools   map[string]json.RawMessage `json:"pools"`
	Shadows map[string]json.RawMessage `json:"shadows,omitempty"`
	Wishes  map[string]wishes          `json:"wishes,omitempty"`
}

func newSaved() saved {
	return saved{
		V: savedVersion, Pools: make(map[string]json.RawMessage),
		Shadows: make(map[string]json.RawMessage), Wishes: make(map[string]wishes),
	}
}

const (
	savedVersion = 1
	// saveEvery is how often the states are saved if no count changes.
	saveEvery = 30 * time.Second
	// stateTimeout bounds one call of Term.Load or Term.Save, and lastSave the one
	// with which Run ends.
	stateTimeout = 5 * time.Second
	lastSave     = time.Second
	// loadTries is how often Term.Load is called before a term begins cold.
	loadTries = 3
)

// loadStates takes over what the last leader saved, in place of what this process
// remembers. What cannot be read is left behind, with a warning: a cold start
// holds rather than errs.
func (k *Keel) loadStates(ctx context.Context, term actuate.Term) {
	b, err := loadTerm(ctx, term)
	var s saved
	if err == nil && len(b) > 0 {
		if err = json.Unmarshal(b, &s); err == nil && s.V != savedVersion {
			err = fmt.Errorf("saved in version %d, this is %d", s.V, savedVersion)
		}
	}
	if err != nil {
		k.cfg.Logger.Warn("state of the last leader not taken over; starting cold", "err", err)
		s = saved{}
	}
	fresh := newSaved()
	maps.Copy(fresh.Pools, s.Pools)
	maps.Copy(fresh.Shadows, s.Shadows)
	maps.Copy(fresh.Wishes, s.Wishes)
	for _, l := range k.loops {
		if l.decides {
			fresh.Wishes[l.Name] = l.takeOver(fresh.Wishes[l.Name])
		}
	}
	k.stateMu.Lock()
	defer k.stateMu.Unlock()
	k.saved, k.unsaved = fresh, false
}

// loadTerm calls Load, a few times if it fails: what the last leader has learned
// is worth a short wait.
func loadTerm(ctx context.Context, term actuate.Term) (b []byte, err error) {
	for try := range loadTries {
		if try > 0 {
			sleep(ctx, time.Second)
		}
		once, cancel := context.WithTimeout(ctx, stateTimeout)
		b, err = term.Load(once)
		cancel()
		if err == nil || ctx.Err() != nil || term.Check() != nil {
			break
		}
	}
	return b, err
}

// savedStates returns the states to begin a term with, of a pool's policy and its
// shadow. One that nobody has run yet begins with what the other knows: the state
// is mostly about the fleet, and a cold start would forget its cooldowns.
func (k *Keel) savedStates(pool string) (policy, shadow decide.State) {
	k.stateMu.Lock()
	b, sh := k.saved.Pools[pool], k.saved.Shadows[pool]
	k.stateMu.Unlock()
	read := func(b []byte) (s decide.State) {
		if len(b) == 0 {
			return s
		}
		if err := json.Unmarshal(b, &s); err != nil {
			k.cfg.Logger.Warn("state of the last leader not taken over; starting cold", "pool", pool, "err", err)
			return decide.State{}
		}
		return s
	}
	switch {
	case len(b) == 0:
		b = sh
	case len(sh) == 0:
		policy = read(b)
		return policy, copied(&policy)
	}
	return read(b), read(sh)
}

// keepState notes the states of a pool after a step under term, that of the shadow
// if there is one. They are saved with the term at once if the count changed, else
// now and then; the loop does not wait for that.
func (k *Keel) keepState(term *actuate.Term, pool string, policy, shadow *decide.State, changed bool) {
	b, err := json.Marshal(policy)
	var sh []byte
	if err == nil && shadow != nil {
		sh, err = json.Marshal(shadow)
	}
	if err != nil {
		k.cfg.Logger.Error("state not kept; a new leader would start from an older one", "pool", pool, "err", err)
		return
	}
	k.stateMu.Lock()
	defer k.stateMu.Unlock()
	if k.leads.Load() != term {
		return // what the next term has loaded is newer
	}
	k.saved.Pools[pool], k.unsaved = b, true
	if shadow != nil {
		k.saved.Shadows[pool] = sh
	}
	if changed {
		k.saveSoon()
	}
}

// keepWishes notes what an operator wants of a pool. It is saved soon if this
// process leads; if it comes to lead later, the newer wishes hold.
func (k *Keel) keepWishes(pool string, w wishes) {
	k.stateMu.Lock()
	defer k.stateMu.Unlock()
	k.saved.Wishes[pool], k.unsaved = w, true
	k.saveSoon()
}

func (k *Keel) saveSoon() {
	select {
	case k.changed <- struct{}{}:
	default: // asked for already
	}
}

// keepSaving saves the states until ctx ends.
func (k *Keel) keepSaving(ctx context.Context) {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-k.changed:
		}
		k.saveStates(ctx, stateTimeout)
	}
}

// saveStates saves the states of all pools with the term, if this process leads
// and there is something new. Only one call is made at a time, so that an older
// state never replaces a newer one.
func (k *Keel) saveStates(ctx context.Context, within time.Duration) {
	term := k.leads.Load()
	k.stateMu.Lock()
	if term == nil || !k.unsaved {
		k.stateMu.Unlock()
		return
	}
	k.unsaved = false
	all, err := json.Marshal(k.saved)
	k.stateMu.Unlock()
	if err == nil {
		once, cancel := context.WithTimeout(ctx, within)
		defer cancel()
		err = (*term).Save(once, all)
	}
	if err == nil {
		return
	}
	k.stateMu.Lock()
	k.unsaved = true
	k.stateMu.Unlock()
	if ctx.Err() == nil && (*term).Check() == nil {
		k.cfg.Logger.Warn("state not saved; a new leader would start from an older one", "err", err)
	}
}
