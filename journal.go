package evenkeel

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// JournalVersion is the version that every line carries as "v". A reader refuses
// lines of another.
const JournalVersion = 1

// The kinds of journal lines.
const (
	KindSegment  = "segment"  // header: schema, policies, the state to start from
	KindInput    = "input"    // what one tick saw
	KindDecision = "decision" // what it decided
	KindAction   = "action"   // what was done about it
	KindEvent    = "event"    // what happened to a replica or to the loop
)

// A Line is one line of the journal. Which of the optional fields it has
// depends on its Kind.
type Line struct {
	V    int       `json:"v"`
	Kind string    `json:"kind"`
	At   time.Time `json:"at"`
	Pool string    `json:"pool"`
	// Seq numbers the ticks of a segment; an input and its decision share it.
	Seq uint64 `json:"seq,omitempty"`

	Segment  *Segment         `json:"segment,omitempty"`
	Input    *decide.Input    `json:"input,omitempty"`
	Decision *decide.Decision `json:"decision,omitempty"`
	Action   *actuate.Result  `json:"action,omitempty"`
	Event    *Event           `json:"event,omitempty"`
}

// A Segment is the header under which the following lines of its pool stand.
type Segment struct {
	Signals  []SegmentSignal `json:"signals"`
	Policies []string        `json:"policies"`
	Epoch    uint64          `json:"epoch"`
	// State is the core's state before the first input of the segment.
	State decide.State `json:"state"`
}

// A SegmentSignal names one position of Input.Signals.
type SegmentSignal struct {
	Name     string      `json:"name"`
	Pool     string      `json:"pool,omitempty"`
	Unit     signal.Unit `json:"unit"`
	Merge    string      `json:"merge"`
	Quantile float64     `json:"quantile,omitempty"`
}

// An Event is something that happened outside the decisions.
type Event struct {
	// What happened, in the words of the Event constants.
	What string `json:"what"`
	// Instance it happened to, if to one.
	Instance string `json:"instance,omitempty"`
	Detail   string `json:"detail,omitempty"`
}

// What can happen, as Event.What says it.
const (
	EventStarting  = "starting"  // a replica began to start
	EventReady     = "ready"     // a replica began to serve
	EventDraining  = "draining"  // a replica takes nothing new
	EventStopping  = "stopping"  // a replica was told to end
	EventGone      = "gone"      // a replica is no longer there
	EventRestarted = "restarted" // a replica ended by itself and was started again
	EventUnhealthy = "unhealthy" // something is wrong with a replica
	EventStatus    = "status"    // the fleet's state could not be read
	EventSource    = "source"    // a source of signals failed or works again
	EventOverride  = "override"  // an operator set or ended an override
	EventLeader    = "leader"    // this process began or ceased to lead
)

// journalMemory bounds the lines kept for the live page, in bytes.
const journalMemory = 2 << 20

// journal writes lines to the user's writer and keeps the newest in memory.
type journal struct {
	mu     sync.Mutex
	w      io.Writer
	log    *slog.Logger
	failed bool
	lines  [][]byte // oldest first
	size   int
}

// write appends l. It never fails the caller: an autoscaler must not stop
// because a disk is full.
func (j *journal) write(l Line) {
	l.V = JournalVersion
	l.At = l.At.Round(0).UTC()
	b, err := json.Marshal(l)
	if err != nil {
		j.log.Error("journal line not written", "kind", l.Kind, "pool", l.Pool, "err", err)
		return
	}
	b = append(b, '\n')
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines, j.size = append(j.lines, b), j.size+len(b)
	for j.size > journalMemory {
		j.size -= len(j.lines[0])
		j.lines = j.lines[1:]
	}
	if j.w == nil {
		return
	}
	if _, err := j.w.Write(b); err != nil && !j.failed {
		j.log.Error("journal not written; later lines may be missing too", "err", err)
		j.failed = true
	} else if err == nil {
		j.failed = false
	}
}

// dump writes the lines in memory to w.
func (j *journal) dump(w io.Writer) error {
	j.mu.Lock()
	b := bytes.Join(j.lines, nil)
	j.mu.Unlock()
	_, err := w.Write(b)
	return err
}
