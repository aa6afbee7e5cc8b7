package actuatetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// A broken target is a Fleet that breaks one clause of the contract.
type broken struct {
	*Fleet
	status func(context.Context, actuate.Status, error) (actuate.Status, error)
	scale  func(context.Context, actuate.Request) error
	drain  func(context.Context, string, time.Duration) error
}

func (b *broken) Status(ctx context.Context) (actuate.Status, error) {
	st, err := b.Fleet.Status(ctx)
	if b.status != nil {
		return b.status(ctx, st, err)
	}
	return st, err
}

func (b *broken) Scale(ctx context.Context, req actuate.Request) error {
	if b.scale != nil {
		return b.scale(ctx, req)
	}
	return b.Fleet.Scale(ctx, req)
}

func (b *broken) Drain(ctx context.Context, id string, ttl time.Duration) error {
	if b.drain != nil {
		return b.drain(ctx, id, ttl)
	}
	return b.Fleet.Drain(ctx, id, ttl)
}

// onStatus makes a target whose every status is changed by f.
func onStatus(f func(*actuate.Status)) func(*Harness) {
	return breaks(func(b *broken) {
		b.status = func(_ context.Context, st actuate.Status, err error) (actuate.Status, error) {
			f(&st)
			return st, err
		}
	})
}

// onScale makes a target that passes every request on as f returns it.
func onScale(f func(*Fleet, actuate.Request) actuate.Request) func(*Harness) {
	return breaks(func(b *broken) {
		b.scale = func(ctx context.Context, req actuate.Request) error {
			return b.Fleet.Scale(ctx, f(b.Fleet, req))
		}
	})
}

func breaks(f func(*broken)) func(*Harness) {
	return func(h *Harness) {
		b := &broken{Fleet: h.Target.(*Fleet)}
		f(b)
		h.Target = b
	}
}

// defects: what is broken, and the checks that must notice.
var defects = []struct {
	name    string
	breaks  func(*Harness)
	noticed []string
}{
	{"ready too early", onStatus(func(st *actuate.Status) {
		st.Instances = nil
		st.Fleet.Ready, st.Fleet.Starting = st.Fleet.Desired+1, nil
	}), []string{"up and down", "zero"}},
	{"counts that are not the instances'", onStatus(func(st *actuate.Status) { st.Fleet.Ready++ }), []string{"up and down"}},
	{"starting without cohorts", onStatus(func(st *actuate.Status) { st.Fleet.Starting = nil }), []string{"up and down", "concurrent"}},
	{"negative count in the status", onStatus(func(st *actuate.Status) { st.Fleet.Desired = -1 }), []string{"up and down"}},
	{"two with one ID", onStatus(func(st *actuate.Status) {
		for i := range st.Instances {
			st.Instances[i].ID = "i"
		}
	}), []string{"up and down"}},
	{"no IDs", onStatus(func(st *actuate.Status) {
		for i := range st.Instances {
			st.Instances[i].ID = ""
		}
	}), []string{"zero"}},
	{"order at random", shuffled, []string{"stable order"}},
	{"status forgets the scale-down", breaks(func(b *broken) {
		var highest int64
		b.status = func(_ context.Context, st actuate.Status, err error) (actuate.Status, error) {
			highest = max(highest, st.Fleet.Desired)
			st.Fleet.Desired = highest
			return st, err
		}
	}), []string{"up and down", "zero", "victims"}},
	{"relative counts", onScale(func(f *Fleet, req actuate.Request) actuate.Request {
		st, _ := f.Status(context.Background())
		req.Desired += st.Fleet.Desired
		return req
	}), []string{"up and down", "idempotent"}},
	{"replaces all at every call", breaks(func(b *broken) {
		b.scale = func(ctx context.Context, req actuate.Request) error {
			err := b.Fleet.Scale(ctx, req)
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, m := range b.members {
				b.created++
				m.ID = fmt.Sprint("i-", b.created)
			}
			return err
		}
	}), []string{"idempotent", "unknown victims", "called off"}},
	{"new version at every call", breaks(func(b *broken) {
		b.scale = func(ctx context.Context, req actuate.Request) error {
			err := b.Fleet.Scale(ctx, req)
			b.mu.Lock()
			defer b.mu.Unlock()
			b.version++
			return err
		}
	}), []string{"idempotent", "negative"}},
	{"zero becomes one", onScale(func(_ *Fleet, req actuate.Request) actuate.Request {
		if req.Desired == 0 {
			req.Desired = 1
		}
		return req
	}), []string{"zero"}},
	{"zero is called transient", breaks(func(b *broken) {
		b.scale = func(ctx context.Context, req actuate.Request) error {
			if req.Desired == 0 {
				return refusal(actuate.Transient, "no zero")
			}
			return b.Fleet.Scale(ctx, req)
		}
	}), []string{"zero"}},
	{"negative becomes zero", onScale(func(_ *Fleet, req actuate.Request) actuate.Request {
		req.Desired = max(0, req.Desired)
		return req
	}), []string{"negative"}},
	{"negative fences the leader out", breaks(func(b *broken) {
		b.scale = func(ctx context.Context, req actuate.Request) error {
			err := b.Fleet.Scale(ctx, req)
			b.mu.Lock()
			defer b.mu.Unlock()
			b.epoch = max(b.epoch, req.Epoch)
			return err
		}
	}), []string{"negative"}},
	{"deaf to its context", breaks(func(b *broken) {
		b.scale = func(ctx context.Context, req actuate.Request) error {
			if ctx.Err() != nil {
				time.Sleep(10 * time.Second)
			}
			return b.Fleet.Scale(ctx, req)
		}
	}), []string{"cancelled"}},
	{"deaf in the midst", breaks(func(b *broken) {
		b.scale = func(ctx context.Context, req actuate.Request) error {
			time.Sleep(10 * time.Second)
			return b.Fleet.Scale(ctx, req)
		}
	}), []string{"cancelled", "deadline"}},
	{"accepts what it does not do", breaks(func(b *broken) {
		b.scale = func(ctx context.Context, req actuate.Request) error {
			_ = b.Fleet.Scale(ctx, req)
			return nil
		}
	}), []string{"negative", "cancelled", "version", "fencing"}},
	{"half done when cancelled", breaks(func(b *broken) {
		b.scale = func(ctx context.Context, req actuate.Request) error {
			if ctx.Err() != nil {
				req.Desired++
				_ = b.Fleet.Scale(context.WithoutCancel(ctx), req)
				return ctx.Err()
			}
			return b.Fleet.Scale(ctx, req)
		}
	}), []string{"cancelled"}},
	{"fails beside others", breaks(func(b *broken) {
		var one sync.Mutex
		b.scale = func(ctx context.Context, req actuate.Request) error {
			if !one.TryLock() {
				return refusal(actuate.Transient, "one at a time")
			}
			defer one.Unlock()
			time.Sleep(time.Microsecond)
			return b.Fleet.Scale(ctx, req)
		}
	}), []string{"concurrent", "one writer wins"}},
	{"no compare-and-swap", onScale(func(_ *Fleet, req actuate.Request) actuate.Request {
		req.Version = ""
		return req
	}), []string{"version", "one writer wins"}},
	{"version that stays", onStatus(func(st *actuate.Status) { st.Version = "always" }), []string{"version"}},
	{"no fence", onScale(func(_ *Fleet, req actuate.Request) actuate.Request {
		req.Epoch = 0
		return req
	}), []string{"fencing"}},
	{"fence that only a change moves", breaks(func(b *broken) {
		b.scale = func(ctx context.Context, req actuate.Request) error {
			if st, err := b.Fleet.Status(ctx); err == nil && st.Fleet.Desired == req.Desired && req.Epoch >= b.epoch {
				return nil
			}
			return b.Fleet.Scale(ctx, req)
		}
	}), []string{"fencing"}},
	{"victims ignored", onScale(func(_ *Fleet, req actuate.Request) actuate.Request {
		req.Victims = nil
		return req
	}), []string{"victims"}},
	{"unknown victims refused", breaks(func(b *broken) {
		b.scale = func(ctx context.Context, req actuate.Request) error {
			if slices.Contains(req.Victims, "nobody") {
				return refusal(actuate.NotFound, "no such victim")
			}
			return b.Fleet.Scale(ctx, req)
		}
	}), []string{"unknown victims"}},
	{"drain does nothing", breaks(func(b *broken) {
		b.drain = func(context.Context, string, time.Duration) error { return nil }
	}), []string{"drain", "drain of nobody"}},
	{"drain without end", breaks(func(b *broken) {
		b.drain = func(ctx context.Context, id string, _ time.Duration) error {
			return b.Fleet.Drain(ctx, id, 1000*time.Hour)
		}
	}), []string{"drain", "drain ends by itself"}},
	{"drain too short", breaks(func(b *broken) {
		b.drain = func(ctx context.Context, id string, ttl time.Duration) error {
			return b.Fleet.Drain(ctx, id, ttl/2)
		}
	}), []string{"drain ends by itself"}},
	{"first drain counts", breaks(func(b *broken) {
		b.drain = func(ctx context.Context, id string, ttl time.Duration) error {
			st, _ := b.Fleet.Status(ctx)
			if p, _ := phase(st, id); p == actuate.Draining && ttl > 0 {
				return nil
			}
			return b.Fleet.Drain(ctx, id, ttl)
		}
	}), []string{"drain again"}},
	{"drain called transient", breaks(func(b *broken) {
		b.drain = func(ctx context.Context, id string, ttl time.Duration) error {
			if err := b.Fleet.Drain(ctx, id, ttl); err != nil {
				return refusal(actuate.Transient, "%v", err)
			}
			return nil
		}
	}), []string{"drain of nobody"}},
	{"cuts the busy", breaks(func(b *broken) {
		b.scale = func(ctx context.Context, req actuate.Request) error {
			err := b.Fleet.Scale(ctx, req)
			b.mu.Lock()
			defer b.mu.Unlock()
			b.members = slices.DeleteFunc(b.members, func(m *member) bool { return m.going })
			return err
		}
	}), []string{"busy first", "called off"}},
	{"never finishes a drain", func(h *Harness) {
		busy := h.Busy
		h.Busy = func(id string, n int64) error { return busy(id, 1) }
	}, []string{"busy first"}},
	{"does not replace the dead", func(h *Harness) {
		f := h.Target.(*Fleet)
		h.Kill = func(id string) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.members = slices.DeleteFunc(f.members, func(m *member) bool { return m.ID == id })
			return nil
		}
	}, []string{"killed"}},
	{"leaves a goroutine", breaks(func(b *broken) {
		b.scale = func(ctx context.Context, req actuate.Request) error {
			go time.Sleep(time.Hour)
			return b.Fleet.Scale(ctx, req)
		}
	}), []string{"up and down", "negative"}},
	{"cannot stop", func(h *Harness) { h.Stop = func() error { return context.DeadlineExceeded } }, []string{"negative"}},
	{"cannot settle", func(h *Harness) {
		h.Settle = func(context.Context) error { return context.DeadlineExceeded }
	}, []string{"up and down"}},
	{"too few", func(h *Harness) { h.Max = 1 }, []string{"up and down"}},
	{"no target", func(h *Harness) { h.Target = nil }, []string{"up and down"}},
}

func shuffled(h *Harness) {
	turn := 0
	onStatus(func(st *actuate.Status) {
		if turn++; turn%2 == 0 {
			slices.Reverse(st.Instances)
		}
	})(h)
}
