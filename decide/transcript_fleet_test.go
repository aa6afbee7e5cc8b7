package decide_test

import (
	"time"

	"github.com/evenkeel/evenkeel/decide"
)

// scaled is the fleet of a scene. A replica gets ready some time after it was
// asked for, unless it is one of those that never do; the newest go first, and
// one that was ready takes a while to finish what it has.
type scaled struct {
	passed         time.Duration // whatever the clock says
	startup, drain time.Duration
	ready          int64
	starting       []newcomer
	draining       []leaving
	broken         int64 // so many of the next ones never get ready
	reported       bool  // and the platform says so
}

// newcomer is one replica on its way.
type newcomer struct {
	since  time.Time // by the wall clock
	at     time.Duration
	broken bool
}

type leaving struct {
	n     int64
	until time.Duration
}

// fleet is what the platform reports.
func (f *scaled) fleet() decide.Fleet {
	out := decide.Fleet{Desired: f.ready + int64(len(f.starting)), Ready: f.ready}
	for _, r := range f.starting {
		stuck := r.broken && f.reported
		if k := len(out.Starting) - 1; k >= 0 && out.Starting[k].Since.Equal(r.since) && out.Starting[k].Stuck == stuck {
			out.Starting[k].N++
			continue
		}
		out.Starting = append(out.Starting, decide.Cohort{N: 1, Since: r.since, Stuck: stuck})
	}
	for _, l := range f.draining {
		out.Draining += l.n
	}
	return out
}

// follow scales to n at once and lets so much time pass.
func (f *scaled) follow(n int64, now time.Time, d time.Duration) {
	for f.ready+int64(len(f.starting)) < n {
		f.starting = append(f.starting, newcomer{now, f.passed, f.broken > 0})
		f.broken = max(f.broken-1, 0)
	}
	for k := len(f.starting); k > 0 && f.ready+int64(k) > n; k-- {
		f.starting = f.starting[:k-1]
	}
	if less := f.ready - n; less > 0 {
		f.ready = n
		f.draining = append(f.draining, leaving{less, f.passed + f.drain})
	}
	f.passed += d
	var still []newcomer
	for _, r := range f.starting {
		if !r.broken && f.passed-r.at >= f.startup {
			f.ready++
		} else {
			still = append(still, r)
		}
	}
	f.starting = still
	for len(f.draining) > 0 && f.draining[0].until <= f.passed {
		f.draining = f.draining[1:]
	}
}

// repair makes the replicas that never get ready get ready after all.
func (f *scaled) repair() {
	for i := range f.starting {
		f.starting[i].broken = false
	}
	f.broken = 0
}
