package decide

import "time"

// An Override is an operator's wish: so many replicas, until a time. It yields
// to the budget and the Limits and to nothing else. The zero Override is none.
type Override struct {
	Replicas int64     `json:"replicas"`
	Until    time.Time `json:"until"`
}

// override puts an operator's wish in place of all that.
func (t *tick) override(v int64) (int64, Reason, float64, float64) {
	o := t.in.Override
	if o.Until.IsZero() || !t.in.Now.Before(o.Until) {
		return pass(v)
	}
	return o.Replicas, ReasonOverride, float64(o.Replicas), o.Until.Sub(t.in.Now).Seconds()
}
