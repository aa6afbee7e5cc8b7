package decide

import "github.com/evenkeel/evenkeel/signal"

// Truth is the answer to a question about signals. It has a third value, because
// a signal that is stale or absent answers neither way; the zero Truth is that
// one.
type Truth uint8

// The answers.
const (
	Unknown Truth = iota // a signal that matters is stale, absent or no number
	False
	True
)

// String returns "unknown", "false" or "true".
func (t Truth) String() string {
	switch t {
	case False:
		return "false"
	case True:
		return "true"
	}
	return "unknown"
}

// A Condition is a test as configured. Bind ties it to the signals, by position,
// and refuses a test that makes no sense with them.
type Condition interface {
	Bind(signals *signal.Schema) (Test, error)
}

// A Test is a Condition tied to the signals. It is pure, allocates nothing and
// never panics.
type Test interface {
	Test(in *Input) Truth
}
