package backpressure

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// An engine is a small step-time model of a continuously batching inference
// engine. One step takes a + b·sequences + c·KV tokens + p·prompt tokens; a step
// holds at most chunk tokens, prompts in order of arrival. When KV memory runs
// out, the newest sequence loses its own and is computed again later.
type engine struct {
	a, b, c, p float64 // seconds
	chunk      int
	maxSeqs    int
	maxKV      int

	waiting []*simRequest // prompt not finished, or to be computed again
	running []*simRequest // decoding
	kv      int
	end     float64 // of the step under way; +Inf if idle
	dead    bool
}

// The engine of most tests, in the order of magnitude of a 7B model on one
// accelerator.
func smallEngine() *engine {
	return &engine{a: 9.8e-3, b: 0.215e-3, c: 0.0297e-6, p: 0.0192e-3, chunk: 8192, maxSeqs: 1024, maxKV: 2_000_000, end: math.Inf(1)}
}

type simRequest struct {
	Request
	at             float64
	prompt, output int
	cached         int // prompt tokens that need no computing
	left           int // tokens still to compute
	held           int // KV tokens
	made           int
	first, last    float64
	unit           *engine
	done           bool
	by             string // route
}

// start begins the next step at t.
func (e *engine) start(t float64) {
	for e.kv+len(e.running) > e.maxKV && e.preempt() {
	}
	room := e.chunk - len(e.running)
	prompt := 0
	for i, r := range e.waiting {
		hit := 0
		if r.held == 0 && r.made == 0 {
			hit = r.cached
		}
		if room <= 0 || len(e.running)+i >= e.maxSeqs || e.kv+hit+r.left > e.maxKV {
			break
		}
		n := min(room, r.left)
		r.left -= n
		room -= n
		prompt += n
		e.hold(r, n+hit)
	}
	if prompt == 0 && len(e.running) == 0 {
		e.end = math.Inf(1)
		return
	}
	e.end = t + e.a + e.b*float64(len(e.running)) + e.c*float64(e.kv) + e.p*float64(prompt)
}

func (e *engine) hold(r *simRequest, n int) {
	r.held += n
	e.kv += n
}

// preempt takes its memory from the newest request that has some and is not the
// last one.
func (e *engine) preempt() bool {
	for _, r := range slices.Backward(e.waiting) {
		if r.held > 0 {
			e.free(r)
			return true
		}
	}
	if len(e.running) < 2 {
		return false
	}
	r := e.running[len(e.running)-1]
	e.running = e.running[:len(e.running)-1]
	e.waiting = slices.Insert(e.waiting, 0, r)
	e.free(r)
	return true
}

// free takes all memory from r, so that everything is to be computed again.
func (e *engine) free(r *simRequest) {
	e.hold(r, -r.held)
	r.left = r.prompt + r.made
	if r.made == 0 {
		r.left -= r.cached
	}
}

// A fleet runs requests through an Admission and engines, in virtual time.
type fleet struct {
	a        *Admission
	engines  []*engine
	small    *engine // one of them, that takes what is let in by a route elsewhere
	rng      *rand.Rand
	tokens   bool // report tokens
	all      []*simRequest
	held     map[*Request]*simRequest
	patience float64
	cap      int                     // of unanswered prompt tokens, instead of a gate; 0: none
	slower   func(t float64) float64 // factor on the length of a step

	// sampled once per second
	onSecond func(t float64)
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func instant(t float64) time.Time { return epoch.Add(time.Duration(t * 1e9)) }

// An arrival process: requests per second at time t, and the kind of request.
type traffic struct {
	rate           func(t float64) float64
	prompt, output func(rng *rand.Rand) int
	cached         func(rng *rand.Rand, prompt int) int // of the prompt; nil: nothing
	maxOutput      func(output int) int64               // what the caller says; nil: nothing
}

func lognormal(median, sigma float64) func(*rand.Rand) int {
	return func(rng *rand.Rand) int {
		return max(1, int(median*math.Exp(sigma*rng.NormFloat64())))
	}
}

func chat(rate float64) traffic {
	return traffic{rate: func(float64) float64 { return rate }, prompt: lognormal(300, 0.6), output: lognormal(250, 0.6)}
}

// run plays traffic until the instant until, then lets what runs finish.
func (f *fleet) run(tr traffic, until float64) {
	next, second := 0.0, 1.0
	const peak = 1e-9
	step := func(t float64) float64 { // thinning would need a bound; rates change slowly
		return t + f.rng.ExpFloat64()/max(tr.rate(t), peak)
	}
	next = step(0)
	for {
		t := next
		var e *engine
		for _, x := range f.engines {
			if !x.dead && x.end < t {
				t, e = x.end, x
			}
		}
		for second <= t && second <= until {
			if f.onSecond != nil {
				f.onSecond(second)
			}
			second++
		}
		if e == nil {
			if next > until {
				return
			}
			r := &simRequest{at: next, prompt: tr.prompt(f.rng), output: tr.output(f.rng)}
			r.Cost = Cost{Prompt: int64(r.prompt)}
			if tr.maxOutput != nil {
				r.Cost.MaxOutput = tr.maxOutput(r.output)
			}
			if tr.cached != nil {
				r.cached = tr.cached(f.rng, r.prompt)
			}
			f.all = append(f.all, r)
			if ahead := f.unanswered(); f.cap == 0 || ahead == 0 || ahead+r.prompt <= f.cap {
				f.offer(t, r)
			}
			if next = step(next); next > until {
				next = math.Inf(1)
			}
		} else {
			f.finish(t, e)
			e.start(t)
			if f.slower != nil {
				e.end = t + (e.end-t)*f.slower(t)
			}
		}
		f.pump(t)
		if math.IsInf(next, 1) && f.idle() {
			return
		}
	}
}

func (f *fleet) offer(t float64, r *simRequest) {
	switch f.a.Offer(instant(t), &r.Request).Action {
	case Admit:
		f.place(t, r)
	case Hold:
		f.held[&r.Request] = r
	}
}

// unanswered is the prompt tokens whose first token was not made.
func (f *fleet) unanswered() (n int) {
	for _, e := range f.engines {
		for _, r := range e.waiting {
			if r.made == 0 {
				n += r.prompt
			}
		}
	}
	return n
}

func (f *fleet) idle() bool {
	for _, e := range f.engines {
		if !e.dead && len(e.waiting)+len(e.running) > 0 {
			return false
		}
	}
	return true
}

func (f *fleet) pump(t float64) {
	for {
		r, v := f.a.Expire(instant(t))
		if r == nil {
			break
		}
		if v.Action == Admit {
			f.place(t, f.held[r])
		}
		delete(f.held, r)
	}
	for {
		r := f.a.Next(instant(t))
		if r == nil {
			return
		}
		f.place(t, f.held[r])
		delete(f.held, r)
	}
}

// place sends r to the engine with the fewest requests.
func (f *fleet) place(t float64, r *simRequest) {
	var best *engine
	for _, e := range f.engines {
		if !e.dead && (e == f.small) == (r.state == elsewhere) && (best == nil || len(e.waiting)+len(e.running) < len(best.waiting)+len(best.running)) {
			best = e
		}
	}
	r.unit, r.left = best, r.prompt-r.cached
	r.by = r.Route()
	if r.limit > 0 {
		r.output = min(r.output, int(r.limit))
	}
	best.waiting = append(best.waiting, r)
	if math.IsInf(best.end, 1) {
		best.start(t)
	}
}

// finish ends e's step at t.
func (f *fleet) finish(t float64, e *engine) {
	now := instant(t)
	e.running = slices.DeleteFunc(e.running, func(r *simRequest) bool {
		r.made++
		e.hold(r, 1)
		if f.tokens {
			f.a.Tokens(now, &r.Request, 1)
		}
		if r.made < r.output {
			return false
		}
		f.done(t, e, r)
		return true
	})
	e.waiting = slices.DeleteFunc(e.waiting, func(r *simRequest) bool {
		if f.patience > 0 && r.made == 0 && t-r.at > f.patience {
			e.hold(r, -r.held)
			f.a.Done(now, &r.Request, Abandoned)
			return true
		}
		if r.left > 0 {
			return false
		}
		r.made++
		if r.made > 1 { // it was computed again
			if f.tokens {
				f.a.Tokens(now, &r.Request, 1)
			}
		} else {
			r.first = t
			f.a.FirstToken(now, &r.Request)
		}
		if r.made >= r.output {
			f.done(t, e, r)
		} else {
			e.running = append(e.running, r)
		}
		return true
	})
}

func (f *fleet) done(t float64, e *engine, r *simRequest) {
	r.last, r.done = t, true
	e.hold(r, -r.held)
	f.a.Done(instant(t), &r.Request, Completed)
}

// lose kills n engines; what ran on them has failed.
func (f *fleet) lose(t float64, n int) {
	for _, e := range f.engines[:n] {
		e.dead = true
		for _, r := range append(e.waiting, e.running...) {
			f.a.Done(instant(t), &r.Request, Failed)
		}
	}
}

// good counts the requests that arrived in [from, to) and met both objectives.
func (f *fleet) good(from, to, ttft, tpot float64) (n int) {
	for _, r := range f.all {
		if r.at >= from && r.at < to && r.meets(ttft, tpot) {
			n++
		}
	}
	return n
}

func (r *simRequest) meets(ttft, tpot float64) bool {
	return r.done && r.first-r.at <= ttft && (r.last-r.first) <= tpot*float64(max(r.made-1, 1))
}

func newFleet(t testing.TB, cfg Config, n int, seed uint64) *fleet {
	t.Helper()
	a, err := NewAdmission(cfg)
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{a: a, held: make(map[*Request]*simRequest), rng: rand.New(rand.NewPCG(seed, 1)), tokens: true, patience: 10}
	for range n {
		f.engines = append(f.engines, smallEngine())
	}
	a.Observe(instant(0), Outlook{Ready: n, Members: 1})
	return f
}
