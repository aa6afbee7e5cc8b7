package actuatetest

import (
	"bytes"
	"context"
	"fmt"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A mark is a profiler label on the goroutine of a check. Goroutines inherit the
// labels of the one that starts them, so those of other tests are not counted.
type label string

var marks atomic.Uint64

const labelKey = "actuatetest"

func mark() label {
	l := label(fmt.Sprint("check-", marks.Add(1)))
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels(labelKey, string(l))))
	return l
}

// clear takes the label off the calling goroutine.
func (l label) clear() { pprof.SetGoroutineLabels(context.Background()) }

// gone waits until no goroutine has the label, and fails the check if one stays.
func (l label) gone(t testing.TB, within time.Duration) {
	t.Helper()
	l.clear() // the caller is not one of them
	deadline := time.Now().Add(within)
	for {
		left := l.stacks()
		if left == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("goroutines left %v after Stop:\n%s", within, left)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// stacks returns the stacks of the goroutines with the label.
func (l label) stacks() string {
	var all bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&all, 1); err != nil {
		return err.Error()
	}
	var left []string
	needle := fmt.Sprintf("%q:%q", labelKey, string(l))
	for block := range strings.SplitSeq(all.String(), "\n\n") {
		if strings.Contains(block, needle) {
			left = append(left, block)
		}
	}
	return strings.Join(left, "\n\n")
}
