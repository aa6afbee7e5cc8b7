package decide

// A Decision is the answer to one Input, with the whole way to it.
type Decision struct {
	// Desired is the count to have now.
	Desired int64 `json:"desired"`
	// From is the count the decision started at: Input.Fleet.Desired.
	From int64 `json:"from"`
	// Binding is the last stage that changed the count, and Reason why. If none
	// did, they are StageRecommend and the reason of the leading policy, or
	// StageCombine and ReasonAllHeld if no policy could tell.
	Binding Stage  `json:"binding"`
	Reason  Reason `json:"reason"`
	// Without is what Desired would have been without the binding stage, with the
	// stages after it run again; Desired itself if the policies were followed.
	Without int64 `json:"without"`
	// Leader is the index of the policy whose opinion was taken, -1 for none.
	Leader int `json:"leader"`
	// Recommendations, one a policy, in the order of Config.Policies.
	Recommendations []Recommendation `json:"recommendations,omitempty"`
	// Notes, one for each stage that had something to say, in order.
	Notes []Note `json:"notes,omitempty"`
}

// A Recommendation is one policy's opinion.
type Recommendation struct {
	// Replicas wanted. Meaningless if Held.
	Replicas int64 `json:"replicas"`
	// Held: the policy cannot tell, for the reason given; it neither asks for
	// more nor agrees to less.
	Held bool `json:"held,omitempty"`
	// Headroom is how many of the Replicas are to spare, so that what is kept warm
	// need not be added to them: all of them for a policy that counts from the
	// present count, since that has it already.
	Headroom int64 `json:"headroom,omitempty"`
	// Backlogged: work is already waiting for these replicas, so that tolerance
	// must not swallow them.
	Backlogged bool   `json:"backlogged,omitempty"`
	Reason     Reason `json:"reason"`
	// A and B are the figures behind the opinion; their meaning depends on the
	// Reason, whose text names them.
	A float64 `json:"a,omitempty"`
	B float64 `json:"b,omitempty"`
}

// A Note is what one stage did, as data: the count it was given, the count it
// passed on, and the two figures that explain it. Prose is rendered on demand.
type Note struct {
	Stage  Stage   `json:"stage"`
	Reason Reason  `json:"reason"`
	In     int64   `json:"in"`
	Out    int64   `json:"out"`
	A      float64 `json:"a,omitempty"`
	B      float64 `json:"b,omitempty"`
}
