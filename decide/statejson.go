package decide

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// MaxStateBytes bounds the JSON form of a State.
const MaxStateBytes = 16 << 10

// stateVersion is the version of the State's JSON form that is written and read.
const stateVersion = 1

// maxMemories bounds how many policies, present and past, a State remembers.
const maxMemories = 2 * maxPolicies

// ErrState is wrapped by the errors of State.UnmarshalJSON. Whoever meets it may
// start cold: nothing is taken away until a window has been observed again.
var ErrState = errors.New("evenkeel: state refused")

// stateJSON is the wire form. Instants are milliseconds since the year 1, empty
// ends of the fixed arrays are left out.
type stateJSON struct {
	Version  int                  `json:"v"`
	Started  bool                 `json:"started,omitempty"`
	Last     instant              `json:"last,omitempty"`
	Observed int64                `json:"observed,omitempty"`
	From     int64                `json:"from,omitempty"`
	Decided  int64                `json:"decided,omitempty"`
	Up       ringJSON             `json:"up,omitzero"`
	Down     ringJSON             `json:"down,omitzero"`
	Paces    []paceJSON           `json:"paces,omitempty"`
	Ups      [][3]int64           `json:"ups,omitempty"`   // instead of Paces, from earlier versions
	Downs    [][3]int64           `json:"downs,omitempty"` // likewise
	LastUp   instant              `json:"last_up,omitempty"`
	LastDown instant              `json:"last_down,omitempty"`
	Busy     int64                `json:"busy,omitempty"`
	Unaged   int64                `json:"unaged,omitempty"`
	Spoilt   bool                 `json:"spoilt,omitempty"`
	Surge    int64                `json:"surge,omitempty"`
	Burst    int64                `json:"burst,omitempty"`
	Bad      int64                `json:"bad,omitempty"`
	Good     [3]int64             `json:"good,omitzero"` // as in good
	Bills    []billJSON           `json:"bills,omitempty"`
	Paid     int64                `json:"paid,omitempty"`
	Policies map[string][]float64 `json:"policies,omitempty"`
}

// paceJSON has three numbers a change, one after the other: how many milliseconds
// before the last step it ended, how many it took, and by how much it was.
type paceJSON struct {
	Period int64   `json:"ms"`
	Ups    []int64 `json:"ups,omitempty"`
	Downs  []int64 `json:"downs,omitempty"`
}

type billJSON struct {
	Month int64   `json:"month"`
	Spent float64 `json:"spent"`
}

type ringJSON struct {
	Width int64   `json:"width"`
	Head  int64   `json:"head"`
	Cells []int64 `json:"cells"`
}

// MarshalJSON writes the state, always the same bytes for the same state.
func (s State) MarshalJSON() ([]byte, error) {
	w := stateJSON{
		Version: stateVersion, Started: s.started, Last: s.last, Observed: s.observed,
		From: s.from, Decided: s.decided, Up: s.up.wire(), Down: s.down.wire(),
		LastUp: s.lastUp, LastDown: s.lastDown, Busy: s.busy, Unaged: s.unaged, Spoilt: s.spoilt,
		Surge: s.surge, Burst: s.burst, Bad: s.bad, Good: [3]int64{s.good.Passed, s.good.Most, s.good.Before},
		Bills: s.bills.wire(), Paid: s.bills.Paid, Policies: make(map[string][]float64, len(s.policies)),
	}
	for i := range s.paces {
		if p := &s.paces[i]; p.Period > 0 {
			w.Paces = append(w.Paces, paceJSON{p.Period, p.Ups.wire(s.last), p.Downs.wire(s.last)})
		}
	}
	if p := &s.paces[0]; p.Period == 0 { // read from an earlier version, and not used since
		w.Ups, w.Downs = p.Ups.legacy(), p.Downs.legacy()
	}
	for _, m := range s.policies {
		if len(m.Words) > 0 {
			w.Policies[m.Name] = m.Words
		}
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON wrote. It refuses another version and
// whatever no State can be, with an error that wraps [ErrState], and then leaves
// s as it was.
func (s *State) UnmarshalJSON(data []byte) error {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrState}, args...)...)
	}
	if len(data) > MaxStateBytes {
		return refuse("%d bytes: at most %d", len(data), MaxStateBytes)
	}
	var w stateJSON
	if err := json.Unmarshal(data, &w); err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	if w.Version != stateVersion {
		return refuse("version %d: this build reads %d", w.Version, stateVersion)
	}
	out := State{
		started: w.Started, last: w.Last, observed: w.Observed, from: w.From, decided: w.Decided,
		lastUp: w.LastUp, lastDown: w.LastDown, busy: w.Busy, unaged: w.Unaged, spoilt: w.Spoilt,
		surge: w.Surge, burst: w.Burst, bad: w.Bad, good: good{w.Good[0], w.Good[1], w.Good[2]},
	}
	if !inRange(w.Last, maxInstant) || !inRange(w.LastUp, w.Last) || !inRange(w.LastDown, w.Last) {
		return refuse("an instant is before the year 1, after 9999, or later than the last step")
	}
	if !inRange(w.Observed, maxInstant) || !inRange(w.Busy, w.Observed) || !inRange(w.Unaged, w.Observed+1) {
		return refuse("observed time is negative, or later than the last step")
	}
	if !inRange(w.Surge, w.Observed+1) || !inRange(w.Burst, w.Observed+1) || !inRange(w.Bad, w.Observed+1) || !inRange(w.Good[0], goodStretch.Milliseconds()) {
		return refuse("observed time is negative, or later than the last step")
	}
	if !inRange(w.From, MaxReplicas) || !inRange(w.Decided, MaxReplicas) || !inRange(w.Good[1], MaxReplicas) || !inRange(w.Good[2], MaxReplicas) || !inRange(w.Paid, mostPaid) {
		return refuse("a count is not within 0 and %d", MaxReplicas)
	}
	ok := out.up.read(w.Up, w.Observed) && out.down.read(w.Down, w.Observed)
	if !ok || !out.readPaces(&w) {
		return refuse("a window is malformed")
	}
	if !out.bills.read(w.Bills, w.Paid) {
		return refuse("a bill is malformed")
	}
	words := 0
	for name, mem := range w.Policies {
		words += len(mem)
		if !validName(name) {
			return refuse("%.60q is no name of a policy", name)
		}
		out.policies = append(out.policies, memory{name, slices.Clone(mem)})
	}
	if len(out.policies) > maxMemories || words > maxWords {
		return refuse("%d policies with %d words: at most %d with %d", len(out.policies), words, maxMemories, maxWords)
	}
	slices.SortFunc(out.policies, func(a, b memory) int { return strings.Compare(a.Name, b.Name) })
	*s = out
	return nil
}

// Equal reports whether s and o remember the same, to the last bit.
func (s *State) Equal(o *State) bool {
	return equalFixed(s, o) && slices.EqualFunc(remembered(s.policies), remembered(o.policies), func(a, b memory) bool {
		return a.Name == b.Name && slices.EqualFunc(a.Words, b.Words, func(x, y float64) bool {
			return math.Float64bits(x) == math.Float64bits(y)
		})
	})
}

func equalFixed(a, b *State) bool {
	return a.started == b.started && a.last == b.last && a.observed == b.observed &&
		a.from == b.from && a.decided == b.decided && a.up == b.up && a.down == b.down &&
		a.paces == b.paces && a.lastUp == b.lastUp && a.lastDown == b.lastDown &&
		a.busy == b.busy && a.unaged == b.unaged && a.spoilt == b.spoilt && a.surge == b.surge &&
		a.burst == b.burst && a.bad == b.bad && a.good == b.good && a.bills == b.bills
}

// remembered returns the memories that are not empty, by name.
func remembered(mem []memory) []memory {
	mem = slices.DeleteFunc(slices.Clone(mem), func(m memory) bool { return len(m.Words) == 0 })
	slices.SortFunc(mem, func(a, b memory) int { return strings.Compare(a.Name, b.Name) })
	return mem
}

const maxInstant = (lastSecond-firstSecond)*1000 + 999

func inRange(x, most int64) bool { return x >= 0 && x <= most }
