package actuate

import (
	"fmt"
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// Action is what one Apply came to. Text and JSON carry the name.
type Action uint8

// The actions.
const (
	ActionNone    Action = iota // the platform works towards the count already
	ActionScaled                // the count was written and accepted
	ActionDryRun                // it would have been written
	ActionPaused                // this direction is paused
	ActionRefused               // the platform or a safeguard said no; nothing changed, except as Achieved says
	ActionFailed                // it could not be done in time; whether it arrived is not known
)

var actionNames = [...]string{"none", "scaled", "dry run", "paused", "refused", "failed"}

// String returns the lower-case name of a.
func (a Action) String() string {
	if int(a) < len(actionNames) {
		return actionNames[a]
	}
	return "unknown"
}

// MarshalText returns the name of a.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads the name of an action and refuses one that it does not know.
func (a *Action) UnmarshalText(text []byte) error {
	for i, name := range actionNames {
		if name == string(text) {
			*a = Action(i)
			return nil
		}
	}
	return fmt.Errorf("evenkeel: unknown action %q", text)
}

// A Result is what one Apply did, fit for one line of a journal.
type Result struct {
	Action Action `json:"action"`
	// From is the count that the platform worked towards before, -1 if it could
	// not be read. To is the count asked for.
	From int64 `json:"from"`
	To   int64 `json:"to"`
	// Attempts begun, each with a fresh look at the status, and Writes sent.
	Attempts int           `json:"attempts,omitempty"`
	Writes   int           `json:"writes,omitempty"`
	Took     time.Duration `json:"took"`
	// Agreed: read back after the write, or instead of one, the platform works
	// towards To.
	Agreed bool `json:"agreed,omitempty"`
	// Settled: moreover all of To is ready and nothing is under way.
	Settled bool `json:"settled,omitempty"`
	// Achieved is how far a platform came that had no more to give.
	Achieved int64 `json:"achieved,omitempty"`
	// Victims named in the write, or that would have been in a dry run.
	Victims []string      `json:"victims,omitempty"`
	Epoch   uint64        `json:"epoch,omitempty"`
	Reason  decide.Reason `json:"reason"`
	// Error is the text of the error that Apply returned.
	Error string `json:"error,omitempty"`
}

// settled reports whether all that is desired is ready and nothing is under way.
func settled(st Status) bool {
	f := st.Fleet
	if f.Ready != f.Desired || f.Draining != 0 {
		return false
	}
	for _, c := range f.Starting {
		if c.N > 0 {
			return false
		}
	}
	for _, in := range st.Instances {
		if in.Phase == Stopping {
			return false
		}
	}
	return true
}
