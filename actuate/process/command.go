package process

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// command returns what to run for in at addr, and whether that binds
// the address itself.
func (s *Supervisor) command(in *instance, addr string) (*exec.Cmd, bool, error) {
	cmd := s.cfg.Command
	cmd.Args, cmd.Env = slices.Clone(cmd.Args), slices.Clone(cmd.Env)
	if s.cfg.Prepare != nil {
		s.mu.Lock()
		restarts := in.restarts
		s.mu.Unlock()
		if err := s.cfg.Prepare(Launch{ID: in.id, Addr: addr, Slot: in.slot, Restarts: restarts}, &cmd); err != nil {
			return nil, false, fmt.Errorf("evenkeel: process: Prepare: %w", err)
		}
	}
	path, err := resolve(cmd.Path)
	if err != nil {
		return nil, false, err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, false, fmt.Errorf("evenkeel: process: %w", err)
	}
	words := strings.NewReplacer("{addr}", addr, "{host}", host, "{port}", port, "{id}", in.id)
	for i := range cmd.Args {
		cmd.Args[i] = words.Replace(cmd.Args[i])
	}
	out := exec.Command(path, cmd.Args...)
	out.Dir = cmd.Dir
	out.Env = environment(cmd.Env, words)
	out.Env = append(out.Env, EnvInstance+"="+in.id, EnvListenAddr+"="+addr)
	if !cmd.Binds {
		out.Env = append(out.Env, EnvListenFD+"=3")
	}
	return out, cmd.Binds, nil
}

// environment returns the parent's PATH and HOME and what is listed, in which
// the last of a name counts.
func environment(listed []string, words *strings.Replacer) []string {
	var env []string
	for _, kv := range slices.Concat([]string{"PATH", "HOME"}, listed) {
		if name, v, ok := strings.Cut(kv, "="); ok {
			env = append(env, name+"="+words.Replace(v))
		} else if v, ok := os.LookupEnv(kv); ok {
			env = append(env, kv+"="+v)
		}
	}
	return env
}

// resolve returns the absolute path of a program that can be run.
func resolve(path string) (string, error) {
	found, err := exec.LookPath(path)
	if err == nil {
		found, err = filepath.Abs(found)
	}
	if err != nil {
		// The reason alone: LookPath's own words repeat the path.
		if ee, ok := errors.AsType[*exec.Error](err); ok {
			err = ee.Err
		}
		if pe, ok := errors.AsType[*os.PathError](err); ok {
			err = pe.Err
		}
		return "", fmt.Errorf("evenkeel: process: cannot run %q: %w", path, err)
	}
	return found, nil
}
