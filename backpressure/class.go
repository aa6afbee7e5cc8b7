package backpressure

// holdBack is how much of the room each class may fill: of the predicted time to
// first token, and of the time per output token. What is sheddable stops before
// the server is full, so that what matters more finds room without waiting. The
// default class may fill all of it, or a server with one class would lose by it.
var holdBack = [classes]float64{0.8, 0.9, 1, 1}

// sliver is the part of the work let in that goes to each lower class that would
// get nothing otherwise. Strict priority would starve it for as long as those
// above ask for all there is; whoever waits for batch work would never know
// whether it is slow or lost.
const sliver = 0.02

// rank is c as an index, from what goes last. What is out of range counts as the
// nearest.
func (c Class) rank() int { return int(min(max(c, Sheddable), CriticalPlus) - Sheddable) }

// earn gives the classes below rank their sliver of work that was let in: at most
// what one average request takes, or it would come in a burst.
func (q *queue) earn(rank int, work, most float64) {
	for i := range rank {
		b := &q.bands[i]
		b.credit = min(b.credit+sliver*work, most)
	}
}
