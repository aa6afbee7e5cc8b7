package llm

import (
	"math"
	"math/rand/v2"
	"time"
)

// A Startup is how long a replica takes from being asked for to being ready:
// log-normal, cut off at half and at four times the median.
type Startup struct {
	Name   string
	Median time.Duration
	// Sigma is the standard deviation of the logarithm. 0: always the median.
	Sigma float64
}

// Startups returns the presets, fastest first. For models of 70B parameters add
// 60 s, for 600B and more 300 s, unless the weights come from a peer.
func Startups() []Startup {
	return []Startup{
		// vLLM's sleep mode, or a checkpoint in GPU memory: 2.9 to 18 s.
		{Name: "sleeping", Median: 4 * time.Second, Sigma: 0.25},
		// Weights on the node, compile cache warm: 35 to 66 s.
		{Name: "warm-node-cached", Median: 45 * time.Second, Sigma: 0.25},
		// 15 runs on a shared cluster of H100: median 115 s, 9 to 318 s.
		{Name: "warm-node", Median: 115 * time.Second, Sigma: 0.5},
		// From node to serving where nodes are kept ready: normal, 240 s ± 30 s.
		{Name: "fast-pool", Median: 240 * time.Second, Sigma: 0.2},
		// Node 3 to 8 min, and the image is pulled: 5 to 10 min.
		{Name: "new-node", Median: 480 * time.Second, Sigma: 0.4},
	}
}

// StartupPreset returns the preset of that name.
func StartupPreset(name string) (Startup, bool) {
	for _, s := range Startups() {
		if s.Name == name {
			return s, true
		}
	}
	return Startup{}, false
}

// Sample draws one start-up time from r, rounded to a millisecond so that the
// last bit of the platform's math.Exp does not show.
func (s Startup) Sample(r *rand.Rand) time.Duration {
	if !(s.Sigma > 0) || s.Median <= 0 {
		return max(s.Median, 0)
	}
	low, high := 0.5, 4.0
	f := 1.0
	// Draw again what falls outside, but not for ever: a huge Sigma almost always
	// does.
	for range 64 {
		f = math.Exp(s.Sigma * r.NormFloat64())
		if f >= low && f <= high {
			break
		}
	}
	f = min(max(f, low), high)
	return millis(f * float64(s.Median) / float64(time.Millisecond)).Round(time.Millisecond)
}
