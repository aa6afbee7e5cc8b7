package evenkeel

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// recorded is the journal of a run with two waves of load.
func recorded(t *testing.T, change func(*Config)) (journal []byte) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, change)
		r.run(t, func() {
			for _, v := range []int64{20, 60, 20, 60, 20} {
				r.load.value.Store(v)
				time.Sleep(30 * time.Second)
			}
		})
		journal = r.journal.Bytes()
	})
	return journal
}

func TestCompare(t *testing.T) {
	journal := recorded(t, nil)
	same, err := Compare(bytes.NewReader(journal), "p", perReplica(10))
	if err != nil || same.Differ() != 0 || same.Ticks < 150 || len(same.Differences) != 0 || same.Cost() != 1 {
		t.Errorf("with itself: %v, %v", same, err)
	}
	slow := perReplica(10, func(c *decide.Config) { c.Up.Window = 20 * time.Second })
	got, err := Compare(bytes.NewReader(journal), "p", slow)
	if err != nil {
		t.Fatal(err)
	}
	if got.Fewer == 0 || got.More != 0 || len(got.Differences) == 0 || got.Cost() >= 1 || got.Cost() < 0.5 {
		t.Errorf("with a slower one:\n%v", got)
	}
	first := got.Differences[0]
	if first.Candidate >= first.Desired || !strings.Contains(first.Why, "load wants") || first.To.Before(first.From) {
		t.Errorf("first difference %+v", first)
	}
	if text := got.String(); strings.Count(text, "\n") != 2+len(got.Differences) || !strings.Contains(text, "replica-seconds") {
		t.Errorf("the report:\n%s", text)
	}
	if total := 0; true {
		for _, d := range got.Differences {
			total += d.Ticks
		}
		if int64(total) != got.Differ() {
			t.Errorf("%d ticks in the stretches, %d differ", total, got.Differ())
		}
	}
}

// A difference in every other tick: the stretches are bounded, the count is not.
func TestCompareBoundsWhatItLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.run(t, func() {
			for i := range int64(500) {
				r.load.value.Store(20 + i%2*10) // the pool stays at 3, the candidate goes along
				time.Sleep(time.Second)
			}
		})
		got, err := Compare(&r.journal, "p", perReplica(10, func(c *decide.Config) { c.Down.Window = -1 }))
		if err != nil || len(got.Differences) != MaxDifferences || got.Beyond < 5 || got.Fewer < 200 {
			t.Errorf("%d listed, %d beyond, %d fewer, %v", len(got.Differences), got.Beyond, got.Fewer, err)
		}
		if !strings.Contains(got.String(), "more\n") {
			t.Error("the report does not say that there are more")
		}
	})
}

func TestCompareFindsItsSignals(t *testing.T) {
	journal := recorded(t, func(c *Config) {
		c.Pools[0].Policy.Signals = nil
		c.Pools[0].Sources = append([]signal.Source{&rated{demand: 50, known: true}}, c.Pools[0].Sources...)
	})
	candidate := perReplica(10)
	candidate.Signals = (&load{}).Defs() // one of three, at another position
	got, err := Compare(bytes.NewReader(journal), "p", candidate)
	if err != nil || got.Differ() != 0 || got.Ticks < 150 {
		t.Errorf("%v, %v", got, err)
	}
	for _, tc := range []struct {
		name, pool, want string
		change           func(*decide.Config)
	}{
		{"another pool", "q", `nothing of pool "q"`, func(*decide.Config) {}},
		{"a bad candidate", "p", "Setpoint", func(c *decide.Config) { *c = perReplica(0) }},
		{"a signal that is not there", "p", "which the journal does not have", func(c *decide.Config) {
			c.Signals = append(c.Signals, signal.Def{Key: signal.Key{Name: "other"}, Unit: signal.Requests})
		}},
		{"another unit", "p", `in "s", the journal has it in "{request}"`, func(c *decide.Config) { c.Signals[0].Unit = signal.Seconds }},
	} {
		c := candidate
		c.Signals = (&load{}).Defs()
		tc.change(&c)
		if _, err := Compare(bytes.NewReader(journal), tc.pool, c); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
	if _, err := Compare(strings.NewReader("what is this\n"), "p", candidate); err == nil {
		t.Error("no error of what is no journal")
	}
}
