package llm

// A sequence is a request on its way. It waits until it runs; running, it
// prefills until filled reaches fill, then decodes one token a step.
type sequence struct {
	Request
	running    bool
	active     bool  // took part in this step
	fill       int64 // tokens to prefill: the prompt, after a preemption with the output so far
	filled     int64 // of these, done
	held       int64 // KV tokens held or reserved
	made       int64 // output tokens so far
	prev, next *sequence
}

// decoding reports that the next step of s makes a token without any prefill.
func (s *sequence) decoding() bool { return s.filled == s.fill }

// decode gives every decoding sequence its token and its place in the cache,
// oldest first. A sequence that finds the cache full preempts the newest one,
// which may be itself.
func (e *Engine) decode() {
	for i := 0; i < len(e.running); i++ {
		s := e.running[i]
		s.active = false
		if !s.decoding() {
			continue
		}
		for e.kvUsed == e.kvCap && i < len(e.running) {
			e.preempt()
		}
		if i >= len(e.running) {
			return
		}
		s.held++
		e.kvUsed++
		s.active = true
		e.batch.Decode++
		e.batch.KV += s.held
	}
}

// preempt sends the newest running sequence back to the front of the queue. It
// is younger than all that run and older than all that wait, so that the order
// of arrival holds.
func (e *Engine) preempt() {
	last := len(e.running) - 1
	s := e.running[last]
	e.running = e.running[:last]
	e.kvUsed -= s.held
	s.running = false
	s.fill, s.filled, s.held = s.Prompt+s.made, 0, 0
	e.waiting.pushFront(s)
	e.preemptions++
}

// prefill spends the rest of the step's tokens on prompts: those begun already,
// then the queue. What was preempted in this step is not let in again by it: the
// room that it left is one token short at least.
func (e *Engine) prefill() {
	budget := int64(e.model.MaxBatchTokens - e.batch.Decode)
	for _, s := range e.running {
		if !s.decoding() {
			budget -= e.chunk(s, budget)
		}
	}
	for budget > 0 && len(e.running) < e.model.MaxSeqs {
		s := e.waiting.head
		if s == nil || s.fill > e.kvCap-e.kvUsed {
			return
		}
		e.waiting.remove(s)
		s.running = true
		s.held = s.fill
		e.kvUsed += s.held
		e.running = append(e.running, s)
		budget -= e.chunk(s, budget)
	}
}

// chunk prefills as much of s as budget allows, and returns how much that was.
// The chunk that ends the prompt also makes a token.
func (e *Engine) chunk(s *sequence, budget int64) int64 {
	n := min(budget, s.fill-s.filled)
	s.filled += n
	s.active = n > 0 && s.decoding()
	e.batch.Prefill += int(n)
	return n
}

// finish books the token of every sequence that made one and drops those that
// are done.
func (e *Engine) finish() {
	keep := e.running[:0]
	for _, s := range e.running {
		if s.active {
			s.made++
			done := s.made == s.Output
			e.out = append(e.out, Event{ID: s.ID, Tokens: 1, First: s.made == 1, Done: done})
			if done {
				e.kvUsed -= s.held
				e.give(s)
				continue
			}
		}
		keep = append(keep, s)
	}
	e.running = keep
}

// take returns a sequence to fill in, a used one where there is one.
func (e *Engine) take() *sequence {
	if n := len(e.free); n > 0 {
		s := e.free[n-1]
		e.free = e.free[:n-1]
		return s
	}
	return new(sequence)
}

// give forgets s and keeps its memory.
func (e *Engine) give(s *sequence) {
	delete(e.byID, s.ID)
	e.free = append(e.free, s)
}
