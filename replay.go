package evenkeel

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/evenkeel/evenkeel/decide"
)

// A Replayed is what [Replay] found.
type Replayed struct {
	Segments int
	// Decisions that were made again, and how many of those differ.
	Decisions int
	Differ    int
	// First describes the first difference; empty if there is none.
	First string
	// Truncated: the last line lacks its end, as after a crash. It was left out.
	Truncated bool
	// Torn counts lines that broke off before their end with others after them,
	// as when a disk was full or a process that crashed was started again on the
	// same file. They were left out.
	Torn int
}

// maxJournalLine bounds one line that is written, and that Replay accepts, in
// bytes.
const maxJournalLine = 1 << 20

// lineStart is how each line begins, and nothing inside one.
var lineStart = fmt.Appendf(nil, `{"v":%d,"kind":"`, JournalVersion)

// Replay reads a journal and makes every decision again with the core of its
// pool, starting from the state in each segment's header. A pool without a core
// in cores is passed over. It fails on the first line that is no journal line,
// is longer than 1 MiB, or does not follow from those before it, naming its
// number; a decision that differs is counted, not an error. What it found until
// then is returned with the error.
func Replay(r io.Reader, cores map[string]*decide.Core) (Replayed, error) {
	var out Replayed
	type progress struct {
		state decide.State
		seq   uint64
		again []byte
	}
	pools := make(map[string]*progress)
	in := bufio.NewReaderSize(r, 64<<10)
	for n := 1; ; n++ {
		raw, err := readLine(in)
		if errors.Is(err, io.EOF) {
			out.Truncated = len(raw) > 0
			return out, nil
		} else if err != nil {
			return out, fmt.Errorf("evenkeel: journal line %d: %w", n, err)
		}
		if len(raw) == 0 {
			continue
		}
		var l Line
		err = json.Unmarshal(raw, &l)
		if err != nil && raw[0] == '{' && !json.Valid(raw) {
			out.Torn++
			// The start of another line may follow the torn one without an end between.
			i := bytes.LastIndex(raw, lineStart)
			if i < 1 {
				continue
			}
			raw, l = raw[i:], Line{}
			if err = json.Unmarshal(raw, &l); err != nil {
				continue
			}
		}
		if err != nil {
			return out, fmt.Errorf("evenkeel: journal line %d: %w", n, err)
		}
		if l.V != JournalVersion {
			return out, fmt.Errorf("evenkeel: journal line %d has version %d: this reader knows %d", n, l.V, JournalVersion)
		}
		core := cores[l.Pool]
		if core == nil {
			continue
		}
		p := pools[l.Pool]
		if p == nil && (l.Kind == KindInput || l.Kind == KindDecision) {
			return out, fmt.Errorf("evenkeel: journal line %d: pool %q has no segment header before it", n, l.Pool)
		}
		switch l.Kind {
		case KindSegment:
			if l.Segment == nil {
				return out, fmt.Errorf("evenkeel: journal line %d: segment line without a segment", n)
			}
			if err := sameSignals(core, l.Segment.Signals); err != nil {
				return out, fmt.Errorf("evenkeel: journal line %d: %w", n, err)
			}
			pools[l.Pool] = &progress{state: l.Segment.State}
			out.Segments++
		case KindInput:
			if l.Input == nil {
				return out, fmt.Errorf("evenkeel: journal line %d: input line without an input", n)
			}
			if l.Seq != p.seq+1 {
				return out, fmt.Errorf("evenkeel: journal line %d: input %d follows %d: lines are missing", n, l.Seq, p.seq)
			}
			var d decide.Decision
			p.state, d = core.Next(p.state, *l.Input)
			if p.again, err = json.Marshal(d); err != nil {
				return out, fmt.Errorf("evenkeel: journal line %d: %w", n, err)
			}
			p.seq = l.Seq
		case KindDecision:
			if p.seq != l.Seq || p.again == nil {
				return out, fmt.Errorf("evenkeel: journal line %d: decision %d has no input before it", n, l.Seq)
			}
			var body struct{ Decision json.RawMessage }
			if err := json.Unmarshal(raw, &body); err != nil {
				return out, fmt.Errorf("evenkeel: journal line %d: %w", n, err)
			}
			out.Decisions++
			if !bytes.Equal(body.Decision, p.again) {
				if out.Differ++; out.First == "" {
					out.First = fmt.Sprintf("line %d: journal has %s, replay gives %s", n, body.Decision, p.again)
				}
			}
			p.again = nil
		}
	}
}

// readLine returns one line without its end. At the end of the input it returns
// what is left together with io.EOF.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxJournalLine:
			return nil, fmt.Errorf("longer than %d bytes", maxJournalLine)
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return line, err
		}
		return line[:len(line)-1], nil
	}
}

// sameSignals reports an error if a segment was written with other signals than
// the core reads: positions would mean different things.
func sameSignals(core *decide.Core, recorded []SegmentSignal) error {
	want := segmentSignals(core.Signals())
	if len(want) != len(recorded) {
		return fmt.Errorf("segment has %d signals, the core %d: use the configuration that wrote it", len(recorded), len(want))
	}
	for i := range want {
		if want[i] != recorded[i] {
			return fmt.Errorf("signal %d is %q in the segment, %q in the core: use the configuration that wrote it", i, recorded[i].Name, want[i].Name)
		}
	}
	return nil
}
