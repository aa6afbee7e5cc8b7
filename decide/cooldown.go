package decide

// cooldown leaves the count alone for a while after a change the same way.
func (t *tick) cooldown(v int64) (int64, Reason, float64, float64) {
	last, pause := t.state.lastUp, t.config.Up.Cooldown
	if v < t.cur {
		last, pause = t.state.lastDown, t.config.Down.Cooldown
	}
	if v == t.cur || t.free(v) || last == 0 || pause == 0 {
		return pass(v)
	}
	left := last + pause.Milliseconds() - t.now
	if left <= 0 {
		return pass(v)
	}
	return t.cur, ReasonCooldown, float64(left) / 1000, pause.Seconds()
}
