// Package backpressure admits what can still be served well, until more capacity
// is there, and says how much more is asked for.
//
// A [Gate] stands before the handler that runs a model:
//
//	gate, err := backpressure.New(backpressure.Config{}) // TTFT ≤ 2 s, TPOT ≤ 100 ms
//	if err != nil {
//		return err
//	}
//	mux.Handle("/v1/chat/completions", gate.Handler(model, backpressure.HandlerConfig{}))
//
// or, where there is no HTTP:
//
//	p, err := gate.Acquire(ctx, backpressure.Cost{Prompt: n, MaxOutput: m})
//	if err != nil {
//		return err // a *Rejected: why, and when to come back
//	}
//	defer p.Release()
//	p.FirstToken() // at the first token; the gate learns from it
//	p.Tokens(k)    // k more
//
// # How it decides
//
// A request is let in if its predicted time to first token is within a share of
// the objective: the prompt tokens ahead of it, admitted but not answered,
// divided by the rate at which the units work prompts off. That rate is learned
// from first tokens, per unit, so that it follows the fleet's size at once
// ([Gate.Observe]); it falls through silence, so that a stalled engine closes the
// gate. A second guard keeps the time per output token at its objective. Nothing
// is tuned for a model or a device. While nothing is learned, a few requests go
// ahead, and twice as many in each round.
//
// What does not fit waits for as long as it can still meet the objective and its own
// deadline, and is refused at once if it will not. With no unit ready, requests wait
// if one is known to come soon enough.
//
// Who is refused is told when to come back: at the first second for which not too
// many have been told already.
//
// A server that streams nothing is judged by its time to completion instead,
// which may grow to twice what it is at ease.
//
// # Who goes next
//
// A [Caller], which travels in the context, has a [Class] and a tenant. The higher
// class goes first, and lower ones leave it a part of the room; work that can be
// stopped gives way to it ([Permit.OnPreempt]). Within a class every tenant gets its
// share ([Fair]), within a tenant the oldest request goes first, or the newest where a
// queue has stood for too long. Nobody is anybody by default: no header raises a
// class.
//
// # Quotas
//
// [Quotas] bound what each key uses, in requests and tokens per minute, and are
// asked before anything else. A request's tokens are reserved before it runs and
// corrected when it has ended. A spent quota is answered with 429 and the time
// until the request will fit, and what is left stands in the headers that OpenAI's
// clients know. Behind several gates, a quota is divided by Outlook.Members.
//
// # Less than full service
//
// Before it refuses, a gate can serve a request less well: with a shorter answer,
// by a smaller model, from a cache, later by a ticket ([Tickets]), or in another
// region ([NewRegion]). Config.Routes says from which saturation on, and for which
// classes; see [Route].
//
// What runs better together, such as embeddings, goes through a [Batcher] behind
// the gate.
//
// # What it measures
//
// A Gate is a [signal.Source]. Demand is counted before the gate decides, in
// requests, prompt tokens and work ([OutputWeight]), so that an autoscaler sees
// what was asked for and not what was let through. The work that one unit can do
// is learned from how the time per output token changes with what the units have
// to do, at any load.
//
// # The client's side
//
// A [Transport] makes a Go client come back when it is told to, within a budget of
// retries, and hold back while most of what it sends is refused. [Throttle] is that
// restraint alone, for other protocols.
//
// # Contract
//
// Every admitted request ends exactly once, by Permit.Release, however often it
// is called and whether the handler returns or panics. A waiter whose context
// ends is gone at once. Refusals come from a table, and neither they nor an
// uncontended Acquire and Release allocate. The gate starts no goroutine, trusts
// no request header and looks at no host's CPU.
//
// # Concurrency
//
// A Gate and a Permit may be used from any goroutine; a [Rejected] is immutable.
// An [Admission], the pure core for simulations, belongs to one goroutine.
package backpressure
