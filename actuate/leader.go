package actuate

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A Leader elects the one process that scales.
type Leader interface {
	// Campaign blocks until this process leads or ctx ends. A process whose Term
	// is lost campaigns again.
	Campaign(context.Context) (Term, error)
}

// A Term is one leadership, from its election until it is lost. Its methods are
// safe for concurrent use.
type Term interface {
	// Check returns nil while this process still leads, as far as it can tell
	// without asking anybody. It is called before every write and must be fast: a
	// lease compares the time of its last renewal with now.
	Check() error
	// Epoch is greater than that of every earlier term.
	Epoch() uint64
	// Load returns what the last leader saved, nil if nothing was.
	Load(context.Context) ([]byte, error)
	// Save keeps state for the next leader. It fails once the term is lost.
	Save(context.Context, []byte) error
	// Lost is closed when the term is lost. A nil channel never is.
	Lost() <-chan struct{}
}

// A Resigner is a Term that can be given up before it is lost, so that the next
// leader need not wait for that. [Term.Lost] is closed by it. It is called last, after
// the state was saved.
type Resigner interface {
	Resign(context.Context) error
}

// Solo is the Leader where there is only one process: it always leads. The epoch
// is the time of the campaign in microseconds since 1970, so that a restarted
// process counts as a later leader with a Target that remembers epochs. What is
// saved is kept in memory and ends with the process.
type Solo struct{}

// Campaign returns a new term at once, unless ctx has ended.
func (Solo) Campaign(ctx context.Context) (Term, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return newSoloTerm(), nil
}

func newSoloTerm() *soloTerm { return &soloTerm{epoch: uint64(time.Now().UnixMicro())} }

// soloTerm is a term without end.
type soloTerm struct {
	epoch uint64
	mu    sync.Mutex
	saved []byte
}

func (t *soloTerm) Check() error          { return nil }
func (t *soloTerm) Epoch() uint64         { return t.epoch }
func (t *soloTerm) Lost() <-chan struct{} { return nil }

func (t *soloTerm) Load(ctx context.Context) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.saved), ctx.Err()
}

func (t *soloTerm) Save(ctx context.Context, state []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.saved = slices.Clone(state)
	return nil
}
