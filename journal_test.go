package evenkeel

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

func newJournal(log *logBuffer) *journal {
	return &journal{log: log.logger(), heads: make(map[string]head)}
}

func TestJournalMemoryIsBounded(t *testing.T) {
	var log logBuffer
	j := newJournal(&log)
	line := Line{Kind: KindEvent, Pool: "p", Event: &Event{What: EventReady}}
	for i := range 100_000 {
		line.Event.Instance = fmt.Sprint("i-", i)
		j.write(line)
	}
	size := 0
	for _, l := range j.lines {
		size += len(l.text)
	}
	if size != j.size || size > journalMemory || size < journalMemory*9/10 {
		t.Errorf("%d bytes kept, counted as %d; want just under %d", size, j.size, journalMemory)
	}
	if n := cap(j.lines); n > 4*len(j.lines) {
		t.Errorf("room for %d lines with %d kept", n, len(j.lines))
	}
	var b bytes.Buffer
	if err := j.dump(&b); err != nil || b.Len() != size || !strings.Contains(b.String(), "i-99999") || strings.Contains(b.String(), `"i-5"`) {
		t.Errorf("dump of %d bytes, %v; want the newest %d", b.Len(), err, size)
	}
}

func TestJournalWritesAreSafeForConcurrentUse(t *testing.T) {
	var log logBuffer
	var out bytes.Buffer
	j := newJournal(&log)
	j.w = &out
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				j.write(Line{Kind: KindEvent, Pool: fmt.Sprint(g), Seq: uint64(i + 1), Event: &Event{What: EventReady}})
				if i%50 == 0 {
					_ = j.dump(&bytes.Buffer{})
					j.due("0", time.Now())
				}
			}
		})
	}
	wg.Wait()
	last := map[string]uint64{}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for _, text := range lines {
		var l Line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("line %q: %v", text, err)
		}
		if l.Seq != last[l.Pool]+1 {
			t.Errorf("goroutine %s wrote %d after %d", l.Pool, l.Seq, last[l.Pool])
		}
		last[l.Pool] = l.Seq
	}
	if len(lines) != 1600 {
		t.Errorf("%d lines, want 1,600", len(lines))
	}
}

// A line that cannot be read again is not written, and the ones that rest on it
// wait for the next header.
func TestJournalLeavesOutWhatCannotBeRead(t *testing.T) {
	var log logBuffer
	var out bytes.Buffer
	j := newJournal(&log)
	j.w = &out
	now := time.Now()
	input := func(seq uint64, v float64) Line {
		return Line{Kind: KindInput, At: now, Pool: "p", Seq: seq, Input: &decide.Input{Signals: []signal.Sample{{Value: v}}}}
	}
	j.write(input(1, 1)) // no header yet
	j.write(Line{Kind: KindSegment, At: now, Pool: "p", Segment: &Segment{}})
	j.write(input(1, 2))
	if j.due("p", now) {
		t.Error("a new segment is due at once")
	}
	j.write(input(2, math.NaN()))
	j.write(input(3, 4))
	j.write(Line{Kind: KindEvent, Pool: "p", Event: &Event{Detail: strings.Repeat("x", maxJournalLine)}})
	if j.due("p", now.Add(segmentPause-1)) || !j.due("p", now.Add(segmentPause)) {
		t.Errorf("after a lost line a new segment is due after %v", segmentPause)
	}
	if n := strings.Count(out.String(), "\n"); n != 2 {
		t.Errorf("%d lines, want the header and one input:\n%s", n, out.String())
	}
	if n := log.count("journal line left out"); n != 2 {
		t.Errorf("%d errors logged, want 2", n)
	}
}

// fullDisk is a writer that fails while it is full, with half a line written.
type fullDisk struct {
	bytes.Buffer
	full bool
	half int
}

func (d *fullDisk) Write(b []byte) (int, error) {
	if !d.full {
		return d.Buffer.Write(b)
	}
	n := 0
	if d.half--; d.half >= 0 {
		n, _ = d.Buffer.Write(b[:len(b)/2])
	}
	return n, errors.New("no space left on device")
}

func TestJournalOnAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logBuffer
		disk := &fullDisk{half: 1}
		r := newRig(t, func(c *Config) { c.Journal, c.Logger = disk, log.logger() })
		full := func(on bool) {
			r.keel.journal.mu.Lock()
			defer r.keel.journal.mu.Unlock()
			disk.full = on
		}
		r.run(t, func() {
			r.load.value.Store(25)
			time.Sleep(20500 * time.Millisecond)
			full(true)
			r.load.value.Store(75)
			time.Sleep(20 * time.Second)
			if n := r.ready(t); n != 8 {
				t.Errorf("with the disk full, a load of 75 got %d replicas, want 8", n)
			}
			full(false)
			time.Sleep(40 * time.Second)
			full(true) // another time
			time.Sleep(5 * time.Second)
		})
		if n := log.count("journal not written"); n != 2 {
			t.Errorf("reported %d times, want once each time the disk was full", n)
		}
		for i, line := range bytes.Split(disk.Bytes(), []byte("\n")) {
			if bytes.LastIndex(line, lineStart) > 0 {
				t.Errorf("line %d is two: %s", i+1, line)
			}
		}
		cores := map[string]*decide.Core{"p": r.core}
		got, err := Replay(&disk.Buffer, cores)
		if err != nil || got.Segments != 2 || got.Torn != 1 || got.Differ != 0 || got.Decisions < 45 {
			t.Errorf("replay: %+v, %v; want two segments, one torn line, no difference", got, err)
		}
		var kept bytes.Buffer
		if err := r.keel.journal.dump(&kept); err != nil {
			t.Fatal(err)
		}
		if got, err := Replay(&kept, cores); err != nil || got.Torn != 0 || got.Differ != 0 || got.Decisions < 85 {
			t.Errorf("replay of what is in memory: %+v, %v; want all", got, err)
		}
	})
}

// A process that crashed in the middle of a line goes on in the same file.
func TestReplayOfAJournalGoneOnWithAfterACrash(t *testing.T) {
	run := func() (whole []byte, core *decide.Core) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, nil)
			r.load.value.Store(25)
			r.run(t, func() { time.Sleep(10500 * time.Millisecond) }) // between two ticks
			whole, core = r.journal.Bytes(), r.core
		})
		return whole, core
	}
	one, core := run()
	two, _ := run()
	end := bytes.LastIndexByte(one[:len(one)-1], '\n') + 1
	for _, cut := range []int{end + 1, end + 10, end + 40, len(one) - 1} {
		for name, between := range map[string]string{"at once": "", "on a new line": "\n"} {
			text := string(one[:cut]) + between + string(two)
			got, err := Replay(strings.NewReader(text), map[string]*decide.Core{"p": core})
			torn := 1
			if cut == len(one)-1 && between != "" {
				torn = 0 // only the end of the line was lost
			}
			if err != nil || got.Segments != 2 || got.Differ != 0 || got.Torn != torn || got.Decisions < 20 {
				t.Errorf("cut %d of %d, gone on with %s: %+v, %v", cut-end, len(one)-end, name, got, err)
			}
		}
	}
	// Lines that are missing without a trace are no difference, but an error.
	lines := strings.SplitAfter(string(one), "\n")
	for i, l := range lines {
		if strings.Contains(l, `"seq":5,"input"`) {
			lines[i], lines[i+1] = "", ""
		}
	}
	if _, err := Replay(strings.NewReader(strings.Join(lines, "")), map[string]*decide.Core{"p": core}); err == nil || !strings.Contains(err.Error(), "input 6 follows 4") {
		t.Errorf("replay without tick 5: %v", err)
	}
}

func TestShort(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"", ""}, {"all well", "all well"}, {"first\nsecond", "first"}, {"\n first \n", "first"},
		{strings.Repeat("é", maxText), strings.Repeat("é", maxText/2) + " …"},
		{"x" + strings.Repeat("é", maxText), "x" + strings.Repeat("é", maxText/2-1) + " …"},
	} {
		if got := short(tc.in); got != tc.want {
			t.Errorf("short(%.20q) = %q, want %q", tc.in, got, tc.want)
		}
	}
}

// What a tick costs on disk: with eight signals, four policies and a note of every
// stage, the input, the decision and the shadow's together stay within 4 KiB.
func TestJournalLineSizes(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.UTC)
	in := decide.Input{
		Now:     at,
		Fleet:   decide.Fleet{Desired: 1234, Ready: 1200, Draining: 12, Starting: []decide.Cohort{{N: 30, Since: at}, {N: 4, Since: at, Stuck: true}}},
		Members: signal.Coverage{Expected: 1000, Fresh: 987}, Limits: decide.Limits{Min: 10, Max: 4000},
		Override: decide.Override{Replicas: 1234, Until: at}, Pause: decide.Pause{Up: true, Down: true, Until: at},
	}
	d := decide.Decision{Desired: 1240, From: 1234, Binding: decide.StageBudget, Reason: decide.ReasonBudgetMonth, Without: 1300, Leader: 3}
	for range 8 {
		in.Signals = append(in.Signals, signal.Sample{Value: 12345.678901234567, Weight: 1234.5, Age: 1234567890, Quality: signal.Fresh})
	}
	for range 4 {
		d.Recommendations = append(d.Recommendations, decide.Recommendation{Replicas: 1240, Backlogged: true, Reason: decide.ReasonRemembered, A: 12345.678901234567, B: 1.2345678901234567})
	}
	for s := decide.StageCombine; s <= decide.StageBounds; s++ {
		d.Notes = append(d.Notes, decide.Note{Stage: s, Reason: decide.ReasonMembersLost, In: 1234, Out: 1240, A: 123.4567, B: 1234})
	}
	tally := decide.Tally{Ticks: 1e6, More: 1e5, Fewer: 1e5, Seconds: 1e6, ReplicaSeconds: 1.23456789e9, ShadowReplicaSeconds: 1.23456789e9, Last: at}
	total := 0
	for _, l := range []Line{
		{Kind: KindInput, Input: &in}, {Kind: KindDecision, Decision: &d},
		{Kind: KindShadow, Shadow: &Shadow{Desired: 1300, Binding: decide.StageBudget, Reason: decide.ReasonBudgetMonth, Without: 1300, Leader: "capacity", Tally: &tally}},
	} {
		var log logBuffer
		var out bytes.Buffer
		j := newJournal(&log)
		j.w = &out
		j.write(Line{Kind: KindSegment, Pool: "chat", Segment: &Segment{}})
		head := out.Len()
		l.At, l.Pool, l.Seq = at, "chat", 123456
		j.write(l)
		t.Logf("%s: %d bytes", l.Kind, out.Len()-head)
		total += out.Len() - head
	}
	if total > 4<<10 {
		t.Errorf("%d bytes a tick, want at most 4 KiB", total)
	}
}

// Lines of before segments had a hash are read as they are.
func TestReplayOfAJournalWithoutHashes(t *testing.T) {
	journal := recorded(t, nil)
	r := newRig(t, nil)
	old := bytes.ReplaceAll(journal, []byte(`"hash":"`+policyHash(r.core)+`",`), nil)
	if bytes.Equal(old, journal) {
		t.Fatal("the journal has no hash")
	}
	if got, err := Replay(bytes.NewReader(old), map[string]*decide.Core{"p": r.core}); err != nil || got.Differ != 0 || got.Decisions < 150 {
		t.Errorf("%+v, %v", got, err)
	}
}

// One line of each kind: a change of this file is a change of the format.
func TestJournalGolden(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.FixedZone("", 3600))
	core, err := decide.New(decide.Config{Signals: (&load{}).Defs(), Policies: []decide.NamedSpec{{Name: "load", Spec: decide.Track{Signal: loadKey, Setpoint: 10, Total: true}}}})
	if err != nil {
		t.Fatal(err)
	}
	in := decide.Input{
		Now:     at,
		Fleet:   decide.Fleet{Desired: 3, Ready: 2, Draining: 1, Starting: []decide.Cohort{{N: 1, Since: at.Add(-4 * time.Second)}}},
		Members: signal.Coverage{Expected: 1, Fresh: 1},
		Signals: []signal.Sample{{Value: 42.5, Age: time.Second, Quality: signal.Fresh}},
		Limits:  decide.Limits{Min: 1, Max: 8},
		Pause:   decide.Pause{Down: true, Until: at.Add(time.Hour)},
	}
	in = in.Clean()
	state, _ := core.Next(decide.State{}, in)
	in.Now = in.Now.Add(5 * time.Second)
	_, decision := core.Next(state, in)

	var tally decide.Tally
	tally.Add(in.Now, 5, 5)
	tally.Add(in.Now.Add(5*time.Second), 5, 7)

	var log logBuffer
	var out bytes.Buffer
	j := newJournal(&log)
	j.w = &out
	for _, l := range []Line{
		{Kind: KindSegment, Segment: &Segment{
			Signals: segmentSignals(core.Signals()), Policies: core.PolicyNames(), Hash: "0123456789abcdef", Epoch: 7, State: state,
			Shadow: &SegmentShadow{Policies: []string{"other"}, Hash: "fedcba9876543210", State: state},
		}},
		{Kind: KindInput, Seq: 1, Input: &in},
		{Kind: KindDecision, Seq: 1, Decision: &decision},
		{Kind: KindShadow, Seq: 1, Shadow: &Shadow{Desired: 7, Binding: decide.StageRate, Reason: decide.ReasonRate, Without: 9, Leader: "other", Tally: &tally}},
		{Kind: KindAction, Seq: 1, Action: &actuate.Result{Action: actuate.ActionScaled, From: 3, To: 5, Attempts: 1, Writes: 1, Took: 12 * time.Millisecond, Agreed: true, Epoch: 7, Reason: decision.Reason}},
		{Kind: KindEvent, Event: &Event{What: EventRestarted, Instance: "i-1", Detail: "exit 1 <oom>"}},
	} {
		l.At, l.Pool = at, "chat"
		j.write(l)
	}
	golden := filepath.Join("internal", "testdata", "journal.golden") // the top level is for rooms
	if os.Getenv("EVENKEEL_UPDATE") == "1" {
		if err := os.WriteFile(golden, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Errorf("the journal's format has changed:\n%s\nwant\n%s\n(if it was meant: EVENKEEL_UPDATE=1, and think of JournalVersion)", out.Bytes(), want)
	}
	// What is written is read again as it was.
	for i, text := range bytes.Split(bytes.TrimSpace(want), []byte("\n")) {
		var l Line
		if err := json.Unmarshal(text, &l); err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
		if again, err := json.Marshal(l); err != nil || !bytes.Equal(again, text) {
			t.Errorf("line %d, read and written again: %s, %v", i+1, again, err)
		}
	}
	again := func(_, hash string) *decide.Core {
		if hash == "0123456789abcdef" {
			return core
		}
		return nil
	}
	if got, err := ReplayFunc(bytes.NewReader(want), again); err != nil || got != (Replayed{Segments: 1, Decisions: 1}) {
		t.Errorf("replay: %+v, %v", got, err)
	}
}
