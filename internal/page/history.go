package page

import (
	"math"
	"slices"
	"strconv"
	"sync"
	"time"
)

// What a History keeps: every point for ten minutes at one a second, and before
// that one for every ten seconds, for two hours in all.
const (
	fineCount   = 600
	coarseStep  = 10 * time.Second
	coarseCount = 660
	// MaxPoints bounds what a History holds and writes.
	MaxPoints = fineCount + coarseCount
)

// A History is the recent past of one pool, bounded in memory: about 170 KiB
// when full. The zero History is ready to use.
//
// Thinned points keep what hurt: the largest queue, shed rate, saturation and
// p95, the least ready count; demand and rates become their mean.
type History struct {
	mu     sync.Mutex
	fine   []row // oldest first
	coarse []row // oldest first, all before fine
}

// A row is one point; NaN stands for absent.
type row struct {
	ms int64 // Unix milliseconds
	v  [len(columns)]float64
	n  [len(columns)]uint16 // how many values a mean is of
}

// Add appends p. Points come in order of time; one that does not advance by a
// millisecond is left out. When the clock steps back, the points that would now
// lie in the future are dropped.
func (h *History) Add(p Point) {
	r := row{ms: p.At.UnixMilli()}
	for i, c := range columns {
		r.v[i] = math.NaN()
		if v := c.of(&p); v.Known {
			r.v[i], r.n[i] = v.Num, 1
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if last, ok := h.last(); ok && r.ms <= last {
		if last-r.ms < 2*time.Second.Milliseconds() {
			return
		}
		future := func(x row) bool { return x.ms >= r.ms }
		h.fine = slices.DeleteFunc(h.fine, future)
		h.coarse = slices.DeleteFunc(h.coarse, future)
	}
	if len(h.fine) == fineCount {
		h.thin(h.fine[0])
		h.fine = slices.Delete(h.fine, 0, 1)
	}
	h.fine = append(h.fine, r)
}

func (h *History) last() (int64, bool) {
	switch {
	case len(h.fine) > 0:
		return h.fine[len(h.fine)-1].ms, true
	case len(h.coarse) > 0:
		return h.coarse[len(h.coarse)-1].ms, true
	}
	return 0, false
}

// thin folds r, the oldest fine row, into the coarse row of its ten seconds.
func (h *History) thin(r row) {
	step := coarseStep.Milliseconds()
	if n := len(h.coarse); n > 0 && floorDiv(h.coarse[n-1].ms, step) == floorDiv(r.ms, step) {
		h.coarse[n-1].fold(&r)
		return
	}
	h.coarse = push(h.coarse, r, coarseCount)
}

func (r *row) fold(o *row) {
	for i, c := range columns {
		a, b := r.v[i], o.v[i]
		switch {
		case math.IsNaN(b):
			continue
		case math.IsNaN(a):
			r.v[i] = b
		case c.fold == largest:
			r.v[i] = max(a, b)
		case c.fold == least:
			r.v[i] = min(a, b)
		default:
			r.v[i] = a + (b-a)/float64(r.n[i]+1)
		}
		r.n[i] += o.n[i]
	}
}

func floorDiv(a, b int64) int64 {
	if a < 0 {
		return (a - b + 1) / b
	}
	return a / b
}

// AppendJSON appends the points after since, in Unix milliseconds, as columns of
// equal length: {"t":[…],"ready":[…],…}, null for absent. It writes at most
// [MaxPoints] points.
func (h *History) AppendJSON(b []byte, since int64) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	rows := make([]*row, 0, len(h.coarse)+len(h.fine))
	for _, part := range [][]row{h.coarse, h.fine} {
		for i := range part {
			if part[i].ms > since {
				rows = append(rows, &part[i])
			}
		}
	}
	b = append(b, `{"t":[`...)
	for i, r := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, r.ms, 10)
	}
	for c := range columns {
		b = append(append(append(b, `],"`...), columns[c].name...), `":[`...)
		for i, r := range rows {
			if i > 0 {
				b = append(b, ',')
			}
			if math.IsNaN(r.v[c]) {
				b = append(b, "null"...)
			} else {
				b = appendNum(b, r.v[c])
			}
		}
	}
	return append(b, "]}"...)
}
