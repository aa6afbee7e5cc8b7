package backpressure

type lease struct{ req Request }
