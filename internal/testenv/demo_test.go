package testenv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/internal/page"
)

// A demo is a small made-up fleet that follows a load, for showing the page: one
// tick a second, the same every time. It is no model of anything.
type demo struct {
	load    func(t float64) float64 // offered load in replicas, t in seconds, 0 the end of the past
	startUp time.Duration
	min     int64
	max     int64
	pools   []string
	edit    func(*page.State) // changes what is shown

	rng       *rand.Rand
	log       page.Log
	instances []page.Instance
	born      int
	desired   int64
	highs     []int64 // what the last minutes asked for
	queue     float64
	shedTotal int64
	learned   bool
}

const (
	reqPerReplica  = 9.4
	workPerReplica = 5200.0
	queueBound     = 64
)

func newDemo(load func(float64) float64) *demo {
	return &demo{load: load, startUp: 24 * time.Second, min: 1, max: 12, pools: []string{"chat"}, rng: rand.New(rand.NewPCG(1, 2))}
}

// tick moves the fleet on to now, t seconds into the demo.
func (d *demo) tick(now time.Time, t float64) page.State {
	load := max(0, d.load(t)*(1+0.04*d.rng.NormFloat64()))
	d.live(now)
	d.decide(now, load)
	ready, starting, draining := d.count("ready"), d.count("starting"), d.count("draining")

	over := max(0, load-float64(ready))
	d.queue = max(0, d.queue+over*reqPerReplica-max(0, float64(ready)-load)*reqPerReplica)
	shed := max(0, d.queue-queueBound)
	d.queue -= shed
	d.shedTotal += int64(shed)
	use := 0.0
	if ready > 0 {
		use = load / float64(ready)
	}
	wait := d.queue / (reqPerReplica * max(1, float64(ready)))
	var ttft, tpot page.Latency
	ttft.Objective, tpot.Objective = page.Of(2), page.Of(0.1)
	if load > 0 && ready > 0 {
		base := 0.21 + 0.1*use*use + 0.02*math.Abs(d.rng.NormFloat64())
		ttft.P50, ttft.P95 = page.Of(base+0.6*wait), page.Of(base*1.9+wait*1.25)
		tpot.P50 = page.Of(0.021 + 0.016*min(1.3, use) + 0.001*d.rng.Float64())
		tpot.P95 = page.Of(0.028 + 0.034*min(1.5, use*use) + 0.002*d.rng.Float64())
	}
	for i := range d.instances {
		switch in := &d.instances[i]; in.Phase {
		case "ready":
			in.InFlight = page.Of(math.Round(11 * min(1, use) * (0.85 + 0.3*d.rng.Float64())))
		case "draining":
			in.InFlight = page.Of(max(0, math.Round(8-now.Sub(in.Since).Seconds()*0.7)))
		}
	}
	p := page.Pool{
		Name: "chat",
		Replicas: page.Replicas{
			Known: true, Desired: d.desired, Ready: ready, Starting: starting, Draining: draining, Stuck: d.count("stuck"),
			Min: d.min, Max: d.max, StartUp: page.Of(d.startUp.Seconds()),
		},
		Instances: slices.Clone(d.instances),
		Demand:    page.Demand{Requests: page.Of(load * reqPerReplica), Work: page.Of(load * workPerReplica), Output: page.Of(min(load, float64(ready)) * 1480)},
		Queue:     page.Queue{Requests: page.Of(math.Round(d.queue)), Bound: queueBound},
		Shed:      []page.Shed{{Reason: "queue full", Rate: page.Of(shed), Total: d.shedTotal}, {Reason: "deadline", Rate: page.Of(0), Total: d.shedTotal / 9}},
		Latency:   page.Latencies{TTFT: ttft, TPOT: tpot},
		InFlight:  page.Of(math.Round(11 * min(load, float64(ready)))),
		Gate:      "enforce",
		Decisions: d.log.Decisions(),
		Events:    d.log.Events(),
	}
	if d.queue >= 1 {
		p.Queue.Age = page.Of(wait)
	}
	if d.learned = d.learned || ready > 0; d.learned {
		p.Demand.UnitRate = page.Of(workPerReplica)
	}
	if ready > 0 {
		p.Saturation = page.Of(max(use, wait/2))
	}
	s := page.State{
		Version: "v0.1.0", Now: now, StartedAt: now.Add(-3*time.Hour - 12*time.Minute), Role: page.Leader,
		Members: page.Members{Expected: 3, Fresh: 3}, Pools: []page.Pool{p},
	}
	for _, name := range d.pools[1:] {
		q := p
		q.Name = name
		s.Pools = append(s.Pools, q)
	}
	if d.edit != nil {
		d.edit(&s)
	}
	return s
}

// live brings up what was starting and ends what has drained.
func (d *demo) live(now time.Time) {
	d.instances = slices.DeleteFunc(d.instances, func(i page.Instance) bool {
		gone := i.Phase == "draining" && now.Sub(i.Since) > 13*time.Second
		if gone {
			d.event(now, page.Steady, "%s finished its requests and was stopped", i.ID)
		}
		return gone
	})
	for i := range d.instances {
		if in := &d.instances[i]; in.Phase == "starting" && now.Sub(in.Since) >= d.startUp {
			in.Phase, in.Since = "ready", now
			d.event(now, page.Steady, "%s is ready after %v", in.ID, d.startUp)
		}
	}
}

// decide is a plain rule: a fifth of headroom, down only after two minutes.
func (d *demo) decide(now time.Time, load float64) {
	want := min(d.max, max(d.min, int64(math.Ceil(load*1.2))))
	d.highs = append(d.highs, want)
	if len(d.highs) > 120 {
		d.highs = d.highs[1:]
	}
	settled := max(want, slices.Max(d.highs))
	raw := int64(math.Ceil(load * 1.2))
	dec := page.Decision{At: now, From: d.desired, To: settled, Stage: "recommend", Reason: "capacity", Without: d.desired}
	dec.Notes = []page.Note{{Stage: "recommend", In: d.desired, Out: raw, Text: fmt.Sprintf("demand fills %.1f replicas; with headroom that is %d", load, raw)}}
	switch {
	case settled > d.desired:
		dec.Summary = fmt.Sprintf("Demand fills %.1f replicas; with headroom for bursts that takes %d.", load, raw)
	case settled < d.desired:
		dec.Stage, dec.Reason, dec.Without = "stabilise", "window passed", d.desired
		dec.Summary = fmt.Sprintf("For two minutes no more than %d were needed, and %d would hold the load.", settled, settled)
	case want < d.desired:
		dec.Stage, dec.Reason, dec.Without = "stabilise", "window", want
		dec.Summary = fmt.Sprintf("%d would do now, but the last two minutes needed %d.", want, settled)
	default:
		dec.Summary = fmt.Sprintf("%d is what demand needs.", settled)
	}
	if raw > d.max {
		dec.Stage, dec.Reason, dec.Without = "bounds", "max", raw
		dec.Notes = append(dec.Notes, page.Note{Stage: "bounds", In: raw, Out: d.max, Text: fmt.Sprintf("at most %d replicas are allowed", d.max)})
		dec.Counterfactual = fmt.Sprintf("Without the bound it would be %d.", raw)
	}
	if settled != want {
		dec.Notes = append(dec.Notes, page.Note{Stage: "stabilise", In: want, Out: settled, Text: "the highest need of the last 2 min stands"})
		dec.Counterfactual = fmt.Sprintf("Without stabilisation it would be %d.", want)
	}
	if t := d.count("starting"); t > 0 {
		dec.Notes = slices.Insert(dec.Notes, 1, page.Note{Stage: "pending", In: raw, Out: raw, Text: fmt.Sprintf("%d on their way count as capacity", t)})
	}
	d.log.Decide(dec)
	d.desired = settled
	alive := d.count("ready") + d.count("starting") + d.count("stuck")
	for ; alive < settled; alive++ {
		d.born++
		id := fmt.Sprintf("chat-%d", d.born)
		d.instances = append(d.instances, page.Instance{ID: id, Phase: "starting", Since: now})
		d.event(now, page.Moving, "%s started", id)
	}
	for i := len(d.instances) - 1; i >= 0 && alive > settled; i-- {
		if in := &d.instances[i]; in.Phase == "ready" {
			in.Phase, in.Since = "draining", now
			d.event(now, page.Moving, "%s takes nothing new and finishes what it has", in.ID)
			alive--
		}
	}
}

// kill ends the n-th instance as if it had crashed.
func (d *demo) kill(n int, now time.Time) {
	id := d.instances[n].ID
	d.instances = slices.Delete(d.instances, n, n+1)
	d.event(now, page.Failing, "%s ended by itself: exit status 137, out of memory", id)
}

func (d *demo) count(phase string) int64 {
	var n int64
	for _, i := range d.instances {
		if i.Phase == phase {
			n++
		}
	}
	return n
}

func (d *demo) event(at time.Time, tone page.Tone, format string, args ...any) {
	d.log.Event(page.Event{At: at, Tone: tone, Text: fmt.Sprintf(format, args...)})
}
