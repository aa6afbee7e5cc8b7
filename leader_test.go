package evenkeel

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/decide"
)

// store is where the terms of a fleet keep the leader's state.
type store struct {
	mu     sync.Mutex
	saved  []byte
	saves  int
	broken int                         // how many calls of Load fail
	onSave func(context.Context) error // if not nil, called first
}

func (s *store) get() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.saved)
}

// chair is a Leader whose terms a test hands out.
type chair chan *seat

func (c chair) Campaign(ctx context.Context) (actuate.Term, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case t := <-c:
		return t, nil
	}
}

// seat is a Term that a test ends.
type seat struct {
	*store
	epoch uint64
	lost  chan struct{}
}

func newSeat(s *store, epoch uint64) *seat {
	return &seat{store: s, epoch: epoch, lost: make(chan struct{})}
}

func (s *seat) Check() error {
	select {
	case <-s.lost:
		return errors.New("lease lost")
	default:
		return nil
	}
}
func (s *seat) Epoch() uint64         { return s.epoch }
func (s *seat) Lost() <-chan struct{} { return s.lost }

func (s *seat) Load(ctx context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken--; s.broken >= 0 {
		return nil, errors.New("store is away")
	}
	return slices.Clone(s.saved), ctx.Err()
}

func (s *seat) Save(ctx context.Context, b []byte) error {
	if err := s.Check(); err != nil {
		return err
	}
	if s.onSave != nil {
		if err := s.onSave(ctx); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved, s.saves = slices.Clone(b), s.saves+1
	return ctx.Err()
}

type leaderFunc func(context.Context) (actuate.Term, error)

func (f leaderFunc) Campaign(ctx context.Context) (actuate.Term, error) { return f(ctx) }

func TestOnlyTheLeaderScales(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		elections := make(chair)
		var kept store
		r := newRig(t, func(c *Config) { c.Leader = elections })
		r.load.value.Store(45)
		first, second := newSeat(&kept, 1), newSeat(&kept, 2)
		expect := func(when string, epoch uint64, desired ...int64) {
			t.Helper()
			var got []int64
			for _, q := range r.fleet.Requests() {
				if q.Epoch == epoch {
					got = append(got, q.Desired)
				}
			}
			if !slices.Equal(got, desired) {
				t.Errorf("%s: requests in epoch %d are for %v, want %v", when, epoch, got, desired)
			}
		}
		r.run(t, func() {
			time.Sleep(10 * time.Second)
			if n := len(r.fleet.Requests()); n != 0 {
				t.Errorf("%d requests before this process was elected", n)
			}
			elections <- first
			time.Sleep(500 * time.Millisecond) // sooner than a tick
			expect("elected", 1, 5)
			time.Sleep(10 * time.Second)
			close(first.lost)
			r.load.value.Store(80)
			time.Sleep(time.Minute)
			expect("after the loss", 1, 5)
			elections <- second
			time.Sleep(5 * time.Second)
			expect("elected again", 1, 5)
			expect("elected again", 2, 8)
		})
		text := r.journal.String()
		for want, n := range map[string]int{
			`"epoch":1,"state"`: 1, `"epoch":2,"state"`: 1,
			"this process leads, epoch 1": 1, "this process leads, epoch 2": 1, "no longer leads": 1,
		} {
			if got := strings.Count(text, want); got != n {
				t.Errorf("journal has %q %d times, want %d", want, got, n)
			}
		}
		got, err := Replay(strings.NewReader(text), map[string]*decide.Core{"p": r.core})
		if err != nil || got.Segments != 2 || got.Differ != 0 || got.Decisions < 15 {
			t.Errorf("replay over two terms: %+v, %v", got, err)
		}
	})
}

// A term that fails its Check, lost or not, makes no decision.
func TestTermThatFailsItsCheckDoesNotDecide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		elections := make(chair, 1)
		var kept store
		term := &doubtful{seat: newSeat(&kept, 7)}
		elections <- term.seat
		r := newRig(t, func(c *Config) {
			c.Leader = leaderFunc(func(context.Context) (actuate.Term, error) { return term, nil })
		})
		r.load.value.Store(45)
		r.run(t, func() {
			time.Sleep(5 * time.Second)
			term.set(true)
			r.load.value.Store(80)
			time.Sleep(10 * time.Second)
			if n := len(r.fleet.Requests()); n != 1 {
				t.Errorf("%d requests, want the one from before the doubt", n)
			}
			term.set(false)
			time.Sleep(3 * time.Second)
			if q := r.fleet.Requests(); len(q) != 2 || q[1].Desired != 8 {
				t.Errorf("after the doubt: %+v, want a second request, for 8", q)
			}
		})
		got, err := Replay(&r.journal, map[string]*decide.Core{"p": r.core})
		if err != nil || got.Segments != 2 || got.Differ != 0 {
			t.Errorf("replay: %+v, %v; want two segments", got, err)
		}
	})
}

type doubtful struct {
	*seat
	mu    sync.Mutex
	doubt bool
}

func (d *doubtful) set(on bool) { d.mu.Lock(); defer d.mu.Unlock(); d.doubt = on }
func (d *doubtful) Check() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.doubt {
		return errors.New("not renewed in time")
	}
	return nil
}

// A Leader that fails, gives no term or one that is lost already must neither
// crash the loop nor spin it.
func TestElectionsThatFailDoNotSpin(t *testing.T) {
	over := newSeat(&store{}, 1)
	close(over.lost)
	for name, result := range map[string]struct {
		term actuate.Term
		err  error
	}{
		"error": {nil, errors.New("no quorum")}, "nothing": {}, "lost": {over, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				r := newRig(t, func(c *Config) {
					c.Leader = leaderFunc(func(context.Context) (actuate.Term, error) { calls++; return result.term, result.err })
				})
				r.load.value.Store(45)
				r.run(t, func() { time.Sleep(10500 * time.Millisecond) })
				if calls < 5 || calls > 12 {
					t.Errorf("%d campaigns in 10 ticks, want about one a tick", calls)
				}
				if n := len(r.fleet.Requests()); n != 0 {
					t.Errorf("%d requests without a term", n)
				}
			})
		})
	}
}

// resigning is a seat that can be given up, and notes what was saved by then.
type resigning struct {
	*seat
	after []int // how often it had saved when it was given up
}

func (r *resigning) Resign(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.after = append(r.after, r.saves)
	return ctx.Err()
}

// At the end the leader saves what it has learned and then gives its term up, once,
// so that nobody has to wait for it to be lost. So it does with a term that comes when
// it has been told to end.
func TestTheLeaderResignsAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kept store
		term := &resigning{seat: newSeat(&kept, 1)}
		r := newRig(t, func(c *Config) {
			c.Leader = leaderFunc(func(context.Context) (actuate.Term, error) { return term, nil })
		})
		r.load.value.Store(45)
		r.run(t, func() { time.Sleep(5 * time.Second) })
		if len(term.after) != 1 || term.after[0] != kept.saves || kept.saves == 0 {
			t.Errorf("given up after %v saves of %d; want once, after all", term.after, kept.saves)
		}
		late := &resigning{seat: newSeat(&kept, 2)}
		r = newRig(t, func(c *Config) {
			c.Leader = leaderFunc(func(ctx context.Context) (actuate.Term, error) { <-ctx.Done(); return late, nil })
		})
		saves := kept.saves
		r.run(t, func() { time.Sleep(5 * time.Second) })
		if len(late.after) != 1 || kept.saves != saves {
			t.Errorf("a term that came at the end was given up %d times, and %d states were saved under it", len(late.after), kept.saves-saves)
		}
	})
}
