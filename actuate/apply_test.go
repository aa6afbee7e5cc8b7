package actuate_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/actuatetest"
)

func TestApplyAnswers(t *testing.T) {
	type answer = func(context.Context) error
	for _, tt := range []struct {
		name     string
		script   []answer
		action   actuate.Action
		class    actuate.Class
		writes   int
		min, max time.Duration // how long it takes
	}{
		{"works", nil, actuate.ActionScaled, 0, 1, 0, 0},
		{"works at the third try", []answer{says(actuate.Transient), says(actuate.Transient)}, actuate.ActionScaled, 0, 3, time.Millisecond, within},
		{"never works", forever(says(actuate.Transient)), actuate.ActionFailed, actuate.Transient, 5, time.Millisecond, within},
		{"hangs once", []answer{hangs}, actuate.ActionScaled, 0, 2, attempt, attempt + 2*time.Second},
		{"hangs for ever", forever(hangs), actuate.ActionFailed, actuate.Transient, 0, attempt, within},
		{"asks to wait 3 s", []answer{asksToWait(actuate.Throttled, 3*time.Second)}, actuate.ActionScaled, 0, 2, 3 * time.Second, 3 * time.Second},
		{"asks to wait 1 h", []answer{asksToWait(actuate.Throttled, time.Hour)}, actuate.ActionRefused, actuate.Throttled, 1, 0, 0},
		{"asks to wait, then fails", []answer{asksToWait(actuate.Throttled, 3*time.Second), func(context.Context) error { return errors.New("reset") }}, actuate.ActionScaled, 0, 3, 3 * time.Second, 5 * time.Second},
		{"throttles without a time", []answer{says(actuate.Throttled)}, actuate.ActionScaled, 0, 2, time.Millisecond, time.Second},
		{"is down for 2 s", []answer{asksToWait(actuate.Transient, 2*time.Second)}, actuate.ActionScaled, 0, 2, 2 * time.Second, 2 * time.Second},
		{"conflicts once", []answer{says(actuate.Conflict)}, actuate.ActionScaled, 0, 2, 0, 0},
		{"conflicts for ever", forever(says(actuate.Conflict)), actuate.ActionRefused, actuate.Conflict, 2, 0, 0},
		{"busy", []answer{says(actuate.Busy)}, actuate.ActionRefused, actuate.Busy, 1, 0, 0},
		{"fenced", []answer{says(actuate.Fenced)}, actuate.ActionRefused, actuate.Fenced, 1, 0, 0},
		{"no capacity", []answer{says(actuate.Capacity)}, actuate.ActionRefused, actuate.Capacity, 1, 0, 0},
		{"quota", []answer{says(actuate.Quota)}, actuate.ActionRefused, actuate.Quota, 1, 0, 0},
		{"forbidden", []answer{says(actuate.Forbidden)}, actuate.ActionRefused, actuate.Forbidden, 1, 0, 0},
		{"invalid", []answer{says(actuate.Invalid)}, actuate.ActionRefused, actuate.Invalid, 1, 0, 0},
		{"not found", []answer{says(actuate.NotFound)}, actuate.ActionRefused, actuate.NotFound, 1, 0, 0},
		{"panics", []answer{panics}, actuate.ActionFailed, actuate.Transient, 1, 0, 0},
		{"fails, then refuses", []answer{says(actuate.Transient), says(actuate.Quota)}, actuate.ActionRefused, actuate.Quota, 2, time.Millisecond, time.Second},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			a, f := scripted(t, nil, tt.script...)
			start := time.Now()
			res, err := a.Apply(t.Context(), actuate.Request{Desired: 5})
			took := time.Since(start)
			if res.Action != tt.action || res.From != 2 || res.To != 5 || res.Took != took {
				t.Errorf("result %+v (took %v), want %v from 2 to 5", res, took, tt.action)
			}
			if (err == nil) != (tt.action == actuate.ActionScaled) || actuate.ClassOf(err) != tt.class {
				t.Errorf("error %v of class %v, want class %v", err, actuate.ClassOf(err), tt.class)
			}
			if err != nil && res.Error != err.Error() {
				t.Errorf("the result says %q, the error %q", res.Error, err)
			}
			if tt.writes > 0 && writes(f) != tt.writes || writes(f) != res.Writes {
				t.Errorf("%d writes arrived, the result says %d, want %d", writes(f), res.Writes, tt.writes)
			}
			if took < tt.min || took > tt.max {
				t.Errorf("took %v, want %v to %v", took, tt.min, tt.max)
			}
			if res.Agreed != (err == nil) {
				t.Errorf("agreed %v with error %v", res.Agreed, err)
			}
		})
	}
}

// However much time there is, five attempts are enough; the next tick has more.
func TestAttemptsAreBounded(t *testing.T) {
	bubble(t, "an hour", func(t *testing.T) {
		a, f := scripted(t, func(c *actuate.Config) { c.Within = time.Hour }, forever(says(actuate.Transient))...)
		res, err := a.Apply(t.Context(), actuate.Request{Desired: 5})
		if err == nil || res.Attempts != 5 || writes(f) != 5 || res.Took > time.Minute {
			t.Errorf("%+v, %v, %d writes, want 5", res, err, writes(f))
		}
	})
}

// A definite no to one write says nothing about an earlier one that may still be
// on its way.
func TestDoubtOutlivesRefusal(t *testing.T) {
	bubble(t, "late write", func(t *testing.T) {
		a, f := scripted(t, nil, hangs, says(actuate.Quota))
		if res, err := a.Apply(t.Context(), actuate.Request{Desired: 9}); actuate.ClassOf(err) != actuate.Quota {
			t.Fatalf("%+v, %v, want refused at the second write", res, err)
		}
		if res, err := a.Apply(t.Context(), actuate.Request{Desired: 2}); err != nil || res.Writes != 1 {
			t.Errorf("%+v, %v, %d writes in all, want one to make sure", res, err, writes(f))
		}
	})
}

func TestApplySendsNothing(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config func(*actuate.Config)
		req    actuate.Request
		action actuate.Action
		class  actuate.Class
		from   int64
	}{
		{"already there", nil, actuate.Request{Desired: 2}, actuate.ActionNone, 0, 2},
		{"below zero", nil, actuate.Request{Desired: -1}, actuate.ActionRefused, actuate.Invalid, -1},
		{"beyond all measure", nil, actuate.Request{Desired: 1 << 40}, actuate.ActionRefused, actuate.Invalid, -1},
		{"dry run", func(c *actuate.Config) { c.DryRun = true }, actuate.Request{Desired: 5}, actuate.ActionDryRun, 0, 2},
		{"paused up", func(c *actuate.Config) { c.Pause.Up = true }, actuate.Request{Desired: 5}, actuate.ActionPaused, 0, 2},
		{"paused down", func(c *actuate.Config) { c.Pause.Down = true }, actuate.Request{Desired: 1}, actuate.ActionPaused, 0, 2},
		{"term lost", func(c *actuate.Config) { c.Term = &term{err: errors.New("lease ran out")} }, actuate.Request{Desired: 5}, actuate.ActionRefused, actuate.Fenced, 2},
		{"decided in another term", func(c *actuate.Config) { c.Term = &term{epoch: 8} }, actuate.Request{Desired: 5, Epoch: 7}, actuate.ActionRefused, actuate.Fenced, 2},
		{"an old version", nil, actuate.Request{Desired: 5, Version: "v0"}, actuate.ActionRefused, actuate.Conflict, 2},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			a, f := scripted(t, tt.config)
			res, err := a.Apply(t.Context(), tt.req)
			if res.Action != tt.action || actuate.ClassOf(err) != tt.class || res.From != tt.from {
				t.Errorf("%+v, error %v, want %v from %d, class %v", res, err, tt.action, tt.from, tt.class)
			}
			if (err != nil) != (tt.action == actuate.ActionRefused) {
				t.Errorf("error %v with action %v", err, res.Action)
			}
			st, err := f.Status(t.Context())
			if err != nil || st.Fleet.Desired != 2 {
				t.Errorf("the fleet is at %d (%v), want it untouched at 2", st.Fleet.Desired, err)
			}
		})
	}
}

// A paused direction does not hold the other one, and can be freed.
func TestPauseIsPerDirection(t *testing.T) {
	bubble(t, "up", func(t *testing.T) {
		a, _ := scripted(t, func(c *actuate.Config) { c.Pause.Down = true })
		if res, err := a.Apply(t.Context(), actuate.Request{Desired: 3}); err != nil || res.Action != actuate.ActionScaled {
			t.Errorf("up with down paused: %+v, %v", res, err)
		}
		a.SetPause(actuate.Pause{Up: true})
		if got := a.Pause(); got != (actuate.Pause{Up: true}) {
			t.Errorf("paused %+v, want up", got)
		}
		if res, err := a.Apply(t.Context(), actuate.Request{Desired: 1}); err != nil || res.Action != actuate.ActionScaled {
			t.Errorf("down with up paused: %+v, %v", res, err)
		}
	})
}

// A write that arrived though its answer was lost is not sent again.
func TestLostAnswer(t *testing.T) {
	bubble(t, "once", func(t *testing.T) {
		_, f := scripted(t, nil)
		lost := 0
		target := loses{f, &lost}
		a, err := actuate.New(actuate.Config{Target: target, Within: within, Attempt: attempt})
		if err != nil {
			t.Fatal(err)
		}
		res, err := a.Apply(t.Context(), actuate.Request{Desired: 5})
		if err != nil || res.Action != actuate.ActionScaled || res.Attempts != 2 || res.Writes != 1 || !res.Agreed {
			t.Errorf("%+v, %v, want scaled with one write in two attempts", res, err)
		}
		if lost != 1 || writes(f) != 1 {
			t.Errorf("%d answers lost, %d writes, want 1, 1", lost, writes(f))
		}
	})
}

// loses is a fleet whose answers to writes get lost.
type loses struct {
	*actuatetest.Fleet
	lost *int
}

func (l loses) Scale(ctx context.Context, req actuate.Request) error {
	if err := l.Fleet.Scale(ctx, req); err != nil {
		return err
	}
	*l.lost++
	return errors.New("connection reset")
}

// After a write of which nobody knows whether it will still arrive, the count that
// the platform shows is no reason to send nothing.
func TestDoubt(t *testing.T) {
	bubble(t, "late write", func(t *testing.T) {
		a, f := scripted(t, nil, hangs, hangs, hangs, hangs, hangs)
		if res, err := a.Apply(t.Context(), actuate.Request{Desired: 9}); err == nil {
			t.Fatalf("a hanging write succeeded: %+v", res)
		}
		f.OnScale = nil
		before := writes(f)
		// The platform shows 2, as wanted, but 9 may be on its way.
		res, err := a.Apply(t.Context(), actuate.Request{Desired: 2})
		if err != nil || res.Action != actuate.ActionScaled || writes(f) != before+1 {
			t.Errorf("%+v, %v, %d writes, want one write to make sure", res, err, writes(f)-before)
		}
		// Once it is made sure, there is nothing left to doubt.
		if res, err := a.Apply(t.Context(), actuate.Request{Desired: 2}); err != nil || res.Action != actuate.ActionNone {
			t.Errorf("%+v, %v, want none", res, err)
		}
	})
}

func TestVictimsAreChosen(t *testing.T) {
	bubble(t, "least busy", func(t *testing.T) {
		a, f := scripted(t, nil)
		st, err := a.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Busy(st.Instances[1].ID, 4); err != nil {
			t.Fatal(err)
		}
		res, err := a.Apply(t.Context(), actuate.Request{Desired: 1})
		if want := []string{st.Instances[0].ID}; err != nil || !slices.Equal(res.Victims, want) || !res.Settled {
			t.Errorf("%+v, %v, want victims %q", res, err, want)
		}
		if req := f.Requests(); !slices.Equal(req[len(req)-1].Victims, res.Victims) {
			t.Errorf("sent %+v, but the result says %q", req[len(req)-1], res.Victims)
		}
	})
}

func TestSettled(t *testing.T) {
	bubble(t, "over time", func(t *testing.T) {
		a, f := scripted(t, nil)
		if a.Settled() {
			t.Error("settled before anything was read")
		}
		f.StartUp = time.Minute
		res, err := a.Apply(t.Context(), actuate.Request{Desired: 3})
		if err != nil || !res.Agreed || res.Settled || a.Settled() {
			t.Errorf("%+v, %v, want agreed and not settled", res, err)
		}
		time.Sleep(time.Minute)
		if a.Settled() {
			t.Error("settled though nobody has looked")
		}
		if _, err := a.Status(t.Context()); err != nil || !a.Settled() {
			t.Errorf("not settled a minute later (%v)", err)
		}
	})
	// A platform may take a while to show what it has accepted.
	bubble(t, "slow to agree", func(t *testing.T) {
		a, _ := scripted(t, func(c *actuate.Config) { c.Target = &lags{Fleet: c.Target.(*actuatetest.Fleet)} })
		res, err := a.Apply(t.Context(), actuate.Request{Desired: 3})
		if err != nil || res.Action != actuate.ActionScaled || res.Agreed || a.Settled() {
			t.Errorf("%+v, %v, want scaled, not yet agreed", res, err)
		}
		time.Sleep(time.Second)
		if _, err := a.Status(t.Context()); err != nil || !a.Settled() {
			t.Errorf("not settled once it shows (%v)", err)
		}
	})
}

// lags shows for a second after a write what was before.
type lags struct {
	*actuatetest.Fleet
	old   actuate.Status
	until time.Time
}

func (l *lags) Scale(ctx context.Context, req actuate.Request) error {
	l.old, _ = l.Fleet.Status(ctx)
	l.until = time.Now().Add(time.Second)
	return l.Fleet.Scale(ctx, req)
}

func (l *lags) Status(ctx context.Context) (actuate.Status, error) {
	if time.Now().Before(l.until) {
		return l.old, nil
	}
	return l.Fleet.Status(ctx)
}

// A write that was accepted is done, even if reading back fails.
func TestReadBackFails(t *testing.T) {
	bubble(t, "scaled", func(t *testing.T) {
		a, f := scripted(t, nil)
		f.OnScale = func(context.Context, actuate.Request) error {
			f.OnStatus = func(context.Context) error { return errors.New("connection reset") }
			return nil
		}
		res, err := a.Apply(t.Context(), actuate.Request{Desired: 3})
		if err != nil || res.Action != actuate.ActionScaled || res.Agreed || res.Writes != 1 {
			t.Errorf("%+v, %v, want scaled once, not agreed", res, err)
		}
	})
}

// Nothing is written on the strength of a status that could not be read.
func TestStatusFails(t *testing.T) {
	for _, class := range []actuate.Class{actuate.Transient, actuate.NotFound, actuate.Forbidden} {
		bubble(t, class.String(), func(t *testing.T) {
			a, f := scripted(t, nil)
			f.OnStatus = says(class)
			res, err := a.Apply(t.Context(), actuate.Request{Desired: 3})
			if actuate.ClassOf(err) != class || res.Writes != 0 || res.From != -1 || writes(f) != 0 {
				t.Errorf("%+v, %v, want %v and no write", res, err, class)
			}
			if want := map[bool]int{true: 5, false: 1}[class == actuate.Transient]; res.Attempts != want {
				t.Errorf("%d attempts, want %d", res.Attempts, want)
			}
		})
	}
}

func TestApplyCancelled(t *testing.T) {
	bubble(t, "before", func(t *testing.T) {
		a, f := scripted(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		res, err := a.Apply(ctx, actuate.Request{Desired: 3})
		if !errors.Is(err, context.Canceled) || f.Reads() != 0 || res.Action != actuate.ActionFailed {
			t.Errorf("%+v, %v, %d reads, want cancelled and none", res, err, f.Reads())
		}
	})
	bubble(t, "in the midst", func(t *testing.T) {
		a, _ := scripted(t, nil, hangs)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		res, err := a.Apply(ctx, actuate.Request{Desired: 3})
		if !errors.Is(err, context.DeadlineExceeded) || res.Took != time.Second {
			t.Errorf("%+v, %v, want it to end after 1s", res, err)
		}
	})
	bubble(t, "between attempts", func(t *testing.T) {
		a, _ := scripted(t, nil, asksToWait(actuate.Transient, 4*time.Second))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		res, err := a.Apply(ctx, actuate.Request{Desired: 3})
		if !errors.Is(err, context.Canceled) || res.Took != time.Second || !strings.Contains(err.Error(), "as scripted") {
			t.Errorf("%+v, %v, want it to end after 1s and to tell the last error", res, err)
		}
	})
	bubble(t, "while waiting for its turn", func(t *testing.T) {
		a, _ := scripted(t, nil, hangs)
		go func() { _, _ = a.Apply(t.Context(), actuate.Request{Desired: 3}) }()
		time.Sleep(time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		res, err := a.Apply(ctx, actuate.Request{Desired: 4})
		if !errors.Is(err, context.DeadlineExceeded) || res.Took != time.Second || res.Writes != 0 {
			t.Errorf("%+v, %v, want it to end after 1s", res, err)
		}
	})
}
