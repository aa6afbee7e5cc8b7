package evenkeel

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// MaxDifferences bounds Comparison.Differences.
const MaxDifferences = 100

// A Comparison is what [Compare] found. The policy of the journal is the one that
// acted, the candidate its shadow.
type Comparison struct {
	decide.Tally
	// From is the time of the first tick compared; Tally.Last that of the last.
	From time.Time
	// Differences are stretches of ticks at which the candidate asked for another
	// count, in order: the first [MaxDifferences] of them.
	Differences []Difference
	// Beyond is how many there were beyond those.
	Beyond int
}

// A Difference is a stretch of ticks at which the candidate's count differed from
// the journal's.
type Difference struct {
	From, To time.Time // of its first and last tick
	Ticks    int
	// What was decided at the first tick, what the candidate asked for, and why.
	Desired, Candidate int64
	Why                string
}

// Compare tries another policy over the journal of a pool: it makes every decision
// again with the candidate, and reports where it would have asked for another
// count. The candidate starts from the state in the first segment's header, with
// what policies of the same names had learned, and keeps its own from there on.
// What such a comparison can show and what not is said at [decide.Tally].
//
// The candidate's Signals may be left empty: then they are the journal's. If they
// are given, each must be in the journal with the same unit; their order may be
// another. The limits are the journal's. Lines that are missing make a gap in time,
// no error.
func Compare(journal io.Reader, pool string, candidate decide.Config) (Comparison, error) {
	c := comparing{pool: pool, config: candidate}
	_, _, err := eachLine(journal, c.line)
	if err == nil && c.core == nil {
		err = fmt.Errorf("evenkeel: the journal has nothing of pool %q", pool)
	}
	return c.out, err
}

// comparing is a comparison on its way.
type comparing struct {
	pool   string
	config decide.Config
	out    Comparison

	core  *decide.Core // the candidate; nil before the first segment
	state decide.State
	from  []int // for each of the candidate's signals, where the journal has it
	in    decide.Input
	d     decide.Decision
	seq   uint64 // of d; 0: none
	open  bool   // the last of Differences, or of those beyond, goes on
}

func (c *comparing) line(_ int, l *Line, _ []byte) error {
	if l.Pool != c.pool {
		return nil
	}
	switch {
	case l.Kind == KindSegment && l.Segment != nil:
		c.seq = 0
		return c.segment(l.Segment)
	case l.Kind == KindInput && l.Input != nil && c.core != nil:
		c.input(l)
	case l.Kind == KindDecision && l.Decision != nil && c.seq != 0 && l.Seq == c.seq:
		c.decision(l.Decision)
		c.seq = 0
	}
	return nil
}

// segment makes the candidate at the first header, and finds its signals.
func (c *comparing) segment(s *Segment) error {
	schema, err := signal.NewSchema(s.Defs()...)
	if err != nil {
		return err
	}
	if c.core == nil {
		config := c.config
		if len(config.Signals) == 0 {
			config.Signals = schema.Defs()
		}
		if c.core, err = decide.New(config); err != nil {
			return fmt.Errorf("the candidate: %w", err)
		}
		c.state = s.State
	}
	c.from = c.from[:0]
	var errs []error
	for _, d := range c.core.Signals().Defs() {
		i, ok := schema.Index(d.Key)
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("the candidate reads %q, which the journal does not have", d.Key))
		case schema.Def(i).Unit != d.Unit:
			errs = append(errs, fmt.Errorf("the candidate reads %q in %q, the journal has it in %q", d.Key, d.Unit, schema.Def(i).Unit))
		}
		c.from = append(c.from, i)
	}
	return errors.Join(errs...)
}

func (c *comparing) input(l *Line) {
	c.in = *l.Input
	c.in.Signals = make([]signal.Sample, len(c.from))
	for i, from := range c.from {
		if from < len(l.Input.Signals) {
			c.in.Signals[i] = l.Input.Signals[from]
		}
	}
	c.state, c.d = c.core.Next(c.state, c.in)
	c.seq = l.Seq
}

func (c *comparing) decision(was *decide.Decision) {
	if c.out.Ticks == 0 {
		c.out.From = c.in.Now
	}
	c.out.Add(c.in.Now, was.Desired, c.d.Desired)
	if was.Desired == c.d.Desired {
		c.open = false
		return
	}
	n := len(c.out.Differences)
	switch {
	case !c.open && n == MaxDifferences:
		c.out.Beyond++
	case !c.open:
		c.out.Differences = append(c.out.Differences, Difference{
			From: c.in.Now, To: c.in.Now, Ticks: 1, Desired: was.Desired, Candidate: c.d.Desired, Why: c.core.Explain(&c.in, &c.d),
		})
	case c.out.Beyond == 0:
		c.out.Differences[n-1].To = c.in.Now
		c.out.Differences[n-1].Ticks++
	}
	c.open = true
}

// String is the report: the comparison in a line, and a line for each difference.
func (c Comparison) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", c.Tally.String())
	if c.Ticks == 0 {
		return b.String()
	}
	fmt.Fprintf(&b, "%s to %s: %.0f replica-seconds became %.0f\n", c.From.Format(time.RFC3339), c.Last.Format(time.RFC3339), c.ReplicaSeconds, c.ShadowReplicaSeconds)
	for _, d := range c.Differences {
		fmt.Fprintf(&b, "%s for %s: %d, not %d; %s\n", d.From.Format(time.RFC3339), d.To.Sub(d.From).Round(time.Second), d.Candidate, d.Desired, d.Why)
	}
	if c.Beyond > 0 {
		fmt.Fprintf(&b, "and %d more\n", c.Beyond)
	}
	return b.String()
}
