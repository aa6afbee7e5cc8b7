package decide

// The wire forms of what a State remembers, and what may be read of them.

func (r *ring) wire() ringJSON {
	if *r == (ring{}) {
		return ringJSON{}
	}
	n := ringSize
	for n > 0 && r.Cells[n-1] == 0 {
		n--
	}
	return ringJSON{r.Width, r.Head, r.Cells[:n]}
}

func (r *ring) read(w ringJSON, observed int64) bool {
	if w.Width == 0 {
		return w.Head == 0 && len(w.Cells) == 0
	}
	if !inRange(w.Width, longest.Milliseconds()) || !inRange(w.Head, observed/w.Width) || len(w.Cells) > ringSize {
		return false
	}
	r.Width, r.Head = w.Width, w.Head
	for i, c := range w.Cells {
		if !inRange(c, MaxReplicas+1) {
			return false
		}
		r.Cells[i] = c
	}
	return true
}

func (s *State) readPaces(w *stateJSON) bool {
	if len(w.Paces) == 0 {
		p := &s.paces[0]
		return p.Ups.readLegacy(w.Ups, w.Last) && p.Downs.readLegacy(w.Downs, w.Last)
	}
	if len(w.Paces) > maxPeriods || len(w.Ups)+len(w.Downs) > 0 {
		return false
	}
	var before int64
	for i, from := range w.Paces {
		p := &s.paces[i]
		if from.Period <= before || from.Period > longestRate.Milliseconds() {
			return false
		}
		before, p.Period = from.Period, from.Period
		if !p.Ups.read(from.Ups, w.Last) || !p.Downs.read(from.Downs, w.Last) {
			return false
		}
	}
	return true
}

func (p *pace) wire(last instant) []int64 {
	var w []int64
	for _, m := range p.Moves[:p.len()] {
		w = append(w, last-m.Last, m.Last-m.First, m.N)
	}
	return w
}

func (p *pace) read(w []int64, last instant) bool {
	if len(w)%3 != 0 || len(w) > 3*paceSize {
		return false
	}
	var before instant
	for i := 0; i < len(w); i += 3 {
		if !inRange(w[i], last) || w[i+1] < 0 {
			return false
		}
		m := move{last - w[i] - w[i+1], last - w[i], w[i+2]}
		if m.First < before || m.N < 1 || m.N > MaxReplicas {
			return false
		}
		before, p.Moves[i/3] = m.Last, m
	}
	return true
}

// legacy is the form of earlier versions: first, last and number of each change.
func (p *pace) legacy() [][3]int64 {
	var w [][3]int64
	for _, m := range p.Moves[:p.len()] {
		w = append(w, [3]int64{m.First, m.Last, m.N})
	}
	return w
}

func (p *pace) readLegacy(w [][3]int64, last instant) bool {
	if len(w) > paceSize {
		return false
	}
	var before instant
	for i, m := range w {
		if m[0] < before || m[1] < m[0] || m[1] > last || m[2] < 1 || m[2] > MaxReplicas {
			return false
		}
		before = m[1]
		p.Moves[i] = move{m[0], m[1], m[2]}
	}
	return true
}

// wire returns the bills as far as there are any, the present month's first.
func (b *bills) wire() []billJSON {
	switch {
	case b.Before.Month != 0:
		return []billJSON{billJSON(b.Now), billJSON(b.Before)}
	case b.Now.Month != 0:
		return []billJSON{billJSON(b.Now)}
	}
	return nil
}

func (b *bills) read(w []billJSON, paid int64) bool {
	if len(w) > 2 {
		return false
	}
	b.Paid = paid
	for i, from := range w {
		if from.Month < 12 || from.Month > 12*9999+11 || from.Spent < 0 {
			return false
		}
		if i == 0 {
			b.Now = bill(from)
		} else {
			b.Before = bill(from)
		}
	}
	return true
}
