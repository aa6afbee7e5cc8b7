package backpressure

import (
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// What is refused before its body is read would have been refused with it.
func TestRefusedUnreadIsRefusedRead(t *testing.T) {
	for _, class := range []Class{Sheddable, Critical, CriticalPlus} {
		a, err := NewAdmission(Config{})
		if err != nil {
			t.Fatal(err)
		}
		now := day
		a.advance(now)
		a.folded = 1 << 61
		for i := range a.lines {
			a.lines[i].rate, a.lines[i].conf = 1000, 1
		}
		a.whole.mean = 1
		sure, shed := 0, 0
		for i := range 4000 {
			now = now.Add(time.Millisecond)
			probe := &Request{Class: class}
			before := a.Stats(now)
			v, away := a.turnAway(a.now, probe)
			if s := a.Stats(now); away != (s.Offered > before.Offered) || away != (s.Shed.Total() > before.Shed.Total()) {
				t.Fatalf("%v: turned away: %v, counted from %d to %d", class, away, before.Offered, s.Offered)
			}
			r := &Request{Class: class, Cost: Cost{Prompt: 1, MaxOutput: 1, Whole: i%2 == 0}}
			read := a.Offer(now, r)
			if away {
				if sure++; read.Action != Shed || v.RetryAfter <= 0 {
					t.Fatalf("%v, request %d: refused unread (%+v), and with its body: %+v", class, i, v, read)
				}
			}
			if read.Action == Shed {
				shed++
			}
			a.Offer(now, &Request{Class: class, Cost: Cost{Prompt: 50, Whole: i%4 < 2}}) // fills both lines and the queue
		}
		if sure < shed/2 || shed == 0 {
			t.Errorf("%v: %d refused, %d of them unread", class, shed, sure)
		}
	}
}

func TestBodiesStayUnread(t *testing.T) {
	g := newGate(t, Config{})
	h := g.Handler(http.NotFoundHandler(), HandlerConfig{})
	ask := func() *httptest.ResponseRecorder {
		r := chatRequest(hello)
		r.Body = strictBody{t}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	g.Observe(Outlook{ReadyIn: time.Hour})
	if w := ask(); w.Code != 503 || w.Header().Get(ReasonHeader) != "no_capacity" || w.Header().Get("Retry-After") == "" {
		t.Errorf("no capacity: status %d, %v", w.Code, w.Header())
	}
	g.Observe(Outlook{Ready: 1})
	if err := g.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w := ask(); w.Code != 503 || w.Header().Get(ReasonHeader) != "draining" {
		t.Errorf("draining: status %d, %v", w.Code, w.Header())
	}
	if s := g.Stats(); s.Offered != 2 || s.Shed.Total() != 2 {
		t.Errorf("%d offered, %d shed; want 2 and 2", s.Offered, s.Shed.Total())
	}
}

func TestClaimsBeyondReason(t *testing.T) {
	a, err := NewAdmission(Config{Share: 0.6})
	if err != nil {
		t.Fatal(err)
	}
	a.advance(day)
	a.folded = 1 << 61
	a.lines[prompts].rate, a.lines[prompts].conf = 1000, 1
	a.Offer(day, &Request{Cost: Cost{Prompt: 1190}})
	for _, bytes := range []int64{1000, math.MaxInt64, math.MinInt64, -1} {
		v := a.Offer(day, &Request{Cost: Cost{Prompt: 50, Bytes: bytes}})
		if want := Hold; bytes == math.MaxInt64 && v.Reason != QueueFull || bytes != math.MaxInt64 && v.Action != want {
			t.Errorf("%d bytes: %+v", bytes, v)
		}
		if got := a.Stats(day).WaitingBytes; got != 1000 {
			t.Errorf("%d bytes wait, want 1000", got)
		}
	}
	a.Offer(day, &Request{Cost: Cost{Prompt: math.MaxInt64, MaxOutput: math.MaxInt64}})
	if mean := a.Stats(day).MeanPrompt; mean > maxTokens {
		t.Errorf("one claim made the mean prompt %v", mean)
	}
}
