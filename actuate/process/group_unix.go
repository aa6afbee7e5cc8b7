//go:build unix

package process

import (
	"os"
	"syscall"
)

type sysSignal = syscall.Signal

const (
	terminate = syscall.SIGTERM
	kill      = syscall.SIGKILL
)

// signalGroup sends sig to p and all that it started and that stayed in its
// group. An error means that nobody is left.
func signalGroup(p *os.Process, sig sysSignal) { _ = syscall.Kill(-p.Pid, sig) }
