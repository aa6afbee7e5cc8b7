package evenkeel

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/decide/policy"
	"github.com/evenkeel/evenkeel/signal"
)

// minStep is the least time between two decisions, however often Poke is called.
const minStep = 100 * time.Millisecond

// loop runs one pool.
type loop struct {
	Pool
	keel      *Keel
	decides   bool // false: the pool has only a gate
	collector *signal.Collector
	poked     chan struct{}

	gateSchema *signal.Schema // of Gate's own signals; nil without one
	gatePool   string         // the pool in their keys

	mu        sync.Mutex // guards what the live page and an operator touch
	view      view
	wishes    wishes
	limits    decide.Limits
	newPolicy *decide.Core   // to act from the next tick on; nil: no change
	newShadow **decide.Core  // to watch from then on; nil: no change
	newLimits *decide.Limits // to hold from then on; nil: no change

	file *policy.Loader // of PolicyFile; nil without one

	// What follows belongs to the goroutine of run.
	inForce    *policy.Loaded // of file, as last taken
	refusedFor *policy.Loaded // inForce when the file was last refused
	tick       time.Duration  // between two decisions
	watcher    watcher
	snapshot   *signal.Snapshot
	roles      [2]role
	acts       int       // which of roles
	seq        uint64    // of the last step in the segment
	shadowed   time.Time // when the shadow was last journalled with its tally
	lastAction actuate.Result
	under      *actuate.Term // what the last step was made under; nil: none
	statusBad  bool
	sourcesBad map[signal.Key]bool // by the source's first signal
	lastStep   time.Time
	collected  time.Time // when the snapshot was
}

// run is the loop of one pool. It returns when ctx ends.
func (l *loop) run(ctx context.Context) {
	every := l.tick
	observe, tick := time.NewTicker(l.keel.cfg.Observe), time.NewTicker(every)
	defer observe.Stop()
	defer tick.Stop()
	l.step(ctx)
	for {
		if l.tick != every {
			every = l.tick
			tick.Reset(every)
		}
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

// poke asks for a step now.
func (l *loop) poke() {
	select {
	case l.poked <- struct{}{}:
	default: // one is waiting already
	}
}

// step is one tick: collect, decide, journal, act.
func (l *loop) step(ctx context.Context) {
	l.lastStep = time.Now()
	st, ok := l.observe(ctx)
	now := time.Now().Round(0).UTC()
	l.collect(ctx, now)
	l.mu.Lock()
	l.view.samples = slices.Clone(l.snapshot.Samples()) // a new one: readers keep the last
	l.mu.Unlock()
	if !l.decides {
		return
	}
	changed := l.reload()
	l.mu.Lock()
	wish, limits := l.wishes, l.limits
	l.mu.Unlock()
	if !ok || ctx.Err() != nil || !l.led(now, changed) {
		return
	}
	raw := decide.Input{
		Now:      now,
		Fleet:    st.Fleet,
		Members:  signal.Coverage{Expected: 1, Fresh: 1},
		Signals:  l.snapshot.Samples(),
		Limits:   narrow(limits, st.Limits),
		Override: wish.Override,
		Pause:    l.paused(wish.Pause, now),
	}
	in := raw.Clean() // what can be written down, and read back as it was
	l.tell(&in)
	l.act(ctx, st, in)
}

// tell decides on in, and tells the journal, the page and the next leader.
func (l *loop) tell(in *decide.Input) {
	l.decide(in)
	l.mu.Lock()
	l.view.decided(l.acting().core, in, &l.acting().decision)
	l.mu.Unlock()
	var shadow *decide.State
	if l.roles[roleShadow].core != nil {
		shadow = &l.roles[roleShadow].state
	}
	l.keel.keepState(l.under, l.Name, &l.roles[rolePolicy].state, shadow, l.acting().decision.Desired != in.Fleet.Desired)
}

// decide has the core decide on in, and the shadow beside it, and journals both.
func (l *loop) decide(in *decide.Input) {
	acting, watching := l.acting(), l.watching()
	acting.step(in)
	l.seq++
	j := l.keel.journal
	j.write(Line{Kind: KindInput, At: in.Now, Pool: l.Name, Seq: l.seq, Input: in})
	j.write(Line{Kind: KindDecision, At: in.Now, Pool: l.Name, Seq: l.seq, Decision: &acting.decision})
	if watching.core == nil {
		return
	}
	watching.step(in)
	l.mu.Lock()
	l.view.tally.Add(in.Now, acting.decision.Desired, watching.decision.Desired)
	tally := l.view.tally
	l.mu.Unlock()
	due := in.Now.Sub(l.shadowed) >= shadowEvery || in.Now.Before(l.shadowed)
	if !due && acting.decision.Desired == watching.decision.Desired {
		return
	}
	line := shadowLine(watching.core, &watching.decision)
	if due {
		line.Tally, l.shadowed = &tally, in.Now
	}
	j.write(Line{Kind: KindShadow, At: in.Now, Pool: l.Name, Seq: l.seq, Shadow: &line})
}

// shadowEvery is how often the shadow's decision and the comparison are
// journalled where it agrees.
const shadowEvery = time.Minute

// led reports whether this process leads, and begins a segment of the journal if
// it does since the last step, if the policies have changed, or if one is due.
func (l *loop) led(now time.Time, changed bool) bool {
	term := l.keel.term()
	if term == nil {
		if l.under != nil {
			l.under = nil
			l.event(Event{What: EventLeader, Detail: "this process no longer leads"})
			l.mu.Lock()
			l.view.deciding = false
			l.mu.Unlock()
		}
		return false
	}
	if l.under != term {
		l.under = term
		l.Target.Lead(*term)
		l.roles[rolePolicy].state, l.roles[roleShadow].state = l.keel.savedStates(l.Name) // what the last leader left
		l.segment()
		l.event(Event{What: EventLeader, Detail: fmt.Sprintf("this process leads, epoch %d", (*term).Epoch())})
	} else if changed || l.keel.journal.due(l.Name, now) {
		l.segment()
	}
	return true
}

// segment begins a segment of the journal, from the present states.
func (l *loop) segment() {
	acting, watching := l.acting(), l.watching()
	s := &Segment{
		Signals:  segmentSignals(acting.core.Signals()),
		Policies: acting.core.PolicyNames(),
		Hash:     policyHash(acting.core),
		Epoch:    (*l.under).Epoch(),
		State:    acting.state,
	}
	if watching.core != nil {
		s.Shadow = &SegmentShadow{Policies: watching.core.PolicyNames(), Hash: policyHash(watching.core), State: watching.state}
	}
	l.seq = 0
	l.keel.journal.write(Line{Kind: KindSegment, At: time.Now(), Pool: l.Name, Segment: s})
}

// act brings the target to the decided count, if that is another than now.
func (l *loop) act(ctx context.Context, st actuate.Status, in decide.Input) {
	acting := l.acting()
	if acting.decision.Desired == st.Fleet.Desired {
		l.lastAction = actuate.Result{}
		return
	}
	res, err := l.Target.Apply(ctx, actuate.Request{
		Desired: acting.decision.Desired,
		Version: st.Version,
		Epoch:   (*l.under).Epoch(),
		Reason:  acting.decision.Reason,
	})
	last := l.lastAction
	if l.lastAction = res; sameInaction(res, last) {
		return // a dry run or a pause, said already
	}
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
	log.Info("scale", "why", acting.core.Explain(&in, &acting.decision))
	l.observe(ctx) // the gate learns at once what is on its way
}

// sameInaction reports whether a did nothing, on purpose, just as b did.
func sameInaction(a, b actuate.Result) bool {
	return (a.Action == actuate.ActionPaused || a.Action == actuate.ActionDryRun) &&
		a.Action == b.Action && a.From == b.From && a.To == b.To
}

// collect asks the sources for their samples. They have half a tick to answer:
// one that takes longer is used at the next tick, at its age, and must not hold
// up what is known of the fleet.
func (l *loop) collect(ctx context.Context, now time.Time) {
	bounded, cancel := context.WithTimeout(ctx, min(l.tick/2, signal.DefaultTimeout))
	defer cancel()
	l.collected = now
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
		n := SegmentSignal{Name: d.Name, Pool: d.Pool, Unit: d.Unit, Merge: d.Merge.String(), Quantile: d.Quantile}
		if d.MaxAge != signal.DefaultMaxAge {
			n.MaxAge = d.MaxAge
		}
		out = append(out, n)
	}
	return out
}
