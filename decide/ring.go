package decide

import "time"

// ringSize is the number of buckets of a ring. A window is remembered to one
// part in ringSize-2, and never for less than its length.
const ringSize = 64

// A ring remembers the largest (or smallest) count of each bucket of a window,
// in bounded memory. Time is observed time in milliseconds, which only moves
// forward. The zero ring is empty.
type ring struct {
	Width int64           // milliseconds a bucket
	Head  int64           // number of the newest bucket, time/Width
	Cells [ringSize]int64 // count+1 at bucket number mod ringSize, 0 empty
}

func bucketWidth(window time.Duration) int64 {
	return max((window.Milliseconds()+ringSize-3)/(ringSize-2), 1)
}

// advance forgets what has left the window that ends at now.
func (r *ring) advance(now int64, window time.Duration, smallest bool) {
	width := bucketWidth(window)
	if r.Width != width { // a new ring, or a new configuration: carry over the essence
		n, ok := r.extreme(smallest)
		*r = ring{Width: width, Head: now / width}
		if ok {
			r.insert(n, smallest)
		}
		return
	}
	head := now / width
	if head-r.Head >= ringSize {
		r.Cells = [ringSize]int64{}
		r.Head = head
	}
	for r.Head < head {
		r.Head++
		r.Cells[r.Head%ringSize] = 0
	}
}

// insert notes count n in the newest bucket.
func (r *ring) insert(n int64, smallest bool) {
	c := &r.Cells[r.Head%ringSize]
	switch {
	case *c == 0:
		*c = n + 1
	case smallest:
		*c = min(*c, n+1)
	default:
		*c = max(*c, n+1)
	}
}

// extreme returns the smallest or largest count in the window, and whether there
// is any.
func (r *ring) extreme(smallest bool) (int64, bool) {
	var best int64
	for _, c := range r.Cells {
		if c != 0 && (best == 0 || (smallest && c < best) || (!smallest && c > best)) {
			best = c
		}
	}
	return best - 1, best != 0
}
