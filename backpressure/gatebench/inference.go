package main

import (
	"math/rand/v2"
	"time"

	"github.com/evenkeel/evenkeel/decide/simulate/llm"
)

// engineModel is the engine of the llm scenarios, some times as fast.
func engineModel(speed float64) llm.Model {
	return llm.Model{Name: "gatebench", A: 4 / speed, B: 0.015 / speed, C: 0.03e-3 / speed, P: 0.012 / speed,
		MaxBatchTokens: 2048, MaxSeqs: 256, KVTokens: 200_000}
}

// A served engine: what is asked of it and how it changes.
type inference struct {
	model    llm.Model
	kinds    func(time.Duration) kind
	tpot     time.Duration // the objective; 0: that of the policy's defaults, 100 ms
	slowAt   time.Duration // from when on a step takes twice as long; 0: never
	from, to time.Duration // when those came that are counted
	cache    bool          // a prefix cache
}

const (
	objectiveTTFT = 2 * time.Second
	defaultTPOT   = 100 * time.Millisecond
	patience      = 10 * time.Second
)

// tail is for how many seconds arrivals go on after those that are counted, so that
// these meet the same load to their end.
const tail = 20.0

func (t trial) infer(x inference) (values, error) {
	f, err := newEngines(x.model, 1)
	if err != nil {
		return nil, err
	}
	if x.slowAt > 0 {
		f.slower = func(now time.Duration) float64 {
			if now >= x.slowAt {
				return 2
			}
			return 1
		}
	}
	n, objective := 0, x.tpot
	if objective == 0 {
		objective = defaultTPOT
	}
	rng := newRand(t.scenario, t.load.name, t.seed)
	arrive := ask(rng, x.kinds, x.to+t.s(tail), patience)
	if x.cache {
		arrive = cached(arrive, newRand(t.scenario, "cache", t.seed))
	}
	_, err = t.play(env{ttft: objectiveTTFT, tpot: x.tpot, units: 1}, f, arrive, func(j *job) {
		if j.at >= x.from && j.at < x.to && j.good(objective) {
			n++
		}
	})
	return values{"slo_rps": float64(n) / (x.to - x.from).Seconds()}, err
}

// good reports whether j met its objectives.
func (j *job) good(tpot time.Duration) bool {
	return j.ending == served && j.first-j.at <= objectiveTTFT && j.perToken() <= tpot.Seconds()
}

// cached makes 70 of 100 requests begin with a prefix that the engine knows, two
// thirds of their prompt.
func cached(arrive func() *job, rng *rand.Rand) func() *job {
	return func() *job {
		j := arrive()
		if j != nil && rng.Float64() < 0.7 {
			j.cached = j.prompt * 2 / 3
		}
		return j
	}
}

func (t trial) steady(kinds func(time.Duration) kind) (values, error) {
	return t.infer(inference{model: engineModel(1), kinds: kinds, tpot: 50 * time.Millisecond, from: t.s(20), to: t.s(130)})
}

func (t trial) chat() (values, error) { return t.steady(inTurn(chat(t.load.rate))) }
func (t trial) rag() (values, error)  { return t.steady(inTurn(rag(t.load.rate))) }
func (t trial) mix() (values, error)  { return t.steady(mixed(t.load.rate)) }

// mixed is chat at 80/s and rag at 20/s in turn, times a factor.
func mixed(times float64) func(time.Duration) kind { return inTurn(chat(80*times), rag(20*times)) }

func (t trial) slow(k kind) (values, error) {
	return t.infer(inference{model: engineModel(1), kinds: inTurn(k), tpot: 100 * time.Millisecond,
		slowAt: t.s(70), from: t.s(80), to: t.s(140)})
}

func (t trial) slowChat() (values, error) { return t.slow(chat(t.load.rate)) }
func (t trial) slowRAG() (values, error)  { return t.slow(rag(t.load.rate)) }

// The other engines are judged by the default objectives.
func (t trial) other1() (values, error) { return t.other(engineModel(4), false) }
func (t trial) other2() (values, error) { return t.other(engineModel(0.25), false) }
func (t trial) other3() (values, error) {
	m := engineModel(1)
	m.MaxBatchTokens = 512
	return t.other(m, true)
}

func (t trial) other(m llm.Model, cache bool) (values, error) {
	return t.infer(inference{model: m, kinds: mixed(t.load.rate), from: t.s(20), to: t.s(140), cache: cache})
}
