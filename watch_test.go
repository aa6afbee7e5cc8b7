package evenkeel

import (
	"slices"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/decide"
)

func TestWatcherReportsWhatChanged(t *testing.T) {
	base := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(s float64) time.Time { return base.Add(time.Duration(s * float64(time.Second))) }
	in := func(id string, p actuate.Phase, since float64) actuate.Instance {
		return actuate.Instance{ID: id, Phase: p, Since: at(since)}
	}
	with := func(i actuate.Instance, restarts int64, detail string) actuate.Instance {
		i.Restarts, i.Detail = restarts, detail
		return i
	}
	var w watcher
	// Each step is one reading: what there is, what is told of it, and the
	// start-up time learned so far.
	for i, step := range []struct {
		is      []actuate.Instance
		told    []Event
		learned time.Duration
	}{
		{is: []actuate.Instance{in("a", actuate.Ready, -60), with(in("b", actuate.Ready, -60), 0, "hot"), in("c", actuate.Starting, -2)},
			told: []Event{{EventUnhealthy, "b", "hot"}, {EventStarting, "c", ""}}}, // a is no news
		{is: []actuate.Instance{in("a", actuate.Ready, -60), with(in("b", actuate.Ready, -60), 0, "hot"), in("c", actuate.Starting, -2)}},
		{is: []actuate.Instance{in("a", actuate.Ready, -60), in("b", actuate.Ready, -60), in("c", actuate.Ready, 8)},
			told: []Event{{EventReady, "c", ""}}, learned: 10 * time.Second},
		{is: []actuate.Instance{in("a", actuate.Ready, -60), in("b", actuate.Draining, 12), with(in("c", actuate.Ready, 8), 0, "slow")},
			told: []Event{{EventDraining, "b", ""}, {EventUnhealthy, "c", "slow"}}, learned: 10 * time.Second},
		{is: []actuate.Instance{with(in("a", actuate.Starting, 14), 1, "exit 1"), in("b", actuate.Stopping, 14), in("c", actuate.Ready, 8)},
			told: []Event{{EventRestarted, "a", "exit 1"}, {EventStarting, "a", "exit 1"}, {EventStopping, "b", ""}}, learned: 10 * time.Second},
		{is: []actuate.Instance{with(in("a", actuate.Ready, 34), 1, "")}, // 20 s: the mean moves 0.3 of the way
			told: []Event{{EventReady, "a", ""}, {EventGone, "b", ""}, {EventGone, "c", ""}}, learned: 13 * time.Second},
		{is: []actuate.Instance{with(in("a", actuate.Ready, 40), 3, "")}, // twice between two readings: told, not measured
			told: []Event{{EventRestarted, "a", ""}}, learned: 13 * time.Second},
		{is: []actuate.Instance{with(in("a", actuate.Starting, 41), 4, "")},
			told: []Event{{EventRestarted, "a", ""}, {EventStarting, "a", ""}}, learned: 13 * time.Second},
		{is: []actuate.Instance{with(in("a", actuate.Ready, 99), 5, "")}, // another start than the one watched
			told: []Event{{EventRestarted, "a", ""}, {EventReady, "a", ""}}, learned: 13 * time.Second},
		{is: []actuate.Instance{in("d", actuate.Ready, 99)}, // never seen to start
			told: []Event{{EventReady, "d", ""}, {EventGone, "a", ""}}, learned: 13 * time.Second},
		{is: []actuate.Instance{in("d", actuate.Ready, 99), {ID: "e", Phase: actuate.Starting}},
			told: []Event{{EventStarting, "e", ""}}, learned: 13 * time.Second},
		{is: []actuate.Instance{in("d", actuate.Ready, 99), in("e", actuate.Ready, 120)}, // its start is not known
			told: []Event{{EventReady, "e", ""}}, learned: 13 * time.Second},
		{told: []Event{{EventGone, "d", ""}, {EventGone, "e", ""}}, learned: 13 * time.Second},
	} {
		var told []Event
		w.observe(actuate.Status{Instances: step.is}, func(e Event) { told = append(told, e) })
		if !slices.Equal(told, step.told) {
			t.Errorf("step %d: told %v, want %v", i, told, step.told)
		}
		if w.startup.learned != step.learned {
			t.Errorf("step %d: learned %v, want %v", i, w.startup.learned, step.learned)
		}
	}
}

func TestReadyIn(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	began := func(n int64, age time.Duration) decide.Cohort { return decide.Cohort{N: n, Since: now.Add(-age)} }
	for _, tc := range []struct {
		name     string
		learned  time.Duration
		starting []decide.Cohort
		want     time.Duration
	}{
		{"not known", 0, []decide.Cohort{began(1, time.Second)}, 0},
		{"none starts", 40 * time.Second, nil, 40 * time.Second},
		{"one starts", 40 * time.Second, []decide.Cohort{began(1, 10*time.Second)}, 30 * time.Second},
		{"the oldest counts", 40 * time.Second, []decide.Cohort{began(2, 10*time.Second), began(1, 25*time.Second)}, 15 * time.Second},
		{"not one that is stuck", 40 * time.Second, []decide.Cohort{{N: 1, Since: now.Add(-30 * time.Second), Stuck: true}, began(1, 5*time.Second)}, 35 * time.Second},
		{"nor one of nobody", 40 * time.Second, []decide.Cohort{began(0, 30*time.Second)}, 40 * time.Second},
		{"overdue", 40 * time.Second, []decide.Cohort{began(1, time.Minute)}, 4 * time.Second},
		{"overdue, fast", 2 * time.Second, []decide.Cohort{began(1, time.Minute)}, time.Second},
		{"age unknown", 40 * time.Second, []decide.Cohort{{N: 1}}, 40 * time.Second},
		{"from the future", 40 * time.Second, []decide.Cohort{began(1, -time.Hour)}, 40 * time.Second},
		{"from next year 9999", 40 * time.Second, []decide.Cohort{{N: 1, Since: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}}, 40 * time.Second},
	} {
		s := startup{learned: tc.learned}
		if got := s.readyIn(actuate.Status{Fleet: decide.Fleet{Starting: tc.starting}}, now); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}
