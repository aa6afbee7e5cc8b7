package page

import (
	"fmt"
	"math"

	"github.com/evenkeel/evenkeel/decide"
)

// A Shadow is what a policy that only watches would have asked for, compared with
// what was. The zero Shadow is none.
type Shadow struct {
	decide.Tally
	// Summary is the comparison in one line.
	Summary string `json:"summary"`
}

// ShadowOf returns t in words, none if nothing was compared.
func ShadowOf(t decide.Tally) Shadow {
	if t.Ticks == 0 {
		return Shadow{}
	}
	return Shadow{Tally: t, Summary: t.String()}
}

// Facts are the comparison in two figures.
func (s Shadow) Facts() []Fact {
	if s.Ticks == 0 {
		return nil
	}
	wants := fmt.Sprint(s.ShadowDesired)
	if d := s.ShadowDesired - s.Desired; d != 0 {
		wants += fmt.Sprintf(" (%+d)", d)
	}
	differs := fmt.Sprintf("%.0f %% of ticks", 100*float64(s.Differ())/float64(s.Ticks))
	if cost := s.Cost(); s.Seconds > 0 && !math.IsInf(cost, 0) {
		differs += fmt.Sprintf(", at %.0f %% of the cost", 100*cost)
	}
	return []Fact{{Label: "Shadow wants", Value: wants}, {Label: "Shadow differs", Value: differs}}
}
