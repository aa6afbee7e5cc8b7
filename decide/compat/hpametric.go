package compat

import (
	"math"
	"time"
)

// proposal returns what one metric asks for, whether that is the count as it is
// because the ratio is within tolerance, and whether it could tell at all.
func (h HPA) proposal(m HPAMetric, got Metric, o *Observation) (n int64, calm, ok bool) {
	target := float64(milli(m.Target))
	if got.Failed || !(m.Target > 0) {
		return 0, false, false
	}
	switch {
	case m.Source <= HPAPods:
		return h.byPod(m, got.Pods, o.Spec)
	case target == 0:
		return 0, false, false // below a thousandth: no quantity can say that
	case m.Type == HPAAverageValue:
		total := float64(milli(got.Value))
		if h.tolerated(total / (target * float64(o.Status))) {
			return o.Status, true, true
		}
		return ceil(total / target), false, true
	}
	r := float64(milli(got.Value)) / target
	switch {
	case o.Spec == 0:
		return ceil(r), false, true
	case h.tolerated(r):
		return o.Spec, true, true
	}
	return ceil(float64(r * float64(o.Ready))), false, true
}

// byPod is the proposal of a metric that each pod has a value of. Pods without a
// value are filled in against the direction of the change, so that a count only
// changes as far as what is known bears out.
func (h HPA) byPod(m HPAMetric, pods []Pod, spec int64) (n int64, calm, ok bool) {
	var ready, missing, unready usage
	var fill int64 // of the missing, when they might keep the fleet from shrinking
	share := max(100, m.Target) / 100
	for _, p := range pods {
		value, request := milli(p.Value), milli(p.Request)
		switch {
		case p.State == PodReady && finite(p.Value):
			ready.add(value, request)
		case p.State == PodMissing, p.State == PodReady:
			missing.add(0, request)
			if m.Type == HPAUtilization {
				fill += milli(float64(share * p.Request))
			} else {
				fill += milli(m.Target)
			}
		case p.State == PodUnready:
			unready.add(0, request)
		}
	}
	r, ok := ready.ratio(m)
	if !ok {
		return 0, false, false
	}
	up := r > 1
	if missing.n == 0 && (unready.n == 0 || !up) {
		if h.tolerated(r) {
			return spec, true, true
		}
		return ceil(float64(r * float64(ready.n))), false, true
	}
	all := ready
	switch {
	case up: // what nobody knows counts as idle
		all.join(missing)
		all.join(unready)
	case r < 1: // what nobody knows counts as just right
		missing.value = fill
		all.join(missing)
	}
	r2, ok := all.ratio(m)
	if !ok {
		return 0, false, false
	}
	if h.tolerated(r2) || (r < 1 && r2 > 1) || (up && r2 < 1) {
		return spec, true, true
	}
	n = ceil(float64(r2 * float64(all.n)))
	if (r2 < 1 && n > spec) || (r2 > 1 && n < spec) {
		return spec, true, true
	}
	return n, false, true
}

// tolerated reports whether the ratio is too near to 1 to do anything.
func (h HPA) tolerated(r float64) bool {
	return r >= 1-or(h.DownTolerance, 0.1) && r <= 1+or(h.UpTolerance, 0.1)
}

// A usage sums values and requests, in thousandths.
type usage struct{ value, request, n int64 }

func (u *usage) add(value, request int64) {
	u.value += value
	u.request += request
	u.n++
}

func (u *usage) join(v usage) {
	u.value += v.value
	u.request += v.request
	u.n += v.n
}

// ratio is the mean over the target. The mean and the utilisation are whole
// numbers, cut off, as Kubernetes computes them.
func (u usage) ratio(m HPAMetric) (float64, bool) {
	target := milli(m.Target)
	switch {
	case u.n == 0 || target == 0:
		return 0, false
	case m.Type != HPAUtilization:
		return float64(u.value/u.n) / float64(target), true
	case u.request <= 0:
		return 0, false // no request, no utilisation
	case u.value > math.MaxInt64/100:
		return math.Trunc(float64(u.value)/float64(u.request)*100) / m.Target, true
	}
	return float64(u.value*100/u.request) / m.Target, true
}

// milli returns x in thousandths. What no sum over a fleet could hold is cut off
// at what it can.
func milli(x float64) int64 {
	const most = 1 << 42
	if math.IsNaN(x) {
		return 0
	}
	return int64(math.Round(min(max(x, -most/1000), most) * 1000))
}

// An HPAPod is what Kubernetes knows of a pod that has, or should have, a value.
type HPAPod struct {
	// Pending, Failed and Deleting are what the pod's phase and metadata say.
	Pending, Failed, Deleting bool
	// HasMetric: there is a value for it.
	HasMetric bool
	// HasReady: it has a Ready condition, whose status is Ready, since LastChange.
	HasReady, Ready bool
	LastChange      time.Time
	// Started is when its containers were started; zero if they were not.
	Started time.Time
	// Sampled is when its value was measured, over Window.
	Sampled time.Time
	Window  time.Duration
}

// State returns what the pod's value counts for. For CPU, a pod that is still
// initialising or was never ready counts as not ready, since starting up is
// busy; for other metrics only one that is pending does. init and delay are the
// controller's CPU initialisation period and initial readiness delay: 300 s and
// 30 s unless it is told otherwise.
func (p HPAPod) State(now time.Time, cpu bool, init, delay time.Duration) PodState {
	switch {
	case p.Deleting || p.Failed:
		return PodIgnored
	case p.Pending:
		return PodUnready
	case !p.HasMetric:
		return PodMissing
	case !cpu:
		return PodReady
	case !p.HasReady || p.Started.IsZero():
		return PodUnready
	case p.Started.Add(init).After(now):
		if !p.Ready || p.Sampled.Before(p.LastChange.Add(p.Window)) {
			return PodUnready
		}
	case !p.Ready && p.Started.Add(delay).After(p.LastChange):
		return PodUnready
	}
	return PodReady
}
