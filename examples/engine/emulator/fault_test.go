package emulator

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSlow(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, r *rig) {
		if status, body := r.send("/emulator/fault", `{"slow": 3}`); status != 200 || !strings.Contains(body, `"slow":3`) {
			t.Fatalf("%d %s", status, body)
		}
		a := r.ask(t.Context(), 100, 11)
		if got, want := a.tokens[10]-a.tokens[0], 300*time.Millisecond; got != want {
			t.Errorf("ten tokens in %v, want %v", got, want)
		}
	})
}

func TestHang(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, r *rig) {
		answers := make(chan answered, 1)
		go func() { answers <- r.ask(t.Context(), 100, 100) }()
		time.Sleep(500 * time.Millisecond)
		if status, body := r.send("/emulator/fault", `{"hang": true}`); status != 200 || !strings.Contains(body, `"hang":true`) {
			t.Fatalf("%d %s", status, body)
		}
		if status, _ := r.get("/health"); status != -1 { // waits ten minutes
			t.Errorf("a hung engine answers /health with %d", status)
		}
		r.stop()
		time.Sleep(time.Hour)
		select {
		case a := <-answers:
			t.Fatalf("a hung engine went on: %d tokens, %v", len(a.tokens), a.err)
		case err := <-r.ended:
			t.Fatalf("a hung engine ended: %v", err)
		default:
		}
		if status, _ := r.send("/emulator/fault", `{"hang": false}`); status != 200 {
			t.Errorf("to be well again: %d", status)
		}
		if a := <-answers; len(a.tokens) != 100 || !a.done {
			t.Errorf("%d tokens after the hang, done %v", len(a.tokens), a.done)
		}
		if err := <-r.ended; err != nil {
			t.Errorf("Run = %v", err)
		}
		if b := r.server.metrics.behind; b != 0 {
			t.Errorf("the hang counts as %v behind schedule", b)
		}
	})
}

func TestHungEngineEndsAtOnceWhenClosed(t *testing.T) {
	inBubble(t, Config{Faults: []Fault{{Hang: true}}}, func(t *testing.T, r *rig) {
		answers := make(chan answered, 1)
		go func() { answers <- r.ask(t.Context(), 100, 100) }()
		time.Sleep(time.Second)
		r.server.Close()
		if err := <-r.ended; !errors.Is(err, ErrClosed) {
			t.Errorf("Run = %v", err)
		}
		if a := <-answers; a.err == nil {
			t.Errorf("the client got %+v from an engine that was hung and killed", a)
		}
	})
}

func TestCrashBreaksTheStreamsOff(t *testing.T) {
	inBubble(t, Config{Faults: []Fault{{After: 500 * time.Millisecond, Crash: true}}}, func(t *testing.T, r *rig) {
		a := r.ask(t.Context(), 100, 1000)
		if a.err == nil || a.done || len(a.tokens) == 0 {
			t.Errorf("%d tokens, done %v, error %v; want a stream that breaks off", len(a.tokens), a.done, a.err)
		}
		if err := <-r.ended; !errors.Is(err, ErrCrashed) {
			t.Errorf("Run = %v", err)
		}
		if status, _ := r.get("/health"); status != -1 {
			t.Errorf("answers after the crash: %d", status)
		}
	})
}

func TestCrashWhileStarting(t *testing.T) {
	inBubble(t, Config{Startup: time.Minute, Faults: []Fault{{After: time.Second, Crash: true}}}, func(t *testing.T, r *rig) {
		begin := time.Now()
		if err := <-r.ended; !errors.Is(err, ErrCrashed) || time.Since(begin) > 2*time.Second {
			t.Errorf("Run = %v after %v", err, time.Since(begin))
		}
	})
}

func TestFaultEndpointRefuses(t *testing.T) {
	s, err := New(Config{Model: round()})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		remote, host, origin, body string
		status                     int
	}{
		{"127.0.0.1:5", "localhost:8000", "", `{}`, 200},
		{"[::1]:5", "127.0.0.1:8000", "", `{"slow":2}`, 200},
		{"10.0.0.7:5", "localhost:8000", "", `{"slow":2}`, 403},
		{"127.0.0.1:5", "rebound.example:8000", "", `{"slow":2}`, 403},
		{"127.0.0.1:5", "localhost:8000", "https://elsewhere.example", `{"slow":2}`, 403},
		{"127.0.0.1:5", "localhost:8000", "", `{"slow":0}`, 400},
		{"127.0.0.1:5", "localhost:8000", "", `{"fast":2}`, 400},
		{"127.0.0.1:5", "localhost:8000", "", `{"slow":2} {"crash":true}`, 400},
		{"127.0.0.1:5", "localhost:8000", "", `nonsense`, 400},
	} {
		req := httptest.NewRequest("POST", "/emulator/fault", strings.NewReader(c.body))
		req.RemoteAddr, req.Host = c.remote, c.host
		if c.origin != "" {
			req.Header.Set("Origin", c.origin)
		}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, req)
		if w.Code != c.status {
			t.Errorf("%+v: %d %s", c, w.Code, w.Body)
		}
	}
	select {
	case <-s.dead:
		t.Error("crashed by a request that was refused")
	default:
	}
}

func TestJitterIsRepeatableAndKeepsTheMean(t *testing.T) {
	times := func(seed uint64) (all []time.Duration) {
		inBubble(t, Config{Jitter: 0.1, Seed: seed}, func(t *testing.T, r *rig) {
			all = r.ask(t.Context(), 100, 2001).tokens
			synctest.Wait()
		})
		return all
	}
	a, b, c := times(1), times(1), times(2)
	if len(a) != 2001 || len(b) != 2001 || len(c) != 2001 {
		t.Fatal("streams are cut")
	}
	same, differ := true, false
	for i := range a {
		same = same && a[i] == b[i]
		differ = differ || a[i] != c[i]
	}
	if !same || !differ {
		t.Errorf("same seed alike: %v; other seed different: %v", same, differ)
	}
	if mean := (a[2000] - a[0]) / 2000; mean < 9900*time.Microsecond || mean > 10100*time.Microsecond {
		t.Errorf("mean %v, want 10 ms", mean)
	}
}

func TestCatchUp(t *testing.T) {
	end := time.Unix(1000, 0)
	for _, c := range []struct{ late, dropped time.Duration }{
		{-time.Second, 0}, {0, 0}, {time.Second, 0}, {time.Second + 1, time.Second + 1}, {time.Hour, time.Hour},
	} {
		now := end.Add(c.late)
		got, dropped := catchUp(end, now)
		if dropped != c.dropped || !got.Equal(end.Add(c.dropped)) {
			t.Errorf("%v late: ends at %v, dropped %v", c.late, got, dropped)
		}
	}
}
