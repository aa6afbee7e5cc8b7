package process

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
)

// maxLine is how much of a line of output is kept; the rest of it is read and
// dropped.
const maxLine = 4 << 10

// keptLines is how many of the last lines the cause of an exit is looked for in.
const keptLines = 40

// An output reads what one child writes.
type output struct {
	log *slog.Logger // with the instance's ID

	mu   sync.Mutex
	last []string // of standard error, oldest first
	out  string   // the last line of standard output
}

// read passes lines to the logger until the pipe ends.
func (o *output) read(r io.Reader, stream string) {
	lines := bufio.NewReaderSize(r, maxLine)
	for {
		line, more, err := lines.ReadLine()
		if err != nil {
			return
		}
		o.add(strings.ToValidUTF8(string(line), "?"), stream)
		for more && err == nil {
			_, more, err = lines.ReadLine()
		}
	}
}

func (o *output) add(line, stream string) {
	if strings.TrimSpace(line) == "" {
		return
	}
	o.log.LogAttrs(context.Background(), slog.LevelInfo, line, slog.String("stream", stream))
	o.mu.Lock()
	defer o.mu.Unlock()
	if stream == "stdout" {
		o.out = line
		return
	}
	if len(o.last) == keptLines {
		copy(o.last, o.last[1:])
		o.last = o.last[:keptLines-1]
	}
	o.last = append(o.last, line)
}

// cause returns the line that most likely says why the child ended: the last one
// on standard error, but of a Go program that panicked the line with the panic,
// which stack traces follow.
func (o *output) cause() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, line := range slices.Backward(o.last) {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return short(line)
		}
	}
	if n := len(o.last); n > 0 {
		return short(o.last[n-1])
	}
	return short(o.out)
}

// short keeps a line fit for one line of a status page.
func short(s string) string {
	const most = 300
	s = strings.TrimSpace(s)
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
