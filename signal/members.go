package signal

import (
	"fmt"
	"slices"
	"time"
)

// MergeMembers makes into the fleet's snapshot of what the members report: each
// signal merged as its Def says. A nil member is one that should have reported
// and did not. All snapshots must have the schema of into; if one has not, that
// is the error, and into is left as it was.
//
// For each signal only fresh samples are used. If no member has a fresh one, the
// stale ones are, and the result is stale; if there are none either, it is
// absent. Its age is that of the oldest sample used. Its weight is the sum of
// the weights for [MergeMean], the count of values for [MergeDistribution], and
// the number of members used otherwise.
//
// In the coverage, Expected is the number of members, nil ones included. A
// member counts as Fresh if it has a fresh sample and no stale one: who is stale
// in one signal is missing from that signal's sum, and to say so of the member
// is what keeps a sum that lacks a part from passing for less demand.
func MergeMembers(into *Snapshot, members []*Snapshot) (Coverage, error) {
	cover := Coverage{Expected: len(members)}
	for i, m := range members {
		if m == nil {
			continue
		}
		if m.schema.hash != into.schema.hash {
			return Coverage{}, fmt.Errorf("%w: member %d: hash %016x, here %016x", ErrSchema, i, m.schema.hash, into.schema.hash)
		}
		if m == into {
			return Coverage{}, fmt.Errorf("evenkeel: member %d is the snapshot to merge into: give another", i)
		}
		if m.whole() {
			cover.Fresh++
		}
	}
	values := make([]float64, 0, len(members))
	for i := range into.samples {
		values = into.mergeSignal(i, members, values[:0])
	}
	return cover, nil
}

// whole reports whether s has a fresh sample and no stale one.
func (s *Snapshot) whole() bool {
	fresh := false
	for _, v := range s.samples {
		switch v.Quality {
		case Stale:
			return false
		case Fresh:
			fresh = true
		}
	}
	return fresh
}

// mergeSignal merges signal i. values is memory to work in.
func (s *Snapshot) mergeSignal(i int, members []*Snapshot, values []float64) []float64 {
	best := Absent
	for _, m := range members {
		if m.usable(i) {
			best = max(best, m.samples[i].Quality)
		}
	}
	d := s.dists[i]
	if d != nil {
		d.Reset()
	}
	var (
		age      time.Duration
		used     float64
		weighted float64 // sum of weight times value
		weights  float64
	)
	for _, m := range members {
		if !m.usable(i) || m.samples[i].Quality != best {
			continue
		}
		v := m.samples[i]
		age = max(age, v.Age)
		used++
		if d != nil {
			d.Merge(m.dists[i])
			continue
		}
		values = append(values, v.Value)
		w := v.Weight
		if w == 0 {
			w = 1
		}
		weights += w
		weighted += float64(w * v.Value)
	}
	switch {
	case used == 0:
		s.samples[i] = Sample{}
		return values
	case d != nil:
		s.resolve(i, age)
	default:
		out := Sample{Weight: used, Age: age, Quality: best}
		switch s.schema.defs[i].Merge {
		case MergeMean:
			out.Value, out.Weight = weighted/weights, weights
		case MergeMax:
			out.Value = slices.Max(values)
		case MergeP90:
			slices.Sort(values)
			out.Value = values[(9*len(values)+9)/10-1]
		default:
			for _, v := range values {
				out.Value += v
			}
		}
		s.set(i, out)
	}
	s.samples[i].Quality = min(s.samples[i].Quality, best)
	return values
}

// usable reports whether s has something to merge at i: a number, or a
// distribution where that is what the signal is.
func (s *Snapshot) usable(i int) bool {
	if s == nil || s.samples[i].Quality == Absent {
		return false
	}
	return s.dists[i] == nil || s.dists[i].Count() > 0
}
