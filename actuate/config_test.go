package actuate_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/actuate/actuatetest"
	"github.com/evenkeel/evenkeel/decide"
)

func TestNewRefuses(t *testing.T) {
	f := new(actuatetest.Fleet)
	for _, tt := range []struct {
		name   string
		config actuate.Config
		says   []string
	}{
		{"nothing", actuate.Config{}, []string{"Config.Target is nil"}},
		{"negative times", actuate.Config{Target: f, Tick: -1, Within: -1, Attempt: -1, Cooldown: -1},
			[]string{"Config.Tick is -1ns", "Config.Within is -1ns", "Config.Attempt is -1ns", "Config.Cooldown is -1ns"}},
		{"attempt longer than all", actuate.Config{Target: f, Within: time.Second, Attempt: time.Minute}, []string{"Config.Attempt is 1m0s, longer than Within (1s)"}},
		{"failures", actuate.Config{Target: f, Failures: -1}, []string{"Config.Failures is -1"}},
		{"two at once", actuate.Config{Failures: -1}, []string{"Config.Target is nil", "Config.Failures is -1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := actuate.New(tt.config)
			if err == nil || a != nil {
				t.Fatalf("accepted: %+v", tt.config)
			}
			for _, s := range tt.says {
				if !strings.Contains(err.Error(), "evenkeel: actuate: "+s) {
					t.Errorf("%q does not say %q", err, s)
				}
			}
		})
	}
}

func TestNewDefaults(t *testing.T) {
	a, err := actuate.New(actuate.Config{Target: new(actuatetest.Fleet)})
	if err != nil {
		t.Fatal(err)
	}
	if a.DryRun() || a.Target() == nil || a.Settled() || a.Pause() != (actuate.Pause{}) {
		t.Errorf("defaults: %v %v %v %v", a.DryRun(), a.Target(), a.Settled(), a.Pause())
	}
	// Half of the default tick of 5 s bounds an Apply.
	bubble(t, "within", func(t *testing.T) {
		f := &actuatetest.Fleet{OnScale: func(ctx context.Context, _ actuate.Request) error { return hangs(ctx) }}
		a, err := actuate.New(actuate.Config{Target: f})
		if err != nil {
			t.Fatal(err)
		}
		res, err := a.Apply(t.Context(), actuate.Request{Desired: 1})
		if err == nil || res.Took > actuate.DefaultTick/2 || res.Took < actuate.DefaultTick/4 {
			t.Errorf("%+v, %v, want it to end within %v", res, err, actuate.DefaultTick/2)
		}
	})
}

func TestResultJSON(t *testing.T) {
	res := actuate.Result{Action: actuate.ActionDryRun, From: 3, To: 1, Attempts: 1, Took: time.Second, Victims: []string{"i-2"}}
	b, err := json.Marshal(res)
	if err != nil {
		t.Fatal(err)
	}
	reason, err := json.Marshal(decide.Reason(0))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"action":"dry run","from":3,"to":1,"attempts":1,"took":1000000000,"victims":["i-2"],"reason":` + string(reason) + `}`
	if string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
	var back actuate.Result
	if err := json.Unmarshal(b, &back); err != nil || back.Action != res.Action || back.From != 3 {
		t.Errorf("%+v, %v, want what was written", back, err)
	}
	if err := json.Unmarshal([]byte(`{"action":"exploded"}`), &back); err == nil {
		t.Error("an unknown action was read")
	}
}

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for a := actuate.ActionNone; a <= actuate.ActionFailed; a++ {
		seen[a.String()] = true
	}
	for c := actuate.Transient; c <= actuate.NotFound; c++ {
		seen[c.String()] = true
	}
	for p := actuate.Starting; p <= actuate.Stopping; p++ {
		seen[p.String()] = true
	}
	if len(seen) != 6+10+4 || seen["unknown"] || seen[""] {
		t.Errorf("names are missing or the same: %v", seen)
	}
	if a, c, p := actuate.Action(99), actuate.Class(99), actuate.Phase(99); a.String() != "unknown" || c.String() != "unknown" || p.String() != "unknown" {
		t.Error("names out of range")
	}
}

func TestDrain(t *testing.T) {
	bubble(t, "passes on", func(t *testing.T) {
		a, f := scripted(t, nil)
		st, err := a.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Drain(t.Context(), st.Instances[0].ID, time.Minute); err != nil {
			t.Fatal(err)
		}
		if st, err = a.Status(t.Context()); err != nil || st.Fleet.Draining != 1 || a.Settled() {
			t.Errorf("%+v, %v, want one draining", st.Fleet, err)
		}
		if err := a.Drain(t.Context(), "nobody", time.Minute); actuate.ClassOf(err) != actuate.NotFound {
			t.Errorf("drain of nobody: %v", err)
		}
		a.Lead(&term{err: errors.New("lease ran out")})
		if err := a.Drain(t.Context(), st.Instances[1].ID, time.Minute); actuate.ClassOf(err) != actuate.Fenced {
			t.Errorf("drain without leading: %v", err)
		}
		if st, err = f.Status(t.Context()); err != nil || st.Fleet.Draining != 1 {
			t.Errorf("%+v, %v, want still one draining", st.Fleet, err)
		}
	})
	bubble(t, "no drainer", func(t *testing.T) {
		a, _ := scripted(t, func(c *actuate.Config) { c.Target = struct{ actuate.Target }{c.Target} })
		if err := a.Drain(t.Context(), "i-1", time.Minute); !errors.Is(err, errors.ErrUnsupported) || actuate.ClassOf(err) != actuate.Invalid {
			t.Errorf("%v, want unsupported", err)
		}
	})
	bubble(t, "dry run", func(t *testing.T) {
		a, f := scripted(t, func(c *actuate.Config) { c.DryRun = true })
		st, err := f.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Drain(t.Context(), st.Instances[0].ID, time.Minute); err != nil {
			t.Fatal(err)
		}
		if st, err = f.Status(t.Context()); err != nil || st.Fleet.Draining != 0 {
			t.Errorf("%+v, %v, want none draining", st.Fleet, err)
		}
	})
}

func TestSolo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tm, err := actuate.Solo{}.Campaign(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if tm.Check() != nil || tm.Epoch() == 0 {
		t.Errorf("check %v, epoch %d", tm.Check(), tm.Epoch())
	}
	select {
	case <-tm.Lost():
		t.Error("lost")
	default:
	}
	if b, err := tm.Load(ctx); b != nil || err != nil {
		t.Errorf("loaded %q, %v before anything was saved", b, err)
	}
	state := []byte("one")
	if err := tm.Save(ctx, state); err != nil {
		t.Fatal(err)
	}
	copy(state, "two") // what was saved is the saver's no more
	if b, err := tm.Load(ctx); string(b) != "one" || err != nil {
		t.Errorf("loaded %q, %v", b, err)
	}
	cancel()
	if err := tm.Save(ctx, nil); err == nil {
		t.Error("saved under a cancelled context")
	}
	if _, err := (actuate.Solo{}).Campaign(ctx); err == nil {
		t.Error("elected under a cancelled context")
	}
	bubble(t, "epochs rise", func(t *testing.T) {
		first, _ := actuate.Solo{}.Campaign(t.Context())
		time.Sleep(time.Millisecond)
		second, _ := actuate.Solo{}.Campaign(t.Context())
		if second.Epoch() <= first.Epoch() {
			t.Errorf("epochs %d, then %d", first.Epoch(), second.Epoch())
		}
	})
}
