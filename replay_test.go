package evenkeel

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/decide"
)

func TestJournalReplaysToEqualDecisions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.run(t, func() {
			for i := range int64(120) {
				r.load.value.Store((i * 37) % 80)
				time.Sleep(1500 * time.Millisecond)
			}
		})
		got, err := Replay(bytes.NewReader(r.journal.Bytes()), map[string]*decide.Core{"p": r.core})
		if err != nil {
			t.Fatal(err)
		}
		if got.Segments != 1 || got.Decisions < 170 || got.Differ != 0 || got.Truncated {
			t.Errorf("replay: %+v; want 1 segment, about 180 decisions, none that differs", got)
		}
		// A replay that could not fail would prove nothing.
		forged := bytes.Replace(r.journal.Bytes(), []byte(`"decision":{"desired":`), []byte(`"decision":{"desired":1`), 1)
		if got, err = Replay(bytes.NewReader(forged), map[string]*decide.Core{"p": r.core}); err != nil || got.Differ != 1 {
			t.Errorf("replay of a forged journal: %+v, %v; want one difference", got, err)
		}
	})
}

func TestJournalTellsTheLifeOfReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.load.value.Store(25)
		r.run(t, func() {
			time.Sleep(8 * time.Second)
			st, err := r.fleet.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := r.fleet.Kill(st.Instances[0].ID); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
			if n := r.ready(t); n != 3 {
				t.Errorf("10 s after one of 3 was killed: %d ready", n)
			}
		})
		text := r.journal.String()
		for _, want := range []string{EventStarting, EventReady, EventRestarted, EventLeader} {
			if !strings.Contains(text, `"what":"`+want+`"`) {
				t.Errorf("journal does not tell of %q", want)
			}
		}
		if !strings.Contains(text, `"action":{"action":"scaled","from":1,"to":3`) && !strings.Contains(text, `"action":{"action":"scaled","from":0,"to":3`) {
			t.Errorf("journal has no line for the scale-up:\n%s", text)
		}
	})
}

// far is a platform with strange figures.
type far struct{}

func (far) Status(context.Context) (actuate.Status, error) {
	return actuate.Status{Fleet: decide.Fleet{Desired: 2, Ready: -1, Starting: []decide.Cohort{
		{N: 1, Since: time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC)}, {N: -3}, {N: 1, Since: time.Now().Local()},
	}}, Instances: []actuate.Instance{{ID: "a", Since: time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC)}}}, nil
}
func (far) Scale(context.Context, actuate.Request) error { return nil }

// What a platform says may be nonsense; the journal is read all the same, and
// the page goes on.
func TestStrangeFiguresReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logBuffer
		r := newRig(t, func(c *Config) { c.Pools[0].Target, c.Logger = targetOf(t, far{}), log.logger() })
		r.load.value.Store(10)
		r.run(t, func() {
			if err := r.keel.Override("p", 3, time.Date(54321, 1, 1, 0, 0, 0, 0, time.UTC)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		})
		got, err := Replay(&r.journal, map[string]*decide.Core{"p": r.core})
		if err != nil || got.Decisions < 10 || got.Differ != 0 || got.Segments != 1 {
			t.Errorf("replay: %+v, %v", got, err)
		}
		if log.count("level=ERROR") != 0 || log.count("page not updated") != 0 {
			t.Errorf("log:\n%s", log.b.String())
		}
	})
}

func TestReplayRefusesWhatIsNoJournal(t *testing.T) {
	core, err := decide.New(decide.Config{Signals: (&load{}).Defs(), Policies: []decide.NamedSpec{{Name: "load", Spec: decide.Track{Signal: loadKey, Setpoint: 10, Total: true}}}})
	if err != nil {
		t.Fatal(err)
	}
	cold, err := json.Marshal(decide.State{})
	if err != nil {
		t.Fatal(err)
	}
	header := `{"v":1,"kind":"segment","at":"2026-01-01T00:00:00Z","pool":"p","segment":{"signals":[{"name":"test.load","unit":"{request}","merge":"sum"}],"policies":["load"],"epoch":1,"state":` + string(cold) + "}}\n"
	for _, tc := range []struct{ name, text, want string }{
		{"no JSON", "hello\n", "line 1"},
		{"version", `{"v":2,"kind":"event"}` + "\n", "version 2"},
		{"no header", `{"v":1,"kind":"input","pool":"p","input":{}}` + "\n", "no segment header"},
		{"no input", header + `{"v":1,"kind":"decision","pool":"p","seq":1,"decision":{}}` + "\n", "line 2: decision 1 has no input"},
		{"other signals", strings.Replace(header, "test.load", "test.other", 1), "test.other"},
		{"too long", strings.Repeat("x", maxJournalLine+2), "longer than"},
	} {
		if _, err := Replay(strings.NewReader(tc.text), map[string]*decide.Core{"p": core}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want an error with %q", tc.name, err, tc.want)
		}
	}
	got, err := Replay(strings.NewReader(header+`{"v":1,"kind":"in`), map[string]*decide.Core{"p": core})
	if err != nil || !got.Truncated || got.Segments != 1 {
		t.Errorf("journal cut by a crash: %+v, %v; want it read up to the cut", got, err)
	}
}

func FuzzReplay(f *testing.F) {
	core, err := decide.New(decide.Config{Signals: (&load{}).Defs(), Policies: []decide.NamedSpec{{Name: "load", Spec: decide.Track{Signal: loadKey, Setpoint: 10, Total: true}}}})
	if err != nil {
		f.Fatal(err)
	}
	cold, err := json.Marshal(decide.State{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"v":1,"kind":"segment","pool":"p","segment":{"signals":[{"name":"test.load","unit":"{request}","merge":"sum"}],"state":` + string(cold) + "}}\n" + `{"v":1,"kind":"input","pool":"p","seq":1,"input":{"now":"2026-01-01T00:00:00Z","fleet":{"desired":1,"ready":1},"signals":[{"v":30,"q":2}],"limits":{"min":1,"max":9}}}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = Replay(bytes.NewReader(b), map[string]*decide.Core{"p": core}) // it must not panic
	})
}
