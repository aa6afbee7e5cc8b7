package page

import "time"

// A Point is what the plots show of one pool at one instant.
type Point struct {
	At time.Time
	// Counts of replicas.
	Ready, Starting, Draining, Desired Value
	// Demand in replicas at full use.
	Demand Value
	// Requests offered and Shed, per second; Queue, those waiting.
	Requests, Shed, Queue Value
	// Latencies in seconds.
	TTFT50, TTFT95, TPOT50, TPOT95, Duration50, Duration95 Value
	Saturation                                             Value
}

// PointOf returns what the plots show of p at now.
func PointOf(p *Pool, now time.Time) Point {
	pt := Point{
		At:       now,
		Demand:   demandReplicas(p),
		Requests: p.Demand.Requests, Queue: p.Queue.Requests, Saturation: p.Saturation,
		TTFT50: p.Latency.TTFT.P50, TTFT95: p.Latency.TTFT.P95,
		TPOT50: p.Latency.TPOT.P50, TPOT95: p.Latency.TPOT.P95,
		Duration50: p.Latency.Duration.P50, Duration95: p.Latency.Duration.P95,
	}
	if r := p.Replicas; r.Known {
		pt.Ready, pt.Starting = Of(float64(r.Ready)), Of(float64(r.Starting))
		pt.Draining, pt.Desired = Of(float64(r.Draining)), Of(float64(r.Desired))
	}
	for _, s := range p.Shed {
		if s.Rate.Known {
			pt.Shed = Of(pt.Shed.Num + s.Rate.Num)
		}
	}
	return pt
}

func demandReplicas(p *Pool) Value {
	if p.Demand.Replicas.Known {
		return p.Demand.Replicas
	}
	return p.Demand.Work.over(p.Demand.UnitRate)
}

// A fold says how several values of a column become one when history is thinned.
type fold uint8

const (
	mean    fold = iota // of the known ones
	largest             // what hurt must not vanish
	least
)

// columns are the plotted figures, in the order of a row's values.
var columns = [...]struct {
	name string
	fold fold
	of   func(*Point) Value
}{
	{"ready", least, func(p *Point) Value { return p.Ready }},
	{"starting", largest, func(p *Point) Value { return p.Starting }},
	{"draining", largest, func(p *Point) Value { return p.Draining }},
	{"desired", largest, func(p *Point) Value { return p.Desired }},
	{"demand", mean, func(p *Point) Value { return p.Demand }},
	{"requests", mean, func(p *Point) Value { return p.Requests }},
	{"shed", largest, func(p *Point) Value { return p.Shed }},
	{"queue", largest, func(p *Point) Value { return p.Queue }},
	{"ttft_p50", mean, func(p *Point) Value { return p.TTFT50 }},
	{"ttft_p95", largest, func(p *Point) Value { return p.TTFT95 }},
	{"tpot_p50", mean, func(p *Point) Value { return p.TPOT50 }},
	{"tpot_p95", largest, func(p *Point) Value { return p.TPOT95 }},
	{"duration_p50", mean, func(p *Point) Value { return p.Duration50 }},
	{"duration_p95", largest, func(p *Point) Value { return p.Duration95 }},
	{"saturation", largest, func(p *Point) Value { return p.Saturation }},
}
