package backpressure

import "time"

// A Fair says how tenants share what there is while there is not enough for all.
//
// Every tenant ([Caller.Tenant]) gets as much as it asks for, but no more than
// its share of what the others leave: max-min fairness, in work, which is prompt
// tokens and [OutputWeight] times output tokens, estimated at first and corrected
// at the end. A tenant that asks for less than its share waits for nobody else's
// backlog, and where the queue is full, the newest request of the tenant that is
// furthest above its share gives way. What was used while there was enough is not
// held against anyone. Within a class; a higher class goes first whoever asks.
//
// Names need not be known. What is remembered of a tenant, about 200 bytes, is
// forgotten once it has no more than its share.
type Fair struct {
	// Weight of a tenant: with 2 it gets twice the share of one with 1. Default: 1
	// for all. It is called for every request that has a tenant, from many
	// goroutines, so it should be a look-up. Outside of 0.001 to 1000 the nearest
	// counts; 0 and NaN are 1.
	Weight func(tenant string) float64
}

const (
	minWeight, maxWeight = 1e-3, 1e3
	// maxFlows is how many tenants are remembered per class. Those beyond share one
	// part, that of the nameless tenant.
	maxFlows = 1 << 17
	// fairMemory is how long after the last request has waited the shares are
	// forgotten: whoever had more than others then had it from plenty.
	fairMemory = 10 * time.Second
	// sweepSteps flows are looked at for each new one, so that forgetting keeps up
	// with learning and never takes long.
	sweepSteps = 4
)

// A band holds what waits of one class: start-time fair queueing (P. Goyal,
// H. Vin, H. Cheng, SIGCOMM 1996). The band has a virtual time, the start of the
// last request let in. A flow's request starts when its last one is done, or now,
// and takes its work over the flow's weight; the earliest start goes next. Virtual
// time needs no known capacity, and no flow is ahead of another that waits by
// more than a request of each.
type band struct {
	n       int
	work    float64
	amount  [2]float64 // per line
	now     float64    // virtual time
	weights float64    // of the flows that wait
	credit  float64    // of work that this class has coming, see sliver

	flows         map[uint64]*flow
	starts, tails heap
	hand          *flow // in the ring of all flows
}

// flow finds the flow of a tenant, or makes it.
func (b *band) flow(tenant uint64, weight float64) *flow {
	f := b.flows[tenant]
	if f == nil && len(b.flows) >= maxFlows {
		tenant, weight = 0, 1
		f = b.flows[0]
	}
	if f == nil {
		f = &flow{tenant: tenant, weight: weightOf(weight), start: b.now}
		b.add(f)
	}
	if f.n == 0 {
		f.start = max(f.start, b.now)
		f.weight = weightOf(weight)
	}
	return f
}

func (b *band) add(f *flow) {
	if b.flows == nil {
		b.flows = make(map[uint64]*flow)
		b.starts.by, b.tails.by = byStart, byTail
	}
	b.sweep()
	b.flows[f.tenant] = f
	if b.hand == nil {
		f.prev, f.next, b.hand = f, f, f
		return
	}
	f.next, f.prev = b.hand, b.hand.prev
	f.prev.next, f.next.prev = f, f
}

// sweep forgets flows that have nothing here and no more than their share.
func (b *band) sweep() {
	for range sweepSteps {
		f := b.hand
		if f == nil {
			return
		}
		b.hand = f.next
		if f.n > 0 || f.running > 0 || f.start > b.now {
			continue
		}
		delete(b.flows, f.tenant)
		if f.next == f {
			b.hand = nil
		}
		f.prev.next, f.next.prev = f.next, f.prev
		f.prev, f.next = nil, nil
	}
}

// forget drops all flows. Nobody waits.
func (b *band) forget() { *b = band{credit: b.credit} }

func (b *band) push(t time.Duration, r *Request) {
	f := b.flow(r.Tenant, r.Weight)
	r.flow = f
	if f.n == 0 {
		f.since = t
		f.push(r)
		b.weights += f.weight
		b.starts.push(f)
		b.tails.push(f)
	} else {
		f.push(r)
		b.tails.fix(f)
	}
	b.n++
	b.work += r.work
	b.amount[lineOf(r)] += r.amount
}

// remove takes r out; served says that it is let in, not refused.
func (b *band) remove(r *Request, served bool) {
	f := r.flow
	f.remove(r)
	if served {
		b.serve(f, r)
	} else {
		r.flow = nil
	}
	if f.n > 0 {
		b.fix(f)
	} else {
		b.weights -= f.weight
		b.starts.remove(f)
		b.tails.remove(f)
	}
	b.n--
	if b.n == 0 { // no rounding error stays
		b.work, b.weights, b.amount = 0, 0, [2]float64{}
		return
	}
	b.work -= r.work
	b.amount[lineOf(r)] -= r.amount
}

// fix puts f, of which somebody waits, where it belongs.
func (b *band) fix(f *flow) {
	b.starts.fix(f)
	b.tails.fix(f)
}

// serve charges f for r, which is let in now.
func (b *band) serve(f *flow, r *Request) {
	b.now = max(b.now, f.start)
	f.start += r.work / f.weight
	f.running++
	r.flow = f
}

// settle corrects what r was charged to the work it really was.
func (b *band) settle(r *Request, work float64) {
	f := r.flow
	r.flow = nil
	f.running--
	f.start += (work - r.work) / f.weight
	if f.n > 0 && work != r.work {
		b.fix(f)
	}
}

// ahead is how much of what waits, from 0 to 1, goes before r if r is queued now.
// Until r is done, every other flow that waits gets at most its share of the time
// that r's flow needs for what it has waiting, and for r.
func (b *band) ahead(r *Request) float64 {
	if b.n == 0 {
		return 0
	}
	lag, weight, weights := 0.0, weightOf(r.Weight), b.weights
	f := b.flows[r.Tenant]
	if f != nil {
		lag = max(f.tail()-b.now, 0)
	}
	if f == nil || f.n == 0 {
		weights += weight
	} else {
		weight = f.weight
	}
	work := (lag+r.work/weight)*weights - r.work
	return min(max(work/max(b.work, 1e-9), 0), 1)
}

// excess is the newest request of the flow furthest above its share, if r, which
// is not queued yet, is less so.
func (b *band) excess(r *Request) *Request {
	if b.n == 0 {
		return nil
	}
	start := b.now
	if f := b.flows[r.Tenant]; f != nil {
		start = max(start, f.tail())
	}
	f := b.tails.flows[0]
	if last := f.last; f.tenant != r.Tenant && f.tail()-last.work/f.weight > start {
		return last
	}
	return nil
}
