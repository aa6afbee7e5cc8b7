package evenkeel

import (
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
	// Decisions that were made again, of these pools and (ReplayFunc) of their
	// shadows, and how many of all those differ.
	Decisions int
	Shadows   int
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

// Replay reads a journal and makes every decision again with the core of its
// pool, starting from the state in each segment's header. A pool without a core
// in cores is passed over, and so is what a shadow would have decided. It fails on
// the first line that is no journal line, is longer than 1 MiB, or does not follow
// from those before it, naming its number, and on a segment that was written under
// another configuration than that of the core: where it changed on the way, use
// [ReplayFunc]. A decision that differs is counted, not an error. What it found
// until then is returned with the error.
func Replay(r io.Reader, cores map[string]*decide.Core) (Replayed, error) {
	p := replay{pools: make(map[string]*replaying)}
	p.core = func(pool, hash string, shadow bool) (*decide.Core, error) {
		core := cores[pool]
		if core == nil || shadow {
			return nil, nil
		}
		if hash != "" && hash != policyHash(core) {
			return nil, fmt.Errorf("pool %q was decided under configuration %s, and its core is %s: use the configuration that wrote it, or ReplayFunc", pool, hash, policyHash(core))
		}
		return core, nil
	}
	return p.read(r)
}

// ReplayFunc does what [Replay] does for a journal in which the configuration
// changed, with the core that the function returns for a pool and the hash of a
// configuration, as in [Segment.Hash]; nil passes over what stands under it. It is
// asked for the shadow of each segment too, under its own hash, and what that would
// have decided is checked where the journal has it. A function that goes by the
// pool alone shows what another configuration, or another version of this package,
// makes of the same inputs from segment to segment; see also [Compare].
func ReplayFunc(r io.Reader, core func(pool, hash string) *decide.Core) (Replayed, error) {
	p := replay{pools: make(map[string]*replaying)}
	p.core = func(pool, hash string, _ bool) (*decide.Core, error) { return core(pool, hash), nil }
	return p.read(r)
}

// A replay is one on its way.
type replay struct {
	out   Replayed
	n     int // of the line
	core  func(pool, hash string, shadow bool) (*decide.Core, error)
	pools map[string]*replaying
}

// replaying is where one pool has got to.
type replaying struct {
	core, shadow *decide.Core // nil: passed over
	state, other decide.State // of core and shadow
	seq          uint64
	again        []byte // the decision of seq, made again; nil once compared
	beside       Shadow // what the shadow decided beside it
}

func (p *replay) read(r io.Reader) (Replayed, error) {
	torn, truncated, err := eachLine(r, p.line)
	p.out.Torn, p.out.Truncated = torn, truncated
	return p.out, err
}

// line takes line n in.
func (p *replay) line(n int, l *Line, raw []byte) error {
	p.n = n
	if l.Kind == KindSegment {
		if l.Segment == nil {
			return errors.New("segment line without a segment")
		}
		return p.segment(l.Pool, l.Segment)
	}
	if !replayed(l.Kind) {
		return nil
	}
	at, known := p.pools[l.Pool]
	if !known {
		if core, err := p.core(l.Pool, "", false); core == nil {
			return err
		}
		return fmt.Errorf("pool %q has no segment header before it", l.Pool)
	}
	switch l.Kind {
	case KindInput:
		return at.input(l)
	case KindDecision:
		return p.decision(at, l, raw)
	default:
		return p.shadow(at, l)
	}
}

func (p *replay) segment(pool string, s *Segment) error {
	at := &replaying{state: s.State}
	var err error
	if at.core, err = p.core(pool, s.Hash, false); err != nil {
		return err
	}
	if at.core != nil {
		if err := sameSignals(at.core, s.Signals); err != nil {
			return err
		}
		p.out.Segments++
	}
	if s.Shadow != nil {
		at.other = s.Shadow.State
		if at.shadow, err = p.core(pool, s.Shadow.Hash, true); err != nil {
			return err
		}
		if at.shadow != nil {
			if err := sameSignals(at.shadow, s.Signals); err != nil {
				return err
			}
		}
	}
	p.pools[pool] = at
	return nil
}

func (at *replaying) input(l *Line) error {
	if l.Input == nil {
		return errors.New("input line without an input")
	}
	if l.Seq != at.seq+1 {
		return fmt.Errorf("input %d follows %d: lines are missing", l.Seq, at.seq)
	}
	at.seq = l.Seq
	var d decide.Decision
	if at.core != nil {
		at.state, d = at.core.Next(at.state, *l.Input)
		again, err := json.Marshal(d)
		if err != nil {
			return err
		}
		at.again = again
	}
	if at.shadow != nil {
		at.other, d = at.shadow.Next(at.other, *l.Input)
		at.beside = shadowLine(at.shadow, &d)
	}
	return nil
}

func (p *replay) decision(at *replaying, l *Line, raw []byte) error {
	if at.core == nil {
		return nil
	}
	if at.seq != l.Seq || at.again == nil {
		return fmt.Errorf("decision %d has no input before it", l.Seq)
	}
	var body struct{ Decision json.RawMessage }
	if err := json.Unmarshal(raw, &body); err != nil {
		return err
	}
	p.out.Decisions++
	if !bytes.Equal(body.Decision, at.again) {
		p.differs("journal has %s, replay gives %s", body.Decision, at.again)
	}
	at.again = nil
	return nil
}

func (p *replay) shadow(at *replaying, l *Line) error {
	if at.shadow == nil {
		return nil
	}
	if l.Shadow == nil {
		return errors.New("shadow line without a shadow")
	}
	if at.seq != l.Seq {
		return fmt.Errorf("shadow %d has no input before it", l.Seq)
	}
	is := *l.Shadow
	is.Tally = nil
	p.out.Shadows++
	if is != at.beside {
		p.differs("journal has shadow %+v, replay gives %+v", is, at.beside)
	}
	return nil
}

func (p *replay) differs(format string, args ...any) {
	if p.out.Differ++; p.out.First == "" {
		p.out.First = fmt.Sprintf("line %d: ", p.n) + fmt.Sprintf(format, args...)
	}
}

// sameSignals reports an error if a segment was written with other signals than
// the core reads: positions would mean different things.
func sameSignals(core *decide.Core, recorded []SegmentSignal) error {
	want := segmentSignals(core.Signals())
	if len(want) != len(recorded) {
		return fmt.Errorf("segment has %d signals, the core %d: use the configuration that wrote it", len(recorded), len(want))
	}
	for i, w := range want {
		is := recorded[i]
		w.MaxAge, is.MaxAge = 0, 0 // of how old a sample may be, a journal may know less
		if w != is {
			return fmt.Errorf("signal %d is %q in the segment, %q in the core: use the configuration that wrote it", i, is.Name, w.Name)
		}
	}
	return nil
}
