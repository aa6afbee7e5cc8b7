package process

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"
)

// lastWords is how long the output of a dead child may still flow: a descendant
// that left the process group could hold the pipe for ever.
const lastWords = 500 * time.Millisecond

// A child is one running process.
type child struct {
	path  string
	addr  string
	pid   int
	began time.Time
	took  time.Duration // valid once done
	out   *output
	cmd   *exec.Cmd
	// done is closed when the process is reaped and its output read.
	done chan struct{}

	mu     sync.Mutex
	reaped bool // its pid may belong to somebody else
}

// start starts a process for in.
func (s *Supervisor) start(in *instance, g *guard) (*child, error) {
	// The lives of an instance share nothing: not even the port, so that whatever
	// still knows the old one is refused rather than answered by a stranger.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("evenkeel: process: no port: %w", err)
	}
	// The parent must not keep the socket: connections to a dead child would
	// wait in its backlog instead of being refused.
	defer ln.Close()
	c := &child{
		addr: ln.Addr().String(),
		out:  &output{log: s.cfg.Logger.With("instance", in.id)},
		done: make(chan struct{}),
	}
	cmd, binds, err := s.command(in, c.addr)
	if err != nil {
		return nil, err
	}
	c.cmd = cmd
	c.path = c.cmd.Path
	c.cmd.SysProcAttr = attributes()
	var inherit []*os.File
	if binds {
		ln.Close() // the child opens the port anew
	} else {
		f, err := ln.(*net.TCPListener).File()
		if err != nil {
			return nil, fmt.Errorf("evenkeel: process: %w", err)
		}
		defer f.Close()
		inherit = append(inherit, f)
	}
	g.hand(c.cmd, inherit)
	return c, s.fork(c)
}

// fork starts the child on the forking thread and sets readers on its output.
func (s *Supervisor) fork(c *child) error {
	var pipes [2]*os.File
	for i, to := range []*io.Writer{&c.cmd.Stdout, &c.cmd.Stderr} {
		r, w, err := os.Pipe()
		if err != nil {
			pipes[0].Close() // nil is refused without harm
			return fmt.Errorf("evenkeel: process: %w", err)
		}
		defer w.Close()
		pipes[i], *to = r, w
	}
	started := make(chan error)
	s.forks <- func() { started <- c.cmd.Start() }
	if err := <-started; err != nil {
		pipes[0].Close()
		pipes[1].Close()
		if pe, ok := errors.AsType[*os.PathError](err); ok {
			err = pe.Err
		}
		return fmt.Errorf("evenkeel: process: cannot run %q: %w", c.path, err)
	}
	c.pid, c.began = c.cmd.Process.Pid, time.Now()
	var readers sync.WaitGroup
	readers.Go(func() { c.out.read(pipes[0], "stdout") })
	readers.Go(func() { c.out.read(pipes[1], "stderr") })
	go c.reap(&readers, pipes)
	return nil
}

// reap waits for the end of the process and for its last words.
func (c *child) reap(readers *sync.WaitGroup, pipes [2]*os.File) {
	defer close(c.done)
	// While the dead leader is not reaped its pid, and so the group's, belongs to
	// nobody else: the moment to end what is left of the group.
	seen := awaitExit(c.pid)
	if !seen {
		_ = c.cmd.Wait() // its outcome is in ProcessState
	}
	c.mu.Lock()
	signalGroup(c.cmd.Process, kill)
	c.reaped = true
	c.mu.Unlock()
	if seen {
		_ = c.cmd.Wait()
	}
	c.took = time.Since(c.began)
	late := time.AfterFunc(lastWords, func() {
		pipes[0].Close()
		pipes[1].Close()
	})
	readers.Wait()
	if late.Stop() {
		pipes[0].Close()
		pipes[1].Close()
	}
}

// signal sends a signal to the child's process group.
func (c *child) signal(sig sysSignal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.reaped {
		signalGroup(c.cmd.Process, sig)
	}
}

// report says how the process ended and why, as far as it said so itself.
func (c *child) report() string {
	how := "ended"
	if st := c.cmd.ProcessState; st != nil {
		how = st.String() // "exit status 3", "signal: killed"
	}
	s := fmt.Sprintf("%s: %s after %v", c.path, how, c.took.Round(time.Millisecond))
	if why := c.out.cause(); why != "" {
		s += ": " + why
	}
	return s
}
