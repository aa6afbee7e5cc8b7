// Package emulator serves the HTTP interface of an inference engine, with the
// timing of a real one and without a GPU.
//
// It emulates, and says so: in its banner, in the Server header
// (evenkeel-engine-emulator) and in GET /version. The words it streams mean
// nothing; their number and their timing follow the step-time model of package
// [github.com/evenkeel/evenkeel/decide/simulate/llm].
//
// # Interface
//
//	POST /v1/chat/completions  streaming (one SSE chunk a token) or not
//	POST /v1/completions       the same for plain prompts
//	GET  /v1/models            the one model
//	GET  /health               503 while it starts or drains, then 200
//	GET  /metrics              the metrics of vLLM V1, same names and labels
//	GET  /version              says that this is an emulator
//	GET, POST /emulator/fault  see and set faults, from the loopback only
//
// The output is exactly max_tokens long (128 by default), as with ignore_eos. A
// prompt counts one token for four bytes of text. A load generator that does not
// want to send long prompts puts the extension field evenkeel_prompt_tokens into
// the body, and that is the length:
//
//	{"messages": [], "evenkeel_prompt_tokens": 8000, "max_tokens": 200, "stream": true}
//
// Errors have OpenAI's shape. 400: what can never be served. 503: starting,
// draining, or more than MaxQueue requests wait. A client that leaves frees its
// place and its KV cache at once.
//
// # Faults
//
//	curl -d '{"slow": 2}' localhost:8000/emulator/fault      every step takes twice as long
//	curl -d '{"hang": true}' localhost:8000/emulator/fault   connects, answers nothing, not even /health
//	curl -d '{"crash": true}' localhost:8000/emulator/fault  ends at once, with exit status 1
//
// A hung engine does not drain either: a first SIGTERM has no effect on it, as
// with a real one.
//
// # Use
//
// A program of its own is [Main]. Inside another program:
//
//	s, err := emulator.New(emulator.Config{Model: model, Startup: 45 * time.Second, Listener: l})
//	…
//	err = s.Run(ctx) // until ctx ends and the last stream is through
//
// # Concurrency
//
// A Server may be used from any goroutine. New starts nothing; Run leaves
// nothing behind.
package emulator
