//go:build unix

package process

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/evenkeel/evenkeel/actuate/actuatetest"
)

func TestConformance(t *testing.T) {
	actuatetest.Run(t, func(t *testing.T) actuatetest.Harness {
		traffic := &load{}
		var mu sync.Mutex
		pids := map[string]int{}
		s, err := New(quick(Config{
			Command: self("serve"),
			Traffic: traffic,
			Event: func(e Event) {
				if f := strings.Fields(e.Detail); e.Kind == Started && len(f) > 1 {
					mu.Lock()
					defer mu.Unlock()
					pids[e.ID], _ = strconv.Atoi(f[1])
				}
			},
		}))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		return actuatetest.Harness{
			Target: s,
			TTL:    200 * time.Millisecond,
			Busy: func(id string, n int64) error {
				traffic.is(id, n)
				return nil
			},
			Kill: func(id string) error {
				mu.Lock()
				defer mu.Unlock()
				if pids[id] == 0 {
					return fmt.Errorf("%s has not been started", id)
				}
				return syscall.Kill(pids[id], syscall.SIGKILL)
			},
			Stop: func() error {
				cancel()
				select {
				case err := <-done:
					return err
				case <-time.After(10 * time.Second):
					return errors.New("Run does not end")
				}
			},
		}
	})
}
