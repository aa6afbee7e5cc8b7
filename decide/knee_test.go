package decide_test

import (
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// verdict is what a policy with these goals makes of these signals, use, queue
// and latency: it tells by what a busy replica teaches when all is kept, and an
// idle one when something is missed.
func verdict(t *testing.T, goals []decide.Goal, use, queue, latency signal.Sample) decide.Truth {
	t.Helper()
	after := func(load float64) float64 {
		k := newKnee(t, decide.Objective{PerReplica: 10, Goals: goals})
		for range 30 {
			k.see(load, 0)
			k.in.Signals[1], k.in.Signals[3], k.in.Signals[4] = queue, use, latency
			k.policy.Recommend(k.mem, &k.in)
			k.in.Now = k.in.Now.Add(5 * time.Second)
			k.in.Signals[0] = signal.Value(load * k.each * 4)
			k.policy.Recommend(k.mem, &k.in)
		}
		return k.now(t, load)
	}
	busy, idle := after(0.9), after(0.5)
	switch {
	case busy > 0.7 && idle >= 0.7:
		return decide.True
	case busy <= 0.7 && idle < 0.7:
		return decide.False
	case busy == 0.7 && idle == 0.7:
		return decide.Unknown
	}
	t.Fatalf("the knee went to %v busy and %v idle", busy, idle)
	return 0
}

func TestGoals(t *testing.T) {
	none := signal.Sample{}
	value := signal.Value
	of := func(n float64) signal.Sample { return signal.Sample{Value: 1, Weight: n, Quality: signal.Fresh} }
	stale := signal.Sample{Value: 1, Quality: signal.Stale}
	share := []decide.Goal{{Signal: use, Per: queue, Most: 0.5}}
	two := []decide.Goal{{Signal: use, Most: 0.5}, {Signal: queue, Most: 10}}
	slow := []decide.Goal{{Signal: latency, Most: 2}}
	for name, tc := range map[string]struct {
		goals               []decide.Goal
		use, queue, latency signal.Sample
		want                decide.Truth
	}{
		"a share that is kept":                {share, value(0.9), value(2), none, decide.True},
		"a share, to the last bit":            {share, value(1), value(2), none, decide.True},
		"a share that is missed":              {share, value(0.2), value(0.3), none, decide.False},
		"a share of nothing":                  {share, value(5), value(0), none, decide.True},
		"a share of what is stale":            {share, value(0.1), stale, none, decide.Unknown},
		"a share of what is absent":           {share, value(5), none, none, decide.Unknown},
		"a share of the first signal":         {[]decide.Goal{{Signal: use, Per: demand, Most: 0.5}}, value(9), none, none, decide.True},
		"what is stale, of something":         {share, stale, value(9), none, decide.Unknown},
		"both kept":                           {two, value(0.4), value(9), none, decide.True},
		"the second missed":                   {two, value(0.4), value(11), none, decide.False},
		"the first missed":                    {two, value(0.6), value(9), none, decide.False},
		"one kept and one unknown":            {two, value(0.4), none, none, decide.Unknown},
		"one missed and one unknown":          {two, none, value(11), none, decide.False},
		"a p95 of 20 values":                  {slow, none, none, of(20), decide.True},
		"a p95 of 19 values":                  {slow, none, none, of(19), decide.Unknown},
		"a p95 of who knows how many":         {slow, none, none, of(0), decide.True},
		"a p95 of hardly a value":             {slow, none, none, of(0.5), decide.Unknown},
		"a plain number needs no weight":      {[]decide.Goal{{Signal: use, Most: 0.5}}, signal.Sample{Value: 0.1, Weight: 1, Quality: signal.Fresh}, none, none, decide.True},
		"a plain number of zero":              {[]decide.Goal{{Signal: use, Most: 0.5}}, value(0), none, none, decide.True},
		"a p95 of zero, which no latency has": {slow, none, none, value(0), decide.Unknown},
	} {
		if got := verdict(t, tc.goals, tc.use, tc.queue, tc.latency); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

// How far one step of learning goes, by what it was learned from.
func TestObjectiveSteps(t *testing.T) {
	for name, tc := range map[string]struct {
		load, latency float64
		want          float64 // times the knee
	}{
		"kept above it":                  {0.9, 1, 1.02},
		"missed below it":                {0.5, 3, 0.98},
		"kept with ease, near":           {0.69, 0.1, 1.005},
		"kept with ease, further on":     {0.55, 0.1, 1.002},
		"kept, but a miss is to be near": {0.55, 1.95, 0.995},
		"kept, as it is to be":           {0.68, 1.9, 1},
	} {
		k := newKnee(t, decide.Objective{Rate: rate})
		for range 9 {
			k.see(tc.load, tc.latency)
		}
		before := k.now(t, tc.load)
		k.see(tc.load, tc.latency)
		k.see(tc.load, tc.latency)
		if before == 0.7 && tc.want != 1 {
			t.Errorf("%s: nothing learned in 45 s", name)
		}
		near(t, name, k.now(t, tc.load)/before, tc.want*tc.want-1e-9, tc.want*tc.want+1e-9)
	}
}

// Where use is not known, nothing is tried beyond what is kept with ease.
func TestObjectiveStaysWhereItIsNearlyMissed(t *testing.T) {
	k := newKnee(t, decide.Objective{PerReplica: 10})
	for range 120 {
		k.see(0.68, 1.9)
	}
	near(t, "the knee", k.now(t, 0.68), 0.7, 0.7)
}

// A step is taken each Interval, not each time somebody looks, and the first one
// when what there is has been ready for as long as Warmup.
func TestObjectiveTakesItsTime(t *testing.T) {
	for _, tc := range []struct {
		objective       decide.Objective
		first, interval int // seconds
	}{
		{decide.Objective{Rate: rate}, 30 + 5, 5},
		{decide.Objective{Rate: rate, Interval: 8 * time.Second, Warmup: 12 * time.Second}, 12 + 8, 8},
	} {
		k := newKnee(t, tc.objective)
		k.in.Now = k.in.Now.Add(-5 * time.Second)
		var steps []int
		last := 0.7
		for second := range 90 {
			k.see(0.9, 1)
			k.in.Now = k.in.Now.Add(-4 * time.Second)
			if now := k.now(t, 0.9); now != last {
				steps, last = append(steps, second), now
			}
		}
		if len(steps) < 3 || steps[0] < tc.first-tc.interval || steps[0] > tc.first || steps[1]-steps[0] != tc.interval || steps[2]-steps[1] != tc.interval {
			t.Errorf("learned at %v seconds, want %d and then each %d", steps, tc.first, tc.interval)
		}
	}
}

// What was missed bounds the knee for some hours, or until it is kept there.
func TestObjectiveForgetsWhatWasMissed(t *testing.T) {
	missedAt80 := func() *knee {
		k := newKnee(t, decide.Objective{Rate: rate, Utilization: 0.79})
		for range 30 {
			k.see(0.8, 2.2)
		}
		for range 60 {
			k.see(0.7, 0.1)
		}
		return k
	}
	k := missedAt80()
	near(t, "after five minutes", k.now(t, 0.7), 0.77, 0.79)
	for range 3 * 720 {
		k.see(0.7, 0.1)
	}
	near(t, "after three hours", k.now(t, 0.7), 0.87, 0.92)

	k = missedAt80()
	for range 60 {
		k.see(0.86, 0.1)
	}
	for range 60 {
		k.see(0.84, 0.1)
	}
	near(t, "kept beyond it", k.now(t, 0.84), 0.9, 1)
}

// Without a rate the first miss tells where the knee is, and a share of the first
// knee is what it never sinks below.
func TestObjectiveWithoutRateHasAFloor(t *testing.T) {
	k := newKnee(t, decide.Objective{})
	for range 12 {
		k.see(0.8, 3)
	}
	near(t, "the first knee", k.now(t, 0.8), 0.97*0.8-1e-9, 0.97*0.8+1e-9)
	for range 3000 {
		k.see(0.05, 30)
	}
	near(t, "the last", k.now(t, 0.05), 0.4*0.97*0.8-1e-9, 0.4*0.97*0.8+1e-9)
}

// With a guess and no rate the knee is a load per replica from the start, and its
// floor a share of the guess.
func TestObjectiveWithoutRateBeginsWithTheGuess(t *testing.T) {
	k := newKnee(t, decide.Objective{Utilization: 6})
	if r := k.see(0.3, 1); r.B != 6 {
		t.Errorf("begins with %+v", r)
	}
	for range 3000 {
		k.see(0.05, 30)
	}
	near(t, "the last", k.now(t, 0.05), 0.24-1e-9, 0.24+1e-9)
}

// A floor without a guess is a load per replica that the knee does not sink below,
// whatever the first one was.
func TestObjectiveWithoutRateKeepsTheFloor(t *testing.T) {
	k := newKnee(t, decide.Objective{Floor: 3})
	for range 12 {
		k.see(0.8, 3)
	}
	for range 3000 {
		k.see(0.05, 30)
	}
	near(t, "the last", k.now(t, 0.05), 0.3-1e-9, 0.3+1e-9)
}

// After a time without demand the means begin anew: what the load was before it
// is no reason for a miss after it.
func TestObjectiveBeginsAnewAfterIdling(t *testing.T) {
	k := newKnee(t, decide.Objective{Rate: rate})
	for range 30 {
		k.see(0.9, 0) // no latency, nothing is learned
	}
	k.see(0, 0)
	for range 3 {
		k.see(0.5, 3)
	}
	near(t, "the knee", k.now(t, 0.5), 0.6, 0.69)
}

// How far a replica got half a day ago says little of how far it gets now.
func TestObjectiveForgetsWhatWasKept(t *testing.T) {
	k := newKnee(t, decide.Objective{PerReplica: 10})
	for range 60 {
		k.see(0.9, 1)
	}
	for range 200 {
		k.see(0.5, 3)
	}
	near(t, "missed for a while", k.now(t, 0.5), 0.48, 0.49)
	for range 10 * 720 {
		k.see(0.45, 0.1)
	}
	near(t, "kept with ease for ten hours", k.now(t, 0.45), 0.6, 0.72) // 0.9 is long ago
}

// Only a replica that began to start a moment ago keeps anything from being
// learned.
func TestObjectiveLearnsBesideStarts(t *testing.T) {
	for name, tc := range map[string]struct {
		age    time.Duration
		stuck  bool
		learns bool
	}{
		"new":                         {0, false, false},
		"new, and stuck":              {0, true, true},
		"as old as the warm-up":       {30 * time.Second, false, true},
		"nearly so":                   {30*time.Second - time.Millisecond, false, false},
		"in a moment":                 {-59 * time.Second, false, false},
		"next year, by another clock": {-365 * 24 * time.Hour, false, true},
	} {
		k := newKnee(t, decide.Objective{Rate: rate})
		for range 30 {
			k.in.Fleet.Starting = []decide.Cohort{{N: 1, Since: k.in.Now.Add(5*time.Second - tc.age), Stuck: tc.stuck}}
			k.see(0.9, 1)
		}
		if learned := k.now(t, 0.9) != 0.7; learned != tc.learns {
			t.Errorf("%s: learned is %v", name, learned)
		}
	}
}

// A load hardly above the knee does not explain a miss, so the knee follows.
func TestObjectiveOverloadBeginsAboveTheKnee(t *testing.T) {
	k := newKnee(t, decide.Objective{Rate: rate})
	for range 30 {
		k.see(0.71, 3)
	}
	near(t, "one percent above", k.now(t, 0.71), 0.68, 0.69)
	k = newKnee(t, decide.Objective{Rate: rate})
	for range 30 {
		k.see(0.75, 3)
	}
	for range 20 {
		k.see(0.5, 3)
	}
	near(t, "left behind by an overload", k.now(t, 0.5), 0.7, 0.7)
	for range 60 {
		k.see(0.5, 3)
	}
	near(t, "no excuse any more", k.now(t, 0.5), 0.3, 0.6)
}

// Demand of zero is no demand, whatever is learned.
func TestObjectiveIdle(t *testing.T) {
	for _, o := range []decide.Objective{{Rate: rate}, {}, {PerReplica: 3}} {
		k := newKnee(t, o)
		if r := k.see(0, 1); r != (decide.Recommendation{Reason: decide.ReasonIdle}) {
			t.Errorf("%+v", r)
		}
	}
}
