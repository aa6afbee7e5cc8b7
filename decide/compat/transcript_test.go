package compat

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A walk is a fleet that follows what a rule asks for, late and not always whole,
// under a load that goes up and down, with gaps. It is the same in every run.
type walk struct {
	seed        uint64
	o           Observation
	load, trend float64
	k           int
}

func (w *walk) below(n uint64) uint64 { // xorshift64*
	w.seed ^= w.seed >> 12
	w.seed ^= w.seed << 25
	w.seed ^= w.seed >> 27
	return w.seed * 2685821657736338717 >> 33 % n
}

func (w *walk) part() float64 { return float64(w.below(1001)) / 1000 }

// next makes the next observation, after a rule has asked for so many.
func (w *walk) next(spec int64, tick time.Duration, metrics int) *Observation {
	w.k++
	gap := tick
	switch w.below(40) {
	case 0:
		gap = 10 * tick
	case 1:
		gap = 11 * time.Minute
	case 2:
		gap = -tick
	}
	w.o.Now = w.o.Now.Add(gap)
	w.o.Limits = decide.Limits{Min: int64(w.k / 500 % 3), Max: 60}
	w.o.Spec = spec
	if w.below(3) > 0 { // some take longer to start, or to go
		w.o.Status = spec
	}
	if w.o.Ready += int64(w.below(4)); w.below(50) == 0 {
		w.o.Ready = 0
	}
	w.o.Ready = min(w.o.Ready, w.o.Status)
	if w.below(25) == 0 {
		w.trend = []float64{0, 1.15, 0.8, 1.02, 0.97}[w.below(5)]
	}
	if w.load *= w.trend; w.load < 0.01 || w.load > 500 {
		w.load, w.trend = 1+20*w.part(), 1
	}
	if w.below(60) == 0 {
		w.load = 0
	}
	w.o.Metrics = w.o.Metrics[:0]
	for i := range metrics {
		each := w.load / float64(max(w.o.Ready, 1))
		m := Metric{Value: w.load * (0.5 + w.part()), Short: w.load * (0.3 + 2*w.part()), Failed: w.below(30) == 0}
		if i == 0 && w.below(2) == 0 {
			m.Value = math.Min(each/8, 1)
		}
		if w.below(100) == 0 {
			m.Value = math.NaN()
		}
		for range min(w.o.Status, 12) {
			m.Pods = append(m.Pods, Pod{Value: each * (0.5 + w.part()), Request: 1 + w.part(), State: PodState(max(int64(w.below(12))-8, 0))})
		}
		w.o.Metrics = append(w.o.Metrics, m)
	}
	return &w.o
}

// transcript is what r answers on a walk: the first answers, and a digest of all.
func transcript[S any](r Rule[S], metrics, steps int) string {
	w := walk{seed: 0x9e3779b97f4a7c15, o: Observation{Now: t0, Status: 1, Ready: 1}, load: 3, trend: 1.1}
	h, spec := sha256.New(), int64(1)
	var s S
	var first []string
	for range steps {
		o := w.next(spec, max(r.Facts().Tick, time.Second), metrics)
		var v Verdict
		s, v = r.Next(s, *o)
		line := fmt.Sprintf("%d→%d %v", spec, v.Replicas, v.Reason)
		fmt.Fprintln(h, line, v.Held)
		if len(first) < 12 {
			first = append(first, line)
		}
		spec = v.Replicas
	}
	return fmt.Sprintf("sha256 %x\n  %s", h.Sum(nil), strings.Join(first, ", "))
}

// TestTranscript: the rules stay what they are. Their numbers are checked elsewhere,
// by the vectors; this holds the rest of their behaviour, a change of which is a
// change of what other policies are compared with. The flag -update writes the file
// again.
func TestTranscript(t *testing.T) {
	rules := everyRule()
	var names []string
	for name := range rules {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "%s: %s\n", name, rules[name].transcript(3000))
	}
	path := filepath.Join("testdata", "transcript.txt")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(b.String(), "\n") {
		if old := strings.Split(string(want), "\n"); i >= len(old) || old[i] != line {
			t.Errorf("line %d is now\n%s", i+1, line)
		}
	}
}
