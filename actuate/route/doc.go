// Package route sends each request to the replica with the least work.
//
// A [Router] is an [http.Handler]: a reverse proxy in front of a set of
// instances that somebody else keeps, such as a process supervisor or a
// watcher of pods. It implements [actuate.Traffic], so the target that owns the
// instances tells it which may be used and asks it how busy each is.
//
//	                    Route(instances) ◄── the target
//	                          │
//	client ──► ServeHTTP ──► pick ──► the ready, healthy instance with the
//	                          ▲       fewest requests in flight
//	                          │
//	                    Run: health checks
//
// # Choice
//
// The instance with the fewest requests in flight gets the request; a tie goes to
// the one that has waited longest for one. Two exceptions look at the requests
// that still wait for their first byte, since behind those the next prompt queues
// at an inference engine:
//
//   - Within a slack of 4 in flight, the instance with fewer of them is preferred.
//     In simulation with prompts of 12,000 tokens that sheds a fifth less.
//   - An instance with 8 more of them than the quietest gets no request. A new
//     replica would otherwise get all there are until it has caught up, and with
//     them a queue of prompts.
//
// Where answers come in one piece nothing of this shows, for there all wait. A
// request counts from the choice to the last byte of its response, however it
// ends.
//
// Choosing and replacing the set exclude each other: once Route has returned,
// no new request reaches an instance that it did not list as Ready, so that an
// InFlight of 0 seen after that stays 0. Scale-in without an aborted request
// rests on this.
//
// # Health
//
// Run asks every ready instance for Health.Path once per Health.Interval. A
// refused connection, or Health.Failures bad answers in a row, take an instance
// out; one good answer brings it back. With the defaults an instance that hangs
// gets no request after 3 s at most. A proxied request that meets a refused or
// broken connection before any byte of the response takes the instance out at
// once, until the next check, which is made right away.
//
// # Errors
//
// A request whose connection could not even be established is tried once more
// on another instance. That is safe for every method: nothing has been sent, so
// nothing runs twice. Whatever fails later is never repeated. The client sees
// 503 with Retry-After when no instance can take the request, 502 when one took
// it and failed, 504 when the request's own deadline ran out, each with a JSON
// body in the shape that OpenAI clients read. A stream that breaks in the middle
// is aborted, so that the client can tell it from one that ended.
//
// # Streams
//
// Nothing is buffered: every chunk is flushed as it comes, trailers and 1xx
// answers pass, and a client that leaves cancels the request to the instance at
// once. Requests arrive as HTTP/1.1 or HTTP/2, as the server around the Router
// allows; they leave as Config.Transport speaks.
//
// # Use
//
//	router, err := route.New(route.Config{})
//	if err != nil {
//		return err
//	}
//	go router.Run(ctx)
//	router.Route([]actuate.Instance{{ID: "a", Addr: "127.0.0.1:8001", Phase: actuate.Ready}})
//	err = http.ListenAndServe("127.0.0.1:8080", router)
//
// All methods are safe for concurrent use.
package route
