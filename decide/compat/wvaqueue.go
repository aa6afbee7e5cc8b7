package compat

import "math"

// WVAQueue is the queueing model that llm-d's autoscaler sizes by: an iteration
// of the engine takes longer the more requests it serves at once, requests
// arrive at random, and the largest rate that keeps both latencies is looked for.
type WVAQueue struct {
	// Alpha, Beta and Gamma are the time of an iteration, in seconds: what it
	// takes anyhow, per token computed, and per token of context read.
	Alpha, Beta, Gamma float64
	// Input and Output are the mean tokens of a request.
	Input, Output float64
	// Batch is the most requests served at once. Ten times as many may queue.
	Batch int
	// Utilization of the largest rate there is that is never exceeded. Default 0.9.
	Utilization float64
	// Percentile is the factor by which the mean wait must be below what the
	// objective leaves for it. Default 3, the 95th of an exponential.
	Percentile float64
}

// Iteration is the time of one iteration with n requests at once, in seconds.
func (q WVAQueue) Iteration(n float64) float64 {
	return q.Alpha + float64(n*(float64(q.Beta*(q.Input+q.Output))/(q.Output+1)+float64(q.Gamma*(q.Input+q.Output/2))))
}

// Prefill is the time to compute a prompt beside n requests, in seconds.
func (q WVAQueue) Prefill(n float64) float64 {
	return q.Iteration(n) + float64((q.Beta+q.Gamma)*q.Input)
}

// Decode is the time per token of an answer beside n requests, in seconds.
func (q WVAQueue) Decode(n float64) float64 {
	return q.Iteration(n) + q.Beta + float64(q.Gamma*(q.Input+q.Output/2))
}

// Latency returns the mean wait, time to first token after it, and time per
// token, all in seconds, with rate requests arriving a second: a queue with one
// server whose speed depends on how many it serves.
func (q WVAQueue) Latency(rate float64) (wait, first, token float64) {
	batch := max(q.Batch, 1)
	// Probability of each number of requests in the system, up to a factor. It is
	// scaled down while it grows, so that it never overflows.
	p, sum, served, waiting := 1.0, 1.0, 0.0, 0.0
	for n := 1; n <= 11*batch; n++ {
		p *= rate / q.service(min(n, batch))
		sum += p
		served += float64(p * float64(min(n, batch)))
		waiting += float64(p * float64(max(n-batch, 0)))
		if sum > 1e200 {
			p, sum, served, waiting = p*1e-200, sum*1e-200, served*1e-200, waiting*1e-200
		}
	}
	accepted := float64(rate * (1 - p/sum)) // those that find the queue full are lost
	if accepted > 0 {
		wait = waiting / sum / accepted
	}
	mean := served / sum
	return wait, q.Prefill(mean), q.Decode(mean)
}

// service is the requests per second that n at once are served at.
func (q WVAQueue) service(n int) float64 {
	x := float64(n)
	return x / (q.Prefill(x) + float64(q.Output*q.Decode(x)))
}

// Rate returns the requests per second that one replica takes with the time to
// first token within ttft and the time per token within tpot, in seconds, found
// by halving. 0 if not even one request can be served so.
func (q WVAQueue) Rate(ttft, tpot float64) float64 {
	percentile := or(q.Percentile, -math.Log(0.05))
	ok := func(rate float64) bool {
		wait, first, token := q.Latency(rate)
		return float64(wait*percentile)+first <= ttft && token <= tpot
	}
	high := float64(or(q.Utilization, 0.9) * q.service(max(q.Batch, 1)))
	if !(high > 0) || !finite(high) {
		return 0
	}
	if ok(high) {
		return high
	}
	low := 0.0
	for range 60 {
		if mid := low + (high-low)/2; ok(mid) {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}
