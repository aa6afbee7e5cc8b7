package evenkeel

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/internal/page"
	"github.com/evenkeel/evenkeel/signal"
)

// view is what the live page needs to know of a pool, beside its gate.
type view struct {
	known   bool // status is what the last reading gave
	status  actuate.Status
	startup time.Duration // learned; 0: not known
	samples []signal.Sample
	log     page.Log
	problem string // why the policy file as it is is not in force; empty: it is

	last     explained
	deciding bool         // what follows is of the last step of a term that goes on
	desired  int64        // what was decided
	tally    decide.Tally // against the shadow; empty without one
}

// An explained is what it takes to explain a decision in full, when asked.
type explained struct {
	core *decide.Core // nil: nothing was decided yet
	in   decide.Input
	d    decide.Decision
}

// decided adds a decision to the page's log, in words. It keeps in, and a copy of d.
func (v *view) decided(core *decide.Core, in *decide.Input, d *decide.Decision) {
	v.deciding, v.desired = true, d.Desired
	v.last = explained{core, *in, *d}
	v.last.d.Recommendations, v.last.d.Notes = slices.Clone(d.Recommendations), slices.Clone(d.Notes)
	out := page.Decision{
		At: in.Now, From: d.From, To: d.Desired,
		Summary: core.Explain(in, d),
		Stage:   d.Binding.String(), Reason: d.Reason.String(),
		Without: d.Without,
	}
	for _, n := range d.Notes {
		out.Notes = append(out.Notes, page.Note{Stage: n.Stage.String(), In: n.In, Out: n.Out, Text: n.Text()})
	}
	if d.Without != d.Desired {
		out.Counterfactual = fmt.Sprintf("Without %s it would be %d.", d.Binding, d.Without)
	}
	v.log.Decide(out)
}

// wanted returns what was decided, and what the shadow would have, as samples:
// absent where nothing decides.
func (v *view) wanted() []signal.Sample {
	out := make([]signal.Sample, 2)
	if v.deciding {
		out[0] = signal.Value(float64(v.desired))
		if v.tally.Ticks > 0 {
			out[1] = signal.Value(float64(v.tally.ShadowDesired))
		}
	}
	return out
}

// tones of the events that are not routine.
var tones = map[string]page.Tone{
	EventReady: page.Moving, EventStarting: page.Moving, EventDraining: page.Moving,
	EventRestarted: page.Failing, EventUnhealthy: page.Strained,
	EventStatus: page.Strained, EventSource: page.Strained, EventOverride: page.Moving,
	EventPause: page.Strained, EventRefused: page.Strained,
}

// happened adds an event to the page's log, in words.
func (v *view) happened(at time.Time, e Event) {
	text := e.What
	if e.Instance != "" {
		text = e.Instance + " " + e.What
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	tone, ok := tones[e.What]
	if !ok {
		tone = page.Steady
	}
	v.log.Event(page.Event{At: at, Tone: tone, Text: text})
}

func (k *Keel) newPage() (*page.Page, error) {
	return page.New(page.Config{
		Title:        k.cfg.Title,
		AllowedHosts: k.cfg.Hosts,
		Journal:      func(_ context.Context, w io.Writer) error { return k.journal.dump(w) },
		Explain:      k.explain,
		Log:          k.cfg.Logger,
	})
}

// explain is the last decision for a pool in full, if this process has made one.
func (k *Keel) explain(pool string) (string, bool) {
	for _, l := range k.loops {
		if l.Name != pool {
			continue
		}
		l.mu.Lock()
		last := l.view.last
		l.mu.Unlock()
		if last.core == nil {
			return "", false
		}
		return last.core.Table(&last.in, &last.d), true
	}
	return "", false
}

// pageEvery is how often the live page gets a new state.
const pageEvery = time.Second

// record keeps the live page up to date until ctx ends.
func (k *Keel) record(ctx context.Context) {
	tick := time.NewTicker(pageEvery)
	defer tick.Stop()
	for {
		if err := k.page.Update(k.pageState(time.Now())); err != nil {
			k.cfg.Logger.Warn("live page not updated", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (k *Keel) pageState(now time.Time) page.State {
	s := page.State{Now: now, StartedAt: k.started}
	if _, alone := k.cfg.Leader.(actuate.Solo); !alone {
		s.Role = page.Follower
		if k.term() != nil {
			s.Role = page.Leader
		}
	}
	for _, l := range k.loops {
		s.Pools = append(s.Pools, l.pagePool(now))
		s.DryRun = s.DryRun || l.Target != nil && l.Target.DryRun()
	}
	return s
}

// Shadow compares the policy that acts for a pool with the one that watches, over
// the ticks at which this process led since either was last changed. It is empty
// if no other one watches. A pool that does not exist or has no policy is refused
// with [ErrNoPool].
func (k *Keel) Shadow(pool string) (decide.Tally, error) {
	l, err := k.deciding(pool)
	if err != nil {
		return decide.Tally{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.view.tally, nil
}

func (l *loop) pagePool(now time.Time) page.Pool {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := page.Pool{Name: l.Name, Decisions: l.view.log.Decisions(), Events: l.view.log.Events()}
	if l.view.known {
		p.Replicas = page.ReplicasOf(l.view.status.Fleet, narrow(l.limits, l.view.status.Limits))
		p.Instances = page.InstancesOf(l.view.status.Instances)
		if l.view.startup > 0 {
			p.Replicas.StartUp = page.Of(l.view.startup.Seconds())
		}
	}
	p.PolicyProblem = l.view.problem
	if l.Target != nil {
		pause := l.paused(l.wishes.Pause, now)
		p.PausedOut, p.PausedIn = pause.Up, pause.Down
	}
	if o := l.wishes.Override; o.Until.After(now) {
		p.Override = page.Override{Replicas: o.Replicas, Until: o.Until}
	}
	if l.view.deciding {
		p.Shadow = page.ShadowOf(l.view.tally)
		p.Facts = p.Shadow.Facts()
	}
	if l.Gate == nil {
		return p
	}
	// The gate is asked now, not at the last tick: the page moves once a second.
	snap := signal.NewSnapshot(l.gateSchema)
	if err := l.Gate.Collect(context.Background(), snap); err != nil {
		return p
	}
	at := func(name string) page.Value {
		if i, ok := l.gateSchema.Index(signal.Key{Name: name, Pool: l.gatePool}); ok {
			return page.OfSample(snap.At(i))
		}
		return page.Value{}
	}
	median := func(name string) page.Value {
		i, ok := l.gateSchema.Index(signal.Key{Name: name, Pool: l.gatePool})
		if !ok || snap.Dist(i) == nil || snap.Dist(i).Count() == 0 {
			return page.Value{}
		}
		return page.Of(snap.Dist(i).Quantile(0.5))
	}
	p.Demand = page.Demand{Requests: at(signal.NameDemandRequests), Work: at(signal.NameDemandWork), UnitRate: at(signal.NameUnitRate), Output: at(signal.NameOutput)}
	p.Queue = page.Queue{Requests: at(signal.NameQueued), Age: at(signal.NameQueueAge)}
	p.InFlight, p.Saturation = at(signal.NameInFlight), at(signal.NameSaturation)
	cfg := l.Gate.Config()
	p.Gate, p.Queue.Bound = cfg.Mode.String(), int64(cfg.Queue.Requests)
	p.Latency = page.Latencies{
		TTFT:     page.Latency{P50: median(signal.NameTTFT), P95: at(signal.NameTTFT), Objective: page.Of(cfg.TTFT.Seconds())},
		TPOT:     page.Latency{P50: median(signal.NameTPOT), P95: at(signal.NameTPOT), Objective: page.Of(cfg.TPOT.Seconds())},
		Duration: page.Latency{P50: median(signal.NameDuration), P95: at(signal.NameDuration)},
	}
	p.Shed = l.shed(at(signal.NameShed))
	return p
}

// shed lists what the gate has refused, most first. The gate knows the rate of
// all refusals together; it stands with the first.
func (l *loop) shed(rate page.Value) []page.Shed {
	var out []page.Shed
	for r, n := range l.Gate.Stats().Shed {
		if n > 0 {
			out = append(out, page.Shed{Reason: strings.ReplaceAll(backpressure.Reason(r).String(), "_", " "), Total: int64(n)})
		}
	}
	if len(out) == 0 {
		out = append(out, page.Shed{Reason: "none"})
	}
	slices.SortStableFunc(out, func(a, b page.Shed) int { return cmp.Compare(b.Total, a.Total) })
	out[0].Rate = rate
	return out
}
