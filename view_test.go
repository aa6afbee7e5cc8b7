package evenkeel

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/evenkeel/evenkeel/actuate"
	"github.com/evenkeel/evenkeel/backpressure"
	"github.com/evenkeel/evenkeel/decide"
	"github.com/evenkeel/evenkeel/internal/page"
)

// ask asks the live page for a path under a host name.
func ask(k *Keel, host, path string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodGet, "http://"+host+path, nil)
	w := httptest.NewRecorder()
	k.Handler().ServeHTTP(w, req)
	return w
}

func pageState(t *testing.T, k *Keel) page.State {
	t.Helper()
	w := ask(k, "localhost:9911", "/state.json")
	var s page.State
	if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil || w.Code != http.StatusOK {
		t.Fatalf("state.json: %d, %v", w.Code, err)
	}
	return s
}

func TestLivePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Bool
		r, gate := newGatedRig(t, backpressure.Config{Queue: backpressure.Queue{Requests: 7}}, func(c *Config) {
			c.Title, c.Hosts = "the models", []string{"keel.example.com"}
		})
		r.fleet.OnStatus = func(context.Context) error {
			if away.Load() {
				return errors.New("no route to the platform")
			}
			return nil
		}
		if w := ask(r.keel, "localhost", "/explain?pool=p"); w.Code != 404 {
			t.Errorf("before Run a decision is explained: %d, %s", w.Code, w.Body.String())
		}
		if s := pageState(t, r.keel); len(s.Pools) != 0 {
			t.Errorf("before Run the page has %+v", s)
		}
		r.load.value.Store(25)
		r.run(t, func() {
			time.Sleep(2100 * time.Millisecond)
			s := pageState(t, r.keel)
			if len(s.Pools) != 1 || s.Role != page.Alone || s.DryRun {
				t.Fatalf("state: %+v", s)
			}
			p := s.Pools[0]
			if got := p.Replicas; !got.Known || got.Desired != 3 || got.Ready != 0 || got.Starting != 3 || got.Min != 1 || got.Max != 8 || got.StartUp.Known {
				t.Errorf("while three start: %+v", got)
			}
			if len(p.Instances) != 3 || p.Instances[0].Phase != "starting" {
				t.Errorf("while three start, the instances are %+v", p.Instances)
			}

			time.Sleep(4 * time.Second)
			for i := range 3 {
				permit, err := gate.Acquire(t.Context(), backpressure.Cost{Prompt: 10})
				if err != nil {
					t.Fatal(err)
				}
				if i > 0 {
					defer permit.Release()
				} else {
					permit.FirstToken()
					permit.Release()
				}
			}
			if err := r.keel.Override("p", 4, time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(6500 * time.Millisecond)
			p = pageState(t, r.keel).Pools[0]
			if got := p.Replicas; got.Desired != 4 || got.Ready != 4 || got.Starting != 0 || got.StartUp.Num != 4 {
				t.Errorf("after an override to 4: %+v", got)
			}
			if p.InFlight.Num != 2 || p.Gate != "enforce" || p.Queue.Bound != 7 || p.Queue.Requests.Num != 0 {
				t.Errorf("in flight %+v, gate %q, queue %+v; want 2, enforce, 0 of 7", p.InFlight, p.Gate, p.Queue)
			}
			if p.Override.Replicas != 4 || len(p.Shed) != 1 || p.Shed[0].Total != 0 || p.Tone != page.Steady {
				t.Errorf("override %+v, shed %+v, tone %q", p.Override, p.Shed, p.Tone)
			}
			var up *page.Decision
			for i, d := range p.Decisions {
				if d.From == 3 && d.To == 4 {
					up = &p.Decisions[i]
				}
			}
			if up == nil || !strings.Contains(up.Summary, "override to 4") || up.Stage != "override" || up.Without != 3 || up.Counterfactual != "Without override it would be 3." || len(up.Notes) == 0 {
				t.Errorf("the decision for the override: %+v", up)
			} else {
				for _, n := range up.Notes {
					if !strings.Contains(n.Text, " ") || n.Stage == "" {
						t.Errorf("a note that is no sentence: %+v", n)
					}
				}
			}
			events := ""
			for _, e := range p.Events {
				events += e.Text + "\n"
			}
			for _, want := range []string{"i-1 starting", "i-4 ready", "override: 4 replicas until ", "leader: this process leads"} {
				if !strings.Contains(events, want) {
					t.Errorf("no event %q in\n%s", want, events)
				}
			}

			r.keel.loops[0].Target.SetPause(actuate.Pause{Down: true})
			away.Store(true)
			if err := gate.Drain(expired(t)); err == nil {
				t.Error("drained with requests running")
			}
			if _, err := gate.Acquire(t.Context(), backpressure.Cost{}); err == nil {
				t.Error("admitted while draining")
			}
			time.Sleep(2500 * time.Millisecond)
			p = pageState(t, r.keel).Pools[0]
			if p.Replicas.Known || len(p.Instances) != 0 || !strings.Contains(p.Detail, "no route to the platform") {
				t.Errorf("a fleet that cannot be read: %+v, %d instances, %q", p.Replicas, len(p.Instances), p.Detail)
			}
			if len(p.Shed) != 1 || p.Shed[0].Total != 1 || p.Shed[0].Reason != "draining" || !p.PausedIn || p.PausedOut {
				t.Errorf("shed %+v, paused in %v, out %v", p.Shed, p.PausedIn, p.PausedOut)
			}

			for host, code := range map[string]int{
				"localhost": 200, "127.0.0.1:80": 200, "[::1]": 200, "keel.example.com": 200, "KEEL.example.com:443": 200,
				"evil.example.com": 421, "localhost.evil.example": 421, "10.0.0.7": 421, "": 421,
			} {
				req := httptest.NewRequest(http.MethodGet, "/state.json", nil)
				req.Host = host
				w := httptest.NewRecorder()
				r.keel.Handler().ServeHTTP(w, req)
				if w.Code != code || code != 200 && strings.Contains(w.Body.String(), "replicas") {
					t.Errorf("asked for as %q: %d, want %d", host, w.Code, code)
				}
			}
			if w := ask(r.keel, "localhost", "/"); w.Code != 200 || !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
				t.Errorf("page: %d, %v", w.Code, w.Header())
			}

			w := ask(r.keel, "localhost", "/explain?pool=p")
			if text := w.Body.String(); w.Code != 200 || !strings.Contains(text, "override to 4") || !strings.Contains(text, "test.load") || !strings.Contains(text, "limits 1 to 8") {
				t.Errorf("explanation: %d, %s", w.Code, text)
			}
			if w := ask(r.keel, "localhost", "/explain?pool=q"); w.Code != 404 {
				t.Errorf("explanation of no pool: %d", w.Code)
			}
			if w := ask(r.keel, "evil.example.com", "/explain?pool=p"); w.Code != 421 || strings.Contains(w.Body.String(), "override") {
				t.Errorf("explanation under another name: %d", w.Code)
			}

			w = ask(r.keel, "localhost", "/journal")
			core, err := decide.New(r.keel.loops[0].acting().core.Config())
			if err != nil {
				t.Fatal(err)
			}
			got, err := Replay(w.Body, map[string]*decide.Core{"p": core})
			if err != nil || got.Segments != 1 || got.Decisions < 10 || got.Differ != 0 || got.Truncated {
				t.Errorf("replay of /journal: %+v, %v", got, err)
			}
		})
	})
}

// However long the journal, what is kept of it can be replayed, and that of all
// pools.
func TestKeptJournalReplays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) {
			p := c.Pools[0]
			p.Name, p.Target = "q", targetOf(t, far{})
			c.Pools = append(c.Pools, p)
		})
		r.run(t, func() {
			noise := Line{Kind: KindEvent, Pool: "noise", Event: &Event{Detail: strings.Repeat("x", 6000)}}
			for i := range int64(400) {
				r.load.value.Store((i * 37) % 80)
				r.keel.journal.write(noise) // or this would take hours
				time.Sleep(time.Second)
			}
		})
		if r.journal.Len() < journalMemory*5/4 {
			t.Fatalf("a journal of %d bytes proves nothing", r.journal.Len())
		}
		cores := map[string]*decide.Core{"p": r.core, "q": r.core}
		for what, text := range map[string]string{"kept": ask(r.keel, "localhost", "/journal").Body.String(), "written": r.journal.String()} {
			got, err := Replay(strings.NewReader(text), cores)
			if err != nil || got.Segments < 4 || got.Decisions < 400 || got.Differ != 0 || got.Torn != 0 {
				t.Errorf("replay of what is %s: %+v, %v", what, got, err)
			}
		}
	})
}

func TestPageTellsWhoLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		elections := make(chair)
		var kept store
		r := newRig(t, func(c *Config) { c.Leader = elections })
		r.run(t, func() {
			time.Sleep(1500 * time.Millisecond)
			if s := pageState(t, r.keel); s.Role != page.Follower {
				t.Errorf("before the election: role %q", s.Role)
			}
			term := newSeat(&kept, 1)
			elections <- term
			time.Sleep(1500 * time.Millisecond)
			if s := pageState(t, r.keel); s.Role != page.Leader {
				t.Errorf("elected: role %q", s.Role)
			}
			close(term.lost)
			time.Sleep(1500 * time.Millisecond)
			s := pageState(t, r.keel)
			if s.Role != page.Follower || !strings.Contains(s.Pools[0].Events[0].Text, "no longer leads") {
				t.Errorf("after the loss: role %q, newest event %+v", s.Role, s.Pools[0].Events[0])
			}
		})
	})
}
