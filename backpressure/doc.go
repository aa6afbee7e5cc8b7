// Package backpressure admits what fits, until more capacity is there.
package backpressure
