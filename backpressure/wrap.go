package backpressure

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// Handlers find out what a ResponseWriter can do by type assertions, so the one
// they get must have exactly the optional methods of the server's: a Flush that
// does nothing would break a stream without a word.
type (
	flusher  struct{ w *watcher }
	hijacker struct{ w *watcher }
	copier   struct{ w *watcher }
)

func (f flusher) Flush()                                        { f.w.flush() }
func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) { return h.w.hijack() }
func (c copier) ReadFrom(src io.Reader) (int64, error)          { return c.w.readFrom(src) }

// wrap returns w with the optional methods that its server's writer has.
func (w *watcher) wrap() http.ResponseWriter {
	f, h, c := flusher{w}, hijacker{w}, copier{w}
	_, canFlush := w.ResponseWriter.(http.Flusher)
	_, canHijack := w.ResponseWriter.(http.Hijacker)
	_, canCopy := w.ResponseWriter.(io.ReaderFrom)
	switch {
	case canFlush && canHijack && canCopy:
		return struct {
			*watcher
			flusher
			hijacker
			copier
		}{w, f, h, c}
	case canFlush && canHijack:
		return struct {
			*watcher
			flusher
			hijacker
		}{w, f, h}
	case canFlush && canCopy:
		return struct {
			*watcher
			flusher
			copier
		}{w, f, c}
	case canHijack && canCopy:
		return struct {
			*watcher
			hijacker
			copier
		}{w, h, c}
	case canFlush:
		return struct {
			*watcher
			flusher
		}{w, f}
	case canHijack:
		return struct {
			*watcher
			hijacker
		}{w, h}
	case canCopy:
		return struct {
			*watcher
			copier
		}{w, c}
	}
	return w
}
