package simulate

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/decide/simulate/llm"
)

// A fleet is the scaled thing: its units in order of age.
type fleet struct {
	model   llm.Model
	startup llm.Startup
	seed    uint64
	units   []*unit
	started int // units asked for so far, the number of the next
	desired int64
	billed  time.Duration // unit time up to at
	at      time.Duration
	closed  bool // no longer billed
}

// bill counts the time of every unit, whatever its state: it is paid for from
// the moment it is asked for until it is gone.
func (f *fleet) bill(now time.Duration) {
	if !f.closed {
		f.billed += time.Duration(len(f.units)) * (now - f.at)
	}
	f.at = now
}

// start asks for one more unit. Each has its own random numbers, so that its
// start-up time does not depend on what else happened.
func (f *fleet) start(now time.Duration, warm bool) (*unit, error) {
	engine, err := llm.NewEngine(f.model)
	if err != nil {
		return nil, err
	}
	u := &unit{id: f.started, since: now, readyAt: now, engine: engine}
	f.started++
	if warm {
		u.state = ready
	} else {
		u.readyAt += f.startup.Sample(rand.New(rand.NewPCG(f.seed, uint64(u.id))))
	}
	f.units = append(f.units, u)
	return u, nil
}

// remove takes u out of the fleet.
func (f *fleet) remove(u *unit) {
	u.state = gone
	f.units = slices.DeleteFunc(f.units, func(x *unit) bool { return x == u })
}

// victims returns the n units to scale in: those still starting, the youngest
// first, then those with the fewest requests.
func (f *fleet) victims(n int) []*unit {
	var c []*unit
	for _, u := range f.units {
		if u.state == starting || u.state == ready {
			c = append(c, u)
		}
	}
	slices.SortStableFunc(c, func(a, b *unit) int {
		switch {
		case a.state != b.state:
			return int(a.state) - int(b.state)
		case a.state == ready && a.load != b.load:
			return a.load - b.load
		}
		return b.id - a.id
	})
	return c[:min(n, len(c))]
}

// busiestDraining returns the unit that would drain longest, nil if none drains.
func (f *fleet) busiestDraining() (best *unit) {
	for _, u := range f.units {
		if u.state == draining && (best == nil || u.load > best.load) {
			best = u
		}
	}
	return best
}

// slack and flood are those of package actuate/route.
const (
	slack = 4
	flood = 8
)

// least returns the unit for the next request, nil if none is ready. It chooses
// as the router of package actuate/route does: of the units within slack requests
// of the least busy one, that with the fewest without a first token. Units where
// more than flood as many wait as at the quietest are passed over.
func (f *fleet) least() *unit {
	quiet, fewest := math.MaxInt-flood, math.MaxInt-slack
	for _, u := range f.units {
		if u.state == ready {
			quiet = min(quiet, u.silent)
		}
	}
	for _, u := range f.units {
		if u.state == ready && u.silent <= quiet+flood {
			fewest = min(fewest, u.load)
		}
	}
	var best *unit
	for _, u := range f.units {
		if u.state != ready || u.silent > quiet+flood || u.load > fewest+slack {
			continue
		}
		if best == nil || u.silent < best.silent || u.silent == best.silent && u.load < best.load {
			best = u
		}
	}
	return best
}

// count returns how many units are in state s.
func (f *fleet) count(s unitState) int64 {
	n := int64(0)
	for _, u := range f.units {
		if u.state == s {
			n++
		}
	}
	return n
}

// engines returns the mean share of the cache in use and the requests that wait,
// of the engines that are ready, if any is.
func (f *fleet) engines() (cache, waiting float64, ok bool) {
	n := 0.0
	for _, u := range f.units {
		if u.state == ready {
			n++
			cache += u.engine.KVUse()
			waiting += float64(u.engine.Waiting())
		}
	}
	return cache / max(n, 1), waiting, n > 0
}

// status is the fleet as its platform would report it.
func (f *fleet) status(epoch time.Time) decide.Fleet {
	s := decide.Fleet{Desired: f.desired, Ready: f.count(ready), Draining: f.count(draining)}
	for _, u := range f.units {
		if u.state != starting {
			continue
		}
		since := epoch.Add(u.since)
		if last := len(s.Starting) - 1; last >= 0 && s.Starting[last].Since.Equal(since) {
			s.Starting[last].N++
		} else {
			s.Starting = append(s.Starting, decide.Cohort{N: 1, Since: since})
		}
	}
	return s
}

// readyIn is how long, as far as anybody in the fleet could know, until the next
// unit is ready: the oldest start and the median start-up. It is 0 if none
// starts.
func (f *fleet) readyIn(now time.Duration) time.Duration {
	for _, u := range f.units {
		if u.state == starting {
			return max(u.since+f.startup.Median-now, time.Second)
		}
	}
	return 0
}
