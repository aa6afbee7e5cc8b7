package actuate_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// A decision that rests on a count which somebody else has changed is not carried
// out; a version that changed for another reason is no obstacle.
func TestVersions(t *testing.T) {
	bubble(t, "somebody else wrote", func(t *testing.T) {
		a, f := scripted(t, nil)
		st, err := a.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Scale(t.Context(), actuate.Request{Desired: 4}); err != nil {
			t.Fatal(err)
		}
		res, err := a.Apply(t.Context(), actuate.Request{Desired: 1, Version: st.Version})
		if actuate.ClassOf(err) != actuate.Conflict || res.Writes != 0 || res.From != 4 {
			t.Errorf("%+v, %v, want a conflict from 4 and no write", res, err)
		}
	})
	bubble(t, "somebody else writes just now", func(t *testing.T) {
		a, f := scripted(t, nil)
		inner := f.OnScale
		f.OnScale = func(ctx context.Context, req actuate.Request) error {
			f.OnScale = inner
			return f.Scale(ctx, actuate.Request{Desired: 4})
		}
		res, err := a.Apply(t.Context(), actuate.Request{Desired: 1, Epoch: 1})
		if actuate.ClassOf(err) != actuate.Conflict || res.Writes != 1 {
			t.Errorf("%+v, %v, want a conflict after one write", res, err)
		}
	})
	bubble(t, "another version, the same count", func(t *testing.T) {
		a, f := scripted(t, nil)
		st, err := a.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int64{7, 2} {
			if err := f.Scale(t.Context(), actuate.Request{Desired: n}); err != nil {
				t.Fatal(err)
			}
		}
		res, err := a.Apply(t.Context(), actuate.Request{Desired: 1, Version: st.Version})
		if err != nil || res.Writes != 2 || res.Action != actuate.ActionScaled {
			t.Errorf("%+v, %v, want scaled at the second write", res, err)
		}
	})
}

func TestTermAndEpoch(t *testing.T) {
	bubble(t, "epochs", func(t *testing.T) {
		a, f := scripted(t, nil)
		last := func() actuate.Request { r := f.Requests(); return r[len(r)-1] }
		res, err := a.Apply(t.Context(), actuate.Request{Desired: 3})
		if err != nil || last().Epoch == 0 || res.Epoch != last().Epoch {
			t.Errorf("alone: %v, sent epoch %d, want that of Solo", err, last().Epoch)
		}
		later := &term{epoch: last().Epoch + 1}
		a.Lead(later)
		if _, err := a.Apply(t.Context(), actuate.Request{Desired: 4}); err != nil || last().Epoch != later.epoch {
			t.Errorf("leading: %v, sent epoch %d, want %d", err, last().Epoch, later.epoch)
		}
		if later.checks != 1 {
			t.Errorf("the term was checked %d times for one write", later.checks)
		}
		a.Lead(nil)
		if _, err := a.Apply(t.Context(), actuate.Request{Desired: 5}); actuate.ClassOf(err) != actuate.Fenced {
			t.Errorf("alone again after a later leader: %v, want fenced by the target", err)
		}
	})
	// A term that is lost between two attempts stops the second.
	bubble(t, "lost on the way", func(t *testing.T) {
		tm := &term{epoch: 5}
		a, f := scripted(t, func(c *actuate.Config) { c.Term = tm }, func(context.Context) error {
			tm.err = errors.New("lease ran out")
			return errors.New("connection reset")
		})
		res, err := a.Apply(t.Context(), actuate.Request{Desired: 5})
		if actuate.ClassOf(err) != actuate.Fenced || writes(f) != 1 || res.Action != actuate.ActionRefused {
			t.Errorf("%+v, %v, %d writes, want fenced after one", res, err, writes(f))
		}
	})
}

type term struct {
	actuate.Term
	epoch  uint64
	err    error
	checks int
}

func (t *term) Check() error  { t.checks++; return t.err }
func (t *term) Epoch() uint64 { return t.epoch }

// The newest count wins; the Apply that waits for its turn with an older one
// gives way.
func TestNewestWins(t *testing.T) {
	bubble(t, "three at once", func(t *testing.T) {
		a, f := scripted(t, nil, hangs)
		type outcome struct {
			res actuate.Result
			err error
		}
		out := make([]chan outcome, 3)
		for i := range out {
			out[i] = make(chan outcome, 1)
			go func() {
				res, err := a.Apply(t.Context(), actuate.Request{Desired: int64(10 + i)})
				out[i] <- outcome{res, err}
			}()
			time.Sleep(100 * time.Millisecond)
		}
		first, second, third := <-out[0], <-out[1], <-out[2]
		if actuate.ClassOf(first.err) != actuate.Conflict || first.res.Writes != 1 {
			t.Errorf("the first: %+v, want it to give way after one write", first)
		}
		if actuate.ClassOf(second.err) != actuate.Conflict || second.res.Writes != 0 {
			t.Errorf("the second: %+v, want it to give way without a write", second)
		}
		if third.err != nil || third.res.Action != actuate.ActionScaled {
			t.Errorf("the third: %+v, want it done", third)
		}
		if st, err := f.Status(t.Context()); err != nil || st.Fleet.Desired != 12 {
			t.Errorf("the fleet is at %d (%v), want 12", st.Fleet.Desired, err)
		}
	})
}
