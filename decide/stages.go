package decide

// combine takes the largest opinion of those that are not held.
func (t *tick) combine(d *Decision) {
	d.From, d.Leader, d.Notes = t.cur, -1, d.Notes[:0]
	for i, r := range d.Recommendations {
		switch {
		case r.Held:
			t.held = true
		case d.Leader < 0 || r.Replicas > t.opinion:
			d.Leader, t.opinion = i, r.Replicas
		}
		if r.Backlogged {
			t.backlog = max(t.backlog, r.Replicas)
		}
		if !r.Held {
			t.told, t.need = true, max(t.need, r.Replicas-r.Headroom)
		}
	}
	reason := ReasonLargest
	d.Binding = StageRecommend
	if d.Leader < 0 {
		t.opinion, reason = t.cur, ReasonAllHeld
		d.Binding, d.Reason = StageCombine, ReasonAllHeld
	} else {
		d.Reason = d.Recommendations[d.Leader].Reason
	}
	d.Notes = append(d.Notes, Note{Stage: StageCombine, Reason: reason, In: t.cur, Out: t.opinion})
}
