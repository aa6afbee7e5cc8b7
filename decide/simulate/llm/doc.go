// Package llm models an inference engine that serves a large language model:
// how long one step of its batch takes, which requests are in that step, and
// how long the engine takes to start. It is what the simulator and the engine
// emulator run instead of a GPU.
//
// # Contract
//
// A [Model] gives the step time of continuous batching with chunked prefill:
//
//	step = A + B·decoding sequences + C·their KV tokens + P·prefill tokens
//
// with coefficients fitted to published measurements ([Presets]). An [Engine]
// is the scheduler around it. It is pure: no clock, no goroutine, no
// randomness. The caller adds requests, asks for the next step, lets that much
// time pass (virtual or real) and then hands out what the step produced:
//
//	e, err := llm.NewEngine(model)
//	…
//	err = e.Add(llm.Request{ID: 1, Prompt: 1000, Output: 200})
//	for !e.Idle() {
//		d, events := e.Step()
//		now = now.Add(d)
//		deliver(now, events)
//	}
//
// The same calls in the same order give the same steps. [Model.Work],
// [Model.ITL] and [Model.MaxRate] are the closed form of the steady state, for
// sizing and as the oracle that policies are compared with.
//
// # What it leaves out
//
// Noise from step to step, tokenizer and network time (together 5 to 15 % of
// the inter-token latency), prefix caching (multiply the prompt by 1 − hit rate
// for P, not for C), the quadratic term of very long prompts and block
// granularity of the KV cache. Mixture-of-experts models fit less well than
// dense ones, because more experts are active as the batch grows.
//
// # Concurrency
//
// Models and Startups are values. An Engine belongs to one goroutine at a time.
package llm
