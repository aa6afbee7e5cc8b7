package signal

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"time"
)

// A Key names one signal. Pool tells apart the several pools of one process;
// it is empty where there is only one. Names use the OpenTelemetry semantic
// conventions where those have one, and the evenkeel.* namespace elsewhere.
type Key struct {
	Name string
	Pool string
}

// String returns the name, with the pool in braces if there is one.
func (k Key) String() string {
	if k.Pool == "" {
		return k.Name
	}
	return k.Name + "{" + k.Pool + "}"
}

// A Unit is a unit of measurement in UCUM notation, as OpenTelemetry writes it.
type Unit string

// The units that evenkeel's own signals use.
const (
	Ratio             Unit = "1"           // 0 to 1; above 1 where the signal says so
	Seconds           Unit = "s"           //
	Bytes             Unit = "By"          //
	Requests          Unit = "{request}"   //
	RequestsPerSecond Unit = "{request}/s" //
	Tokens            Unit = "{token}"     //
	TokensPerSecond   Unit = "{token}/s"   //
	Replicas          Unit = "{replica}"   //
)

// Merge says how the values of several members become the value of the fleet.
type Merge uint8

// The ways to merge. [MergeDefault] stands for [MergeDistribution] if the Def
// has a quantile, for [MergeP90] if its unit is [Ratio] (a mean hides the member
// that is full), and for [MergeSum] otherwise.
const (
	MergeDefault      Merge = iota
	MergeSum                // sum of the members' values
	MergeMean               // mean, weighted by Sample.Weight
	MergeMax                // the largest
	MergeP90                // nearest-rank 90th percentile across members
	MergeDistribution       // quantile of the merged distribution; needs Def.Quantile
)

var mergeNames = [...]string{"default", "sum", "mean", "max", "p90", "distribution"}

// String returns the lower-case name of m.
func (m Merge) String() string {
	if int(m) < len(mergeNames) {
		return mergeNames[m]
	}
	return "merge(" + strconv.Itoa(int(m)) + ")"
}

// DefaultMaxAge is how long a sample is fresh if its Def does not say.
const DefaultMaxAge = 15 * time.Second

// AbsentAfter is how many times its MaxAge a sample may be old before it turns
// from stale to absent.
const AbsentAfter = 4

// A Def defines one signal.
type Def struct {
	Key
	// Unit of the value. Required.
	Unit Unit
	// Merge across members. Default: see [MergeDefault].
	Merge Merge
	// Quantile, in (0, 1), makes the signal a distribution: the source sets a
	// [Dist], members' distributions are merged, and the quantile is taken last.
	// Zero: the signal is a plain number.
	Quantile float64
	// MaxAge is how old a sample may be and still be fresh. Default
	// [DefaultMaxAge]; after [AbsentAfter] times MaxAge it is absent.
	MaxAge time.Duration
}

// WithDefaults returns d with its zero fields filled in.
func (d Def) WithDefaults() Def {
	if d.MaxAge == 0 {
		d.MaxAge = DefaultMaxAge
	}
	if d.Merge == MergeDefault {
		switch {
		case d.Quantile != 0:
			d.Merge = MergeDistribution
		case d.Unit == Ratio:
			d.Merge = MergeP90
		default:
			d.Merge = MergeSum
		}
	}
	return d
}

func (d Def) validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("signal %q: "+format, append([]any{d.String()}, args...)...))
	}
	if d.Name == "" {
		bad("Name is empty: give it one")
	}
	if d.Unit == "" {
		bad("Unit is empty: give it one, such as signal.Requests")
	}
	if int(d.Merge) >= len(mergeNames) {
		bad("Merge is %v: use one of the signal.Merge constants", d.Merge)
	}
	if d.Quantile < 0 || d.Quantile >= 1 || math.IsNaN(d.Quantile) {
		bad("Quantile is %v: it must lie in (0, 1), or be 0 for a plain number", d.Quantile)
	}
	if (d.Quantile != 0) != (d.Merge == MergeDistribution) {
		bad("Merge is %v and Quantile %v: a distribution needs both, a plain number neither", d.Merge, d.Quantile)
	}
	if d.MaxAge < 0 {
		bad("MaxAge is %v: it must not be negative", d.MaxAge)
	}
	return errors.Join(errs...)
}

// A Schema is a fixed, ordered list of Defs. It is immutable.
type Schema struct {
	defs  []Def
	index map[Key]int
	hash  uint64
}

// NewSchema returns the schema of defs, with their defaults filled in. It
// refuses the whole list if a Def is invalid or a Key occurs twice.
func NewSchema(defs ...Def) (*Schema, error) {
	s := &Schema{defs: make([]Def, 0, len(defs)), index: make(map[Key]int, len(defs))}
	h := fnv.New64a()
	var errs []error
	for i, d := range defs {
		d = d.WithDefaults()
		if err := d.validate(); err != nil {
			errs = append(errs, err)
		}
		if j, ok := s.index[d.Key]; ok {
			errs = append(errs, fmt.Errorf("signal %q: defined twice, at %d and %d: give one another name or pool", d.Key, j, i))
		}
		s.index[d.Key] = i
		s.defs = append(s.defs, d)
		fmt.Fprintf(h, "%q %q %q %d %v\n", d.Name, d.Pool, d.Unit, d.Merge, d.Quantile)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	s.hash = h.Sum64()
	return s, nil
}

// Len returns the number of signals.
func (s *Schema) Len() int { return len(s.defs) }

// Def returns the i-th definition, defaults filled in.
func (s *Schema) Def(i int) Def { return s.defs[i] }

// Defs returns a copy of all definitions.
func (s *Schema) Defs() []Def { return slices.Clone(s.defs) }

// Index returns the position of key k and whether the schema has it.
func (s *Schema) Index(k Key) (int, bool) {
	i, ok := s.index[k]
	return i, ok
}

// Hash identifies the keys, units, merges and quantiles of the schema, in
// order. Two members may merge position by position only if theirs are equal.
func (s *Schema) Hash() uint64 { return s.hash }
