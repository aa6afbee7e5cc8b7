//go:build unix && !linux

package process

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// A guard ties children to the life of their parent: a pipe that nobody writes
// to, whose reading end each child may watch. It ends when the parent does.
type guard struct{ r, w *os.File }

func newGuard() (*guard, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &guard{r, w}, nil
}

func (g *guard) close() {
	g.w.Close()
	g.r.Close()
}

// hand passes the files down from descriptor 3 on, and the pipe after them.
func (g *guard) hand(cmd *exec.Cmd, files []*os.File) {
	cmd.Env = append(cmd.Env, fmt.Sprintf("%s=%d", EnvParentFD, 3+len(files)))
	cmd.ExtraFiles = append(files, g.r)
}

// attributes makes the child the leader of a group of its own.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// awaitExit reports that an exit cannot be seen here without reaping.
func awaitExit(int) bool { return false }
