package compat

import (
	"fmt"
	"slices"
	"time"
)

// convert turns the rules of one direction into guards. What a manifest leaves
// out is what Kubernetes puts there, written down.
func (s *manifestScaling) convert(path string, up, behavior bool, r *Report) policyGuards {
	g := policyGuards{tolerance: 0.1}
	if !up {
		g.window = 300 * time.Second
	}
	if s.window != nil {
		g.window = seconds(*s.window)
	}
	if s.tolerance != nil {
		g.tolerance = *s.tolerance
		if g.tolerance > 1 {
			r.note(Changed, path+".tolerance", "", "a tolerance above 1 is 1: no change is larger than the whole count, but for growth beyond twice of it")
			g.tolerance = 1
		}
		r.note(Noted, path+".tolerance", "", "it is a share of the count here, and of the ratio there; and it never keeps back a replica for which work is queued")
	}
	switch s.pick {
	case "Min":
		g.pick = "min"
	case "Disabled":
		g.pick = "disabled"
		for _, p := range s.policies {
			r.note(Left, p.path, "", "selectPolicy is Disabled, so that it has no effect")
		}
		return g
	}
	for _, p := range s.policies {
		rate := policyRate{period: seconds(p.period)}
		if p.kind == "Percent" {
			rate.share = p.value
			if !up {
				rate.share = min(p.value, 100)
			}
		} else {
			rate.count = p.value
		}
		if len(g.rates) == maxRates {
			r.note(Left, p.path, "", fmt.Sprintf("a direction has %d rates at most", maxRates))
			continue
		}
		g.rates = append(g.rates, rate)
	}
	switch {
	case len(s.policies) > 0:
	case up && behavior:
		g.rates = []policyRate{{count: 4, period: 15 * time.Second}, {share: 100, period: 15 * time.Second}}
		r.note(Noted, path+".policies", "", "none are given: 4 pods or 100 % in 15 s, as Kubernetes does")
	case up:
		g.rates = []policyRate{{count: 3, share: 100, period: 15 * time.Second}}
		r.note(Changed, "spec.behavior", "", "none is given: Kubernetes lets one decision go to 4 or to twice the count; the rate here is 3 or 100 % in 15 s, which differs from 2 (to 5 instead of 4)")
	}
	return g
}

// limitPeriods leaves out rates whose periods are one too many: what is
// remembered for each takes room.
func limitPeriods(p *policyFile, r *Report) {
	var periods []time.Duration
	for _, d := range []struct {
		path  string
		rates *[]policyRate
	}{{"spec.behavior.scaleUp.policies", &p.up.rates}, {"spec.behavior.scaleDown.policies", &p.down.rates}} {
		kept := (*d.rates)[:0]
		for _, rate := range *d.rates {
			switch {
			case slices.Contains(periods, rate.period):
			case len(periods) == maxPeriods:
				r.note(Left, d.path, rate.String(), fmt.Sprintf("the rates of both directions have %d different periods at most", maxPeriods))
				continue
			default:
				periods = append(periods, rate.period)
			}
			kept = append(kept, rate)
		}
		*d.rates = kept
	}
}

// String says what the rate allows.
func (p policyRate) String() string {
	if p.share > 0 {
		return fmt.Sprintf("%d %% in %v", p.share, p.period)
	}
	return fmt.Sprintf("%d in %v", p.count, p.period)
}
