package decide_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// A spender is a core with a budget and a fleet that does at once what it says.
type spender struct {
	core  *decide.Core
	state decide.State
	in    decide.Input
	spent float64 // at a price of 1, whatever the clock says
	d     decide.Decision
}

func newSpender(t fataler, b decide.Budget, at time.Time) *spender {
	b.Price = 1
	s := &spender{core: newCore(t, simple(func(c *decide.Config) { c.Budget = b }))}
	s.in = decide.Input{Now: at, Limits: decide.Limits{Min: 1, Max: 100}, Signals: []signal.Sample{signal.Value(100)}, Fleet: decide.Fleet{Desired: 1, Ready: 1}}
	return s
}

func (s *spender) step(gap time.Duration) int64 {
	s.state, s.d = s.core.Next(s.state, s.in)
	s.in.Fleet = decide.Fleet{Desired: s.d.Desired, Ready: s.d.Desired}
	s.in.Now = s.in.Now.Add(gap)
	s.spent += float64(s.d.Desired) * gap.Hours()
	return s.d.Desired
}

var april = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC) // 720 hours

// A month under constant pressure: the money lasts, is not exceeded, and all of
// it can be spent.
func TestMonthlyBudgetLasts(t *testing.T) {
	for name, tc := range map[string]struct {
		pace         float64
		first        int64   // replicas on the first day
		middle, last float64 // share spent by the middle, and by the end at the least
	}{
		"default":     {0, 19, 0.75, 0.95}, // 1 + 2 × 9
		"even":        {1, 10, 0.5, 0.97},
		"first come":  {-1, 100, 0.95, 0.95},
		"three times": {3, 28, 0.875, 0.95},
	} {
		t.Run(name, func(t *testing.T) {
			const month = 7200.0
			s := newSpender(t, decide.Budget{PerMonth: month, Pace: tc.pace}, april)
			if n := s.step(10 * time.Minute); n != tc.first || s.d.Reason != decide.ReasonBudgetMonth && n < 100 {
				t.Errorf("begins with %s, want %d", text(t, s.d), tc.first)
			}
			var middle float64
			for s.in.Now.Month() == time.April {
				if s.step(10 * time.Minute); s.in.Now.Day() == 16 && middle == 0 {
					middle = s.spent / month
				}
			}
			if s.spent > month+1e-6 || s.spent < tc.last*month {
				t.Errorf("spent %v of %v", s.spent, month)
			}
			if middle > tc.middle+0.05 || middle < tc.middle-0.05 {
				t.Errorf("spent %v by the middle of the month, want about %v", middle, tc.middle)
			}
			if n := s.step(time.Minute); n < tc.first-1 {
				t.Errorf("the new month begins with %d", n)
			}
		})
	}
}

func TestHourlyBudget(t *testing.T) {
	s := newSpender(t, decide.Budget{PerHour: 10.5}, april)
	if n := s.step(time.Minute); n != 10 || s.d.Reason != decide.ReasonBudgetHour || s.d.Without != 100 {
		t.Fatal(text(t, s.d))
	}
	s.in.Signals[0].Value = 6
	if n := s.step(time.Minute); n != 6 {
		t.Fatal(text(t, s.d))
	}
	s.in.Signals[0].Value, s.in.Fleet.Draining = 10, 3 // of 10 that are paid for
	if n := s.step(time.Minute); n != 7 {
		t.Errorf("3 drain: %s", text(t, s.d))
	}
	s.in.Fleet = decide.Fleet{Desired: 10, Ready: 10, Draining: 5}
	if n := s.step(time.Minute); n != 10 {
		t.Errorf("what drains drives out what serves: %s", text(t, s.d))
	}
	s.in.Limits.Min = 20
	if n := s.step(time.Minute); n != 20 {
		t.Errorf("Min stands above the budget: %s", text(t, s.d))
	}
	s.in.Limits.Min, s.in.Override = 1, decide.Override{Replicas: 50, Until: april.AddDate(1, 0, 0)}
	if n := s.step(time.Minute); n != 10 {
		t.Errorf("an override beats the budget: %s", text(t, s.d))
	}
}

// Once the money is gone the fleet is at its minimum, until the next month.
func TestBudgetExhausted(t *testing.T) {
	s := newSpender(t, decide.Budget{PerMonth: 100, Pace: -1}, april.AddDate(0, 0, 29))
	s.in.Limits.Min = 0 // else its cost for the month would be set aside
	s.in.Fleet = decide.Fleet{Desired: 100, Ready: 40, Draining: 10, Starting: []decide.Cohort{{N: 50}}}
	s.step(time.Hour) // 100 × 1 h
	if n := s.step(time.Hour); n != 0 || s.d.Reason != decide.ReasonBudgetMonth {
		t.Fatalf("the money is gone: %s", text(t, s.d))
	}
	for s.in.Now.Month() == time.April {
		if n := s.step(time.Hour); n != 0 {
			t.Fatalf("at %v: %s", s.in.Now, text(t, s.d))
		}
	}
	if n := s.step(time.Hour); n < 50 {
		t.Errorf("the new month: %s", text(t, s.d))
	}
}

func left(t *testing.T, s *spender) float64 {
	t.Helper()
	_, d := s.core.Next(s.state, s.in)
	for _, n := range d.Notes {
		if n.Reason == decide.ReasonBudgetMonth {
			return n.B
		}
	}
	t.Fatalf("no budget in %s", text(t, d))
	return 0
}

// What was spent survives a restart and clocks that jump and come back.
func TestSpendingIsNotForgotten(t *testing.T) {
	at := time.Date(2026, 4, 10, 12, 0, 0, 0, time.UTC)
	s := newSpender(t, decide.Budget{PerMonth: 1000}, at)
	for range 60 {
		s.step(time.Minute)
	}
	before := left(t, s)
	if before > 999 || before < 990 {
		t.Fatalf("%v of 1000 left after an hour", before)
	}
	near := func(what string, most float64) { // or an hour less, at the rate of the budget
		t.Helper()
		if got := left(t, s); got > most+1e-9 || got < most-4 {
			t.Errorf("%s: %v left, want %v or a little less", what, got, most)
		}
	}
	var read decide.State
	if err := json.Unmarshal([]byte(text(t, s.state)), &read); err != nil {
		t.Fatal(err)
	}
	s.state = read
	near("restart", before)
	now := s.in.Now
	for _, jump := range []time.Duration{-time.Hour, 40 * 24 * time.Hour, 400 * 24 * time.Hour, -400 * 24 * time.Hour, -time.Minute} {
		s.in.Now = now.Add(jump)
		s.step(0)
		s.in.Now = now
		s.step(0)
		near(jump.String(), before)
		before = left(t, s)
	}
	s.in.Now = now.Add(20 * time.Hour) // nobody looked: an hour is counted
	s.step(0)
	near("a gap", before)
	if left(t, s) > before-1 {
		t.Error("a gap costs nothing")
	}
}

// A clock that was set back for good goes on with what was spent, and begins anew
// with the month after.
func TestBudgetWhereTheClockIsSetBack(t *testing.T) {
	s := newSpender(t, decide.Budget{PerMonth: 1000}, time.Date(2026, 4, 10, 12, 0, 0, 0, time.UTC))
	for range 60 {
		s.step(time.Minute)
	}
	spent := 1000 - left(t, s)
	s.in.Now = time.Date(2025, 2, 27, 12, 0, 0, 0, time.UTC)
	s.step(time.Minute)
	if got := 1000 - left(t, s); got < spent || got > spent+5 {
		t.Errorf("%v spent before the clock was set back, then %v", spent, got)
	}
	for s.in.Now.Month() == time.February {
		s.step(time.Hour)
	}
	if got := left(t, s); got < 990 {
		t.Errorf("the month after begins with %v left", got)
	}
}

// The figures, to the replica.
func TestBudgetFigures(t *testing.T) {
	last := time.Date(2026, 4, 30, 23, 30, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		budget decide.Budget
		at     time.Time
		min    int64
		want   int64
	}{
		"an hour, less than one unit of money": {decide.Budget{Price: 0.1, PerHour: 0.5}, april, 0, 5},
		"a month, less than one unit of money": {decide.Budget{Price: 0.1, PerMonth: 0.5, Pace: -1}, april, 0, 5},
		"the cost of Min is set aside":         {decide.Budget{Price: 1, PerMonth: 3610, Pace: -1}, april, 5, 15},
		"and what is left is spread":           {decide.Budget{Price: 1, PerMonth: 3600 + 720, Pace: 1}, april, 5, 6},
		"the cost of Min at another price":     {decide.Budget{Price: 2, PerMonth: 7220, Pace: -1}, april, 5, 15},
		"the last half hour":                   {decide.Budget{Price: 1, PerMonth: 50, Pace: 2}, last, 1, 50},
		"the smaller of the two":               {decide.Budget{Price: 1, PerHour: 7, PerMonth: 1e6}, april, 0, 7},
		"the smaller of the two, the month":    {decide.Budget{Price: 1, PerHour: 7, PerMonth: 720, Pace: 1}, april, 0, 1},
		"no price, no budget":                  {decide.Budget{}, april, 0, 100},
	} {
		core := newCore(t, simple(func(c *decide.Config) { c.Budget = tc.budget }))
		_, d := core.Next(decide.State{}, decide.Input{Now: tc.at, Limits: decide.Limits{Min: tc.min, Max: 1000}, Signals: []signal.Sample{signal.Value(100)}})
		if d.Desired != tc.want {
			t.Errorf("%s: %s, want %d", name, text(t, d), tc.want)
		}
	}
}
