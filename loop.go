package evenkeel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// minStep is the least time between two decisions, however often Poke is called.
const minStep = 100 * time.Millisecond

// loop runs one pool.
type loop struct {
	Pool
	keel      *Keel
	core      *decide.Core // nil: the pool has only a gate
	collector *signal.Collector
	poked     chan struct{}

	gateSchema *signal.Schema // of Gate's own signals; nil without one
	gatePool   string         // the pool in their keys

	mu       sync.Mutex // guards what the live page and Override touch
	view     view
	override decide.Override

	// What follows belongs to the goroutine of run.
	watcher    watcher
	snapshot   *signal.Snapshot
	state      [2]decide.State // the core's state, and room for the next
	decision   decide.Decision
	seq        uint64        // of the last step in the segment
	under      *actuate.Term // what the last step was made under; nil: none
	statusBad  bool
	sourcesBad map[signal.Key]bool // by the source's first signal
	lastStep   time.Time
}

// run is the loop of one pool. It returns when ctx ends.
func (l *loop) run(ctx context.Context) {
	observe, tick := time.NewTicker(l.keel.cfg.Observe), time.NewTicker(l.keel.cfg.Tick)
	defer observe.Stop()
	defer tick.Stop()
	l.step(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-observe.C:
			l.observe(ctx)
		case <-tick.C:
			l.step(ctx)
		case <-l.poked:
			if wait := minStep - time.Since(l.lastStep); wait > 0 {
				select {
				case <-ctx.Done():
					return
				case <-time.After(wait):
				}
			}
			l.step(ctx)
		}
	}
}

// observe reads the fleet's state, journals what happened since the last
// reading, and tells the gate what to expect.
func (l *loop) observe(ctx context.Context) (actuate.Status, bool) {
	if l.Target == nil {
		return actuate.Status{}, false
	}
	st, err := l.Target.Status(ctx)
	if err != nil {
		if ctx.Err() == nil && !l.statusBad {
			l.statusBad = true
			l.event(Event{What: EventStatus, Detail: err.Error()})
			l.mu.Lock()
			l.view.known = false
			l.mu.Unlock()
			l.keel.cfg.Logger.Warn("fleet state not read; holding", "pool", l.Name, "err", err)
		}
		return st, false
	}
	if l.statusBad {
		l.statusBad = false
		l.event(Event{What: EventStatus, Detail: "read again"})
	}
	now := time.Now()
	st = readable(st)
	l.watcher.observe(st, l.event)
	if l.Gate != nil {
		var starting int64
		for _, c := range st.Fleet.Starting {
			if !c.Stuck {
				starting += c.N
			}
		}
		l.Gate.Observe(backpressure.Outlook{
			Ready:    int(st.Fleet.Ready),
			Starting: int(starting),
			Members:  1,
			ReadyIn:  l.watcher.startup.readyIn(st, now),
		})
	}
	l.mu.Lock()
	l.view.status, l.view.known, l.view.startup = st, true, l.watcher.startup.learned
	l.mu.Unlock()
	return st, true
}

// step is one tick: collect, decide, journal, act.
func (l *loop) step(ctx context.Context) {
	l.lastStep = time.Now()
	st, ok := l.observe(ctx)
	now := time.Now().Round(0).UTC()
	l.collect(ctx, now)
	l.mu.Lock()
	l.view.samples = slices.Clone(l.snapshot.Samples()) // a new one: readers keep the last
	override := l.override
	l.mu.Unlock()
	if l.core == nil || !ok || ctx.Err() != nil {
		return
	}
	if !l.led(now) {
		return
	}
	raw := decide.Input{
		Now:      now,
		Fleet:    st.Fleet,
		Members:  signal.Coverage{Expected: 1, Fresh: 1},
		Signals:  l.snapshot.Samples(),
		Limits:   narrow(l.Limits, st.Limits),
		Override: override,
	}
	in := raw.Clean() // what can be written down, and read back as it was
	next, prev := &l.state[1-l.seq&1], &l.state[l.seq&1]
	l.core.Step(next, prev, &in, &l.decision)
	l.seq++
	j := l.keel.journal
	j.write(Line{Kind: KindInput, At: now, Pool: l.Name, Seq: l.seq, Input: &in})
	j.write(Line{Kind: KindDecision, At: now, Pool: l.Name, Seq: l.seq, Decision: &l.decision})
	l.mu.Lock()
	l.view.decided(l.core, &in, &l.decision)
	l.mu.Unlock()
	l.keel.keepState(l.under, l.Name, next, l.decision.Desired != in.Fleet.Desired)
	l.act(ctx, st, in)
}

// led reports whether this process leads, and begins a segment of the journal if
// it does since the last step, or if one is due.
func (l *loop) led(now time.Time) bool {
	term := l.keel.term()
	if term == nil {
		if l.under != nil {
			l.under = nil
			l.event(Event{What: EventLeader, Detail: "this process no longer leads"})
		}
		return false
	}
	if l.under != term {
		l.under = term
		l.Target.Lead(*term)
		l.segment(l.keel.savedState(l.Name)) // from what the last leader left
		l.event(Event{What: EventLeader, Detail: fmt.Sprintf("this process leads, epoch %d", (*term).Epoch())})
	} else if l.keel.journal.due(l.Name, now) {
		l.segment(l.state[l.seq&1])
	}
	return true
}

// segment begins a segment of the journal, from state s.
func (l *loop) segment(s decide.State) {
	l.state[0], l.seq = s, 0
	l.keel.journal.write(Line{Kind: KindSegment, At: time.Now(), Pool: l.Name, Segment: &Segment{
		Signals:  segmentSignals(l.core.Signals()),
		Policies: l.core.PolicyNames(),
		Epoch:    (*l.under).Epoch(),
		State:    s,
	}})
}

// act brings the target to the decided count, if that is another than now.
func (l *loop) act(ctx context.Context, st actuate.Status, in decide.Input) {
	if l.decision.Desired == st.Fleet.Desired {
		return
	}
	res, err := l.Target.Apply(ctx, actuate.Request{
		Desired: l.decision.Desired,
		Version: st.Version,
		Epoch:   (*l.under).Epoch(),
		Reason:  l.decision.Reason,
	})
	line := res
	line.Error = short(line.Error)
	l.keel.journal.write(Line{Kind: KindAction, At: time.Now(), Pool: l.Name, Seq: l.seq, Action: &line})
	log := l.keel.cfg.Logger.With("pool", l.Name, "from", res.From, "to", res.To, "action", res.Action.String())
	if err != nil {
		if ctx.Err() == nil {
			log.Warn("scale failed", "err", err)
		}
		return
	}
	log.Info("scale", "why", l.core.Explain(&in, &l.decision))
	l.observe(ctx) // the gate learns at once what is on its way
}

// collect asks the sources for their samples. They have half a tick to answer:
// one that takes longer is used at the next tick, at its age, and must not hold
// up what is known of the fleet.
func (l *loop) collect(ctx context.Context, now time.Time) {
	bounded, cancel := context.WithTimeout(ctx, min(l.keel.cfg.Tick/2, signal.DefaultTimeout))
	defer cancel()
	if err := l.collector.Collect(bounded, now, l.snapshot); ctx.Err() == nil {
		l.sourceEvents(err)
	}
}

// sourceEvents journals sources that began to fail or work again.
func (l *loop) sourceEvents(err error) {
	failing := make(map[signal.Key]bool)
	for _, e := range sourceErrors(err) {
		failing[e.First] = true
		if !l.sourcesBad[e.First] {
			l.event(Event{What: EventSource, Instance: e.First.String(), Detail: e.Err.Error()})
			l.keel.cfg.Logger.Warn("source of signals fails; its samples age", "pool", l.Name, "source", e.First, "err", e.Err)
		}
	}
	for _, d := range l.collector.Schema().Defs() { // in order, which a map has not
		if l.sourcesBad[d.Key] && !failing[d.Key] {
			l.event(Event{What: EventSource, Instance: d.String(), Detail: "works again"})
		}
	}
	l.sourcesBad = failing
}

// sourceErrors takes apart what a Collector joined.
func sourceErrors(err error) (out []*signal.SourceError) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { // the join itself is wanted, not what is in it
		for _, e := range joined.Unwrap() {
			out = append(out, sourceErrors(e)...)
		}
		return out
	}
	if e, ok := errors.AsType[*signal.SourceError](err); ok {
		out = append(out, e)
	}
	return out
}

// event journals e and shows it on the live page.
func (l *loop) event(e Event) {
	now := time.Now()
	e.Detail = short(e.Detail)
	l.keel.journal.write(Line{Kind: KindEvent, At: now, Pool: l.Name, Event: &e})
	l.mu.Lock()
	l.view.happened(now, e)
	l.mu.Unlock()
}

// readable returns st with figures in range and times that can be written down,
// whatever its platform says.
func readable(st actuate.Status) actuate.Status {
	in := decide.Input{Fleet: st.Fleet}
	st.Fleet = in.Clean().Fleet
	st.Instances = slices.Clone(st.Instances)
	for i := range st.Instances {
		if y := st.Instances[i].Since.UTC().Year(); y < 1 || y > 9999 {
			st.Instances[i].Since = time.Time{}
		}
	}
	return st
}

// narrow returns the limits that both the pool and its platform allow. A zero
// platform Max is none.
func narrow(pool, platform decide.Limits) decide.Limits {
	if pool.Max == 0 {
		pool.Max = pool.Min
	}
	pool.Min = max(pool.Min, platform.Min)
	if platform.Max > 0 {
		pool.Max = min(pool.Max, platform.Max)
	}
	return pool
}

func segmentSignals(s *signal.Schema) []SegmentSignal {
	out := make([]SegmentSignal, 0, s.Len())
	for _, d := range s.Defs() {
		out = append(out, SegmentSignal{Name: d.Name, Pool: d.Pool, Unit: d.Unit, Merge: d.Merge.String(), Quantile: d.Quantile})
	}
	return out
}
