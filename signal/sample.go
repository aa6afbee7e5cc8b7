package signal

import (
	"math"
	"time"
)

// Quality says how far a sample can be trusted.
type Quality uint8

// The qualities, from worst to best. The zero value is Absent, so that a sample
// nobody has set is never mistaken for a measured zero.
const (
	Absent Quality = iota // never measured, or too old to mean anything
	Stale                 // measured, but older than its Def's MaxAge
	Fresh                 // measured within its Def's MaxAge
)

var qualityNames = [...]string{"absent", "stale", "fresh"}

// String returns "absent", "stale" or "fresh".
func (q Quality) String() string {
	if int(q) < len(qualityNames) {
		return qualityNames[q]
	}
	return "absent"
}

// A Sample is one value of one signal with its age and quality. The zero Sample
// is absent.
type Sample struct {
	// Value, in the unit of the signal's Def. Meaningless if absent.
	Value float64 `json:"v"`
	// Weight of this member in [MergeMean], for instance its request count.
	// Zero counts as one.
	Weight float64 `json:"w,omitempty"`
	// Age of the measurement when the snapshot was taken.
	Age time.Duration `json:"age,omitempty"`
	// Quality of the value.
	Quality Quality `json:"q"`
}

// Value returns a fresh sample of v with age zero.
func Value(v float64) Sample { return Sample{Value: v, Quality: Fresh} }

// OK reports whether the sample is fresh.
func (s Sample) OK() bool { return s.Quality == Fresh }

// settle brings the quality in line with the age and turns what is no number
// into absence.
func (s Sample) settle(maxAge time.Duration) Sample {
	switch {
	case math.IsNaN(s.Value) || math.IsInf(s.Value, 0) || s.Quality == Absent:
		return Sample{}
	case math.IsNaN(s.Weight) || math.IsInf(s.Weight, 0) || s.Weight < 0:
		s.Weight = 0
	}
	s.Age = max(s.Age, 0)
	switch {
	case s.Age/AbsentAfter > maxAge:
		return Sample{}
	case s.Age > maxAge:
		s.Quality = Stale
	}
	return s
}

// Coverage counts the members that report: how many there should be, and how
// many of them did so recently enough.
type Coverage struct {
	Expected int `json:"expected"`
	Fresh    int `json:"fresh"`
}
