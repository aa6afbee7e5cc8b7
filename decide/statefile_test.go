package decide_test

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// A state that an earlier version wrote, before there were several rates,
// bursts, fallbacks and budgets, is read, goes on where it was, and what it says
// of a policy that is not there is kept.
func TestEarlierStateIsRead(t *testing.T) {
	old, err := os.ReadFile("testdata/state_v1.json")
	if err != nil {
		t.Fatal(err)
	}
	var s decide.State
	if err := json.Unmarshal(old, &s); err != nil {
		t.Fatal(err)
	}
	var was, is map[string]any
	if json.Unmarshal(old, &was) != nil || json.Unmarshal([]byte(text(t, s)), &is) != nil {
		t.Fatal("not JSON")
	}
	for name, v := range was {
		if text(t, is[name]) != text(t, v) {
			t.Errorf("%s was %s, is %s", name, text(t, v), text(t, is[name]))
		}
	}

	// It goes on: what changed in the last minute counts for every period.
	core := newCore(t, full())
	in := decide.Input{
		Now:    time.Unix(int64(was["last"].(float64))/1000-62135596800, 0), // milliseconds since the year 1
		Limits: decide.Limits{Max: 60},
		Fleet:  decide.Fleet{Desired: int64(was["decided"].(float64))},
	}
	next, _ := core.Next(s, in)
	var after struct {
		Policies map[string][]float64
		Ups      any
		Paces    []struct{ Ups, Downs []int64 }
	}
	if err := json.Unmarshal([]byte(text(t, next)), &after); err != nil {
		t.Fatal(err)
	}
	if after.Policies["retired"] == nil || len(after.Paces) != 4 || after.Ups != nil {
		t.Fatalf("became %s", text(t, next))
	}
	for i, p := range after.Paces[1:] { // of a minute and more
		if len(p.Ups) < 3 || len(p.Downs) < 3 {
			t.Errorf("period %d has forgotten the changes: %s", i+1, text(t, next))
		}
	}
}
