package simulate

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Events come out by time, and those of the same time as they went in.
func TestAgenda(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a agenda
		var want []event
		check := func() {
			slices.SortStableFunc(want, func(x, y event) int { return int(x.at - y.at) })
			e, ok := a.next()
			if ok != (len(want) > 0) {
				t.Fatalf("next reports %v with %d events", ok, len(want))
			}
			if ok && (e.n != want[0].n || e.at != want[0].at) {
				t.Fatalf("got event %d at %d, want %d at %d", e.n, e.at, want[0].n, want[0].at)
			}
			if ok {
				want = want[1:]
			}
		}
		ops := rapid.SliceOfN(rapid.IntRange(-2, 9), 1, 200).Draw(t, "ops")
		for i, op := range ops {
			if op < 0 {
				check()
				continue
			}
			e := event{at: time.Duration(op), n: i}
			a.add(e)
			want = append(want, e)
		}
		for len(want) > 0 {
			check()
		}
		check()
	})
}
