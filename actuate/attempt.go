package actuate

import (
	"context"
	"fmt"
)

// attempt is one try: look, ask the safeguards, write, read back. It returns nil
// when there is nothing more to do.
func (p *application) attempt(ctx context.Context) error {
	if ctx.Err() != nil {
		return p.again(ctx.Err())
	}
	if p.newest.Load() != p.number {
		return p.stop(&Error{Class: Conflict, Err: fmt.Errorf("evenkeel: a later request takes the place of this one, for %d", p.req.Desired)})
	}
	p.res.Attempts++
	known, rests := p.restsOn()
	p.readErr = errNoReturn
	st, err := p.read(ctx)
	if p.readErr = err; err != nil {
		return p.again(err)
	}
	now := st.Fleet.Desired
	if p.res.From < 0 {
		p.res.From, p.base = now, now
		if rests {
			p.base = known
		}
		p.based = rests || p.req.Version == "" || p.req.Version == st.Version
	}
	if now == p.req.Desired && (!p.doubts || p.doubt == now) {
		p.done(st)
		return nil
	}
	// A write of our own of which we do not know whether it arrived may have left
	// any count behind. Otherwise another count is another writer's.
	if now != p.base && !p.doubts {
		return p.stop(&Error{Class: Conflict, Err: fmt.Errorf("evenkeel: the count was %d when this was decided and is %d now: decide again", p.base, now)})
	}
	return p.guarded(ctx, st)
}

// restsOn returns the count that the caller saw in the status with the version of
// the request, if that was the one read last.
func (p *application) restsOn() (int64, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last.Fleet.Desired, p.seen && p.req.Version != "" && p.last.Version == p.req.Version
}

// guarded writes if every safeguard agrees.
func (p *application) guarded(ctx context.Context, st Status) error {
	req := p.req
	if pause := p.Pause(); pause.Up && req.Desired > st.Fleet.Desired || pause.Down && req.Desired < st.Fleet.Desired {
		p.res.Action = ActionPaused
		return nil
	}
	if req.Victims == nil && req.Desired < st.Fleet.Desired {
		req.Victims = surplus(st, req.Desired)
	}
	p.res.Victims = req.Victims
	if p.cfg.DryRun {
		p.res.Action = ActionDryRun
		return nil
	}
	epoch, err := p.lead(req.Epoch)
	if p.res.Epoch = epoch; err != nil {
		return p.stop(err)
	}
	if p.doneWrites == nil {
		done, err := p.writes.allow()
		if err != nil {
			return p.stop(err)
		}
		p.doneWrites = done
	}
	req.Epoch = epoch
	// Versions may change for other reasons than the count. The caller's was good
	// for the first try; after a conflict, and with the count still the same, the
	// one just read is.
	if req.Version == "" || p.conflicted {
		req.Version = st.Version
	}
	return p.write(ctx, req)
}

// surplus names the instances that are too many for n, those on their way out
// already among them.
func surplus(st Status, n int64) []string {
	live := int64(0)
	for _, in := range st.Instances {
		if in.Phase != Stopping {
			live++
		}
	}
	return Victims(st.Instances, int(live-n))
}

// write sends the request and reads back.
func (p *application) write(ctx context.Context, req Request) error {
	p.res.Writes++
	// Until there is an answer, the write may arrive or not.
	before, doubted := p.doubt, p.doubts
	p.doubt, p.doubts = req.Desired, true
	p.writeErr = errNoReturn
	p.writeErr = p.call(ctx, func(ctx context.Context) error { return p.cfg.Target.Scale(ctx, req) })
	if err := p.writeErr; err != nil {
		if ClassOf(err) != Transient {
			p.doubt, p.doubts = before, doubted // it said no: this one did not arrive
		}
		return p.again(err)
	}
	p.doubts = false
	p.accepted(req.Desired)
	p.res.Action = ActionScaled
	// The write was accepted, so that a read-back that fails fails nothing: the
	// caller's next reading tells.
	st, err := p.read(ctx)
	if p.readErr = err; err != nil {
		p.cfg.Logger.Warn("count written but not read back", "desired", req.Desired, "err", err)
		return nil
	}
	p.agree(st)
	return nil
}

// done ends an Apply that finds the platform working towards the count: an earlier
// attempt of it arrived after all, or there was nothing to do.
func (p *application) done(st Status) {
	p.doubts = false
	if p.res.Writes > 0 {
		p.res.Action = ActionScaled
	}
	p.agree(st)
}

func (p *application) agree(st Status) {
	p.res.Agreed = st.Fleet.Desired == p.req.Desired
	p.res.Settled = p.res.Agreed && settled(st)
}
