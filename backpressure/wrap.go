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

// An exchange is all that the gate keeps of one request, in one piece of memory.
type exchange struct {
	watcher
	ctx permitContext
}

// wrap returns a ResponseWriter before w, with the optional methods that w has,
// and the exchange in it.
func wrap(w http.ResponseWriter) (http.ResponseWriter, *exchange) {
	_, canFlush := w.(http.Flusher)
	_, canHijack := w.(http.Hijacker)
	_, canCopy := w.(io.ReaderFrom)
	switch {
	case canFlush && canHijack && canCopy:
		x := &struct {
			exchange
			flusher
			hijacker
			copier
		}{}
		x.flusher.w, x.hijacker.w, x.copier.w = &x.watcher, &x.watcher, &x.watcher
		return x, x.before(w)
	case canFlush && canHijack:
		x := &struct {
			exchange
			flusher
			hijacker
		}{}
		x.flusher.w, x.hijacker.w = &x.watcher, &x.watcher
		return x, x.before(w)
	case canFlush && canCopy:
		x := &struct {
			exchange
			flusher
			copier
		}{}
		x.flusher.w, x.copier.w = &x.watcher, &x.watcher
		return x, x.before(w)
	case canHijack && canCopy:
		x := &struct {
			exchange
			hijacker
			copier
		}{}
		x.hijacker.w, x.copier.w = &x.watcher, &x.watcher
		return x, x.before(w)
	case canFlush:
		x := &struct {
			exchange
			flusher
		}{}
		x.w = &x.watcher
		return x, x.before(w)
	case canHijack:
		x := &struct {
			exchange
			hijacker
		}{}
		x.w = &x.watcher
		return x, x.before(w)
	case canCopy:
		x := &struct {
			exchange
			copier
		}{}
		x.w = &x.watcher
		return x, x.before(w)
	}
	x := &exchange{}
	return x, x.before(w)
}

func (x *exchange) before(w http.ResponseWriter) *exchange {
	x.ResponseWriter = w
	return x
}
