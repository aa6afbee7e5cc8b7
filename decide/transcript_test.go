package decide_test

import (
	"flag"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A scene is a closed loop that is written down for people to read: a core, a
// fleet that follows it, and demand that queues up where the fleet is too small.
// Each writes one file in testdata/transcripts, and has laws of its own besides,
// so that a file that is written anew hides nothing.
type scene struct {
	t     *testing.T
	name  string
	out   strings.Builder
	core  *decide.Core
	state decide.State
	in    decide.Input
	d     decide.Decision
	scaled

	tick           time.Duration // between decisions
	ahead          time.Duration // of the wall clock
	demand, queued float64       // requests/s that arrive, requests that wait
	use            float64       // of the ready replicas; 0: as it comes
	spoil          func(s []signal.Sample)
	columns        []column
	clock          *time.Location
	layout         string

	law     func() string // "" if the last decision keeps it
	shown   string        // what the last line said
	quiet   int           // ticks since then
	hushed  bool          // more of the same: nothing is written
	until   string        // and when the last of them was
	ticks   int
	changed int // decisions that were a change
	most    int64
}

// serves is what one replica does at full use, in requests/s.
const serves = 10

// A column is one signal in the transcript.
type column struct {
	name   string
	signal int
}

var (
	demandColumn = column{"demand", 0}
	queueColumn  = column{"queue", 1}
	useColumn    = column{"use", 3}
)

// newScene begins a transcript. The fleet has n replicas that are ready, and a
// new one takes so long to get ready.
func newScene(t *testing.T, name, about string, c decide.Config, n int64, startup time.Duration) *scene {
	t.Helper()
	c.Signals = defs()
	s := &scene{t: t, name: name, core: newCore(t, c), tick: 5 * time.Second, columns: []column{demandColumn, queueColumn}, clock: time.UTC, layout: time.TimeOnly}
	s.scaled = scaled{ready: n, startup: startup, drain: 20 * time.Second}
	s.in.Now, s.in.Limits = started, decide.Limits{Min: 1, Max: 50}
	fmt.Fprintf(&s.out, "%s\n\n", strings.TrimSpace(about))
	return s
}

// say puts a line of its own: what happens from outside.
func (s *scene) say(format string, args ...any) {
	s.flush()
	fmt.Fprintf(&s.out, "-- "+format+"\n", args...)
	s.shown, s.hushed = "", false
}

// run lets so much time pass.
func (s *scene) run(d time.Duration) {
	s.t.Helper()
	for end := s.passed + d; s.passed < end; {
		s.step()
	}
}

// step decides once, writes it down, and lets the fleet follow.
func (s *scene) step() {
	s.t.Helper()
	s.look()
	next, d := s.core.Next(s.state, s.in)
	s.core.Step(&s.state, &s.state, &s.in, &s.d)
	if !s.state.Equal(&next) || !reflect.DeepEqual(d, s.d) {
		s.t.Fatalf("Step decides %s, Next %s", text(s.t, s.d), text(s.t, d))
	}
	s.write()
	s.judge()
	s.follow(s.d.Desired, s.in.Now, s.tick)
	s.queued = max(s.queued+(s.demand-float64(serves*s.ready))*s.tick.Seconds(), 0)
}

// look fills in what the core is shown.
func (s *scene) look() {
	s.in.Now = started.Add(s.passed + s.ahead)
	s.in.Fleet = s.fleet()
	busy := s.use
	if busy == 0 && s.ready > 0 {
		busy = min(s.demand/float64(serves*s.ready), 1)
	}
	s.in.Signals = append(s.in.Signals[:0],
		signal.Value(s.demand), signal.Value(s.queued), signal.Value(serves), signal.Value(busy))
	if s.ready == 0 { // nobody to measure it on
		s.in.Signals[2], s.in.Signals[3] = signal.Sample{}, signal.Sample{}
	}
	if s.spoil != nil {
		s.spoil(s.in.Signals)
	}
}

// judge checks what holds in every scene, and the law of this one.
func (s *scene) judge() {
	s.t.Helper()
	s.ticks++
	d, l := s.d, s.in.Limits
	s.most = max(s.most, d.Desired)
	if d.Desired != d.From {
		s.changed++
	}
	broken := ""
	switch {
	case d.Desired < l.Min || d.Desired > l.Max:
		broken = "outside the limits"
	case d.Desired < d.From && d.From <= l.Max && s.blind() && d.Binding != decide.StageOverride && d.Binding != decide.StageSchedule:
		broken = "taken away on bad data"
	case s.law != nil:
		broken = s.law()
	}
	if broken != "" {
		s.t.Errorf("%s: %s: %s", s.at(), broken, s.core.Explain(&s.in, &s.d))
	}
}

// blind reports whether a policy cannot tell or too few members report.
func (s *scene) blind() bool {
	for _, r := range s.d.Recommendations {
		if r.Held {
			return true
		}
	}
	m := s.in.Members
	return float64(m.Fresh) < 0.9*float64(m.Expected)
}

// write puts a line if it says anything but the last one: another decision,
// another reason, another fleet, or data of another quality.
func (s *scene) write() {
	said := fmt.Sprint(s.d.Desired, s.d.Binding, s.d.Reason, s.d.Leader, s.fleetWords(), s.in.Members)
	for _, c := range s.columns {
		said += fmt.Sprint(s.in.Signals[c.signal].Quality)
	}
	if said == s.shown || s.hushed {
		s.quiet, s.until = s.quiet+1, s.at()
		return
	}
	if s.ticks == 0 && !strings.Contains(s.out.String(), "\ntime ") {
		s.head()
	}
	s.flush()
	s.shown = said
	line := pad(s.at(), s.margin())
	for _, c := range s.columns {
		line += pad(s.sample(c.signal), 14)
	}
	line += pad(s.fleetWords(), 24)
	fmt.Fprintln(&s.out, line+s.core.Explain(&s.in, &s.d))
}

func (s *scene) head() {
	line := pad("time", s.margin())
	for _, c := range s.columns {
		line += pad(c.name, 14)
	}
	fmt.Fprintln(&s.out, line+pad("fleet", 24)+"decision, and why")
}

// hush writes nothing until something is said again.
func (s *scene) hush() {
	s.flush()
	s.hushed = true
}

// flush says how many ticks had nothing new to say.
func (s *scene) flush() {
	switch {
	case s.quiet == 0:
	case s.hushed:
		fmt.Fprintf(&s.out, "%s… %s left out, until %s\n", pad("", s.margin()), plural(s.quiet, "tick"), s.until)
	default:
		fmt.Fprintf(&s.out, "%s… %s like that, until %s\n", pad("", s.margin()), plural(s.quiet, "more tick"), s.until)
	}
	s.quiet = 0
}

func (s *scene) at() string { return s.in.Now.In(s.clock).Format(s.layout) }

func (s *scene) margin() int { return max(len(s.layout)+2, 10) }

// sample is a signal as it was handed to the core.
func (s *scene) sample(i int) string {
	v := s.in.Signals[i]
	unit := map[int]string{0: "/s", 3: " %"}[i]
	value := v.Value
	if i == 3 {
		value *= 100
	}
	switch shown := fmt.Sprintf("%.4g%s", value, unit); {
	case v.Quality == signal.Absent:
		return "absent"
	case v.Quality == signal.Stale || v.Age > signal.DefaultMaxAge:
		return fmt.Sprintf("%s, %v old", shown, v.Age)
	default:
		return shown
	}
}

func (s *scene) fleetWords() string {
	words := fmt.Sprintf("%d ready", s.in.Fleet.Ready)
	var starting, stuck int64
	for _, c := range s.in.Fleet.Starting {
		if c.Stuck {
			stuck += c.N
		} else {
			starting += c.N
		}
	}
	for _, p := range []struct {
		n    int64
		name string
	}{{starting, "starting"}, {stuck, "stuck"}, {s.in.Fleet.Draining, "draining"}} {
		if p.n > 0 {
			words += fmt.Sprintf(", %d %s", p.n, p.name)
		}
	}
	return words
}

// done ends the transcript and compares it with its file.
func (s *scene) done() {
	s.t.Helper()
	s.flush()
	fmt.Fprintf(&s.out, "\n%s, %s, at most %d replicas.\n", plural(s.ticks, "decision"), plural(s.changed, "change"), s.most)
	if n := strings.Count(s.out.String(), "\n"); n > 60 {
		s.t.Errorf("the transcript has %d lines: nobody reads that", n)
	}
	if s.t.Failed() { // what breaks a law is no golden file
		s.t.Logf("the transcript:\n%s", &s.out)
		return
	}
	golden(s.t, "transcripts/"+s.name+".txt", []byte(s.out.String()))
}

// expect checks how many replicas there are to be after the last decision.
func (s *scene) expect(n int64) {
	s.t.Helper()
	if s.d.Desired != n {
		s.t.Errorf("%s: %d replicas, want %d: %s", s.at(), s.d.Desired, n, s.core.Explain(&s.in, &s.d))
	}
}

// noFewer is the law that nothing is taken away.
func (s *scene) noFewer() string {
	if s.d.Desired < s.d.From {
		return "something is taken away"
	}
	return ""
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(width-utf8.RuneCountInString(text), 1))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
