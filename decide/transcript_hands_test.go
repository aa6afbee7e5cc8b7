package decide_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/signal"
)

// carry brings the state to another process, as JSON.
func (s *scene) carry() {
	s.t.Helper()
	s.state = s.saved()
}

func (s *scene) saved() decide.State {
	s.t.Helper()
	var read decide.State
	if err := json.Unmarshal([]byte(text(s.t, s.state)), &read); err != nil {
		s.t.Fatal(err)
	}
	return read
}

// guarded has every memory that a restart could lose: windows, a rate, cooldowns.
func guarded() decide.Config {
	c := standard()
	c.Policies = c.Policies[:1]
	c.Up.Rate = decide.Rate{Count: 4, Period: time.Minute}
	c.Down.Cooldown = time.Minute
	c.Down.Rate = decide.Rate{Count: 3, Period: time.Minute}
	return c
}

// The scaler is restarted in the middle of everything. With its state it goes on
// as if nothing had happened; without, it first watches for a window.
func TestTranscriptRestart(t *testing.T) {
	const about = `
RESTART IN THE MIDDLE. The scaler is restarted three times, twice with its state,
written down as JSON, and once without. Up by 4 a minute at most, down by 3 after three
minutes and with a minute between. Decided by demand alone; 20 s to get ready.`
	play := func(name string, restart func(s *scene, k int)) (*scene, []int64) {
		s := newScene(t, name, about, guarded(), 4, 20*time.Second)
		var counts []int64
		s.law = func() string { counts = append(counts, s.d.Desired); return "" }
		s.demand = 18
		s.run(time.Minute)
		s.say("80/s arrive; the first four replicas come at once")
		s.demand = 80
		s.run(30 * time.Second)
		restart(s, 0)
		s.run(2 * time.Minute)
		s.expect(14)
		s.say("20/s arrive")
		s.demand = 20
		s.run(2 * time.Minute)
		restart(s, 1)
		s.run(70 * time.Second)
		s.expect(11)
		return s, counts
	}
	s, counts := play("restart", func(s *scene, k int) {
		s.say("restarted, with its state%s", []string{" and the rate's memory in it", " and two minutes of the window in it"}[k])
		s.carry()
	})
	if _, undisturbed := play("", func(*scene, int) {}); !reflect.DeepEqual(counts, undisturbed) {
		t.Errorf("with restarts %v, without %v", counts, undisturbed)
	}
	s.say("restarted, and the state is lost: a cold start")
	s.state = decide.State{}
	s.law = s.noFewer
	s.run(175 * time.Second)
	s.law = nil
	s.run(3 * time.Minute)
	s.expect(4)
	s.done()
}

// Another member takes over with a state that is a minute old, and sees little of
// the fleet at first.
func TestTranscriptLeaderChange(t *testing.T) {
	s := newScene(t, "leader_change", `
LEADER CHANGE. The leader is gone in the middle of a scale-up. Ten seconds later
another one takes over, with a state that was saved before that, and hears of the
members one by one. Ten members; up by 4 a minute at most. Decided by demand alone.`, guarded(), 4, 60*time.Second)
	s.in.Members = signal.Coverage{Expected: 10, Fresh: 10}
	s.demand = 18
	s.run(time.Minute)
	old := s.saved()
	s.say("80/s arrive")
	s.demand = 80
	s.run(20 * time.Second)
	s.expect(8)
	s.say("the leader is gone, and with it what it knew of the last 20 s")
	s.follow(s.d.Desired, s.in.Now, 10*time.Second)
	s.state = old
	s.law = s.noFewer
	s.spoil = func(v []signal.Sample) { v[0].Value *= float64(s.in.Members.Fresh) / 10 }
	for _, fresh := range []int{1, 4, 8, 9} {
		s.in.Members.Fresh = fresh
		s.step()
	}
	s.in.Members.Fresh = 10
	s.run(5 * time.Minute)
	s.expect(14)
	s.done()
}

// An operator's wishes: a number until a time, and no change one way.
func TestTranscriptOverrideAndPause(t *testing.T) {
	c := standard()
	c.Policies = c.Policies[:1]
	c.Down.Window = 30 * time.Second
	s := newScene(t, "override_and_pause", `
OVERRIDE AND PAUSE. An operator wants a number for two minutes, and later no change
one way, then the other. Limits 1 to 20; the window downwards is only 30 s here.
Decided by demand alone; 20 s to get ready.`, c, 4, 20*time.Second)
	s.in.Limits.Max = 20
	s.demand = 18
	s.run(30 * time.Second)
	s.say("an override: 12 replicas for two minutes")
	s.in.Override = decide.Override{Replicas: 12, Until: s.in.Now.Add(s.tick + 2*time.Minute)}
	s.law = func() string {
		if s.d.Desired != 12 {
			return "not as the operator wants"
		}
		return ""
	}
	s.run(2 * time.Minute)
	s.law = nil
	s.run(time.Minute)
	s.expect(4)
	s.say("an override to 30 for 30 s: the limits stand above it")
	s.in.Override = decide.Override{Replicas: 30, Until: s.in.Now.Add(s.tick + 30*time.Second)}
	s.run(30 * time.Second)
	s.expect(20)
	s.run(time.Minute)
	s.say("a pause of growth for a minute, and three times the demand")
	s.in.Pause = decide.Pause{Up: true, Until: s.in.Now.Add(s.tick + time.Minute)}
	s.demand = 54
	s.run(time.Minute)
	s.expect(4)
	s.run(30 * time.Second)
	s.expect(10)
	s.say("a pause of shrinking until it is taken back, and a third of the demand")
	s.in.Pause = decide.Pause{Down: true}
	s.demand = 18
	s.law = s.noFewer
	s.run(3 * time.Minute)
	s.say("it is taken back")
	s.in.Pause, s.law = decide.Pause{}, nil
	s.run(15 * time.Second)
	s.expect(4)
	s.done()
}

// The maximum is lowered below what there is, even on bad data, and raised again.
func TestTranscriptLoweredMax(t *testing.T) {
	s := newScene(t, "lowered_max", `
A LOWERED MAXIMUM. Limits are the user's own word: they hold at once, whatever the
signals say, and nothing stands above them. What is needed is asked for again as soon
as they allow it.`, standard(), 10, 20*time.Second)
	s.demand = 58
	s.run(30 * time.Second)
	s.say("max 50 → 8")
	s.in.Limits.Max = 8
	s.step()
	s.expect(8)
	s.run(2 * time.Minute)
	s.say("max 8 → 5, while no signal is there")
	s.in.Limits.Max = 5
	s.spoil = func(v []signal.Sample) { clear(v) }
	s.step()
	s.expect(5)
	s.run(time.Minute)
	s.say("the signals are back: some work is queued by now")
	s.spoil = nil
	s.run(30 * time.Second)
	s.expect(5)
	s.say("max 5 → 50")
	s.in.Limits.Max = 50
	s.step()
	if s.d.Desired < 10 {
		t.Errorf("only %d, where 10 are needed and more is queued", s.d.Desired)
	}
	s.run(10 * time.Minute)
	s.say("min 1 → 15")
	s.in.Limits.Min = 15
	s.step()
	s.expect(15)
	s.run(time.Minute)
	s.done()
}
