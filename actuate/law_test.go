package actuate_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/actuatetest"
)

// hushed hides the test's deadline, which has no meaning in virtual time and which
// rapid would ask for.
type hushed struct{ rapid.TB }

// anyAnswer draws what a target may do with a call: succeed, refuse, fail, take
// its time, panic.
func anyAnswer(t *rapid.T, label string) func(context.Context) error {
	class := actuate.Class(rapid.IntRange(0, 9).Draw(t, label+" class"))
	wait := time.Duration(rapid.Int64Range(-1e9, 20e9).Draw(t, label+" retry after"))
	slow := time.Duration(rapid.Int64Range(0, 20e9).Draw(t, label+" slowness"))
	switch rapid.IntRange(0, 6).Draw(t, label) {
	case 0, 1:
		return func(context.Context) error { return nil }
	case 2:
		return asksToWait(class, wait)
	case 3:
		return func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(slow):
				return nil
			}
		}
	case 4:
		return hangs
	case 5:
		return panics
	default:
		return func(context.Context) error { return errors.New("not classified") }
	}
}

// Law: whatever the target answers, an Apply ends within its bound, sends at most
// five writes, reads at most twice as often, tells the truth about both, and fails
// with an error of a class that fits the action.
func TestLawBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(hushed{t}, func(rt *rapid.T) {
			f := new(actuatetest.Fleet)
			n := rapid.IntRange(0, 12).Draw(rt, "answers")
			var answers []func(context.Context) error
			for range n {
				answers = append(answers, anyAnswer(rt, "answer"))
			}
			next := func(ctx context.Context) error {
				if len(answers) == 0 {
					return nil
				}
				answer := answers[0]
				answers = answers[1:]
				return answer(ctx)
			}
			f.OnStatus = next
			f.OnScale = func(ctx context.Context, _ actuate.Request) error { return next(ctx) }
			a, err := actuate.New(actuate.Config{
				Target: f, Within: within, Attempt: attempt, Failures: 1000,
				Pause:  actuate.Pause{Down: rapid.Bool().Draw(rt, "pause down")},
				DryRun: rapid.IntRange(0, 9).Draw(rt, "dry run") == 0,
			})
			if err != nil {
				rt.Fatal(err)
			}
			for range 3 {
				sent, reads := len(f.Requests()), f.Reads()
				start := time.Now()
				want := rapid.Int64Range(-1, 6).Draw(rt, "desired")
				res, err := a.Apply(context.Background(), actuate.Request{Desired: want})
				took := time.Since(start)
				sent, reads = len(f.Requests())-sent, f.Reads()-reads
				if took > within {
					rt.Fatalf("took %v, more than %v: %+v", took, within, res)
				}
				if sent > 5 || sent != res.Writes || reads > 10 || res.Attempts > 5 || res.Took != took {
					rt.Fatalf("%d writes, %d reads, took %v: %+v", sent, reads, took, res)
				}
				failed := res.Action == actuate.ActionRefused || res.Action == actuate.ActionFailed
				if failed != (err != nil) || (res.Error != "") != failed {
					rt.Fatalf("action and error differ: %+v, %v", res, err)
				}
				if e := (*actuate.Error)(nil); err != nil && !errors.As(err, &e) {
					rt.Fatalf("an error without a class: %v", err)
				}
				if unsent := res.Action == actuate.ActionDryRun || res.Action == actuate.ActionPaused || res.Action == actuate.ActionNone; unsent && res.Writes > 0 && res.Action != actuate.ActionPaused {
					rt.Fatalf("wrote without saying so: %+v", res)
				}
			}
		})
	})
}

// Law: whoever is alone and keeps asking gets the count, once the target works.
func TestLawConverges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(hushed{t}, func(rt *rapid.T) {
			f := new(actuatetest.Fleet)
			n := rapid.IntRange(0, 20).Draw(rt, "answers")
			var answers []func(context.Context) error
			for range n {
				answers = append(answers, anyAnswer(rt, "answer"))
			}
			f.OnScale = func(ctx context.Context, _ actuate.Request) error {
				if len(answers) == 0 {
					return nil
				}
				answer := answers[0]
				answers = answers[1:]
				return answer(ctx)
			}
			a, err := actuate.New(actuate.Config{Target: f, Within: within, Attempt: attempt})
			if err != nil {
				rt.Fatal(err)
			}
			want := rapid.Int64Range(0, 6).Draw(rt, "desired")
			for range 40 {
				_, _ = a.Apply(context.Background(), actuate.Request{Desired: want})
				time.Sleep(10 * time.Second)
			}
			st, err := a.Status(context.Background())
			if err != nil || st.Fleet.Desired != want || !a.Settled() {
				rt.Fatalf("at %+v (%v), settled %v, want %d", st.Fleet, err, a.Settled(), want)
			}
		})
	})
}

// Law: victims are distinct, of the listing, no more than asked for, never one that
// is told to end already, the same whatever the order of the listing, and none is
// worth more than one that stays.
func TestLawVictims(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		byID := map[string]actuate.Instance{}
		list := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) actuate.Instance {
			return actuate.Instance{
				ID:       rapid.StringN(1, 3, -1).Draw(t, "id"),
				Phase:    actuate.Phase(rapid.IntRange(0, 3).Draw(t, "phase")),
				Since:    time.Unix(rapid.Int64Range(0, 3).Draw(t, "since"), 0),
				InFlight: rapid.Int64Range(-1, 3).Draw(t, "in flight"),
				Detail:   rapid.SampledFrom([]string{"", "", "", "sick"}).Draw(t, "detail"),
			}
		}), 0, 8, func(in actuate.Instance) string { return in.ID }).Draw(t, "list")
		n := rapid.IntRange(-1, 10).Draw(t, "n")
		got := actuate.Victims(list, n)
		if other := actuate.Victims(rapid.Permutation(list).Draw(t, "other order"), n); !slices.Equal(got, other) {
			t.Fatalf("the order of the listing matters: %q, %q", got, other)
		}
		able := 0
		for _, in := range list {
			byID[in.ID] = in
			if in.Phase != actuate.Stopping {
				able++
			}
		}
		if len(got) != max(0, min(n, able)) {
			t.Fatalf("%d victims of %d, %d wanted", len(got), able, n)
		}
		gone := map[string]bool{}
		for _, id := range got {
			in, ok := byID[id]
			if !ok || gone[id] || in.Phase == actuate.Stopping {
				t.Fatalf("%q is unknown, named twice or stopping", id)
			}
			gone[id] = true
			for _, stays := range list {
				if !gone[stays.ID] && len(got) == len(gone) && stays.Phase == actuate.Ready && stays.Detail == "" &&
					in.Phase == actuate.Ready && in.Detail == "" && in.InFlight >= 0 && stays.InFlight >= 0 && stays.InFlight < in.InFlight {
					t.Fatalf("%+v goes and %+v stays", in, stays)
				}
				if !gone[stays.ID] && len(got) == len(gone) && stays.Detail != "" && in.Detail == "" && stays.Phase != actuate.Stopping {
					t.Fatalf("%+v goes and the broken %+v stays", in, stays)
				}
			}
		}
	})
}
