package backpressure

import "time"

// A Cost is what one request takes, as far as it is known before it runs. The
// zero Cost is one sequence of unknown length; the gate then uses what it has
// learned. Negative numbers count as zero.
type Cost struct {
	// Prompt is the number of input tokens. 0: unknown, the learned mean.
	Prompt int64
	// MaxOutput bounds the output tokens. 0: unbounded; the learned mean counts.
	MaxOutput int64
	// Bytes that the request occupies while it waits, against Queue.Bytes.
	Bytes int64
	// Whole says that the answer comes in one piece, so that no first token will
	// be seen. Such a request is judged by its time to completion, and teaches
	// the gate nothing about first tokens. Where a server never reports a first
	// token at all, the gate finds that out by itself.
	Whole bool
}

// An Outlook is what the gate is told of the fleet behind it.
type Outlook struct {
	// Ready units serve this gate's requests. An embedded server is its own one
	// unit. Zero: hold or refuse, with ReadyIn as the answer's Retry-After.
	Ready int
	// Starting units are on their way.
	Starting int
	// Members is how many gates share the units, at least 1: this gate may use
	// Ready/Members of them.
	Members int
	// ReadyIn is how long until more units are ready, 0 if not known.
	ReadyIn time.Duration
	// Pressure is how full the memory is that requests share in the fullest unit, 0
	// to 1: an inference engine's use of its KV cache, such as
	// vllm:kv_cache_usage_perc. Memory that an engine has reserved at its start says
	// nothing. From 0.9 on fewer requests are let in ahead, at 1 one at a time. Default
	// 0: not known, and the predicted times alone decide.
	Pressure float64
	// PressureAge is how old Pressure was when the gate was told. What is older than
	// 5 s, counting the time since, is not believed: then it is as if not known.
	PressureAge time.Duration
}

// units is how many units this gate may count on.
func (o Outlook) units() float64 {
	return float64(max(o.Ready, 0)) / float64(max(o.Members, 1))
}
