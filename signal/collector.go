package signal

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// DefaultTimeout bounds a collection whose context has no deadline.
const DefaultTimeout = 5 * time.Second

// Errors of a [Collector] about one of its sources, wrapped in a [SourceError].
var (
	// ErrSourceLate: the source did not return in time.
	ErrSourceLate = errors.New("evenkeel: source did not return in time")
	// ErrSourceRunning: an earlier call of the source has not returned yet.
	ErrSourceRunning = errors.New("evenkeel: source has not returned from an earlier call")
	// ErrSourcePanic: the source panicked, or ended its goroutine.
	ErrSourcePanic = errors.New("evenkeel: source panicked")
)

// A SourceError says which source of a [Collector] failed, and how.
type SourceError struct {
	Source int   // its position in the arguments of [NewCollector]
	First  Key   // its first signal
	Err    error // what it returned, or one of the ErrSource errors
}

func (e *SourceError) Error() string {
	return fmt.Sprintf("source %d (%v): %v", e.Source, e.First, e.Err)
}

// Unwrap returns Err.
func (e *SourceError) Unwrap() error { return e.Err }

// A Collector asks several sources for their samples at once and joins them in
// one schema. Sources cannot hurt one another: one that fails, panics or hangs
// lets its own samples age and nothing else.
type Collector struct {
	schema *Schema

	mu    sync.Mutex
	parts []*part
}

// A part is a source and what it last said.
type part struct {
	source Source
	at     int       // position of its first signal in the joined schema
	good   *Snapshot // the last good collection, as old as it is at asOf
	asOf   time.Time // zero before the first collection

	// While a call runs it owns work; done gives it back with the call's error.
	work    *Snapshot
	running bool
	started time.Time
	done    chan error // holds one, so that a late call need not wait
}

// NewCollector joins the sources in this order. It refuses sources without
// signals, invalid Defs and keys that occur twice. It calls Defs of each source
// once and starts nothing.
func NewCollector(sources ...Source) (*Collector, error) {
	c := new(Collector)
	var (
		defs []Def
		errs []error
	)
	for i, src := range sources {
		if src == nil {
			errs = append(errs, fmt.Errorf("source %d is nil: leave it out", i))
			continue
		}
		own := src.Defs()
		if len(own) == 0 {
			errs = append(errs, fmt.Errorf("source %d has no signals: leave it out", i))
			continue
		}
		p := &part{source: src, at: len(defs), done: make(chan error, 1)}
		defs = append(defs, own...)
		if schema, err := NewSchema(own...); err == nil { // or the joined one fails
			p.good, p.work = NewSnapshot(schema), NewSnapshot(schema)
		}
		c.parts = append(c.parts, p)
	}
	schema, err := NewSchema(defs...)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, fmt.Errorf("evenkeel: collector: %w", err)
	}
	c.schema = schema
	return c, nil
}

// Schema returns the joined schema.
func (c *Collector) Schema() *Schema { return c.schema }

// Collect calls every source in a goroutine of its own and makes into, whose
// schema must be the joined one, what they say at time now. It returns when all
// have returned or ctx has ended, after [DefaultTimeout] if ctx has no deadline.
//
// into is complete even if the error is not nil, which then joins a
// [*SourceError] for each source that failed; their samples are the last good
// ones, grown older. A source that is still running from an earlier call is not
// called again until it has returned; what it brings then is used, at its age.
func (c *Collector) Collect(ctx context.Context, now time.Time, into *Snapshot) error {
	if into.schema.hash != c.schema.hash {
		return fmt.Errorf("%w: hash %016x, the collector's is %016x", ErrSchema, into.schema.hash, c.schema.hash)
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, DefaultTimeout)
		defer cancel()
	}
	c.mu.Lock()
	defer c.mu.Unlock()

	errs := make([]error, len(c.parts))
	for i, p := range c.parts {
		errs[i] = p.begin(ctx, now)
	}
	for i, p := range c.parts {
		if errs[i] == nil {
			errs[i] = p.wait(ctx, now)
		}
		into.copyAt(p.at, p.good)
		if errs[i] != nil {
			errs[i] = &SourceError{Source: i, First: p.good.schema.defs[0].Key, Err: errs[i]}
		}
	}
	return errors.Join(errs...)
}

// begin lets the last good samples age and starts a call.
func (p *part) begin(ctx context.Context, now time.Time) error {
	if !p.asOf.IsZero() {
		p.good.Grow(now.Sub(p.asOf))
	}
	if p.asOf.IsZero() || now.After(p.asOf) {
		p.asOf = now
	}
	if p.running {
		select {
		case err := <-p.done:
			_ = p.finish(err, now) // late, but perhaps good; a failure gives way to the call made now
		default:
			return fmt.Errorf("%w, begun %v ago", ErrSourceRunning, now.Sub(p.started))
		}
	}
	p.work.CopyFrom(p.good)
	p.running, p.started = true, now
	go func() {
		err := ErrSourcePanic // unless Collect returns
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("%w: %v\n%s", ErrSourcePanic, v, debug.Stack())
			}
			p.done <- err
		}()
		err = p.source.Collect(ctx, p.work)
	}()
	return nil
}

// wait waits for the call that begin started.
func (p *part) wait(ctx context.Context, now time.Time) error {
	select {
	case err := <-p.done:
		return p.finish(err, now)
	case <-ctx.Done():
	}
	select { // both may have happened
	case err := <-p.done:
		return p.finish(err, now)
	default:
		return fmt.Errorf("%w: %w", ErrSourceLate, context.Cause(ctx))
	}
}

// finish takes back work after a call, and keeps it if the call was good.
func (p *part) finish(err error, now time.Time) error {
	p.running = false
	if err == nil {
		p.good, p.work = p.work, p.good
		p.good.Grow(now.Sub(p.started))
	}
	return err
}
