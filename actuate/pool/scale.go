package pool

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// Scale implements [actuate.Target]. It never waits for a worker. It is refused as
// Invalid below 0, above Config.Max and once Run has ended, as Fenced for an epoch
// older than one seen, and as Conflict for another Version than that of Status.
func (p *Pool) Scale(ctx context.Context, req actuate.Request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.ended:
		return &actuate.Error{Class: actuate.Invalid, Err: errEnded}
	case req.Desired < 0 || req.Desired > p.cfg.Max:
		return refusal(actuate.Invalid, "evenkeel: pool: a count of %d: it must be 0 to %d", req.Desired, p.cfg.Max)
	case req.Epoch < p.epoch:
		return refusal(actuate.Fenced, "evenkeel: pool: epoch %d, and %d has written", req.Epoch, p.epoch)
	case req.Version != "" && req.Version != p.versionText():
		return refusal(actuate.Conflict, "evenkeel: pool: version %s, now it is %s", req.Version, p.versionText())
	}
	p.epoch = req.Epoch
	if req.Desired != p.desired {
		p.version++
		p.fit(time.Now(), req.Desired, req.Victims)
	}
	return nil
}

// Drain implements [actuate.Drainer]: the worker's Drain is closed until ttl has
// passed. A worker that returns meanwhile stays away as long. It is refused as
// NotFound for an ID that is not listed.
func (p *Pool) Drain(ctx context.Context, id string, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.find(id)
	if s == nil {
		return refusal(actuate.NotFound, "evenkeel: pool: no worker %q", id)
	}
	now := time.Now()
	s.until = now.Add(max(0, ttl))
	s.refresh(now)
	s.nudge()
	return nil
}

// fit brings the slots to the count: those on their way out are kept before new
// ones are made, and victims go before others.
func (p *Pool) fit(now time.Time, desired int64, victims []string) {
	p.desired = desired
	stay := int64(0)
	for _, s := range p.slots {
		if !s.going {
			stay++
		}
	}
	for _, s := range p.slots {
		if stay < desired && s.going && s.keep(now) {
			stay++
		}
	}
	for ; stay < desired; stay++ {
		p.created++
		s := &slot{
			id: fmt.Sprintf("%s-%d", p.cfg.Name, p.created), since: now,
			drain: make(chan struct{}), wake: make(chan struct{}, 1),
		}
		p.slots = append(p.slots, s)
		if p.base != nil {
			p.start(s)
		}
	}
	if stay == desired {
		return
	}
	order := append(slices.Clone(victims), actuate.Victims(p.status(now).Instances, len(p.slots))...)
	for _, id := range order {
		if s := p.find(id); stay > desired && s != nil && !s.going {
			p.giveUp(now, s)
			stay--
		}
	}
}

// giveUp begins the end of a slot. One that has no goroutine yet is gone at once.
func (p *Pool) giveUp(now time.Time, s *slot) {
	if p.base == nil {
		p.remove(s)
		return
	}
	s.giveUp(now, p.cfg.Grace, func() { p.cut(s) })
}

// cut cancels a worker whose grace is over, unless it was kept or has ended.
func (p *Pool) cut(s *slot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.going && s.running && !s.cut {
		s.cutNow(time.Now())
	}
}

func (p *Pool) remove(s *slot) {
	p.slots = slices.DeleteFunc(p.slots, func(o *slot) bool { return o == s })
}
