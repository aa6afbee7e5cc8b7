package evenkeel

import (
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// JournalVersion is the version that every line carries as "v". [Replay] refuses
// lines of another.
//
// It stays the same while lines only gain fields, kinds, stages or reasons:
// readers pass over fields and kinds that they do not know, and what is missing in
// an old line has its zero value, which is what was true then. It goes up when
// something is renamed, removed or means something else.
const JournalVersion = 1

// The kinds of journal lines.
const (
	KindSegment  = "segment"  // header: schema, policies, the state to start from
	KindInput    = "input"    // what one tick saw
	KindDecision = "decision" // what it decided
	KindShadow   = "shadow"   // what the shadow would have decided
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
	// Seq numbers the ticks of a segment; an input and its decisions share it.
	Seq uint64 `json:"seq,omitempty"`

	Segment  *Segment         `json:"segment,omitempty"`
	Input    *decide.Input    `json:"input,omitempty"`
	Decision *decide.Decision `json:"decision,omitempty"`
	Shadow   *Shadow          `json:"shadow,omitempty"`
	Action   *actuate.Result  `json:"action,omitempty"`
	Event    *Event           `json:"event,omitempty"`
}

// A Segment is the header under which the following lines of its pool stand, so
// that a journal can be read from there on. A pool begins one with each term of
// leadership, now and then within one, where lines were lost, and with each change
// of its policies.
type Segment struct {
	Signals  []SegmentSignal `json:"signals"`
	Policies []string        `json:"policies"`
	// Hash identifies the configuration of the policy that acts: 16 hex digits,
	// see [decide.Core.Hash].
	Hash  string `json:"hash,omitempty"`
	Epoch uint64 `json:"epoch"`
	// State is the core's state before the first input of the segment.
	State decide.State `json:"state"`
	// Shadow is the same of the policy that watches, if there is one.
	Shadow *SegmentShadow `json:"shadow,omitempty"`
}

// Defs returns the signals as a policy that is to be tried on the journal needs to
// know them. How they were merged is not said: they have been.
func (s *Segment) Defs() []signal.Def {
	out := make([]signal.Def, 0, len(s.Signals))
	for _, n := range s.Signals {
		out = append(out, signal.Def{Key: signal.Key{Name: n.Name, Pool: n.Pool}, Unit: n.Unit, Quantile: n.Quantile, MaxAge: n.MaxAge})
	}
	return out
}

// A SegmentShadow is what a segment starts from for the policy that watches.
type SegmentShadow struct {
	Policies []string     `json:"policies"`
	Hash     string       `json:"hash"`
	State    decide.State `json:"state"`
}

// A Shadow is what the policy that watches would have decided at a tick. There is
// a line for each tick at which that is another count than was decided, and for
// one tick a minute at which it is the same.
type Shadow struct {
	Desired int64         `json:"desired"`
	Binding decide.Stage  `json:"binding"`
	Reason  decide.Reason `json:"reason"`
	Without int64         `json:"without"`
	// Leader is the name of the policy whose opinion was taken; empty for none.
	Leader string `json:"leader,omitempty"`
	// Tally compares the two up to this tick, once a minute.
	Tally *decide.Tally `json:"tally,omitempty"`
}

// A SegmentSignal names one position of Input.Signals.
type SegmentSignal struct {
	Name     string      `json:"name"`
	Pool     string      `json:"pool,omitempty"`
	Unit     signal.Unit `json:"unit"`
	Merge    string      `json:"merge"`
	Quantile float64     `json:"quantile,omitempty"`
	// MaxAge is how old a sample may be and still be fresh, if that is not
	// [signal.DefaultMaxAge].
	MaxAge time.Duration `json:"max_age,omitempty"`
}

// An Event is something that happened outside the decisions.
type Event struct {
	// What happened, in the words of the Event constants.
	What string `json:"what"`
	// Instance it happened to, or the first signal of the source; empty if it
	// happened to neither.
	Instance string `json:"instance,omitempty"`
	// Detail in words, one short line.
	Detail string `json:"detail,omitempty"`
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
	EventStatus    = "status"    // the fleet's state could not be read, or can be again
	EventSource    = "source"    // a source of signals failed or works again
	EventOverride  = "override"  // an operator set or ended an override
	EventPause     = "pause"     // an operator paused a direction, or freed it
	EventPolicy    = "policy"    // another policy acts or watches
	EventLimits    = "limits"    // the pool has other limits
	EventRefused   = "refused"   // a policy file was not taken; what was in force stays
	EventLeader    = "leader"    // this process began or ceased to lead
)

// maxText bounds the texts of others, such as errors, in a line: in bytes.
const maxText = 500

// short returns the first line of text, without the end of one that is too long.
func short(text string) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + " …"
	}
	return text
}
