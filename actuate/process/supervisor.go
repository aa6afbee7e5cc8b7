package process

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

var (
	_ actuate.Target  = (*Supervisor)(nil)
	_ actuate.Drainer = (*Supervisor)(nil)
)

// ErrRunTwice says that Run was called a second time.
var ErrRunTwice = errors.New("evenkeel: process: Run was called before; make a new Supervisor")

// A Supervisor keeps a number of child processes running. Make one with [New];
// its zero value is not usable.
type Supervisor struct {
	cfg    Config
	client *http.Client
	// forks are carried out by the one thread that all children hang on.
	forks chan func()
	// kick wakes Run when an instance was added. Capacity 1.
	kick chan struct{}

	// routing keeps the calls of Traffic.Route in the order of the states they
	// tell of. It is taken before mu.
	routing sync.Mutex

	mu      sync.Mutex
	state   state
	desired int64
	epoch   uint64
	version uint64 // of desired
	named   uint64 // instances named so far
	set     []*instance
}

// state is how far the Supervisor itself is.
type state uint8

const (
	idle state = iota
	running
	ending
	ended
)

// New returns a Supervisor of no instances, or an error that names every bad
// field of c. It starts nothing: a count asked for before Run takes effect there.
func New(c Config) (*Supervisor, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Supervisor{
		cfg: c,
		// No connection outlives its probe, no proxy comes between.
		client: &http.Client{
			Transport:     &http.Transport{DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		forks: make(chan func()),
		kick:  make(chan struct{}, 1),
	}, nil
}

// Run starts, watches and restarts the instances until ctx ends. Then it ends all
// of them without a drain, SIGTERM first and SIGKILL after Kill, and returns nil
// when the last is reaped. Run can be called once; again it returns
// [ErrRunTwice].
func (s *Supervisor) Run(ctx context.Context) error {
	guard, err := newGuard()
	if err != nil {
		return fmt.Errorf("evenkeel: process: %w", err)
	}
	defer guard.close()
	s.mu.Lock()
	if s.state != idle {
		s.mu.Unlock()
		return ErrRunTwice
	}
	s.state = running
	s.mu.Unlock()

	var lives, thread sync.WaitGroup
	thread.Go(s.forkAll)
	for ctx.Err() == nil {
		for _, in := range s.unborn() {
			lives.Go(func() { s.live(ctx, in, guard) })
		}
		select {
		case <-s.kick:
		case <-ctx.Done():
		}
	}
	s.end()
	lives.Wait()
	close(s.forks)
	thread.Wait()
	s.mu.Lock()
	s.state = ended
	s.mu.Unlock()
	s.publish()
	return nil
}

// forkAll forks on one thread for as long as Run runs: the signal that takes a
// child down with its parent comes when the thread that forked it ends, and the
// Go runtime ends threads as it likes unless a goroutine holds on to one.
func (s *Supervisor) forkAll() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for fork := range s.forks {
		fork()
	}
}

// unborn returns the instances that have no goroutine yet and counts them as
// having one.
func (s *Supervisor) unborn() []*instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*instance
	for _, in := range s.set {
		if !in.alive {
			in.alive = true
			out = append(out, in)
		}
	}
	return out
}

// end refuses everything from now on and forgets the instances that were never
// born; those alive see for themselves that the context has ended.
func (s *Supervisor) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = ending
	s.desired = 0
	s.version++
	s.set = slices.DeleteFunc(s.set, func(in *instance) bool { return !in.alive })
}

// publish tells the Traffic what there is now.
func (s *Supervisor) publish() {
	if s.cfg.Traffic == nil {
		return
	}
	s.routing.Lock()
	defer s.routing.Unlock()
	s.mu.Lock()
	set := s.instances()
	s.mu.Unlock()
	s.cfg.Traffic.Route(set)
}

// Status says what runs now.
func (s *Supervisor) Status(ctx context.Context) (actuate.Status, error) {
	if err := ctx.Err(); err != nil {
		return actuate.Status{}, err
	}
	s.mu.Lock()
	st := actuate.Status{Instances: s.instances(), Version: fmt.Sprint(s.version)}
	st.Limits.Max = s.cfg.Max
	st.Fleet = s.fleet()
	s.mu.Unlock()
	if s.cfg.Traffic != nil {
		for i := range st.Instances {
			st.Instances[i].InFlight = s.cfg.Traffic.InFlight(st.Instances[i].ID)
		}
	}
	return st, nil
}

// Drain tells one instance to finish what it has and take nothing new until ttl
// has passed; a ttl of 0 ends the drain at once. It changes no count. The
// instance drains once it is ready, if it is not yet.
func (s *Supervisor) Drain(ctx context.Context, id string, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if ttl < 0 {
		return &actuate.Error{Class: actuate.Invalid, Err: fmt.Errorf("evenkeel: process: a drain of %v: use a positive ttl, or 0 to end it", ttl)}
	}
	s.mu.Lock()
	in := s.find(id)
	if in == nil {
		s.mu.Unlock()
		return &actuate.Error{Class: actuate.NotFound, Err: fmt.Errorf("evenkeel: process: no instance %q", id)}
	}
	now := time.Now()
	in.drainUntil = now.Add(ttl)
	in.refresh(now)
	s.mu.Unlock()
	wake(in.wake)
	s.publish()
	return nil
}

// wake puts a token into c, a channel of capacity 1, unless there is one.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
