package page

import "time"

// A State is everything the page shows at one instant. Its slices may be long;
// the page shows the first [MaxInstances], [MaxDecisions] and [MaxEvents].
type State struct {
	// Version of evenkeel, such as "v0.3.0". Empty: not shown.
	Version string `json:"version,omitempty"`
	// Now is when this State was taken, by the clock that all its other instants
	// are from. StartedAt is when this process began to look after the fleet.
	Now       time.Time `json:"now,omitzero"`
	StartedAt time.Time `json:"started_at,omitzero"`
	// DryRun: decisions are made and shown, and nothing is scaled.
	DryRun bool `json:"dry_run,omitempty"`
	// Role of this process among those that watch the same fleet.
	Role Role `json:"role,omitempty"`
	// Leader names the leading process if it is another one and is known.
	Leader string `json:"leader,omitempty"`
	// Members that report, and how many did so recently enough.
	Members Members `json:"members"`
	Pools   []Pool  `json:"pools"`
}

// Role is the part a process plays in deciding.
type Role string

// The roles. The zero Role is a process that decides alone, without election.
const (
	Alone    Role = ""
	Leader   Role = "leader"   // elected; decides and scales
	Follower Role = "follower" // watches; another one decides
)

// Members counts those who report. Zero Expected: not shown.
type Members struct {
	Expected int `json:"expected"`
	Fresh    int `json:"fresh"`
}

// A Pool is one fleet with its demand.
type Pool struct {
	// Name, unique among the pools of a State.
	Name string `json:"name"`

	// Tone, Headline and Detail say in words what is going on right now. Where
	// Headline is empty, the page words all three with [Describe].
	Tone     Tone   `json:"tone"`
	Headline string `json:"headline"`
	Detail   string `json:"detail,omitempty"`

	Replicas  Replicas   `json:"replicas"`
	Instances []Instance `json:"instances"`
	Demand    Demand     `json:"demand"`
	Queue     Queue      `json:"queue"`
	Shed      []Shed     `json:"shed"`
	Latency   Latencies  `json:"latency"`

	// InFlight requests: admitted and not finished.
	InFlight Value `json:"in_flight"`
	// Saturation: 0 idle, 1 full, above 1 how much more is asked.
	Saturation Value `json:"saturation"`

	Override Override `json:"override,omitzero"`
	// PausedOut and PausedIn: scaling in that direction is switched off.
	PausedOut bool `json:"paused_out,omitempty"`
	PausedIn  bool `json:"paused_in,omitempty"`
	// PolicyProblem says why the policy file as it is is not in force, in a line;
	// empty if it is, or there is none.
	PolicyProblem string `json:"policy_problem,omitempty"`
	// Gate is the mode of admission: "enforce", "shadow", "off"; empty without one.
	Gate string `json:"gate,omitempty"`
	// Shadow compares the policy that acts with one that watches.
	Shadow Shadow `json:"shadow,omitzero"`
	// Facts are further figures to show as they are, few and short.
	Facts []Fact `json:"facts,omitempty"`

	// Decisions, newest first; a [Log] keeps them.
	Decisions []Decision `json:"decisions"`
	// Events, newest first: what was done to the fleet and what befell it.
	Events []Event `json:"events"`
}

// A Fact is a label and a value in words.
type Fact struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// An Override is an operator's wish: so many replicas, until a time. The zero
// Override is none.
type Override struct {
	Replicas int64     `json:"replicas"`
	Until    time.Time `json:"until"`
}

// IsZero reports whether there is no override.
func (o Override) IsZero() bool { return o.Until.IsZero() }
