package decide

import (
	"errors"
	"fmt"
	"math"

	"github.com/evenkeel/evenkeel/signal"
)

// Track keeps a signal at a setpoint: replicas = ready × value ÷ setpoint,
// rounded up. That is right for a value per replica which halves when twice as
// many share the load: a concurrency, a utilisation. A latency does not.
//
// It counts from the replicas that are ready, never from those on their way, so
// a slow start is not mistaken for too few. While none is ready, a value per
// replica says nothing and Track holds; only with Total can it leave zero.
type Track struct {
	// Signal to track. Required.
	Signal signal.Key
	// Setpoint of the signal, in its unit. Required, above 0.
	Setpoint float64
	// Total: the signal is one number for the whole fleet and Setpoint the part
	// of it that one replica takes: replicas = value ÷ setpoint.
	Total bool
}

// Compile implements [Spec].
func (t Track) Compile(signals *signal.Schema) (Policy, error) {
	i, err := position(signals, "Track.Signal", t.Signal)
	if err := errors.Join(err, positive("Track.Setpoint", t.Setpoint)); err != nil {
		return nil, err
	}
	return &track{i, t.Setpoint, t.Total}, nil
}

type track struct {
	signal   int
	setpoint float64
	total    bool
}

func (*track) Words() int { return 0 }

// Monotone implements [Monotone]: a higher value never asks for fewer.
func (*track) Monotone() bool { return true }

func (t *track) Recommend(_ []float64, in *Input) Recommendation {
	v, why := read(in, t.signal)
	if why != ReasonNone {
		return hold(t.signal, why)
	}
	r := Recommendation{Reason: ReasonSetpoint, A: v, B: t.setpoint}
	switch {
	case t.total:
		r.Replicas = roundUp(v / t.setpoint)
	case in.Fleet.Ready == 0:
		return Recommendation{Held: true, Reason: ReasonNoneReady, A: v, B: t.setpoint}
	default:
		r.Replicas = roundUp(float64(float64(in.Fleet.Ready)*v) / t.setpoint)
	}
	return r
}

// read returns the fresh value at position i, or why there is none.
func read(in *Input, i int) (float64, Reason) {
	var s signal.Sample
	if i < len(in.Signals) {
		s = in.Signals[i]
	}
	switch {
	case s.Quality == signal.Stale:
		return 0, ReasonStale
	case s.Quality != signal.Fresh:
		return 0, ReasonAbsent
	case !(s.Value >= 0) || math.IsInf(s.Value, 0): // also NaN
		return 0, ReasonInvalid
	}
	return s.Value, ReasonNone
}

// hold is the recommendation of a policy whose signal at position i fails it.
func hold(i int, why Reason) Recommendation {
	return Recommendation{Held: true, Reason: why, A: float64(i)}
}

// roundUp returns the smallest count that is no less than x, but for an excess
// that is only rounding: 3 × 0.7 ÷ 0.7 is 3, not 4.
func roundUp(x float64) int64 {
	switch {
	case !(x > 0):
		return 0
	case x >= MaxReplicas:
		return MaxReplicas
	}
	return max(int64(math.Ceil(x-float64(1e-9*x))), 1)
}

func position(signals *signal.Schema, field string, k signal.Key) (int, error) {
	i, ok := signals.Index(k)
	switch {
	case k.Name == "":
		return 0, fmt.Errorf("%s is empty: name a signal", field)
	case !ok:
		return 0, fmt.Errorf("%s is %q, which is not among the signals: add its Def to Config.Signals", field, k)
	}
	return i, nil
}

func positive(field string, x float64) error {
	if !(x > 0) || math.IsInf(x, 0) {
		return fmt.Errorf("%s is %v: it must be above 0", field, x)
	}
	return nil
}
