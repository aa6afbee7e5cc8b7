package process

import (
	"os"
	"os/exec"
	"syscall"
	"unsafe"
)

// A guard ties children to the life of their parent. On Linux the kernel does it
// by itself, see attributes.
type guard struct{}

func newGuard() (*guard, error) { return &guard{}, nil }

func (g *guard) close() {}

// hand passes the files down from descriptor 3 on.
func (g *guard) hand(cmd *exec.Cmd, files []*os.File) { cmd.ExtraFiles = files }

// attributes makes the child the leader of a group of its own and has the kernel
// kill it when the thread that forks it ends. Package syscall closes the gap in
// which the parent dies before the child has asked for that: the child compares
// its parent's pid after it has asked.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitExit waits until the process has ended, leaves it to be reaped, and reports
// whether it could.
func awaitExit(pid int) bool {
	const (
		byPID = 1           // P_PID
		flags = 0x4 | 1<<24 // WEXITED | WNOWAIT
	)
	var info [128]byte // siginfo_t, which nobody reads
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, byPID, uintptr(pid), uintptr(unsafe.Pointer(&info)), flags, 0, 0)
		if errno != syscall.EINTR {
			return errno == 0
		}
	}
}
