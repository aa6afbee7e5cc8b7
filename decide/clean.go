package decide

import (
	"math"
	"time"

	"github.com/evenkeel/evenkeel/signal"
)

// Clean returns what the core makes of in: times in UTC without a monotonic
// reading and within the years 1 to 9999, counts in range, no NaN and no
// infinity. Deciding on it gives the same answer, it always encodes as JSON, and
// reading it back gives an equal value: it is what belongs in a journal.
func (in *Input) Clean() Input {
	var out Input
	cleanInput(&out, in, len(in.Signals), nil)
	return out
}

// cleanInput writes the clean form of in to out, with n signals, and keeps the
// slices of out. It turns samples older than maxAge (nil: any age) stale.
func cleanInput(out, in *Input, n int, maxAge []time.Duration) {
	out.Now = cleanTime(in.Now)
	out.Fleet.Desired = cleanCount(in.Fleet.Desired)
	out.Fleet.Ready = cleanCount(in.Fleet.Ready)
	out.Fleet.Draining = cleanCount(in.Fleet.Draining)
	out.Fleet.Starting = out.Fleet.Starting[:0]
	for _, c := range in.Fleet.Starting {
		if c.N > 0 {
			out.Fleet.Starting = append(out.Fleet.Starting, Cohort{cleanCount(c.N), cleanTime(c.Since), c.Stuck})
		}
	}
	out.Members = in.Members
	if in.Members.Expected < 0 || in.Members.Fresh < 0 {
		out.Members = signal.Coverage{Expected: 1} // nonsense is no reason to trust it
	}
	out.Signals = out.Signals[:0]
	for i := range n {
		var s signal.Sample
		if i < len(in.Signals) {
			s = cleanSample(in.Signals[i])
		}
		if maxAge != nil && s.Quality == signal.Fresh && s.Age > maxAge[i] {
			s.Quality = signal.Stale
		}
		out.Signals = append(out.Signals, s)
	}
	out.Limits = in.Limits.Normal()
	out.Override = Override{}
	if in.Override.Replicas >= 0 && !in.Override.Until.IsZero() {
		out.Override = Override{cleanCount(in.Override.Replicas), cleanTime(in.Override.Until)}
	}
	out.Pause = Pause{}
	if in.Pause.Up || in.Pause.Down {
		out.Pause = Pause{in.Pause.Up, in.Pause.Down, cleanTime(in.Pause.Until)}
	}
}

func cleanCount(n int64) int64 { return min(max(n, 0), MaxReplicas) }

func cleanSample(s signal.Sample) signal.Sample {
	if s.Quality == signal.Absent || s.Quality > signal.Fresh || math.IsNaN(s.Value) || math.IsInf(s.Value, 0) {
		return signal.Sample{}
	}
	if math.IsNaN(s.Weight) || math.IsInf(s.Weight, 0) || s.Weight < 0 {
		s.Weight = 0
	}
	s.Age = max(s.Age, 0)
	return s
}

// The range in which a time can be written down (RFC 3339), in Unix seconds.
const (
	firstSecond = -62135596800 // 0001-01-01T00:00:00Z, the zero Time
	lastSecond  = 253402300799 // 9999-12-31T23:59:59Z
)

func cleanTime(t time.Time) time.Time {
	switch s := t.Unix(); {
	case s < firstSecond:
		return time.Time{}
	case s > lastSecond:
		return time.Unix(lastSecond, 0).UTC()
	}
	return t.Round(0).UTC()
}

// An instant is a time as the state keeps it: milliseconds since the year 1, so
// that the zero Time is 0 and every other one is positive.
type instant = int64

func instantOf(t time.Time) instant {
	return (t.Unix()-firstSecond)*1000 + int64(t.Nanosecond()/1e6)
}
