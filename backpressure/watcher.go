package backpressure

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
)

// bytesPerToken turns text into tokens, roughly, where nothing better is known.
const bytesPerToken = 4

// A watcher is a ResponseWriter that sees the first token and counts the rest.
type watcher struct {
	http.ResponseWriter
	permit  Permit
	whole   bool
	bound   int64 // of the output, 0 if there is none
	count   func(http.Header, []byte) int
	status  int
	started bool   // a byte of the body was written
	events  bool   // the body is a text/event-stream
	flushed bool   // the handler sends the body bit by bit
	line    []byte // start of the unfinished line of an event stream, cut short
	rest    int    // bytes not yet counted as tokens
}

// Unwrap is for http.ResponseController.
func (w *watcher) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *watcher) WriteHeader(status int) {
	if w.status == 0 && status >= 200 { // 1xx are not the answer
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *watcher) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.wrote(p[:max(n, 0)])
	return n, err
}

// wrote takes note of a piece of the body that went out.
func (w *watcher) wrote(p []byte) {
	if len(p) == 0 {
		return
	}
	if w.status == 0 {
		w.status = http.StatusOK
	}
	if w.status >= http.StatusBadRequest {
		return // an error's text is no output
	}
	if !w.started {
		w.started = true
		w.events = strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream")
	}
	switch {
	case w.count != nil:
		w.made(w.count(w.Header(), p))
	case w.events:
		w.made(w.countEvents(p))
	default:
		w.plain(len(p))
	}
}

// plain takes note of n bytes of a body that is no event stream. Unless the
// handler flushes, all of it goes out at the end, and there is no first token.
func (w *watcher) plain(n int) {
	w.rest += n
	if w.flushed {
		w.made(w.rest / bytesPerToken)
		w.rest %= bytesPerToken
	}
}

// made reports n tokens of a stream. A whole answer has no first token that could
// be seen; its tokens count only for the mean output.
func (w *watcher) made(n int) {
	if w.whole {
		w.permit.output(n)
		return
	}
	w.permit.Tokens(n)
}

// finish counts what is left when the handler has returned. A whole answer has
// more bytes than its text; there are never more tokens than were asked for.
func (w *watcher) finish() {
	if w.rest > 0 {
		n := (w.rest + bytesPerToken - 1) / bytesPerToken
		if w.whole && w.bound > 0 {
			n = int(min(int64(n), w.bound))
		}
		w.permit.output(n)
		w.rest = 0
	}
}

var (
	dataField = []byte("data:")
	doneEvent = []byte("data: [DONE]")
)

// countEvents counts the lines of an event stream that begin with "data:", but
// for the last one, "data: [DONE]". A line may come in pieces.
func (w *watcher) countEvents(p []byte) (n int) {
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		part := p
		if end >= 0 {
			part = p[:end]
		}
		if room := len(doneEvent) + 1 - len(w.line); room > 0 {
			w.line = append(w.line, part[:min(room, len(part))]...)
		}
		if end < 0 {
			return n
		}
		if bytes.HasPrefix(w.line, dataField) && !bytes.Equal(bytes.TrimRight(w.line, "\r"), doneEvent) {
			n++
		}
		w.line = w.line[:0]
		p = p[end+1:]
	}
	return n
}

// flush sends what was written to the client.
func (w *watcher) flush() {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	w.flushed = true
	w.plain(0)
	_ = http.NewResponseController(w.ResponseWriter).Flush() // wrap has checked that it can
}

func (w *watcher) hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil && w.status == 0 {
		w.status = http.StatusSwitchingProtocols // whatever is said now, it is not by w
	}
	return conn, rw, err
}

// readFrom copies through the server's own ReadFrom, so that a file still goes
// out by sendfile. Of such an answer only the length is counted.
func (w *watcher) readFrom(src io.Reader) (int64, error) {
	if w.events || w.count != nil || strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream") {
		return io.Copy(justWriter{w}, src) // every event must be seen
	}
	n, err := w.ResponseWriter.(io.ReaderFrom).ReadFrom(src)
	if n > 0 && w.status < http.StatusBadRequest {
		w.started = true
		if w.status == 0 {
			w.status = http.StatusOK
		}
		w.plain(int(n))
	}
	return n, err
}

// A justWriter hides every method but Write.
type justWriter struct{ w io.Writer }

func (j justWriter) Write(p []byte) (int, error) { return j.w.Write(p) }
