package actuatetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// A LeaderHarness is a Leader with what its checks need.
type LeaderHarness struct {
	// New returns one more candidate for the same leadership. Required.
	New func() actuate.Leader
	// Depose ends a term as a crash of its process would, or a lost lease. Default: its
	// Resign.
	Depose func(actuate.Term) error
	// Timeout bounds how long a candidate may take to lead once nobody else does.
	// Default 10 s.
	Timeout time.Duration
}

// leaderChecks in the order of the contract of actuate.Leader and actuate.Term.
var leaderChecks = []struct {
	name string
	run  func(testing.TB, LeaderHarness)
}{
	{"one leads", checkOneLeads},
	{"epochs rise", checkEpochs},
	{"state is handed over", checkHandOver},
	{"a lost term", checkLostTerm},
	{"cancelled", checkCampaignCancelled},
	{"many candidates", checkManyCandidates},
}

// RunLeader checks the leaders that newHarness makes, a fresh leadership for each
// check, in real time.
func RunLeader(t *testing.T, newHarness func(t *testing.T) LeaderHarness) {
	for _, c := range leaderChecks {
		t.Run(c.name, func(t *testing.T) {
			started := mark()
			defer started.clear()
			h := newHarness(t)
			if h.Timeout == 0 {
				h.Timeout = 10 * time.Second
			}
			if h.Depose == nil {
				h.Depose = resign
			}
			defer started.gone(t, h.Timeout)
			c.run(t, h)
		})
	}
}

func resign(t actuate.Term) error {
	r, ok := t.(actuate.Resigner)
	if !ok {
		return errors.New("the term is no actuate.Resigner: give LeaderHarness a Depose")
	}
	return r.Resign(context.Background())
}

// elect lets l campaign until it leads.
func (h LeaderHarness) elect(t testing.TB, l actuate.Leader) actuate.Term {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), h.Timeout)
	defer cancel()
	term, err := l.Campaign(ctx)
	if err != nil || term == nil {
		t.Fatalf("Campaign with nobody else leading: %v, %v", term, err)
	}
	if err := term.Check(); err != nil {
		t.Errorf("Check at the beginning of a term: %v", err)
	}
	return term
}

func (h LeaderHarness) depose(t testing.TB, term actuate.Term) {
	t.Helper()
	if err := h.Depose(term); err != nil {
		t.Fatalf("Depose: %v", err)
	}
}

func checkOneLeads(t testing.TB, h LeaderHarness) {
	term := h.elect(t, h.New())
	ctx, cancel := context.WithTimeout(context.Background(), h.Timeout/20)
	defer cancel()
	if second, err := h.New().Campaign(ctx); err == nil {
		t.Errorf("a second candidate leads, under epoch %d beside %d", second.Epoch(), term.Epoch())
	}
	if err := term.Check(); err != nil {
		t.Errorf("the leader lost its term to a candidate: %v", err)
	}
	h.depose(t, term)
}

func checkEpochs(t testing.TB, h LeaderHarness) {
	last := uint64(0)
	for range 5 {
		term := h.elect(t, h.New())
		if term.Epoch() <= last {
			t.Errorf("epoch %d after %d", term.Epoch(), last)
		}
		last = term.Epoch()
		h.depose(t, term)
	}
}

func checkHandOver(t testing.TB, h LeaderHarness) {
	ctx := context.Background()
	first := h.elect(t, h.New())
	if state, err := first.Load(ctx); err != nil || len(state) > 0 {
		t.Errorf("Load before anything was saved: %q, %v", state, err)
	}
	for _, state := range []string{"longer than the next", "learned"} {
		if err := first.Save(ctx, []byte(state)); err != nil {
			t.Fatalf("Save: %v", err)
		}
		if got, err := first.Load(ctx); err != nil || string(got) != state {
			t.Errorf("Load after Save of %q: %q, %v", state, got, err)
		}
	}
	h.depose(t, first)
	second := h.elect(t, h.New())
	if got, err := second.Load(ctx); err != nil || string(got) != "learned" {
		t.Errorf("the next leader loads %q, %v", got, err)
	}
	h.depose(t, second)
}

func checkLostTerm(t testing.TB, h LeaderHarness) {
	ctx := context.Background()
	first := h.elect(t, h.New())
	if err := first.Save(ctx, []byte("old")); err != nil {
		t.Fatalf("Save: %v", err)
	}
	h.depose(t, first)
	second := h.elect(t, h.New())
	if first.Check() == nil {
		t.Error("Check of a lost term says that it leads")
	}
	select {
	case <-first.Lost():
	case <-time.After(h.Timeout):
		t.Error("Lost is not closed")
	}
	if err := first.Save(ctx, []byte("too late")); err == nil {
		t.Error("a lost term saved its state")
	}
	if got, err := second.Load(ctx); err != nil || string(got) != "old" {
		t.Errorf("the next leader loads %q, %v", got, err)
	}
	h.depose(t, second)
}

func checkCampaignCancelled(t testing.TB, h LeaderHarness) {
	term := h.elect(t, h.New())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { _, err := h.New().Campaign(ctx); ended <- err }()
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Campaign, called off: %v", err)
		}
	case <-time.After(h.Timeout):
		t.Error("Campaign goes on after its context")
	}
	h.depose(t, term)
	if _, err := h.New().Campaign(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Campaign with a context that has ended: %v", err)
	}
	h.depose(t, h.elect(t, h.New()))
}

func checkManyCandidates(t testing.TB, h LeaderHarness) {
	const candidates = 20
	ctx, cancel := context.WithTimeout(context.Background(), candidates*h.Timeout)
	defer cancel()
	var leading, led atomic.Int64
	var wg sync.WaitGroup
	for range candidates {
		l := h.New()
		wg.Go(func() {
			term, err := l.Campaign(ctx)
			if err != nil {
				t.Errorf("Campaign: %v", err)
				return
			}
			if n := leading.Add(1); n != 1 {
				t.Errorf("%d lead", n)
			}
			led.Add(1)
			time.Sleep(time.Millisecond)
			leading.Add(-1)
			if err := h.Depose(term); err != nil {
				t.Errorf("Depose: %v", err)
			}
		})
	}
	wg.Wait()
	if led.Load() != candidates {
		t.Errorf("%d of %d candidates led in the end", led.Load(), candidates)
	}
}
