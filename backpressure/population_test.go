package backpressure

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A line is an engine that works prompts off one after the other, and then streams
// a few tokens.
type promptLine struct {
	mu   sync.Mutex
	free time.Time
	rate float64 // prompt tokens per second
}

func (l *promptLine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	l.mu.Lock()
	if now := time.Now(); l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(float64(len(body)) / l.rate * 1e9))
	first := l.free
	l.mu.Unlock()
	time.Sleep(time.Until(first))
	p := PermitFrom(r.Context())
	p.FirstToken()
	for range 5 {
		time.Sleep(20 * time.Millisecond)
		p.Tokens(1)
	}
	w.WriteHeader(http.StatusOK)
}

// An attempt at a request of the population, at the gate or held back by the client.
type attempt struct {
	at       time.Duration
	local    bool
	admitted bool
}

// A population is clients that do one request after the other, and come back for
// the same one when they are told to.
type population struct {
	gate  http.Handler
	began time.Time
	think func(at time.Duration) time.Duration // mean
	until time.Duration

	mu   sync.Mutex
	done [][]attempt // one entry a request
}

// answer asks the gate without a network, and notes what it said.
func (p *population) answer(req *http.Request, note func(attempt)) (*http.Response, error) {
	at := time.Since(p.began)
	w := httptest.NewRecorder()
	p.gate.ServeHTTP(w, req)
	note(attempt{at: at, admitted: w.Code == http.StatusOK})
	return w.Result(), nil
}

// client lives until the population ends.
func (p *population) client(t *testing.T, rng *rand.Rand) {
	var tries []attempt
	note := func(a attempt) { tries = append(tries, a) }
	transport, err := NewTransport(TransportConfig{Base: roundTrip(func(r *http.Request) (*http.Response, error) { return p.answer(r, note) })})
	if err != nil {
		t.Error(err)
		return
	}
	for time.Since(p.began) < p.until {
		time.Sleep(time.Duration(rng.ExpFloat64() * float64(p.think(time.Since(p.began)))))
		tries = nil
		prompt := strings.Repeat("x", 20+rng.IntN(160))
		for len(tries) == 0 || !tries[len(tries)-1].admitted {
			req, err := http.NewRequest("POST", "http://model/", strings.NewReader(prompt))
			if err != nil {
				t.Error(err)
				return
			}
			resp, err := transport.RoundTrip(req)
			var after time.Duration
			if held, ok := errors.AsType[*Throttled](err); ok {
				note(attempt{at: time.Since(p.began), local: true})
				after = held.RetryAfter()
			} else if err != nil {
				t.Error(err)
				return
			} else if after, ok = RetryAfter(resp.Header, time.Now()); refuses(resp.StatusCode) && !ok {
				t.Error("a refusal without a Retry-After")
			}
			time.Sleep(after)
		}
		p.mu.Lock()
		p.done = append(p.done, tries)
		p.mu.Unlock()
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Two hundred clients ask for three times what the server can do, for a minute, and
// then for 0.8 of it. Those that were turned away come back when they were told to:
// nearly all are let in then, and they do not come all at once. The same where the
// server was gone for that minute.
func TestPopulationComesBackInOrder(t *testing.T) {
	const (
		clients  = 200
		capacity = 200 // requests per second, of 100 tokens
		burst    = 60 * time.Second
		until    = 120 * time.Second
	)
	// Who of those that come at one instant is first is drawn by the scheduler: with few
	// seeds the share is noisy, and that is what the room below 0.9 is for.
	seeds, want := uint64(3), 0.85
	if os.Getenv("EVENKEEL_LONG") != "" {
		seeds, want = 20, 0.9
	}
	for _, outage := range []bool{false, true} {
		t.Run(fmt.Sprintf("outage %v", outage), func(t *testing.T) {
			refused, first := 0, 0
			if outage { // all behave alike
				seeds = min(seeds, 1)
			}
			for seed := range seeds {
				synctest.Test(t, func(t *testing.T) {
					// With the usual objective a closed population of 200 would all fit.
					gate, err := New(Config{TTFT: 300 * time.Millisecond})
					if err != nil {
						t.Fatal(err)
					}
					cost := func(r *http.Request) (Cost, error) { return Cost{Prompt: r.ContentLength, MaxOutput: 6}, nil }
					p := &population{
						gate: gate.Handler(&promptLine{rate: capacity * 100}, HandlerConfig{Cost: cost}), began: time.Now(), until: until,
						think: func(at time.Duration) time.Duration {
							if at < burst && !outage {
								return time.Second * clients / (3 * capacity)
							}
							return time.Second * clients * 10 / (8 * capacity)
						},
					}
					if outage {
						time.AfterFunc(burst/2, func() { gate.Observe(Outlook{}) })
						time.AfterFunc(burst, func() { gate.Observe(Outlook{Ready: 1}) })
					}
					var wg sync.WaitGroup
					for i := range uint64(clients) {
						rng := rand.New(rand.NewPCG(seed, i))
						wg.Go(func() { p.client(t, rng) })
					}
					wg.Wait()
					r, f := p.judge(t, burst, until)
					refused, first = refused+r, first+f
				})
			}
			if refused < 40 {
				t.Errorf("only %d came back after the burst: it was none", refused)
			}
			if share := float64(first) / float64(refused); share < want {
				t.Errorf("%.3f were let in on the first retry, want %v", share, want)
			}
		})
	}
}

// judge checks the arrivals after the burst, and returns how many requests came back
// after it, and how many of them were let in at once.
func (p *population) judge(t *testing.T, burst, until time.Duration) (refused, first int) {
	bins := make([]int, int((until-burst)/time.Second))
	var local, during, firstDuring int
	for _, tries := range p.done {
		for _, a := range tries {
			if a.local {
				local++
			} else if bin := int((a.at - burst) / time.Second); a.at >= burst && bin < len(bins) {
				bins[bin]++
			}
		}
		if len(tries) < 2 {
			continue
		}
		if tries[1].at < burst {
			during++
			if tries[1].admitted {
				firstDuring++
			}
		}
		// The first time that it comes back after the burst.
		i := 1 + slices.IndexFunc(tries[1:], func(a attempt) bool { return a.at >= burst })
		if i == 0 {
			continue
		}
		refused++
		if tries[i].admitted {
			first++
		}
	}
	sum := 0
	for _, n := range bins {
		sum += n
	}
	mean, peak := float64(sum)/float64(len(bins)), slices.Max(bins)
	t.Logf("%d requests; after the burst %d came back, %d of them let in (during it %d, %d); %d held back; arrivals/s mean %.0f, peak %d",
		len(p.done), refused, first, during, firstDuring, local, mean, peak)
	if peak >= 100 && float64(peak) > 1.5*mean {
		t.Errorf("the peak is %d arrivals in a second, the mean %.0f", peak, mean)
	}
	return refused, first
}
