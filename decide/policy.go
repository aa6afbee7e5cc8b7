package decide

import "github.com/evenkeel/evenkeel/signal"

// A Policy says how many replicas demand needs. It is pure: the same memory and
// input give the same answer, on every platform.
type Policy interface {
	// Words is the length of the policy's memory, fixed for its life.
	Words() int
	// Recommend gives the policy's opinion and updates mem, which is all zeros on
	// a cold start. It learns after it has recommended, so that a decision never
	// rests on itself. It never panics and never returns more than MaxReplicas.
	Recommend(mem []float64, in *Input) Recommendation
}

// A Spec is a policy as configured. Compile binds it to the signals that it
// reads, by position, and refuses a spec that makes no sense with them.
type Spec interface {
	Compile(signals *signal.Schema) (Policy, error)
}

// A NamedSpec gives a policy the name under which its memory is kept across a
// restart and under which it is explained.
type NamedSpec struct {
	Name string
	Spec Spec
	// Weight of its opinion in [CombineWeighted]; elsewhere it means nothing.
	// Default 1.
	Weight float64
}

// MaxReplicas is the largest count that evenkeel ever asks for. It only keeps
// arithmetic in range; Limits.Max is the real bound.
const MaxReplicas = 1 << 20

// Monotone is implemented by policies that can promise that more demand, with
// all else equal, never makes them recommend fewer replicas. A policy without it
// promises nothing.
type Monotone interface {
	Monotone() bool
}
