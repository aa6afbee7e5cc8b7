package evenkeel

import (
	"maps"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
)

// watcher turns two readings of a fleet's instances into events, and measures
// start-up times on the way.
type watcher struct {
	known   map[string]seen // by ID; nil before the first reading
	startup startup
}

type seen struct {
	actuate.Instance
	started time.Time // when it began to start, if that was watched
}

// observe compares st with the last reading and reports what happened between.
// Replicas that were ready at the first reading are no news.
func (w *watcher) observe(st actuate.Status, report func(Event)) {
	first := w.known == nil
	next := make(map[string]seen, len(st.Instances))
	for _, in := range st.Instances {
		was, old := w.known[in.ID]
		is := seen{Instance: in, started: was.started}
		if in.Phase == actuate.Starting {
			is.started = in.Since
		}
		next[in.ID] = is
		if old && in.Restarts > was.Restarts {
			report(Event{What: EventRestarted, Instance: in.ID, Detail: in.Detail})
		}
		if first && in.Phase == actuate.Ready {
			if in.Detail != "" {
				report(Event{What: EventUnhealthy, Instance: in.ID, Detail: in.Detail})
			}
		} else if !old || in.Phase != was.Phase {
			report(Event{What: phaseEvent(in.Phase), Instance: in.ID, Detail: in.Detail})
		} else if in.Detail != was.Detail && in.Detail != "" && in.Restarts == was.Restarts {
			report(Event{What: EventUnhealthy, Instance: in.ID, Detail: in.Detail})
		}
		// If it was started again in between, its last start was not watched.
		if in.Phase == actuate.Ready && old && was.Phase == actuate.Starting && in.Restarts == was.Restarts && !is.started.IsZero() {
			w.startup.measured(in.Since.Sub(is.started))
		}
	}
	// A map has no order: those gone are reported in the order of their names.
	for _, id := range slices.Sorted(maps.Keys(w.known)) {
		if _, ok := next[id]; !ok {
			report(Event{What: EventGone, Instance: id, Detail: w.known[id].Detail})
		}
	}
	w.known = next
}

func phaseEvent(p actuate.Phase) string {
	switch p {
	case actuate.Starting:
		return EventStarting
	case actuate.Ready:
		return EventReady
	case actuate.Draining:
		return EventDraining
	default:
		return EventStopping
	}
}
