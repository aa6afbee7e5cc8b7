package trace

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// A Shape describes the day that [Day] synthesises. The zero Shape is 75 s with
// a mean of 8 and a peak of 24 requests per second.
type Shape struct {
	// Length of the day. Default 75 s.
	Length time.Duration
	// Mean and Peak rates in requests per second. Defaults 8, and 3 times Mean.
	Mean, Peak float64
	// Bursts is how many sharp bursts, each Length/40 long and up to Peak, break
	// into the smooth curve at random times. Default 3; negative for none.
	Bursts int
	// Input and Output are the mean lengths in tokens. Defaults 1000 and 200.
	Input, Output float64
	// Spread is the sigma of the log-normal lengths. Default 0.7.
	Spread float64
}

func (s Shape) withDefaults() Shape {
	if s.Length == 0 {
		s.Length = 75 * time.Second
	}
	if s.Mean == 0 {
		s.Mean = 8
	}
	if s.Peak == 0 {
		s.Peak = 3 * s.Mean
	}
	if s.Bursts == 0 {
		s.Bursts = 3
	}
	if s.Input == 0 {
		s.Input = 1000
	}
	if s.Output == 0 {
		s.Output = 200
	}
	if s.Spread == 0 {
		s.Spread = 0.7
	}
	return s
}

func (s Shape) validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("evenkeel: trace.Shape: "+format, args...))
	}
	if s.Length < 0 || s.Length > 24*time.Hour {
		bad("Length is %v: it must lie in 0 to 24 h", s.Length)
	}
	if !(s.Mean > 0 && s.Mean <= 1e5) {
		bad("Mean is %v: it must lie in 0 to 100000 requests per second", s.Mean)
	}
	if !(s.Peak >= s.Mean && s.Peak <= 50*s.Mean) {
		bad("Peak is %v: it must lie between Mean and 50 times Mean", s.Peak)
	}
	if s.Bursts > 1000 {
		bad("Bursts is %d: it must be at most 1000", s.Bursts)
	}
	if float64(s.Bursts)*burstLength > s.Mean/s.Peak {
		bad("Bursts is %d: that many at Peak are already more than Mean: have fewer, or raise Mean", s.Bursts)
	}
	if !(s.Input >= 1 && s.Input <= 1e6 && s.Output >= 1 && s.Output <= 1e6) {
		bad("Input and Output are %v and %v: they must lie in 1 to 1000000 tokens", s.Input, s.Output)
	}
	if !(s.Spread >= 0 && s.Spread <= 3) {
		bad("Spread is %v: it must lie in 0 to 3", s.Spread)
	}
	return errors.Join(errs...)
}

// Day synthesises a bursty day in miniature: a smooth curve with a peak before
// noon and a higher one in the evening, sharp bursts on top, Poisson arrivals
// (by thinning: Lewis and Shedler 1979) and log-normal lengths. The same seed
// and shape give the same trace.
func Day(seed uint64, s Shape) (Trace, error) {
	s = s.withDefaults()
	if err := s.validate(); err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(seed, 0x6461790a))
	curve := newCurve(rng, s)
	var out Trace
	for at := rng.ExpFloat64() / s.Peak; at < s.Length.Seconds(); at += rng.ExpFloat64() / s.Peak {
		if rng.Float64() < curve.at(at/s.Length.Seconds()) {
			out = append(out, Record{
				At:     time.Duration(at * float64(time.Second)),
				Input:  logNormal(rng, s.Input, s.Spread),
				Output: logNormal(rng, s.Output, s.Spread),
			})
		}
	}
	return out, nil
}

// curve is the rate over the day as a share of the peak: a base of two bells
// and bursts, raised to the power at which its mean is the one asked for.
type curve struct {
	bursts []float64
	power  float64
}

const burstLength = 1.0 / 40

func newCurve(rng *rand.Rand, s Shape) curve {
	c := curve{power: 1}
	for range max(s.Bursts, 0) {
		c.bursts = append(c.bursts, rng.Float64()*(1-burstLength))
	}
	// The mean falls steadily as the power grows, so that halving finds it.
	lo, hi := 0.0, 64.0
	for range 50 {
		c.power = (lo + hi) / 2
		if c.mean() > s.Mean/s.Peak {
			lo = c.power
		} else {
			hi = c.power
		}
	}
	return c
}

// at returns the rate at part u of the day, 0 to 1.
func (c curve) at(u float64) float64 {
	for _, b := range c.bursts {
		if u >= b && u < b+burstLength {
			return 1
		}
	}
	bell := func(mid, width float64) float64 { return math.Exp(-(u - mid) * (u - mid) / (2 * width * width)) }
	return math.Pow(0.15+0.65*bell(0.4, 0.1)+0.8*bell(0.78, 0.09), c.power)
}

func (c curve) mean() float64 {
	const steps = 2000
	sum := 0.0
	for i := range steps {
		sum += c.at((float64(i) + 0.5) / steps)
	}
	return sum / steps
}

// logNormal draws a length of the given mean, at least 1 and at most 16 times
// the mean: the tail beyond that is longer than any model's context.
func logNormal(rng *rand.Rand, mean, sigma float64) int64 {
	v := math.Exp(math.Log(mean) - sigma*sigma/2 + sigma*rng.NormFloat64())
	return int64(min(max(math.Round(v), 1), 16*mean))
}
