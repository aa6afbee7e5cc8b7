package decide

import "math"

// A tick is one decision in the making. Its stages are pure functions of the
// count that they are given, so that the rest of the pipeline can be run again
// without one of them.
type tick struct {
	config *Config
	state  *State // at this step's time, not yet with this step's opinion
	in     *Input
	now    instant
	cur    int64 // the count now

	starting, stuck int64 // replicas on their way: sound, and stuck
	opinion         int64 // of the policies together
	backlog         int64 // the largest opinion for which work is queued
	held            bool  // a policy could not tell

	wanted   int64 // what came to be stabilised
	evidence int64 // the same, as far as the data was good
}

// count sorts the replicas that are on their way.
func (t *tick) count(s *State) {
	timeout := t.config.Pending.Timeout.Milliseconds()
	unaged := false
	for _, c := range t.in.Fleet.Starting {
		age := t.now - instantOf(c.Since)
		stuck := c.Stuck
		switch {
		case stuck || timeout == 0:
		case c.Since.IsZero() || age < -aheadOfClock.Milliseconds():
			// Nobody knows how old it is: by how long we have known of such.
			unaged = true
			stuck = s.unaged != 0 && s.observed+1-s.unaged >= timeout
		default:
			stuck = age >= timeout
		}
		if stuck {
			t.stuck = cleanCount(t.stuck + c.N)
		} else {
			t.starting = cleanCount(t.starting + c.N)
		}
	}
	switch {
	case !unaged:
		s.unaged = 0
	case s.unaged == 0:
		s.unaged = s.observed + 1
	}
}

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

// decide runs the stages that follow and finds the binding one.
func (t *tick) decide(d *Decision) {
	v, before := t.opinion, t.opinion
	bound := false
	for s := StageBurst; s <= StageBounds; s++ {
		if s == StageStabilise {
			t.weigh(v)
		}
		out, reason, a, b := t.stage(s, v)
		if reason != ReasonNone {
			d.Notes = append(d.Notes, Note{Stage: s, Reason: reason, In: v, Out: out, A: a, B: b})
		}
		if out != v {
			bound, before = true, v
			d.Binding, d.Reason = s, reason
		}
		v = out
	}
	d.Desired, d.Without = v, v
	if bound {
		v = before
		if d.Binding == StagePending {
			t.stuck = 0 // nor does tolerance know of them
		}
		for s := d.Binding + 1; s <= StageBounds; s++ {
			v, _, _, _ = t.stage(s, v)
		}
		d.Without = v
	}
}

// weigh notes how far v is evidence of what is needed. While bad data keeps the
// count up, v is none; once the data is good again, a whole window has to pass.
func (t *tick) weigh(v int64) {
	t.wanted = v
	t.evidence, _, _, _ = t.hold(v)
	spoilt := v < t.cur && t.evidence >= t.cur
	if t.state.spoilt && !spoilt {
		t.state.down.insert(t.cur, false)
	}
	t.state.spoilt = spoilt
}

// stage returns what stage s makes of v, and why: ReasonNone if it has nothing
// to say. Every stage is monotone: a larger v never gives a smaller count.
func (t *tick) stage(s Stage, v int64) (out int64, r Reason, a, b float64) {
	switch s {
	case StagePending:
		return t.pending(v)
	case StageTolerance:
		return t.tolerance(v)
	case StageStabilise:
		return t.stabilise(v)
	case StageRate:
		return t.rate(v)
	case StageCooldown:
		return t.cooldown(v)
	case StageHold:
		return t.hold(v)
	case StageOverride:
		return t.override(v)
	case StageBounds:
		return t.bounds(v)
	}
	return v, ReasonNone, 0, 0
}

// pending asks for as many on top as are missing because others are stuck. What
// is ready suffices or not, whatever is stuck, so a stuck replica never keeps
// the fleet from shrinking to what is ready.
func (t *tick) pending(v int64) (int64, Reason, float64, float64) {
	a, b := float64(t.starting), float64(t.stuck)
	switch {
	case t.stuck > 0:
		missing := max(v-t.in.Fleet.Ready, 0)
		bound := int64(min(math.Ceil(float64(t.config.Pending.Extra*float64(v))), MaxReplicas))
		return cleanCount(v + min(t.stuck, missing, bound)), ReasonStuck, a, b
	case t.starting > 0:
		return v, ReasonStarting, a, b
	}
	return v, ReasonNone, 0, 0
}

// tolerance leaves out what is too small a change, but upwards never a replica
// for which work is queued.
func (t *tick) tolerance(v int64) (int64, Reason, float64, float64) {
	share, change := t.config.Up.Tolerance, v-t.cur
	if change < 0 {
		share, change = t.config.Down.Tolerance, -change
	}
	if change == 0 || !t.small(change, share) {
		return v, ReasonNone, 0, 0
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

// bounds has the last word.
func (t *tick) bounds(v int64) (int64, Reason, float64, float64) {
	l := t.in.Limits
	switch {
	case v < l.Min:
		return l.Min, ReasonMin, float64(l.Min), float64(l.Max)
	case v > l.Max:
		return l.Max, ReasonMax, float64(l.Min), float64(l.Max)
	}
	return v, ReasonNone, 0, 0
}
