package signal

import (
	"math"
	"time"
)

// A Snapshot holds one sample for each signal of a schema, at one instant, of
// one member or of a merged fleet. A new snapshot is all absent.
//
// A signal with a quantile carries a distribution beside its sample; the
// sample's Value is that quantile.
type Snapshot struct {
	schema  *Schema
	samples []Sample
	dists   []*Dist // nil at positions without a quantile
}

// NewSnapshot returns an all-absent snapshot of schema s.
func NewSnapshot(s *Schema) *Snapshot {
	snap := &Snapshot{schema: s, samples: make([]Sample, s.Len()), dists: make([]*Dist, s.Len())}
	for i, d := range s.defs {
		if d.Quantile != 0 {
			snap.dists[i] = new(Dist)
		}
	}
	return snap
}

// Schema returns the schema of the snapshot.
func (s *Snapshot) Schema() *Schema { return s.schema }

// Set stores v as the i-th sample. A value that is NaN or infinite becomes
// absent here and nowhere else; an age beyond the Def's MaxAge makes the sample
// stale, and beyond [AbsentAfter] times that, absent.
//
// Where the signal has a quantile, the distribution becomes empty: use
// [Snapshot.SetDist], since a quantile alone cannot be merged with others.
func (s *Snapshot) Set(i int, v Sample) {
	if d := s.dists[i]; d != nil {
		d.Reset()
	}
	s.set(i, v)
}

func (s *Snapshot) set(i int, v Sample) {
	s.samples[i] = v.settle(s.schema.defs[i].MaxAge)
}

// SetDist copies distribution d, measured age ago, to position i, which must
// have a quantile: setting one elsewhere does nothing. An empty d is a
// measurement too ("no request finished"): the sample turns absent, because a
// quantile of nothing is no number.
func (s *Snapshot) SetDist(i int, d *Dist, age time.Duration) {
	if s.dists[i] == nil {
		return
	}
	s.dists[i].CopyFrom(d)
	s.resolve(i, age)
}

// At returns the i-th sample.
func (s *Snapshot) At(i int) Sample { return s.samples[i] }

// Dist returns the distribution at position i, or nil if that signal has no
// quantile. It stays the snapshot's own.
func (s *Snapshot) Dist(i int) *Dist { return s.dists[i] }

// Samples returns the snapshot's samples in the order of the schema. The slice
// stays the snapshot's own.
func (s *Snapshot) Samples() []Sample { return s.samples }

// Grow makes every sample older by d, and so perhaps stale or absent. Nothing
// becomes younger: a negative d counts as zero.
func (s *Snapshot) Grow(d time.Duration) {
	d = max(d, 0)
	for i, v := range s.samples {
		v.Age = min(v.Age, math.MaxInt64-d) + d
		s.set(i, v)
	}
}

// CopyFrom makes s equal to o, which must be of the same schema, without keeping
// a reference to it. It does nothing and reports false if it is not.
func (s *Snapshot) CopyFrom(o *Snapshot) bool {
	if s.schema.hash != o.schema.hash {
		return false
	}
	s.copyAt(0, o)
	return true
}

// copyAt copies o, whose Defs are those of s from position at on.
func (s *Snapshot) copyAt(at int, o *Snapshot) {
	copy(s.samples[at:], o.samples)
	for i, d := range o.dists {
		if d != nil {
			s.dists[at+i].CopyFrom(d)
		}
	}
}

// Reset makes every sample absent and every distribution empty.
func (s *Snapshot) Reset() {
	clear(s.samples)
	for _, d := range s.dists {
		if d != nil {
			d.Reset()
		}
	}
}

// resolve takes the quantile at position i.
func (s *Snapshot) resolve(i int, age time.Duration) {
	d := s.dists[i]
	if d.Count() == 0 {
		s.samples[i] = Sample{}
		return
	}
	s.set(i, Sample{Value: d.Quantile(s.schema.defs[i].Quantile), Weight: float64(d.Count()), Age: age, Quality: Fresh})
}
