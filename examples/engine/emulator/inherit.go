package emulator

import (
	"fmt"
	"net"
	"os"
	"strconv"
)

// listenFD names the environment variable with the number of an inherited
// descriptor that listens already. A supervisor hands one down so that a
// connection made before the engine is up waits instead of being refused.
const listenFD = "EVENKEEL_LISTEN_FD"

// inherited returns the listener that was handed down, nil if none was.
func inherited() (net.Listener, error) {
	v, ok := os.LookupEnv(listenFD)
	if !ok {
		return nil, nil
	}
	_ = os.Unsetenv(listenFD) // it is not for children of ours
	fd, err := strconv.ParseUint(v, 10, 16)
	if err != nil || fd < 3 {
		return nil, fmt.Errorf("%s is %q; give the number of a descriptor, 3 or more", listenFD, v)
	}
	f := os.NewFile(uintptr(fd), "inherited listener")
	if f == nil {
		return nil, fmt.Errorf("%s: descriptor %d is not open", listenFD, fd)
	}
	defer f.Close() // the listener has its own copy
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("%s: descriptor %d is no listener: %w", listenFD, fd, err)
	}
	return l, nil
}
