//go:build !unix

package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// A guard ties children to the life of their parent. Here are neither process
// groups nor descriptors to hand down, so Run refuses.
type guard struct{}

func newGuard() (*guard, error) {
	return nil, fmt.Errorf("child processes on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

func (g *guard) close() {}

func (g *guard) hand(*exec.Cmd, []*os.File) {}

func attributes() *syscall.SysProcAttr { return nil }

func awaitExit(int) bool { return false }

type sysSignal = syscall.Signal

const (
	terminate = syscall.SIGTERM
	kill      = syscall.SIGKILL
)

func signalGroup(p *os.Process, _ sysSignal) { _ = p.Kill() }
