// Package grpcgate puts a [backpressure.Gate] before the methods of a gRPC server,
// and a client's own restraint before its calls.
//
//	gate, err := backpressure.New(backpressure.Config{})
//	if err != nil {
//		return err
//	}
//	guard, err := grpcgate.New(gate, grpcgate.Config{})
//	if err != nil {
//		return err
//	}
//	srv := grpc.NewServer(
//		grpc.ChainUnaryInterceptor(guard.Unary),
//		grpc.ChainStreamInterceptor(guard.Stream))
//
// # What it does
//
// A call is admitted once and holds its permit until its handler returns or
// panics; a panic goes on to whoever recovers it. A unary call asks when its message
// is there. A stream asks when it starts, before a message is read; one with a single request
// asks when this is there, if there is a [Config.Cost] to read it, and the handler
// runs only if it is admitted. The first message that a stream sends is the first
// token, each message counts as one, or as [Config.Tokens] says. The deadline is
// that of the call. A handler that knows better finds its permit with
// [backpressure.PermitFrom], and there the route that the call was let in by.
//
// The handler of a sheddable call may find its context cancelled in favour of a more
// important one ([backpressure.Permit.OnPreempt]); its caller gets the refusal.
//
// gRPC's own services (health, reflection, channelz) are not gated.
//
// # What a refused caller gets
//
// RESOURCE_EXHAUSTED for a quota that is used up, UNAVAILABLE for everything that
// the server lacks, with the details google.rpc.RetryInfo and google.rpc.ErrorInfo
// and the trailer grpc-retry-pushback-ms. gRPC clients with a retry policy wait
// that long before their next attempt, instead of their own backoff, and make none
// where the trailer is negative: for what will never fit. A caller that has left gets
// CANCELLED or DEADLINE_EXCEEDED, which nobody reads.
//
// A Go client should have [Client] among its interceptors: it holds calls back while
// most of them are refused.
//
// # Trust
//
// No metadata of a call sets its tenant, key or class, unless [Config.Caller] does.
//
// # Concurrency
//
// A [Guard] may be used by any number of servers and calls at once, a [Client] by any
// number of calls.
package grpcgate
