package actuatetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/decide"
)

// advance brings every member to where it is now.
func (f *Fleet) advance(now time.Time) {
	for _, m := range f.members {
		if ready := m.born.Add(f.StartUp); m.Phase == actuate.Starting && !now.Before(ready) {
			m.enter(actuate.Ready, ready)
		}
		if !m.drain.IsZero() && !now.Before(m.drain) {
			m.drain = time.Time{}
		}
		switch drains := m.going || !m.drain.IsZero(); {
		case drains && m.Phase == actuate.Ready:
			m.enter(actuate.Draining, now)
		case !drains && m.Phase == actuate.Draining:
			m.enter(actuate.Ready, now)
		}
	}
	f.members = slices.DeleteFunc(f.members, func(m *member) bool { return m.going && m.InFlight == 0 })
}

// fit has so many members stay as are desired: those on their way out are kept
// before new ones are made, and victims go before others.
func (f *Fleet) fit(now time.Time, victims []string) {
	stay := int64(0)
	for _, m := range f.members {
		if !m.going {
			stay++
		}
	}
	for _, m := range f.members {
		if stay < f.desired && m.going {
			m.going = false
			stay++
		}
	}
	for ; stay < f.desired; stay++ {
		f.created++
		f.members = append(f.members, &member{born: now, Instance: actuate.Instance{
			ID: fmt.Sprintf("i-%d", f.created), Phase: actuate.Starting, Since: now,
		}})
	}
	order := append(slices.Clone(victims), actuate.Victims(f.status().Instances, len(f.members))...)
	for _, id := range order {
		if m := f.find(id); stay > f.desired && m != nil && !m.going {
			m.going = true
			stay--
		}
	}
}

func (m *member) enter(p actuate.Phase, at time.Time) { m.Phase, m.Since = p, at }

func (f *Fleet) status() actuate.Status {
	st := actuate.Status{Fleet: decide.Fleet{Desired: f.desired}, Version: f.versionText(), Instances: []actuate.Instance{}}
	for _, m := range f.members {
		st.Instances = append(st.Instances, m.Instance)
		switch m.Phase {
		case actuate.Ready:
			st.Fleet.Ready++
		case actuate.Draining:
			st.Fleet.Draining++
		case actuate.Starting:
			st.Fleet.Starting = addStarting(st.Fleet.Starting, m.Since)
		}
	}
	return st
}

// addStarting counts one more that began at since.
func addStarting(cohorts []decide.Cohort, since time.Time) []decide.Cohort {
	for i := range cohorts {
		if cohorts[i].Since.Equal(since) {
			cohorts[i].N++
			return cohorts
		}
	}
	return append(cohorts, decide.Cohort{N: 1, Since: since})
}
