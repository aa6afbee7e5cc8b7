package decide

// What an objective remembers, by position in its memory. Loads are per ready
// replica, as a share of the rate where there is one.
const (
	kneeAt     = iota // the knee, 0 if not learned
	kneeKept          // the largest load of late at which all goals were kept, 0 none
	kneeMissed        // the smallest load of late at which one was missed, 0 none
	kneeLoad          // the load, smoothed; 0: begin anew
	kneeLow           // its smallest value of late
	kneeHigh          // its largest value of late
	kneeRoom          // the room that the goals take up, smoothed
	kneeLast          // instant of the last step
	kneeDue           // observed ms since the last step of learning
	kneeReady         // replicas ready at the last step
	kneeCalm          // observed ms since that count grew
	kneeOver          // observed ms for which an overload has lasted
	kneeFirst         // the first knee that was learned without a guess
	kneeWords
)

// How a knee is learned.
const (
	stepMost   = 0.02  // of the knee, at most, in one step
	stepKept   = 0.005 // upwards, near a load that was kept
	stepBeyond = 0.002 // upwards, further on
	near       = 1.1   // times the largest load kept is near it
	reachShare = 1.5   // times the largest load kept is as far as it goes
	reachBlind = near  // the same where use is not known
	floorShare = 0.4   // of the first knee is the floor, if none is given
	busy       = 0.7   // of the knee is a load that tells where it is
	ease       = 0.8   // of their room is what goals take up when kept with ease
	margin     = 0.03  // that a knee keeps below a load at which a goal was missed
	smoothLoad = 15e3  // ms, of the load
	smoothRoom = 30e3  // ms, of the room
	lately     = 30e3  // ms, for which the smallest and largest load are remembered
	overMost   = 300e3 // ms, after which an overload is no excuse any more
	forgetting = 0.05  // an hour, of what was kept and what was missed
	hour       = 3600e3
)

// knee returns the knee in force, 0 if it is not known.
func (o *objective) knee(mem []float64) float64 {
	k := mem[kneeAt]
	if !(k > 0) {
		k = o.start
	}
	if k == 0 {
		return 0
	}
	return min(max(k, o.least(mem)), o.ceiling)
}

// least is what the knee does not sink below. There has to be such a bound: a
// goal may be missed for a reason that no number of replicas mends, and then the
// knee would follow the load down for ever, and the count up.
func (o *objective) least(mem []float64) float64 {
	if o.floor > 0 {
		return o.floor
	}
	return float64(floorShare * mem[kneeFirst])
}

// part is how much of the way a mean with this time constant goes in dt.
func part(dt, constant float64) float64 { return dt / (dt + constant) }

// learn takes in what has become of a load per replica, 0 if it is not known.
func (o *objective) learn(mem []float64, in *Input, load float64) {
	now := float64(instantOf(in.Now))
	dt := min(max(now-mem[kneeLast], 0), float64(longestGap.Milliseconds()))
	mem[kneeLast] = now

	ready := float64(in.Fleet.Ready)
	if mem[kneeCalm] = min(mem[kneeCalm]+dt, hour); ready > mem[kneeReady] {
		mem[kneeCalm], mem[kneeLoad] = 0, 0
	}
	mem[kneeReady] = ready
	if !(load > 0) || load > MaxReplicas*1e9 {
		mem[kneeLoad] = 0
		return
	}
	kept, room := judge(o.goals, in)
	o.smooth(mem, load, room, kept != Unknown, dt)
	knee := o.knee(mem)
	switch {
	case kept == True:
		mem[kneeOver] = 0
	case mem[kneeOver] > 0:
		mem[kneeOver] += dt
	case kept == False && knee > 0 && mem[kneeLoad] > float64(knee*(1+margin)):
		mem[kneeOver] = 1 // the load explains it, and what follows from it
	}
	if kept == Unknown || mem[kneeCalm] < float64(o.warmup) || o.cold(in) {
		mem[kneeDue] = 0
		return
	}
	if mem[kneeDue] += dt; mem[kneeDue] < float64(o.interval) {
		return
	}
	forget := float64(forgetting * (mem[kneeDue] / hour))
	mem[kneeDue] = 0
	mem[kneeKept] -= float64(mem[kneeKept] * forget)
	mem[kneeMissed] += float64(mem[kneeMissed] * forget)
	if kept == True {
		knee = o.kept(mem, knee)
	} else {
		knee = o.missed(mem, knee)
	}
	if knee > 0 {
		if mem[kneeFirst] == 0 {
			mem[kneeFirst] = knee
		}
		mem[kneeAt] = min(max(knee, o.least(mem)), o.ceiling)
	}
}

// cold reports whether a replica began to start a moment ago. One that is stuck
// warms nothing up.
func (o *objective) cold(in *Input) bool {
	now := instantOf(in.Now)
	for _, c := range in.Fleet.Starting {
		age := now - instantOf(c.Since)
		if !c.Stuck && age > -aheadOfClock.Milliseconds() && age < o.warmup {
			return true
		}
	}
	return false
}

// smooth takes in the load and the room.
func (o *objective) smooth(mem []float64, load, room float64, known bool, dt float64) {
	if mem[kneeLoad] == 0 {
		mem[kneeLoad], mem[kneeLow], mem[kneeHigh], mem[kneeRoom] = load, load, load, room
		return
	}
	l := mem[kneeLoad] + float64((load-mem[kneeLoad])*part(dt, smoothLoad))
	p := part(dt, lately)
	mem[kneeLoad] = l
	mem[kneeLow] = min(l, mem[kneeLow]+float64((l-mem[kneeLow])*p))
	mem[kneeHigh] = max(l, mem[kneeHigh]+float64((l-mem[kneeHigh])*p))
	if known {
		mem[kneeRoom] += float64((room - mem[kneeRoom]) * part(dt, smoothRoom))
	}
}

// missed returns the knee after a goal was missed.
func (o *objective) missed(mem []float64, knee float64) float64 {
	if mem[kneeOver] > 0 && mem[kneeOver] < overMost {
		return knee // only what the overload left behind
	}
	high := mem[kneeHigh]
	if m := mem[kneeMissed]; m == 0 || high < m {
		mem[kneeMissed] = high
	}
	below := float64(high * (1 - margin))
	switch {
	case knee == 0:
		return below
	case knee > below:
		return max(float64(knee*(1-stepMost)), below)
	}
	return knee
}

// kept returns the knee after all goals were kept.
func (o *objective) kept(mem []float64, knee float64) float64 {
	low, room := mem[kneeLow], mem[kneeRoom]
	mem[kneeKept] = max(mem[kneeKept], low)
	if mem[kneeMissed] > 0 && low >= mem[kneeMissed] {
		mem[kneeMissed] = 0 // it holds there now
	}
	switch {
	case knee == 0 && room < ease:
		return 0 // far from it, and so nothing is known of where it is
	case knee == 0:
		return low
	case low > knee:
		return min(float64(knee*(1+stepMost)), low)
	}
	// Further on, as far as there is reason to.
	to := float64(mem[kneeKept] * o.reach)
	if m := mem[kneeMissed]; m > 0 {
		to = min(to, float64(m*(1-margin)))
	}
	if o.share {
		// In a server of which latency is a ÷ (1 − use), room is w at use u, and 1 at
		// 1 − w × (1 − u). A little load tells too little to go back for.
		expected := 1 - float64(room*(1-mem[kneeLoad]))
		if knee > float64(expected*(1+margin)) && mem[kneeLoad] >= float64(busy*knee) {
			return max(float64(knee*(1-stepKept)), expected)
		}
		to = min(to, expected)
	} else if room > ease {
		return knee
	}
	if to <= knee {
		return knee
	}
	step := stepBeyond
	if knee < float64(mem[kneeKept]*near) {
		step = stepKept
	}
	return min(float64(knee*(1+step)), to)
}
