package simulate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/evenkeel/evenkeel/decide/simulate/llm"
	"github.com/evenkeel/evenkeel/decide/simulate/trace"
)

// ErrTooSmall is returned by [SmallestConstant] if not even its largest fleet
// serves the share asked for.
var ErrTooSmall = errors.New("evenkeel: no constant fleet within the maximum serves that share")

// ReplicasNeeded is how many replicas of the model, as a fraction, the busiest
// window of t needs: the rate of its requests ÷ the rate that one replica serves
// at its knee with requests of their mean lengths ([llm.Model.MaxRate]), where a
// token takes tpot, or the KV cache is full. It is +Inf if the model cannot keep
// tpot at any load, and 0 for an empty trace.
//
// What windows are compared by is the replicas they need, so that a few long
// prompts may weigh more than many short ones.
func ReplicasNeeded(t trace.Trace, m llm.Model, tpot, window time.Duration) float64 {
	if window <= 0 {
		return 0
	}
	var most, n, input, output float64
	end := 0
	for _, r := range t {
		for ; end < len(t) && t[end].At-r.At < window; end++ {
			n++
			input += float64(t[end].Input)
			output += float64(t[end].Output)
		}
		rate := n / window.Seconds()
		most = max(most, rate/m.MaxRate(tpot, input/n, max(output/n, 1)))
		n--
		input -= float64(r.Input)
		output -= float64(r.Output)
	}
	return most
}

// SpeedFor is the factor for [trace.Trace.Speed] at which the busiest window of
// t needs the given number of replicas, by [ReplicasNeeded]. The window is in
// the time of the sped-up trace. It is an error if a trace as short as t does
// not need so many at any speed that leaves it longer than the window.
//
// A window holds whole requests, so that the need grows in small jumps with the
// speed; the factor is where it passes replicas.
func SpeedFor(t trace.Trace, m llm.Model, replicas float64, tpot, window time.Duration) (float64, error) {
	if window <= 0 || !(replicas > 0) || math.IsInf(replicas, 1) {
		return 0, fmt.Errorf("evenkeel: SpeedFor: a window of %v and %v replicas: both must be positive", window, replicas)
	}
	need := func(speed float64) float64 {
		// A window of the fast trace is a longer one of the slow trace, with the
		// same requests, in which the need is smaller by the same factor.
		return ReplicasNeeded(t, m, tpot, time.Duration(float64(window)*speed)) * speed
	}
	lo, hi := 1e-6, float64(t.Span())/float64(window)
	if most := need(hi); !(most >= replicas) || math.IsInf(most, 1) {
		return 0, fmt.Errorf("evenkeel: SpeedFor: %d requests in %v cannot need %v replicas of %s over %v: take a longer trace or a shorter window",
			len(t), t.Span(), replicas, m.Name, window)
	}
	for hi/lo > 1.0001 {
		mid := math.Sqrt(lo * hi)
		if need(mid) < replicas {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi, nil
}

// Rush is the busiest part of t ([trace.Trace.Busiest]), sped up so that it takes
// the given length and its busiest ten seconds need so many replicas, and the
// speed. The faster, the longer the part of t that fits the length. It is an
// error if t is too short.
func Rush(t trace.Trace, m llm.Model, replicas float64, tpot, length time.Duration) (trace.Trace, float64, error) {
	if length < needWindow || !(replicas > 0) || math.IsInf(replicas, 1) {
		return nil, 0, fmt.Errorf("evenkeel: Rush: a length of %v and %v replicas: at least %v, and above 0", length, replicas, needWindow)
	}
	rush := func(speed float64) trace.Trace {
		return t.Busiest(time.Duration(float64(length) * speed)).Speed(speed)
	}
	lo, hi := 1e-6, float64(t.Span())/float64(length)
	most := ReplicasNeeded(rush(hi), m, tpot, needWindow)
	if !(most >= replicas) || math.IsInf(most, 1) {
		return nil, 0, fmt.Errorf("evenkeel: Rush: %d requests in %v, played in %v, need %.1f replicas of %s, not %v: take a longer trace or a shorter length",
			len(t), t.Span(), length, most, m.Name, replicas)
	}
	for hi/lo > 1.001 {
		mid := math.Sqrt(lo * hi)
		if ReplicasNeeded(rush(mid), m, tpot, needWindow) < replicas {
			lo = mid
		} else {
			hi = mid
		}
	}
	return rush(hi), hi, nil
}

// Miniature is all of t, sped up so that it takes the given length, and thinned
// ([trace.Trace.Thin]) so that its busiest ten seconds need so many replicas: a
// whole day with its quiet and its busy hours, played in a minute by fewer
// clients. It also returns the speed and the share of requests kept. It is an
// error if all of t needs fewer.
func Miniature(t trace.Trace, m llm.Model, replicas float64, tpot, length time.Duration, seed uint64) (out trace.Trace, speed, share float64, err error) {
	if length < needWindow || !(replicas > 0) || math.IsInf(replicas, 1) {
		return nil, 0, 0, fmt.Errorf("evenkeel: Miniature: a length of %v and %v replicas: at least %v, and above 0", length, replicas, needWindow)
	}
	if t.Span() > 0 {
		speed = float64(t.Span()) / float64(length)
	}
	fast := t.Speed(speed)
	most := ReplicasNeeded(fast, m, tpot, needWindow)
	if !(most >= replicas) || math.IsInf(most, 1) {
		return nil, 0, 0, fmt.Errorf("evenkeel: Miniature: %d requests in %v, played in %v, need %.1f replicas of %s, not %v: take a longer trace or a shorter length",
			len(t), t.Span(), length, most, m.Name, replicas)
	}
	// The fewer, the more the peak is left to chance: the share is searched for
	// and not computed from the need of the whole.
	lo, hi := 0.0, 1.0
	for range 20 {
		mid := (lo + hi) / 2
		if ReplicasNeeded(fast.Thin(mid, seed), m, tpot, needWindow) < replicas {
			lo = mid
		} else {
			hi = mid
		}
	}
	return fast.Thin(hi, seed), speed, hi, nil
}

// How [SmallestConstant] tells luck from service.
const (
	shakes = 5
	shake  = 20 * time.Millisecond
)

// SmallestConstant finds the smallest fleet that never changes and serves at
// least the given share of offered requests within the objective of c, trying
// 1, 2, … up to most. Everything but the Decider, the Policy and the initial
// count is as in c, the gate too. It returns the fleet and its report, or
// [ErrTooSmall] with the report of the largest one.
//
// A share is the mean over five runs, one with the arrivals of c and four with
// each of them put off by up to 20 ms ([trace.Trace.Shake]): with long prompts,
// which request comes a moment before which moves the share of a single run by a
// percent or two. The report is that of the first run with the mean shares.
func SmallestConstant(ctx context.Context, c Config, share float64, most int64) (int64, Report, error) {
	var r Report
	for n := int64(1); n <= most; n++ {
		var err error
		if r, err = constant(ctx, c, n); err != nil {
			return 0, Report{}, err
		}
		if r.WithinOffered >= share {
			return n, r, nil
		}
	}
	return 0, r, fmt.Errorf("%w: %d replicas serve %.1f %%, %.1f %% are asked for", ErrTooSmall, most, 100*r.WithinOffered, 100*share)
}

// constant is the report of n replicas that never change.
func constant(ctx context.Context, c Config, n int64) (first Report, err error) {
	c = c.withDefaults() // shaken arrivals take no longer
	c.Initial, c.Limits.Min, c.Limits.Max = n, n, n
	arrivals := c.Arrivals
	var offered, admitted float64
	for i := range shakes {
		c.Decider = Constant(n)
		if i > 0 {
			c.Arrivals = arrivals.Shake(shake, uint64(i))
		}
		r, err := Run(ctx, c)
		if err != nil {
			return Report{}, err
		}
		if i == 0 {
			first = r
		}
		offered += r.WithinOffered
		admitted += r.WithinAdmitted
	}
	first.WithinOffered, first.WithinAdmitted = offered/shakes, admitted/shakes
	return first, nil
}
