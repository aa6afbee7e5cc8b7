package decide

import (
	"math"
	"strconv"
)

// Combine is how several opinions become one, either way. With up the opinion
// that Up makes of them, down the one that Down makes, and n the present count:
//
//	up if up > n, else down if down < n, else n
//
// The zero Combine is [CombineMax] both ways. "Max to go up, unanimous to go
// down" is Combine{Up: CombineMax, Down: CombineAll}, and the same thing: who
// wants the most is the last to agree.
//
// Up may not be bolder than Down, as max upwards and min downwards would be: the
// one would add what the other takes away, for ever.
//
// Held policies are left out of the opinion, and whatever the combination,
// nothing is taken away while any policy is held.
//
// Every combination is monotone in the opinions. Max upwards is so whatever
// policies are held; the others as long as the same ones are, since with one
// opinion more a smallest or a mean may sink. [Core.Monotone] tells.
type Combine struct {
	Up, Down Combination
}

// Combination is a way to make one opinion of several.
type Combination uint8

// The combinations.
const (
	// CombineMax takes the largest opinion: one policy suffices to grow, and all
	// have to agree to shrink. The default, because each policy watches over
	// something that the others do not see.
	CombineMax Combination = iota
	// CombineMin takes the smallest opinion: all have to agree to grow, and one
	// suffices to shrink.
	CombineMin
	// CombineAll is unanimous: it moves only if all want to go the same way, and
	// then by the smallest step. Upwards that is as CombineMin, downwards as
	// CombineMax.
	CombineAll
	// CombineWeighted takes the mean, weighted by NamedSpec.Weight and rounded up.
	CombineWeighted
)

var combinationNames = [...]string{"max", "min", "all", "weighted"}

// String returns the lower-case name of c.
func (c Combination) String() string {
	if int(c) < len(combinationNames) {
		return combinationNames[c]
	}
	return "combine(" + strconv.Itoa(int(c)) + ")"
}

// MarshalText returns the name of c.
func (c Combination) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads the name of a combination and refuses one that it does not
// know.
func (c *Combination) UnmarshalText(text []byte) error {
	i, err := indexOf(combinationNames[:], "combination", text)
	if err == nil {
		*c = Combination(i)
	}
	return err
}

// rank orders the combinations by what they make of the same opinions.
func (c Combination) rank(up bool) int {
	switch {
	case c == CombineMin, c == CombineAll && up:
		return 0
	case c == CombineWeighted:
		return 1
	}
	return 2
}

// maxWeight keeps sums of weighted counts exact enough.
const maxWeight = 1e6

func (c Combine) validate(policies []NamedSpec, bad func(string, ...any)) {
	for _, f := range []struct {
		name string
		c    Combination
	}{{"Up", c.Up}, {"Down", c.Down}} {
		if int(f.c) >= len(combinationNames) {
			bad("Combine.%s is %v: use one of decide.CombineMax, CombineMin, CombineAll and CombineWeighted", f.name, f.c)
		}
	}
	if int(c.Up) < len(combinationNames) && int(c.Down) < len(combinationNames) && c.Up.rank(true) > c.Down.rank(false) {
		bad("Combine.Up is %v and Down is %v: what the one adds the other would take away again; use the same both ways, or a larger one for Down", c.Up, c.Down)
	}
	for i, p := range policies {
		if w := p.Weight; w < 0 || w > maxWeight || math.IsNaN(w) {
			bad("Policies[%d].Weight is %v: it must be above 0 and at most %d, or 0 for 1", i, w, int(maxWeight))
		}
	}
}

// Monotone reports whether more demand, with all else equal, never gives fewer
// replicas: every policy is [Monotone], and the combination keeps it. With
// another combination than [CombineMax] upwards, and several policies, that
// holds only while the same policies can tell, and Monotone is false.
func (c *Core) Monotone() bool {
	for _, p := range c.policies {
		if m, ok := p.Policy.(Monotone); !ok || !m.Monotone() {
			return false
		}
	}
	return c.config.Combine.Up == CombineMax || len(c.policies) == 1
}

// combine makes one opinion of those that are not held.
func (t *tick) combine(policies []named, d *Decision) {
	d.From, d.Leader, d.Notes = t.cur, -1, d.Notes[:0]
	d.Binding = StageCombine
	if !t.told {
		t.opinion, t.agreed, d.Reason = t.cur, t.cur, ReasonAllHeld
		d.Notes = append(d.Notes, Note{Stage: StageCombine, Reason: ReasonAllHeld, In: t.cur, Out: t.cur})
		return
	}
	c := t.config.Combine
	up, upBy := t.opinionOf(c.Up, true, policies, d.Recommendations)
	down, downBy := t.opinionOf(c.Down, false, policies, d.Recommendations)
	how, out, by, reason := c.Up, up, upBy, ReasonDisagree
	switch {
	case up > t.cur:
		reason = reasonOf(c.Up)
	case down <= t.cur: // also "as it is"
		how, out, by = c.Down, down, downBy
		reason = reasonOf(c.Down)
	case up < t.cur: // some want more and some want less
		out, by = t.cur, -1
	default: // up asks for just what there is
		reason = reasonOf(c.Up)
	}
	t.opinion, t.agreed, d.Leader = out, up, by
	t.need = min(t.need, out) // what one of them needs is not what they agreed on
	switch {
	case by >= 0 && how != CombineWeighted:
		d.Binding, d.Reason = StageRecommend, d.Recommendations[by].Reason
	default:
		d.Reason = reason
	}
	d.Notes = append(d.Notes, Note{Stage: StageCombine, Reason: reason, In: t.cur, Out: out})
}

// reasonOf is why an opinion is as it is that c has made.
func reasonOf(c Combination) Reason {
	switch c {
	case CombineMin:
		return ReasonSmallest
	case CombineAll:
		return ReasonUnanimous
	case CombineWeighted:
		return ReasonWeighted
	}
	return ReasonLargest
}

// opinionOf returns what c makes of the opinions, at least one of which is not
// held, and the policy that it took: for a mean, the one that weighs most in it.
func (t *tick) opinionOf(c Combination, up bool, policies []named, rs []Recommendation) (int64, int) {
	smallest := c.rank(up) == 0
	by, sum, weights, most := -1, 0.0, 0.0, -1.0
	for i, r := range rs {
		if r.Held {
			continue
		}
		w := policies[i].weight
		part := float64(w * float64(r.Replicas))
		sum += part
		weights += w
		switch {
		case c == CombineWeighted && part > most,
			c != CombineWeighted && by < 0,
			c != CombineWeighted && smallest && r.Replicas < rs[by].Replicas,
			c != CombineWeighted && !smallest && r.Replicas > rs[by].Replicas:
			by, most = i, part
		}
	}
	if c == CombineWeighted {
		return cleanCount(roundUp(sum / weights)), by
	}
	return rs[by].Replicas, by
}
