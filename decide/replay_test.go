package decide_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// A day is an endless series of inputs, made with integers so that it is the
// same everywhere: load that comes and goes, slow and stuck starts, members and
// signals that drop out, overrides, and a clock that is set now and then.
type day struct {
	seed uint64
	k    int
	now  time.Time
	calm bool // mostly, so that something can be learned from it
}

func (g *day) below(n uint64) uint64 { // xorshift64*
	g.seed ^= g.seed >> 12
	g.seed ^= g.seed << 25
	g.seed ^= g.seed >> 27
	return (g.seed * 2685821657736338717) >> 33 % n
}

func (g *day) next(in *decide.Input, desired int64) {
	g.k++
	g.now = g.now.Add(time.Duration(1000+g.below(9000)) * time.Millisecond)
	switch g.below(500) {
	case 0:
		g.now = g.now.Add(-10 * time.Minute)
	case 1:
		g.now = g.now.Add(time.Hour)
	}
	in.Now = g.now
	in.Fleet.Desired = desired
	slow := min(int64(g.below(4)), desired)
	if g.calm && g.k%60 > 3 {
		slow = 0
	}
	in.Fleet.Ready = desired - slow
	in.Fleet.Starting = in.Fleet.Starting[:0]
	if slow > 0 {
		in.Fleet.Starting = append(in.Fleet.Starting, decide.Cohort{
			N: slow, Since: g.now.Add(-time.Duration(g.below(700)) * time.Second), Stuck: g.below(50) == 0,
		})
	}
	in.Members = signal.Coverage{Expected: 10, Fresh: 10}
	if g.below(10) == 0 {
		in.Members.Fresh -= int(g.below(5))
	}
	phase := uint64(g.k) % 1440
	if phase > 720 {
		phase = 1440 - phase
	}
	level := float64(phase*60+g.below(4000)) / 7 // up to about 6,700 and back
	in.Signals = append(in.Signals[:0],
		signal.Value(level*10), signal.Value(1500+float64(g.below(500))), signal.Value(float64(g.below(3)*g.below(20000))),
		signal.Value(level*10/1700/float64(max(in.Fleet.Ready, 1))), signal.Value(level/10),
		signal.Value(float64(g.below(4000))/1000), signal.Value(0.03), signal.Value(0))
	if g.calm { // latencies follow the load
		in.Signals[5].Value, in.Signals[6].Value = 3*in.Signals[3].Value, in.Signals[3].Value/16
	}
	if g.below(8) == 0 {
		in.Signals[g.below(8)] = signal.Sample{Quality: signal.Quality(g.below(2)), Value: 1, Age: 20 * time.Second}
	}
	in.Limits = decide.Limits{Min: 1, Max: 60}
	if g.k%1000 > 970 {
		in.Limits = decide.Limits{Min: 4, Max: 20}
	}
	in.Pause = decide.Pause{Up: g.below(40) == 0, Down: g.below(40) == 0}
	in.Override = decide.Override{}
	if g.k%700 > 690 {
		in.Override = decide.Override{Replicas: int64(g.below(30)), Until: g.now.Add(time.Minute)}
	}
}

// learning is full with the policies that full lacks, and what combines them, so
// that the two together go through every line of arithmetic there is.
func learning() decide.Config {
	c := full()
	work, learned := c.Signals[0].Key, c.Signals[1].Key
	goals := []decide.Goal{{Signal: c.Signals[5].Key, Most: 2.5}, {Signal: c.Signals[6].Key, Most: 0.05}, {Signal: c.Signals[7].Key, Per: work, Most: 0.02}}
	c.Policies = []decide.NamedSpec{
		{Name: "objective", Spec: decide.Objective{Demand: work, Rate: learned, Goals: goals}, Weight: 3},
		{Name: "blind", Spec: decide.Objective{Demand: work, Utilization: 1200, Goals: goals[:1], Reserve: 0.1}},
		{Name: "rule", Spec: decide.Rule{
			Up:   decide.Step{When: above{Signal: c.Signals[3].Key, Most: 0.7}, Share: 0.3, Fast: true},
			Down: decide.Step{When: above{Signal: c.Signals[3].Key, Most: 0.3, Not: true}, For: time.Minute, Share: 0.1},
		}},
		{Name: "constant", Spec: decide.Capacity{Demand: work, PerReplica: 1300, Reserve: 0.2}, Weight: 0.7},
	}
	c.Combine = decide.Combine{Up: decide.CombineAll, Down: decide.CombineWeighted}
	c.Up.Cooldown, c.Schedule[0].Min = 20*time.Second, 3
	c.Hold = decide.Hold{Fallback: decide.FallbackFloor, Replicas: 5, After: 5 * time.Second}
	return c
}

// hard and calm are days for full and for learning. The calm one begins with the
// last hour of a month.
func hard() day { return day{seed: 0x9e3779b97f4a7c15, now: started} }
func calm() day { return day{seed: 0x9e3779b97f4a7c15, now: started.Add(-13 * time.Hour), calm: true} }

// transcript runs the core through n steps and returns a digest of every
// decision, of a state now and then and of the last one, and the explanations of
// the first decisions.
func transcript(t *testing.T, c decide.Config, g day, n, explained int) (digest, lines string) {
	t.Helper()
	core := newCore(t, c)
	var spoke [decide.StageBounds + 1]bool
	var in decide.Input
	var states [2]decide.State
	var d decide.Decision
	var b strings.Builder
	h := sha256.New()
	enc := json.NewEncoder(h)
	for k := range n {
		g.next(&in, d.Desired)
		core.Step(&states[(k+1)%2], &states[k%2], &in, &d)
		if err := enc.Encode(&d); err != nil {
			t.Fatal(err)
		}
		for _, note := range d.Notes {
			spoke[note.Stage] = true
		}
		if k < explained {
			fmt.Fprintf(&b, "%s %s\n", in.Now.Format(time.TimeOnly), core.Explain(&in, &d))
		}
		if k%97 == 0 { // a restart from what was written down
			var read decide.State
			written := []byte(text(t, &states[(k+1)%2]))
			h.Write(written)
			if err := json.Unmarshal(written, &read); err != nil {
				t.Fatal(err)
			}
			states[(k+1)%2] = read
		}
	}
	if err := enc.Encode(&states[n%2]); err != nil {
		t.Fatal(err)
	}
	for s := decide.StageCombine; s <= decide.StageBounds; s++ {
		if !spoke[s] {
			t.Errorf("stage %v never had anything to say", s)
		}
	}
	return fmt.Sprintf("%d steps: sha256 %x\n", n, h.Sum(nil)), b.String()
}

// TestTranscript is law 4 across platforms and versions: the bits that one build
// produced are the bits of every build. The flag -update writes the file again,
// which only a change of behaviour, or of words, may need.
func TestTranscript(t *testing.T) {
	digest, lines := transcript(t, full(), hard(), 4000, 100)
	learned, _ := transcript(t, learning(), calm(), 4000, 0)
	golden(t, "transcript.txt", []byte(digest+"learning, "+learned+lines))
}

func TestTranscriptLong(t *testing.T) {
	if os.Getenv("EVENKEEL_LONG") == "" {
		t.Skip("a million steps: set EVENKEEL_LONG=1")
	}
	digest, _ := transcript(t, full(), hard(), 1_000_000, 0)
	again, _ := transcript(t, full(), hard(), 1_000_000, 0)
	if digest != again {
		t.Errorf("two runs of one process differ: %s and %s", digest, again)
	}
	learned, _ := transcript(t, learning(), calm(), 1_000_000, 0)
	golden(t, "transcript_long.txt", []byte(digest+"learning, "+learned))
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	g, w := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range max(len(g), len(w)) {
		if i >= len(g) || i >= len(w) || !bytes.Equal(g[i], w[i]) {
			t.Fatalf("%s differs at line %d:\ngot  %s\nwant %s", path, i+1, bytes.Join(g[min(i, len(g)):min(i+1, len(g))], nil), bytes.Join(w[min(i, len(w)):min(i+1, len(w))], nil))
		}
	}
}
