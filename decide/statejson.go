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
	Ups      [][3]int64           `json:"ups,omitempty"`
	Downs    [][3]int64           `json:"downs,omitempty"`
	LastUp   instant              `json:"last_up,omitempty"`
	LastDown instant              `json:"last_down,omitempty"`
	Busy     int64                `json:"busy,omitempty"`
	Unaged   int64                `json:"unaged,omitempty"`
	Spoilt   bool                 `json:"spoilt,omitempty"`
	Policies map[string][]float64 `json:"policies,omitempty"`
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
		Ups: s.ups.wire(), Downs: s.downs.wire(), LastUp: s.lastUp, LastDown: s.lastDown,
		Busy: s.busy, Unaged: s.unaged, Spoilt: s.spoilt, Policies: make(map[string][]float64, len(s.policies)),
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
	}
	if !inRange(w.Last, maxInstant) || !inRange(w.LastUp, w.Last) || !inRange(w.LastDown, w.Last) {
		return refuse("an instant is before the year 1, after 9999, or later than the last step")
	}
	if !inRange(w.Observed, maxInstant) || !inRange(w.Busy, w.Observed) || !inRange(w.Unaged, w.Observed+1) {
		return refuse("observed time is negative, or later than the last step")
	}
	if !inRange(w.From, MaxReplicas) || !inRange(w.Decided, MaxReplicas) {
		return refuse("a count is not within 0 and %d", MaxReplicas)
	}
	ok := out.up.read(w.Up, w.Observed) && out.down.read(w.Down, w.Observed)
	ok = ok && out.ups.read(w.Ups, w.Last) && out.downs.read(w.Downs, w.Last)
	if !ok {
		return refuse("a window is malformed")
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
	a, b := *s, *o
	a.policies, b.policies, a.scratch, b.scratch = nil, nil, Input{}, Input{}
	return equalFixed(&a, &b) && slices.EqualFunc(remembered(s.policies), remembered(o.policies), func(a, b memory) bool {
		return a.Name == b.Name && slices.EqualFunc(a.Words, b.Words, func(x, y float64) bool {
			return math.Float64bits(x) == math.Float64bits(y)
		})
	})
}

func equalFixed(a, b *State) bool {
	return a.started == b.started && a.last == b.last && a.observed == b.observed &&
		a.from == b.from && a.decided == b.decided && a.up == b.up && a.down == b.down &&
		a.ups == b.ups && a.downs == b.downs && a.lastUp == b.lastUp && a.lastDown == b.lastDown &&
		a.busy == b.busy && a.unaged == b.unaged && a.spoilt == b.spoilt
}

// remembered returns the memories that are not empty, by name.
func remembered(mem []memory) []memory {
	mem = slices.DeleteFunc(slices.Clone(mem), func(m memory) bool { return len(m.Words) == 0 })
	slices.SortFunc(mem, func(a, b memory) int { return strings.Compare(a.Name, b.Name) })
	return mem
}

const maxInstant = (lastSecond-firstSecond)*1000 + 999

func inRange(x, most int64) bool { return x >= 0 && x <= most }

func (r *ring) wire() ringJSON {
	if *r == (ring{}) {
		return ringJSON{}
	}
	n := ringSize
	for n > 0 && r.Cells[n-1] == 0 {
		n--
	}
	return ringJSON{r.Width, r.Head, r.Cells[:n]}
}

func (r *ring) read(w ringJSON, observed int64) bool {
	if w.Width == 0 {
		return w.Head == 0 && len(w.Cells) == 0
	}
	if !inRange(w.Width, longest.Milliseconds()) || !inRange(w.Head, observed/w.Width) || len(w.Cells) > ringSize {
		return false
	}
	r.Width, r.Head = w.Width, w.Head
	for i, c := range w.Cells {
		if !inRange(c, MaxReplicas+1) {
			return false
		}
		r.Cells[i] = c
	}
	return true
}

func (p *pace) wire() [][3]int64 {
	var w [][3]int64
	for _, m := range p.Moves[:p.len()] {
		w = append(w, [3]int64{m.First, m.Last, m.N})
	}
	return w
}

func (p *pace) read(w [][3]int64, last instant) bool {
	if len(w) > paceSize {
		return false
	}
	var before instant
	for i, m := range w {
		if m[0] < before || m[1] < m[0] || m[1] > last || m[2] < 1 || m[2] > MaxReplicas {
			return false
		}
		before = m[1]
		p.Moves[i] = move{m[0], m[1], m[2]}
	}
	return true
}
