package decide

// Limits bound the desired count at this tick. Max below Min counts as Min.
// Zero replicas are possible only where Min is 0.
type Limits struct {
	Min int64 `json:"min"`
	Max int64 `json:"max"`
}

// Normal returns l as the core reads it: neither bound negative or above
// [MaxReplicas], and Max not below Min.
func (l Limits) Normal() Limits {
	l.Min = min(max(l.Min, 0), MaxReplicas)
	l.Max = min(max(l.Max, l.Min), MaxReplicas)
	return l
}

// Clamp returns n, brought within the limits.
func (l Limits) Clamp(n int64) int64 {
	l = l.Normal()
	return min(max(n, l.Min), l.Max)
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
	return pass(v)
}
