package process

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
)

// The variables through which a child learns what it was handed.
const (
	EnvListenFD   = "EVENKEEL_LISTEN_FD"
	EnvListenAddr = "EVENKEEL_LISTEN_ADDR"
	EnvInstance   = "EVENKEEL_INSTANCE"
	// EnvParentFD names the reading end of a pipe that ends when the parent dies.
	// Only where the kernel does not end children with their parent.
	EnvParentFD = "EVENKEEL_PARENT_FD"
)

// ErrNoListener says that the parent handed down no listener.
var ErrNoListener = errors.New("evenkeel: process: no listener was handed down")

// Listener returns, in a child, the listener that its [Supervisor] handed down,
// or [ErrNoListener] in a program that was started otherwise. Call it once: it
// takes the descriptor over.
func Listener() (net.Listener, error) {
	v := os.Getenv(EnvListenFD)
	if v == "" {
		return nil, ErrNoListener
	}
	fd, err := strconv.Atoi(v)
	if err != nil || fd < 3 {
		return nil, fmt.Errorf("%w: %s is %q, want a descriptor from 3", ErrNoListener, EnvListenFD, v)
	}
	f := os.NewFile(uintptr(fd), "listener")
	if f == nil {
		return nil, fmt.Errorf("%w: descriptor %d is not open", ErrNoListener, fd)
	}
	defer f.Close() // FileListener makes a copy
	ln, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("%w: descriptor %d: %w", ErrNoListener, fd, err)
	}
	return ln, nil
}
