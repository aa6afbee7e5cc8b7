package decide

// A tick is one decision in the making. Its stages are pure functions of the
// count that they are given, so that the rest of the pipeline can be run again
// without one of them.
type tick struct {
	config *Config
	plan   *plan
	state  *State // at this step's time, not yet with this step's opinion
	in     *Input
	now    instant
	passed int64 // observed milliseconds since the last step
	cur    int64 // the count now

	starting, stuck int64 // replicas on their way: sound, and stuck
	opinion         int64 // of the policies together
	backlog         int64 // the largest opinion for which work is queued
	measured, step  int64 // the largest that does not count from the present count, and that does; -1: none
	asked           int64 // the opinion as far as it is a need, and what is to spare
	need            int64 // the opinion without the headroom that policies add
	agreed          int64 // asked, as far as growth is agreed on: less where opinions differ
	sure            int64 // need, likewise
	held            bool  // a policy could not tell
	told            bool  // at least one could
	known           bool  // at least one could by what is seen now

	bursting bool
	keep     Warm      // what is kept to spare, now
	spare    int64     // replicas to keep above what is needed
	table    timetable // of the schedule, now

	wanted   int64 // what came to be stabilised
	evidence int64 // the same, as far as the data was good
}

// prepare finds out what the stages go by, once the opinions are combined.
func (t *tick) prepare() {
	t.surge()
	t.blind()
	t.consult()
	t.sure = min(t.need, t.agreed)
	t.agreed = max(min(t.asked, t.agreed), cleanCount(t.sure+t.keep.of(t.sure)))
	t.asked = max(min(t.asked, t.opinion), cleanCount(t.need+t.spare))
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
			t.stuck = 0 // later stages do not know of it either
		}
		for s := d.Binding + 1; s <= StageBounds; s++ {
			v, _, _, _ = t.stage(s, v)
		}
		d.Without = v
	}
}

// stage returns what stage s makes of v, and why: ReasonNone if it has nothing
// to say. Every stage is monotone: a larger v never gives a smaller count.
func (t *tick) stage(s Stage, v int64) (out int64, r Reason, a, b float64) {
	switch s {
	case StageBurst:
		return t.burst(v)
	case StageWarm:
		return t.warm(v)
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
	case StageSchedule:
		return t.schedule(v)
	case StagePause:
		return t.pause(v)
	case StageOverride:
		return t.override(v)
	case StageBudget:
		return t.budget(v)
	}
	return t.bounds(v)
}

// pass is what a stage returns that has nothing to say.
func pass(v int64) (int64, Reason, float64, float64) { return v, ReasonNone, 0, 0 }
