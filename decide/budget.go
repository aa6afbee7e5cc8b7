package decide

import (
	"cmp"
	"math"
	"time"
)

// Budget bounds what the fleet may cost, in any currency. It is hard: it lowers
// the maximum, and where the money is gone down to Limits.Min, whatever demand,
// a schedule or an operator wants; only Limits.Min stands above it. The zero
// Budget is none.
//
// What has been spent is counted from the replicas that there are, ready,
// starting and draining, over the time since the last step, an hour at the most:
// what has run for longer with nobody looking, or with the clock set forward, is
// not known. Counting starts when the budget is first configured. It is part of
// the State and survives a restart.
type Budget struct {
	// Price of one replica for one hour. Required with a budget.
	Price float64
	// PerHour is the most to spend per hour, at any time. Replicas that still
	// drain cost too and leave that much less to grow. Default: no bound.
	PerHour float64
	// PerMonth is the most to spend in a calendar month (UTC). What Limits.Min
	// will cost until its end is set aside first. Default: no bound.
	PerMonth float64
	// Pace spreads the month's money: at no time is more spent than Pace times
	// what is left, spread evenly over what is left of the month. 1 is an even
	// pace without room for a busy hour. Default 2: there is never nothing left
	// before the month is over, and a quarter is left in the middle of it at the
	// worst. Negative: none, the money may be gone on the second day.
	Pace float64
}

func (b Budget) withDefaults() Budget {
	b.Price, b.PerHour, b.PerMonth = max(b.Price, 0), max(b.PerHour, 0), max(b.PerMonth, 0)
	b.Pace = cmp.Or(max(b.Pace, -1), 2)
	return b
}

func (b Budget) on() bool { return b.PerHour > 0 || b.PerMonth > 0 }

func (b Budget) validate(bad func(string, ...any)) {
	for _, f := range []struct {
		name string
		v    float64
	}{{"Price", b.Price}, {"PerHour", b.PerHour}, {"PerMonth", b.PerMonth}, {"Pace", b.Pace}} {
		if !isFinite(f.v) {
			bad("Budget.%s is %v: it must be a number", f.name, f.v)
		}
	}
	if b.on() && !(b.Price > 0) {
		bad("Budget.Price is %v: a budget needs the price of a replica for an hour, above 0", b.Price)
	}
	if b.Pace > 0 && b.Pace < 1 {
		bad("Budget.Pace is %v: it must be at least 1, or 0 for 2, or negative for none", b.Pace)
	}
}

// A bill is what has been spent in one month.
type bill struct {
	Month int64 // 12 × year + month - 1, 0: none
	Spent float64
}

// Bills are those of the present month and of the one that the clock showed
// before, so that a clock that jumps and comes back finds what was spent.
type bills struct {
	Now, Before bill
	Paid        int64 // replicas at the last step
}

const (
	longestBill = time.Hour
	mostPaid    = 4 * MaxReplicas
	msPerHour   = float64(60 * 60 * 1000)
)

// charge counts what the replicas of in have cost in the time that has passed.
func (b *bills) charge(in *Input, price float64, passed int64) {
	n := in.Fleet.Ready + in.Fleet.Draining
	for _, c := range in.Fleet.Starting {
		n = min(n+c.N, mostPaid)
	}
	y, m, _ := in.Now.Date()
	b.turn(12*int64(y) + int64(m) - 1)
	passed = min(passed, longestBill.Milliseconds(), in.Now.Sub(time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)).Milliseconds())
	hours := float64(passed) / msPerHour
	cost := float64(float64(float64(max(n, b.Paid))*price) * hours)
	b.Now.Spent = min(b.Now.Spent+cost, math.MaxFloat64)
	b.Paid = n
}

// turn goes to a month. In the next one nothing has been spent yet; if the clock
// was set back, what was spent goes back with it.
func (b *bills) turn(month int64) {
	switch {
	case month == b.Now.Month:
	case month == b.Before.Month:
		b.Now, b.Before = b.Before, b.Now
	case month > b.Now.Month:
		b.Now, b.Before = bill{Month: month}, b.Now
	default:
		b.Now, b.Before = bill{month, b.Now.Spent}, b.Now
	}
}

// hourly returns how many replicas PerHour pays for.
func (b *Budget) hourly() int64 { return whole(b.PerHour / b.Price) }

// monthly returns how many replicas may run now, and the money that is left.
func (b *Budget) monthly(now time.Time, spent float64, least int64) (n int64, left float64) {
	left = max(b.PerMonth-spent, 0)
	y, m, _ := now.Date()
	hours := float64(time.Date(y, m+1, 1, 0, 0, 0, 0, time.UTC).Sub(now).Milliseconds()) / msPerHour
	reserve := float64(float64(float64(least)*b.Price) * hours)
	over := 1.0 // whatever runs now can be paid for an hour longer
	if b.Pace > 0 {
		over = max(hours/b.Pace, 1)
	}
	return cleanCount(least + whole((left-reserve)/over/b.Price)), left
}

// whole rounds down to a count, but for what is missing only by rounding.
func whole(x float64) int64 {
	if !(x > 0) {
		return 0
	}
	return int64(min(math.Floor(x+float64(1e-9*x)), MaxReplicas))
}

// budget keeps to what there is money for.
func (t *tick) budget(v int64) (int64, Reason, float64, float64) {
	b := &t.config.Budget
	if !b.on() {
		return pass(v)
	}
	n, reason, figure := int64(MaxReplicas), ReasonNone, 0.0
	if b.PerHour > 0 {
		n, reason, figure = b.hourly(), ReasonBudgetHour, b.PerHour
	}
	if b.PerMonth > 0 {
		if m, left := b.monthly(t.in.Now, t.state.bills.Now.Spent, t.in.Limits.Min); m < n {
			n, reason, figure = m, ReasonBudgetMonth, left
		}
	}
	// What drains is still paid for: no growth in its place, but its going is no
	// reason for more to go.
	n = max(n-t.in.Fleet.Draining, min(n, t.cur), t.in.Limits.Min)
	if v <= n {
		return pass(v)
	}
	return n, reason, float64(n), figure
}
