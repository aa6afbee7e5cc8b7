package decide

import "time"

// A Pause is an operator's wish that nothing changes one way, or either way: no
// growth while Up, no shrinking while Down. An [Override] goes before it, since
// it names a number; so do a budget and the Limits. The zero Pause is none.
type Pause struct {
	Up   bool `json:"up,omitempty"`
	Down bool `json:"down,omitempty"`
	// Until is when it ends by itself. The zero time: when it is taken back.
	Until time.Time `json:"until,omitzero"`
}

// pause changes nothing in a direction that is paused.
func (t *tick) pause(v int64) (int64, Reason, float64, float64) {
	p := t.in.Pause
	if (v > t.cur && p.Up || v < t.cur && p.Down) && (p.Until.IsZero() || t.in.Now.Before(p.Until)) {
		left := 0.0
		if !p.Until.IsZero() {
			left = p.Until.Sub(t.in.Now).Seconds()
		}
		return t.cur, ReasonPaused, float64(v), left
	}
	return pass(v)
}
