package llm

// A queue is a list of sequences in order of arrival, linked through the
// sequences themselves: a request leaves from the middle when it is cancelled,
// and nothing is allocated.
type queue struct {
	head, tail *sequence
	n          int
	tokens     int64 // sum of fill
}

func (q *queue) pushBack(s *sequence) {
	s.prev, s.next = q.tail, nil
	if q.tail == nil {
		q.head = s
	} else {
		q.tail.next = s
	}
	q.tail = s
	q.n++
	q.tokens += s.fill
}

func (q *queue) pushFront(s *sequence) {
	s.prev, s.next = nil, q.head
	if q.head == nil {
		q.tail = s
	} else {
		q.head.prev = s
	}
	q.head = s
	q.n++
	q.tokens += s.fill
}

func (q *queue) remove(s *sequence) {
	if s.prev == nil {
		q.head = s.next
	} else {
		s.prev.next = s.next
	}
	if s.next == nil {
		q.tail = s.prev
	} else {
		s.next.prev = s.prev
	}
	s.prev, s.next = nil, nil
	q.n--
	q.tokens -= s.fill
}
