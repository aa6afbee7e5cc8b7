package actuate_test

import (
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// Each instance hurts less to lose than the next one.
func TestVictimsInOrder(t *testing.T) {
	old, young := time.Unix(100, 0), time.Unix(200, 0)
	order := []actuate.Instance{
		{ID: "broken while starting", Phase: actuate.Starting, Since: young, Detail: "no such image"},
		{ID: "broken while ready", Phase: actuate.Ready, Since: old, Detail: "failing its checks"},
		{ID: "draining, idle", Phase: actuate.Draining, Since: old},
		{ID: "draining, busy", Phase: actuate.Draining, Since: young, InFlight: 3},
		{ID: "starting lately", Phase: actuate.Starting, Since: young},
		{ID: "starting for a while", Phase: actuate.Starting, Since: old},
		{ID: "idle, young", Phase: actuate.Ready, Since: young},
		{ID: "idle, old, a", Phase: actuate.Ready, Since: old},
		{ID: "idle, old, b", Phase: actuate.Ready, Since: old},
		{ID: "busy", Phase: actuate.Ready, Since: young, InFlight: 1},
		{ID: "busier", Phase: actuate.Ready, Since: young, InFlight: 2},
		{ID: "who knows how busy", Phase: actuate.Ready, Since: young, InFlight: -1},
	}
	var want []string
	for _, in := range order {
		want = append(want, in.ID)
	}
	list := slices.Clone(order)
	slices.Reverse(list)
	list = append(list, actuate.Instance{ID: "told to end", Phase: actuate.Stopping})
	for n := range len(order) + 2 {
		if got := actuate.Victims(list, n); !slices.Equal(got, want[:min(n, len(want))]) {
			t.Errorf("%d of them: %q, want %q", n, got, want[:min(n, len(want))])
		}
	}
	if got := actuate.Victims(nil, 3); len(got) != 0 {
		t.Errorf("of nobody: %q", got)
	}
	if list[0].ID != "who knows how busy" {
		t.Error("the caller's listing was reordered")
	}
}
