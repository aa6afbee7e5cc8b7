package page

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/evenkeel/evenkeel/signal"
)

// A Value is a figure that may not be known. The zero Value is absent, so that a
// figure nobody filled in is shown as a dash and never as 0.
//
// In JSON a Value is a number, null if absent, or {"stale": number}.
type Value struct {
	// Num is the figure; its unit is that of the field. Meaningless unless Known.
	Num   float64
	Known bool
	// Stale: measured, but too long ago to act on.
	Stale bool
}

// Of returns the known value v, or an absent one if v is no finite number.
func Of(v float64) Value {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return Value{}
	}
	return Value{Num: v, Known: true}
}

// OfSample returns the value of s with its quality.
func OfSample(s signal.Sample) Value {
	if s.Quality == signal.Absent {
		return Value{}
	}
	v := Of(s.Value)
	v.Stale = v.Known && s.Quality == signal.Stale
	return v
}

// over returns v/d, absent if either is absent or d is not positive.
func (v Value) over(d Value) Value {
	if !v.Known || !d.Known || d.Num <= 0 {
		return Value{}
	}
	q := Of(v.Num / d.Num)
	q.Stale = q.Known && (v.Stale || d.Stale)
	return q
}

// above reports whether v is known to be greater than x.
func (v Value) above(x float64) bool { return v.Known && v.Num > x }

// MarshalJSON implements [json.Marshaler].
func (v Value) MarshalJSON() ([]byte, error) {
	switch {
	case !v.Known || math.IsNaN(v.Num) || math.IsInf(v.Num, 0):
		return []byte("null"), nil
	case v.Stale:
		return append(appendNum([]byte(`{"stale":`), v.Num), '}'), nil
	}
	return appendNum(nil, v.Num), nil
}

// UnmarshalJSON implements [json.Unmarshaler].
func (v *Value) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*v = Value{}
		return nil
	}
	var stale struct{ Stale *float64 }
	if len(b) > 0 && b[0] == '{' {
		if err := json.Unmarshal(b, &stale); err != nil {
			return err
		}
		if stale.Stale == nil {
			return fmt.Errorf("page: value %s has no number under \"stale\"", b)
		}
		*v = Value{Num: *stale.Stale, Known: true, Stale: true}
		return nil
	}
	var n float64
	if err := json.Unmarshal(b, &n); err != nil {
		return err
	}
	*v = Of(n)
	return nil
}
