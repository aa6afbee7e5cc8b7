package llm

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// A Model is the step time and the bounds of one inference engine: one model on
// one set of GPUs.
//
// The coefficients are in milliseconds, because that is how measurements of
// engines are published and compared.
type Model struct {
	// Name is model/hardware, as in "llama-3.1-70b-fp8/h100x2".
	Name string

	// A is the time of a step whatever is in it, in ms: reading the weights once,
	// launching kernels, the scheduler. It must be above 0.
	A float64
	// B is the time for each sequence that decodes in the step, in ms.
	B float64
	// C is the time for each KV token of the sequences that decode, in ms.
	C float64
	// P is the time for each prompt token that the step prefills, in ms. Its
	// inverse is the marginal prefill speed.
	P float64

	// MaxBatchTokens bounds the tokens of one step: one for each decoding
	// sequence, the rest for prefill. vLLM calls it max_num_batched_tokens.
	// 0: 2048, vLLM's default for GPUs below 70 GiB.
	MaxBatchTokens int
	// MaxSeqs bounds the sequences that run at a time, and may not exceed
	// MaxBatchTokens. vLLM calls it max_num_seqs. 0: 256, vLLM's default for GPUs
	// below 70 GiB.
	MaxSeqs int
	// KVTokens is the capacity of the KV cache in tokens. 0: not bounded.
	KVTokens int64
}

// A Batch is what one step works on.
type Batch struct {
	// Decode is the number of sequences that decode one token each.
	Decode int
	// KV is the number of tokens that these sequences hold in the KV cache.
	KV int64
	// Prefill is the number of prompt tokens that are processed.
	Prefill int
}

// StepTime is how long the engine takes for one step over b. An empty batch
// still takes A.
func (m Model) StepTime(b Batch) time.Duration {
	// The conversions keep the compiler from fusing a multiplication with an
	// addition, so that a simulation gives the same bits on every platform.
	ms := m.A + float64(m.B*float64(b.Decode))
	ms += float64(m.C * float64(b.KV))
	ms += float64(m.P * float64(b.Prefill))
	return millis(ms)
}

// Validate reports every field that makes no sense, joined.
func (m Model) Validate() error {
	var errs []error
	bad := func(field string, got any, want string) {
		errs = append(errs, fmt.Errorf("evenkeel: llm.Model %q: %s is %v; give %s", m.Name, field, got, want))
	}
	if !(m.A > 0) || math.IsInf(m.A, 0) {
		bad("A", m.A, "the fixed time of a step in ms, above 0")
	}
	for _, c := range []struct {
		name  string
		value float64
	}{{"B", m.B}, {"C", m.C}, {"P", m.P}} {
		if !(c.value >= 0) || math.IsInf(c.value, 0) {
			bad(c.name, c.value, "a time in ms, 0 or more")
		}
	}
	if m.MaxBatchTokens < 0 {
		bad("MaxBatchTokens", m.MaxBatchTokens, "a number of tokens, or 0 for 2048")
	}
	if m.MaxSeqs < 0 {
		bad("MaxSeqs", m.MaxSeqs, "a number of sequences, or 0 for 256")
	}
	if m.KVTokens < 0 {
		bad("KVTokens", m.KVTokens, "a number of tokens, or 0 for no bound")
	}
	if d := m.withDefaults(); len(errs) == 0 && d.MaxSeqs > d.MaxBatchTokens {
		bad("MaxSeqs", d.MaxSeqs, fmt.Sprintf("at most MaxBatchTokens, %d: each sequence decodes one token a step", d.MaxBatchTokens))
	}
	return errors.Join(errs...)
}

// withDefaults fills the bounds that are zero.
func (m Model) withDefaults() Model {
	if m.MaxBatchTokens == 0 {
		m.MaxBatchTokens = 2048
	}
	if m.MaxSeqs == 0 {
		m.MaxSeqs = 256
	}
	return m
}

// millis turns milliseconds into a Duration, and keeps what is too large for one
// at the largest.
func millis(ms float64) time.Duration {
	ns := ms * float64(time.Millisecond)
	if ns >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(ns)
}
