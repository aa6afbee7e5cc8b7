package decide

import (
	"time"

	"github.com/evenkeel/evenkeel/signal"
)

// A Fleet is the scaled thing as its platform sees it. Counts are replicas.
type Fleet struct {
	// Desired is the count the platform is working towards.
	Desired int64 `json:"desired"`
	// Ready replicas serve.
	Ready int64 `json:"ready"`
	// Draining replicas finish what they have and take nothing new.
	Draining int64 `json:"draining,omitempty"`
	// Starting replicas, by age.
	Starting []Cohort `json:"starting,omitempty"`
}

// A Cohort is N replicas that began to start at the same time.
type Cohort struct {
	N     int64     `json:"n"`
	Since time.Time `json:"since"`
	// Stuck is set by a platform that knows that they cannot start as things
	// are: unschedulable, image missing, crash loop.
	Stuck bool `json:"stuck,omitempty"`
}

// An Input is everything that a decision is made from. It holds only plain
// values, so that one journal line replays it.
type Input struct {
	Now     time.Time       `json:"now"`
	Fleet   Fleet           `json:"fleet"`
	Members signal.Coverage `json:"members"`
	// Signals in the order of Config.Signals, merged over the members, with
	// quantiles taken. A position that is missing counts as absent.
	Signals  []signal.Sample `json:"signals"`
	Limits   Limits          `json:"limits"`
	Override Override        `json:"override,omitzero"`
	Pause    Pause           `json:"pause,omitzero"`
}
