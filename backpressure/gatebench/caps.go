package main

import "time"

// none lets everything in.
type none struct{ passive }

func (none) offer(time.Duration, *job) verdict { return verdict{} }

// A requestCap runs at most n jobs: a semaphore that is only tried, as in an
// inference server's max_concurrent_requests.
type requestCap struct {
	passive
	n, inFlight int
}

func (p *requestCap) offer(time.Duration, *job) verdict {
	if p.inFlight >= p.n {
		return verdict{action: shed}
	}
	p.inFlight++
	return verdict{}
}

func (p *requestCap) done(time.Duration, *job, ending) { p.inFlight-- }

// A tokenCap lets in at most n prompt tokens that have no first token yet, but
// always one request: vLLM's --max-num-queued-tokens (vllm-project/vllm#49445),
// counted up to the first token.
type tokenCap struct {
	passive
	n, ahead int
}

func (p *tokenCap) offer(_ time.Duration, j *job) verdict {
	if p.ahead > 0 && p.ahead+j.prompt > p.n {
		return verdict{action: shed}
	}
	p.ahead += j.prompt
	return verdict{}
}

func (p *tokenCap) first(_ time.Duration, j *job) { p.ahead -= j.prompt }

func (p *tokenCap) done(_ time.Duration, j *job, _ ending) {
	if j.first == 0 {
		p.ahead -= j.prompt
	}
}
