package llm

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestStartupSamples(t *testing.T) {
	for _, s := range Startups() {
		rng := rand.New(rand.NewPCG(1, 2))
		all := make([]time.Duration, 10001)
		for i := range all {
			all[i] = s.Sample(rng)
			if all[i] < s.Median/2 || all[i] > 4*s.Median {
				t.Fatalf("%s: %v outside half and four times the median", s.Name, all[i])
			}
		}
		slices.Sort(all)
		median := float64(all[len(all)/2]) / float64(s.Median)
		if median < 0.95 || median > 1.08 { // cutting off the low tail moves it up a little
			t.Errorf("%s: median of the samples is %.3f of the stated one", s.Name, median)
		}
		if all[0] == all[len(all)-1] {
			t.Errorf("%s: no spread", s.Name)
		}
		if got, ok := StartupPreset(s.Name); !ok || got != s {
			t.Errorf("StartupPreset(%q) = %+v, %v", s.Name, got, ok)
		}
	}
	if _, ok := StartupPreset("no-such"); ok {
		t.Error("found a start-up that does not exist")
	}
}

func TestStartupEdges(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	if got := (Startup{Median: time.Minute}).Sample(rng); got != time.Minute {
		t.Errorf("without Sigma: %v", got)
	}
	if got := (Startup{Median: -1, Sigma: 1}).Sample(rng); got != 0 {
		t.Errorf("with a negative median: %v", got)
	}
	wild := Startup{Median: time.Second, Sigma: 1e9}
	for range 100 {
		if got := wild.Sample(rng); got < time.Second/2 || got > 4*time.Second {
			t.Errorf("with a huge Sigma: %v", got)
		}
	}
}
