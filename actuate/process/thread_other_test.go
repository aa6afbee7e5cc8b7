//go:build !linux

package process

// threadID is the same for every thread where none of them matters.
func threadID() int { return 0 }
