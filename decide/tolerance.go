package decide

// tolerance leaves out what is too small a change, but upwards never a replica
// for which work is queued. A step from the present count is no change of what was
// measured: left out, it would be so for ever. Upwards none is, and downwards only
// where what others measured would be.
func (t *tick) tolerance(v int64) (int64, Reason, float64, float64) {
	share, change, steps := t.config.Up.Tolerance, v-t.cur, t.step > t.cur
	if change < 0 {
		share, change = t.config.Down.Tolerance, -change
		steps = t.step >= 0 && t.step < t.cur && !t.small(t.cur-t.measured, share)
	}
	if steps {
		return pass(v)
	}
	if change == 0 || t.free(v) || !t.small(change, share) {
		return pass(v)
	}
	if v > t.cur {
		queued, _, _, _ := t.pending(t.backlog)
		if queued = min(queued, v); queued > t.cur {
			return queued, ReasonBacklogged, share, 0
		}
	}
	return t.cur, ReasonTolerance, share, 0
}

// small reports whether a change is within a share of the present count.
func (t *tick) small(change int64, share float64) bool {
	return float64(change) <= float64(share*float64(t.cur))+1e-9
}
