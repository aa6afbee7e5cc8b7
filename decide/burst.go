package decide

import "time"

// Burst says what a surge is and how long it is taken seriously. In burst nothing
// is taken away, and no guard delays growth: upward Tolerance, Window, rates and
// Cooldown do not apply. A pause, an override, a budget and every ceiling still
// do, and [SelectDisabled] too: whoever switched growth off meant it.
//
// The zero Burst is off. By default there is no guard upwards that a burst could
// lift, and the window downwards is longer than a burst; whoever sets a rate may
// have a reason, a database behind the fleet, that a surge does not remove. Set
// Factor or For, and the other has its default.
//
// The surge is measured as Knative's panic mode measures it, against the replicas
// that are ready, but on the opinion itself, which is an absolute count: replicas
// that start slowly prolong a burst and never make it ask for more.
type Burst struct {
	// Factor: it is a surge if at least Factor times as many are wanted as are
	// ready, one being taken for none. Default 2; negative: no bursts.
	Factor float64
	// Window is how long the surge must have lasted without a break. Default
	// none: one step is enough.
	Window time.Duration
	// For is how long the fleet stays in burst after the surge was last seen.
	// Default 60 s.
	For time.Duration
}

func (b Burst) withDefaults() Burst {
	if b.Factor < 0 || b == (Burst{}) {
		return Burst{}
	}
	if b.Factor == 0 {
		b.Factor = 2
	}
	if b.For == 0 {
		b.For = time.Minute
	}
	b.Window = max(b.Window, 0)
	return b
}

func (b Burst) validate(bad func(string, ...any)) {
	if f := b.Factor; f >= 0 && f <= 1 && f != 0 || !isFinite(f) {
		bad("Burst.Factor is %v: it must be above 1, or 0 for 2, or negative for no bursts", f)
	}
	if b.For < 0 {
		bad("Burst.For is %v: leave it 0 for a minute; for no bursts leave the whole Burst zero", b.For)
	}
	if max(b.For, b.Window) > longest {
		bad("Burst.For is %v and Burst.Window %v: at most %v", b.For, b.Window, longest)
	}
}

// surge finds out whether the fleet is in burst. Only an opinion can start or
// prolong one; while no policy can tell, what is known stays as it is.
func (t *tick) surge() {
	b, s := t.config.Burst, t.state
	if b.Factor == 0 {
		s.surge, s.burst = 0, 0
		return
	}
	now := s.observed + 1
	if t.told {
		if float64(t.opinion) < float64(b.Factor*float64(max(t.in.Fleet.Ready, 1))) {
			s.surge = 0
		} else {
			if s.surge == 0 {
				s.surge = now
			}
			if now-s.surge >= b.Window.Milliseconds() {
				s.burst = now
			}
		}
	}
	t.bursting = s.burst != 0 && now-s.burst < b.For.Milliseconds()
}

// burst takes nothing away in burst.
func (t *tick) burst(v int64) (int64, Reason, float64, float64) {
	if !t.bursting {
		return pass(v)
	}
	b := t.config.Burst
	left := b.For.Milliseconds() - (t.state.observed + 1 - t.state.burst)
	return max(v, t.cur), ReasonBurst, float64(left) / 1000, b.Factor
}

// free reports whether growth to v is held back by no guard: in burst, and from
// zero, where n replicas serve nobody later than one does.
func (t *tick) free(v int64) bool {
	return v > t.cur && (t.bursting || t.cur == 0)
}
