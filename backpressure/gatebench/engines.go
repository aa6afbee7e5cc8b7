package main

import (
	"maps"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/decide/simulate/llm"
)

// engines are inference engines with a continuous batch. A new job goes to the
// one with the fewest.
type engines struct {
	model   llm.Model
	units   []*engine
	slower  func(t time.Duration) float64 // factor on the length of a step; nil: 1
	present int
}

// An engine is one of them, with the step that is under way.
type engine struct {
	*llm.Engine
	jobs   map[uint64]*job
	end    time.Duration // of the step; never: idle
	events []llm.Event   // what the step produces
	cached int           // prefix tokens that are read, not computed, by what decodes
}

func newEngines(m llm.Model, units int) (*engines, error) {
	f := &engines{model: m, present: units}
	for range units {
		u, err := newEngine(m)
		if err != nil {
			return nil, err
		}
		f.units = append(f.units, u)
	}
	return f, nil
}

func newEngine(m llm.Model) (*engine, error) {
	e, err := llm.NewEngine(m)
	return &engine{Engine: e, jobs: make(map[uint64]*job), end: never}, err
}

func (f *engines) start(w *world, j *job) {
	j.unit = 0
	for i, u := range f.units[:f.present] {
		if len(u.jobs) < len(f.units[j.unit].jobs) {
			j.unit = i
		}
	}
	u := f.units[j.unit]
	u.jobs[j.id] = j
	// A cached prefix lies in memory once, for all that share it.
	if err := u.Add(llm.Request{ID: j.id, Prompt: int64(j.prompt - j.cached), Output: int64(j.output)}); err != nil {
		delete(u.jobs, j.id)
		w.done(j, lost) // longer than the whole cache: the engine refuses it
		return
	}
	if u.end == never {
		f.step(w, u)
	}
}

// step begins the next step of u.
func (f *engines) step(w *world, u *engine) {
	if u.Idle() {
		u.end, u.events = never, nil
		return
	}
	d, events := u.Step()
	d += time.Duration(f.model.C * float64(u.cached) * float64(time.Millisecond))
	if f.slower != nil {
		d = time.Duration(float64(d) * f.slower(w.now))
	}
	u.end, u.events = w.now+d, events
}

func (f *engines) next() time.Duration {
	t := never
	for _, u := range f.units {
		t = min(t, u.end)
	}
	return t
}

func (f *engines) advance(w *world) {
	for _, u := range f.units {
		if u.end > w.now {
			continue
		}
		for _, e := range u.events {
			j, ok := u.jobs[e.ID]
			if !ok {
				continue // its client left during the step
			}
			if e.First {
				u.cached += j.cached
				w.first(j)
			} else {
				w.token(j)
			}
			if e.Done {
				u.forget(j)
				w.done(j, served)
			}
		}
		f.step(w, u)
	}
}

func (u *engine) forget(j *job) {
	delete(u.jobs, j.id)
	if j.first > 0 {
		u.cached -= j.cached
	}
}

func (f *engines) drop(_ *world, j *job) {
	u := f.units[j.unit]
	u.Cancel(j.id)
	u.forget(j)
}

func (f *engines) resize(w *world, n int) {
	var gone []*job
	for _, u := range f.units[min(n, f.present):f.present] {
		for _, id := range slices.Sorted(maps.Keys(u.jobs)) {
			gone = append(gone, u.jobs[id])
			f.drop(w, u.jobs[id])
		}
		u.end, u.events = never, nil
	}
	f.present = n
	for _, j := range gone {
		w.done(j, lost)
	}
}
