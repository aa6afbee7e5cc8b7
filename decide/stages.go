package decide

// gather notes what several stages have to know of the opinions.
func (t *tick) gather(d *Decision) {
	for _, r := range d.Recommendations {
		if r.Held {
			t.held = true
			continue
		}
		t.told = true
		t.known = t.known || r.Reason != ReasonRemembered
		t.need = max(t.need, r.Replicas-r.Headroom)
		if r.Headroom < r.Replicas || r.Replicas == 0 {
			t.asked = max(t.asked, r.Replicas)
			t.measured = max(t.measured, r.Replicas)
		} else { // it counts from what there is
			t.step = max(t.step, r.Replicas)
		}
		if r.Backlogged {
			t.backlog = max(t.backlog, r.Replicas)
		}
	}
}
