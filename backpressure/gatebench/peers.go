package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// The Go packages that are measured beside, with their documented defaults.
var (
	slotPeers = []string{
		"failsafe", "failsafe-queue", // failsafe-go's adaptive limiter, that refuses or queues
		"failsafe-throttler",               // its adaptive throttler
		"aegis-bbr-idle", "aegis-bbr-busy", // Kratos aegis, the host's CPU idle or busy
		"aegis-sre",                  // its breaker by the SRE rule
		"gozero-idle", "gozero-busy", // go-zero's shedder, the host's CPU idle or busy
		"x-semaphore-wait", // x/sync's, told the slots, waited for until the client leaves
		"x-rate",           // x/time's, told the capacity
	}
	enginePeers   = []string{"failsafe", "failsafe-queue", "aegis-bbr-idle", "aegis-bbr-busy", "aegis-sre", "gozero-idle", "gozero-busy"}
	unitPeers     = []string{"failsafe", "failsafe-queue"}
	callerPeers   = []string{"failsafe", "failsafe-priority", "aegis-bbr-busy"} // with its usage tracker
	retryPeers    = []string{"failsafe", "failsafe-queue", "aegis-bbr-busy"}
	peersVariable = "EVENKEEL_GATEBENCH" // names what the test is to run, as JSON
)

// An errand is what this command tells the test to run.
type errand struct {
	Out       string // the file to write the cells to, as lines of JSON
	Scenarios []string
	Policies  []string
	Seeds     int
}

func isPeer(policy string) bool {
	return slices.Contains(slotPeers, policy) || slices.Contains(callerPeers, policy)
}

// runPeers has the test run what p wants of the peers. They need a testing.T, because
// testing/synctest does: virtual time for code with goroutines and clocks of its own.
func (p plan) runPeers(ctx context.Context) (cells []cell, err error) {
	const pkg = "github.com/evenkeel/evenkeel/backpressure/gatebench"
	tool, err := exec.LookPath("go")
	if err != nil {
		return nil, fmt.Errorf("the Go tool is not there: %w", err)
	}
	dir, err := os.MkdirTemp("", "gatebench")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	e := errand{Out: filepath.Join(dir, "cells"), Scenarios: nameAll(p.scenarios), Policies: p.policies, Seeds: p.seeds}
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, tool, "test", "-count=1", "-timeout=2h", "-run=^TestPeers$", pkg)
	cmd.Env = append(os.Environ(), peersVariable+"="+string(text))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("go test %s: %w: %s", pkg, err, lastLines(out.String(), 5))
	}
	return readCells(e.Out)
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "; ")
}

func readCells(name string) ([]cell, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var cells []cell
	for dec := json.NewDecoder(f); ; {
		var c cell
		if err := dec.Decode(&c); errors.Is(err, io.EOF) {
			return cells, nil
		} else if err != nil {
			return nil, err
		}
		cells = append(cells, c)
	}
}
