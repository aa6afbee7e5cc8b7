package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/decide"
)

// ErrRan is returned by the second [Pool.Run].
var ErrRan = errors.New("evenkeel: pool: already run: a Pool runs once, make a new one")

// errEnded is why an ended pool refuses.
var errEnded = errors.New("evenkeel: pool: its Run has ended")

// A Pool runs the same function in as many workers as are wanted. Make one with
// [New].
type Pool struct {
	cfg   Config
	lives sync.WaitGroup // one for each slot's goroutine

	mu      sync.Mutex
	base    context.Context //nolint:containedctx // of the workers, while Run runs; nil before
	ran     bool
	ended   bool // Run is ending or has ended
	desired int64
	epoch   uint64
	version uint64
	created uint64
	slots   []*slot // in the order of their creation
}

// New checks c and returns a Pool. It starts nothing: until Run, workers count as
// starting. All that is wrong with c is reported at once, joined.
func New(c Config) (*Pool, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	p := &Pool{cfg: c}
	p.fit(time.Now(), c.Workers, nil)
	return p, nil
}

// Run runs the workers until ctx ends. Then it tells all of them to finish, cancels
// their contexts when the grace is over, and returns nil once every one has
// returned. The workers' contexts carry the values of ctx. It may be called once.
func (p *Pool) Run(ctx context.Context) error {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	p.mu.Lock()
	if p.ran {
		p.mu.Unlock()
		return ErrRan
	}
	p.ran, p.base = true, base
	for _, s := range p.slots {
		p.start(s)
	}
	p.mu.Unlock()

	<-ctx.Done()
	p.mu.Lock()
	p.ended, p.desired = true, 0
	now := time.Now()
	for _, s := range p.slots {
		if !s.going {
			p.giveUp(now, s)
		}
	}
	p.mu.Unlock()
	p.lives.Wait()
	return nil
}

// Status implements [actuate.Target]. It fails only if ctx has ended.
func (p *Pool) Status(ctx context.Context) (actuate.Status, error) {
	if err := ctx.Err(); err != nil {
		return actuate.Status{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status(time.Now()), nil
}

// stuckAfter is the number of failures in a row after which a worker that is
// started once more is not reckoned with.
const stuckAfter = 3

func (p *Pool) status(now time.Time) actuate.Status {
	st := actuate.Status{
		Fleet:     decide.Fleet{Desired: p.desired},
		Version:   p.versionText(),
		Instances: make([]actuate.Instance, 0, len(p.slots)),
		Limits:    decide.Limits{Max: p.cfg.Max},
	}
	for _, s := range p.slots {
		s.refresh(now)
		st.Instances = append(st.Instances, actuate.Instance{
			ID: s.id, Phase: s.phase, Since: s.since, InFlight: s.inFlight, Restarts: s.restarts, Detail: s.detail,
		})
		switch s.phase {
		case actuate.Ready:
			st.Fleet.Ready++
		case actuate.Draining:
			st.Fleet.Draining++
		case actuate.Starting:
			c := decide.Cohort{N: 1, Since: s.since, Stuck: s.failures >= stuckAfter}
			// Those that were created together stand side by side.
			if n := len(st.Fleet.Starting); n > 0 && st.Fleet.Starting[n-1].Since.Equal(c.Since) && st.Fleet.Starting[n-1].Stuck == c.Stuck {
				st.Fleet.Starting[n-1].N++
			} else {
				st.Fleet.Starting = append(st.Fleet.Starting, c)
			}
		}
	}
	return st
}

func (p *Pool) versionText() string { return strconv.FormatUint(p.version, 10) }

func (p *Pool) find(id string) *slot {
	i := slices.IndexFunc(p.slots, func(s *slot) bool { return s.id == id })
	if i < 0 {
		return nil
	}
	return p.slots[i]
}

func refusal(c actuate.Class, format string, args ...any) error {
	return &actuate.Error{Class: c, Err: fmt.Errorf(format, args...)}
}
