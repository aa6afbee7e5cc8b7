package decide

// stabilise lets a change through as far as it was wanted throughout the window:
// the smallest opinion upwards, the largest downwards. To zero takes longer.
func (t *tick) stabilise(v int64) (int64, Reason, float64, float64) {
	switch up, down := t.config.Up.Window, t.config.Down.Window; {
	case t.free(v):
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
	return pass(v)
}

// weigh notes how far v is evidence of what is needed. While bad data keeps the
// count up, v is none; once the data is good again, a whole window has to pass.
func (t *tick) weigh(v int64) {
	t.wanted = v
	t.evidence, _, _, _ = t.veto(v)
	spoilt := v < t.cur && t.evidence >= t.cur
	if t.state.spoilt && !spoilt {
		t.state.down.insert(t.cur, false)
	}
	t.state.spoilt = spoilt
}
