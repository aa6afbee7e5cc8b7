// Command gatebench measures what admission policies are worth: how much of what
// a server can do is left in time under overload, whom a greedy tenant crowds
// out, and what refused clients find when they come back.
//
//	go run ./backpressure/gatebench                              # everything, in minutes
//	go run ./backpressure/gatebench -scenario llm-chat,llm-rag -policy evenkeel,none
//	go run ./backpressure/gatebench -json                        # one line a cell
//
// The policy evenkeel is a backpressure.Admission as it comes; a scenario tells it
// its objective and nothing else, the same in all of them. Beside it stand
//
//   - none, static caps (cap-N requests, tokens-N prompt tokens without an answer)
//     and the best of those caps in hindsight, best-cap, tuned by a sweep for each
//     scenario and load. That is the hand-tuned cap to beat;
//   - algorithms that have no Go package, written from their descriptions: see the
//     comment of each;
//   - Go packages with their documented defaults: failsafe-go, Kratos' aegis, go-zero,
//     x/sync and x/time. They keep their own goroutines and clocks, so they run in virtual
//     time in this package's test, which the command starts with the Go tool. Without
//     it they are left out, and the command says so. A shedder that goes by the host's
//     CPU is there twice, on a host that is idle and on one that is busy.
//
// For one seed every policy meets the same arrivals, with the same service times.
// A cell is the mean over the seeds. Everything but a few packages that draw random
// numbers of their own is the same in every run.
//
// # Scenarios
//
// Servers of 32 slots with a queue, first come first served, log-normal service of
// mean 100 ms and sigma 0.5, Poisson arrivals, clients that leave after 1 s. A
// client that has left frees its slot. Goodput is what completes in time in
// [30 s, 90 s), over the capacity, slots over mean service; above 1 where long jobs
// are cut off and short ones are not.
//
//	generic        0.5 to 10 times the capacity
//	deadline300    clients leave after 300 ms
//	sigma1         sigma 1.0
//	coldstart      128 slots, 2x: the first 20 s; and when 90 % of the capacity is reached
//	capacity-loss  at 45 s, 12 slots of 32 are left: goodput of those, from 50 s on
//	units          2x for six servers; three go at 45 s, with what runs on them, and
//	               come back at 75 s: goodput of what is there, from 2 s after each. The
//	               same with six engines at 480 requests/s, over what a tuned token cap
//	               gets from as many that are there from the start
//	tenants        one of five offers 4 times the capacity, the others 0.15 times each
//	priority       5x in all; the high class asks for half of the capacity
//	retry          a fixed number of clients think and ask, for 60 s so often that they
//	               would need 3 times the capacity, then 0.8 times; who is refused comes
//	               back after Retry-After, or after an exponential back-off where there is
//	               none, until it is served. Of the first retries after the burst, the
//	               share that is let in; and the largest second of arrivals in the minute
//	               after the burst, over the mean
//
// Inference engines: continuous batching with 2,048 tokens a step, chunked prefill,
// 256 sequences and 200,000 KV tokens, recompute preemption; a step takes 4 ms +
// 15 µs per sequence + 12 µs per prefill token + 0.03 µs per KV token. chat has
// prompts of median 300 and outputs of 250 tokens (log-normal, sigma 1 and 0.8), rag of
// 4,000 and 150 (sigma 0.5 and 0.6). Clients leave 10 s after they came if they have no
// token yet. slo_rps counts, of those that came in [20 s, 130 s), the requests per
// second that got their first token within 2 s and then one every 50 ms in the mean.
//
//	llm-chat       20 and 80 requests/s
//	llm-rag        20 requests/s
//	llm-mix        20 s of chat at 80/s and 20 s of rag at 20/s in turn
//	llm-slow-chat  from 70 s on a step takes twice as long; 100 ms per token; of those
//	               that came in [80 s, 140 s)
//	llm-slow-rag   the same
//	llm-other-1    an engine four times as fast, the mix at four times the rate, 100 ms per token
//	llm-other-2    four times as slow, at a quarter of the rate
//	llm-other-3    512 tokens a step, and a prefix cache that holds two thirds of the
//	               prompt for 70 of 100 requests, which no policy knows; the mix
//	               at 1.5 times the rate
package main
