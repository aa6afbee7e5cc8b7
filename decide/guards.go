package decide

// stabilise lets a change through as far as it was wanted throughout the window:
// the smallest opinion upwards, the largest downwards. To zero takes longer.
func (t *tick) stabilise(v int64) (int64, Reason, float64, float64) {
	switch up, down := t.config.Up.Window, t.config.Down.Window; {
	case v > t.cur && up > 0:
		if least, ok := t.state.up.extreme(true); ok && least < v {
			return max(least, t.cur), ReasonWindow, up.Seconds(), float64(least)
		}
	case v < t.cur:
		out, reason := v, ReasonNone
		most, ok := t.state.down.extreme(false)
		if ok && down > 0 && most > v {
			out, reason = min(most, t.cur), ReasonWindow
		}
		idle := t.config.Down.Idle
		if passed := t.state.observed - t.state.busy; out == 0 && passed < idle.Milliseconds() {
			return 1, ReasonIdleWindow, idle.Seconds(), float64(passed) / 1000
		}
		return out, reason, down.Seconds(), float64(max(most, 0))
	}
	return v, ReasonNone, 0, 0
}

// rate bounds how far the count may be from what it was a period ago. What was
// done the other way since then may be undone at once.
func (t *tick) rate(v int64) (int64, Reason, float64, float64) {
	s := t.state
	switch up, down := t.config.Up.Rate, t.config.Down.Rate; {
	case v > t.cur && up.limited():
		base := max(t.cur-s.ups.sum(t.now, up.Period, true)+s.downs.sum(t.now, up.Period, false), 0)
		n := up.allowance(base, true)
		if limit := max(base+n, t.cur); v > limit {
			return limit, ReasonRate, float64(n), up.Period.Seconds()
		}
	case v < t.cur && down.limited():
		base := max(t.cur+s.downs.sum(t.now, down.Period, true)-s.ups.sum(t.now, down.Period, false), 0)
		n := down.allowance(base, false)
		if limit := min(base-n, t.cur); v < limit {
			return limit, ReasonRate, float64(n), down.Period.Seconds()
		}
	}
	return v, ReasonNone, 0, 0
}

// cooldown leaves the count alone for a while after a change the same way.
func (t *tick) cooldown(v int64) (int64, Reason, float64, float64) {
	last, pause := t.state.lastUp, t.config.Up.Cooldown
	if v < t.cur {
		last, pause = t.state.lastDown, t.config.Down.Cooldown
	}
	if v == t.cur || last == 0 || pause == 0 {
		return v, ReasonNone, 0, 0
	}
	left := last + pause.Milliseconds() - t.now
	if left <= 0 {
		return v, ReasonNone, 0, 0
	}
	return t.cur, ReasonCooldown, float64(left) / 1000, pause.Seconds()
}

// hold takes nothing away on bad data: nothing at all if a policy could not tell
// or too few members report, and if a few do not, no more than would be right if
// those were as busy as the mean of the others.
func (t *tick) hold(v int64) (int64, Reason, float64, float64) {
	m, least := t.in.Members, t.config.Hold.Coverage
	a, b := float64(m.Fresh), float64(m.Expected)
	switch {
	case t.held:
		return max(v, t.cur), ReasonHeld, 0, 0
	case least == 0 || m.Fresh >= m.Expected:
		return v, ReasonNone, 0, 0
	case m.Fresh == 0 || m.Expected > MaxReplicas || a < float64(least*b)-1e-9:
		return max(v, t.cur), ReasonMembersLost, a, b
	case v >= t.cur:
		return v, ReasonMembersLost, a, b
	}
	out := (v*int64(m.Expected) + int64(m.Fresh) - 1) / int64(m.Fresh)
	if t.small(t.cur-out, t.config.Down.Tolerance) {
		out = t.cur // tolerance would have kept it, had it known
	}
	return min(out, t.cur), ReasonMembersLost, a, b
}

// override puts an operator's wish in place of all that.
func (t *tick) override(v int64) (int64, Reason, float64, float64) {
	o := t.in.Override
	if o.Until.IsZero() || !t.in.Now.Before(o.Until) {
		return v, ReasonNone, 0, 0
	}
	return o.Replicas, ReasonOverride, float64(o.Replicas), o.Until.Sub(t.in.Now).Seconds()
}
