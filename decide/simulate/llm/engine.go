package llm

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Errors of [Engine.Add]. They are wrapped with the numbers of the request.
var (
	// ErrTooLong is a request that would not fit the KV cache if it ran alone.
	ErrTooLong = errors.New("evenkeel: request can never fit the KV cache")
	// ErrRequest is a request that asks for no token, in or out, or for more than
	// 2^31.
	ErrRequest = errors.New("evenkeel: invalid request")
	// ErrDuplicate is an ID that is waiting or running already.
	ErrDuplicate = errors.New("evenkeel: request ID in use")
)

// A Request asks for exactly Output tokens after a prompt of Prompt tokens. Both
// are at least 1.
type Request struct {
	ID             uint64
	Prompt, Output int64
}

// An Event is what one request got at the end of a step.
type Event struct {
	ID uint64
	// Tokens is how many output tokens, at present always 1.
	Tokens int
	// First is set for the first token of the request, once in its life, even
	// when it is preempted later.
	First bool
	// Done is set with the last token. The ID is free again.
	Done bool
}

// An Engine schedules requests into steps the way vLLM does: those that decode
// go first, with one token each; what is left of MaxBatchTokens goes to
// prefill, in chunks, first come first served. A request is admitted when
// fewer than MaxSeqs run and its whole prompt fits the KV cache; nothing
// overtakes a request that does not fit. When a decoding sequence finds no room
// for its next token, the newest running request is preempted: it loses its
// cache, goes back to the front of the queue and later computes it again.
//
// The zero Engine is not usable; see [NewEngine]. An Engine is not safe for
// concurrent use.
type Engine struct {
	model   Model
	byID    map[uint64]*sequence
	running []*sequence // in order of arrival
	waiting queue       // in order of arrival, all after those running
	free    []*sequence // for reuse
	out     []Event

	kvCap, kvUsed int64
	batch         Batch
	preemptions   uint64
}

// NewEngine returns an idle engine, or an error for a model that makes no sense.
func NewEngine(m Model) (*Engine, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	m = m.withDefaults()
	e := &Engine{model: m, byID: make(map[uint64]*sequence), kvCap: m.KVTokens}
	if e.kvCap == 0 {
		e.kvCap = math.MaxInt64
	}
	return e, nil
}

// Model is the engine's model, with its defaults filled in.
func (e *Engine) Model() Model { return e.model }

// Add puts r at the end of the queue. It takes part from the next Step on.
func (e *Engine) Add(r Request) error {
	const most = 1 << 31 // keeps sums far from overflow
	if r.Prompt < 1 || r.Output < 1 || r.Prompt > most || r.Output > most {
		return fmt.Errorf("%w: prompt %d, output %d; give both from 1 to 2^31", ErrRequest, r.Prompt, r.Output)
	}
	if r.Prompt+r.Output > e.kvCap {
		return fmt.Errorf("%w: prompt %d and output %d make %d tokens, the cache holds %d",
			ErrTooLong, r.Prompt, r.Output, r.Prompt+r.Output, e.kvCap)
	}
	if _, ok := e.byID[r.ID]; ok {
		return fmt.Errorf("%w: %d", ErrDuplicate, r.ID)
	}
	s := e.take()
	*s = sequence{Request: r, fill: r.Prompt}
	e.byID[r.ID] = s
	e.waiting.pushBack(s)
	return nil
}

// Cancel drops the request, waiting or running, frees what it holds and reports
// whether there was one. No later Step mentions it.
func (e *Engine) Cancel(id uint64) bool {
	s, ok := e.byID[id]
	if !ok {
		return false
	}
	if s.running {
		i := slices.Index(e.running, s)
		e.running = slices.Delete(e.running, i, i+1)
		e.kvUsed -= s.held
	} else {
		e.waiting.remove(s)
	}
	e.give(s)
	return true
}

// Step runs the next step. It returns how long the step takes and what it
// produces at its end, in order of arrival. What is added or cancelled after the
// call counts from the next Step on; the engine's own figures are those of the
// step's end at once. An idle engine returns 0 and nothing.
//
// The events are valid until the next Step. Once the engine has seen its largest
// batch, Step does not allocate.
func (e *Engine) Step() (time.Duration, []Event) {
	e.out = e.out[:0]
	e.batch = Batch{}
	if e.Idle() {
		return 0, nil
	}
	e.decode()
	e.prefill()
	e.finish()
	return e.model.StepTime(e.batch), e.out
}

// Idle reports that there is nothing to do.
func (e *Engine) Idle() bool { return len(e.running) == 0 && e.waiting.n == 0 }

// Running is the number of requests in the batch, prefilling or decoding.
func (e *Engine) Running() int { return len(e.running) }

// Waiting is the number of requests in the queue, preempted ones included.
func (e *Engine) Waiting() int { return e.waiting.n }

// WaitingTokens is the number of prompt tokens in the queue.
func (e *Engine) WaitingTokens() int64 { return e.waiting.tokens }

// KVUsed is the number of tokens that the KV cache holds or keeps reserved for
// prompts being prefilled.
func (e *Engine) KVUsed() int64 { return e.kvUsed }

// KVUse is KVUsed as a share of the capacity, 0 to 1; always 0 when that is not
// bounded.
func (e *Engine) KVUse() float64 {
	if e.model.KVTokens == 0 {
		return 0
	}
	return float64(e.kvUsed) / float64(e.kvCap)
}

// Preemptions counts the requests that lost their cache to older ones.
func (e *Engine) Preemptions() uint64 { return e.preemptions }

// Batch is what the last Step worked on.
func (e *Engine) Batch() Batch { return e.batch }
