package emulator

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/evenkeel/evenkeel/decide/simulate/llm"
)

// writeLimit is how long a client may leave a chunk unread before it counts as
// gone.
const writeLimit = 30 * time.Second

// serveCompletion takes one request from its body to its last token.
func (s *Server) serveCompletion(w http.ResponseWriter, r *http.Request, f form) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			fail(w, http.StatusRequestEntityTooLarge, err.Error())
		}
		return // else the client left
	}
	req, prompt, output, err := parse(body, s.cfg.ServedName)
	var st *stream
	if err == nil {
		st, err = s.open(prompt, output)
	}
	if err != nil {
		status := http.StatusServiceUnavailable
		if bad := (badRequest{}); errors.As(err, &bad) {
			status = bad.status
		} else if errors.Is(err, llm.ErrTooLong) || errors.Is(err, llm.ErrRequest) {
			status = http.StatusBadRequest
		}
		fail(w, status, err.Error())
		return
	}
	defer s.drop(st) // finds nothing if it ran to its end

	c := newChunks(f, s.name, st, output)
	if req.Stream {
		s.stream(w, r, st, c, req.StreamOptions.IncludeUsage)
		return
	}
	for seen, done := int64(0), false; !done; {
		if seen, done, err = s.next(r.Context(), st, seen); err != nil {
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(c.whole()) // the client left: nobody to tell
}

// stream writes one server-sent event a token, as the tokens come. A client that
// reads slowly gets several in one write, and holds up nobody else.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, st *stream, c *chunks, usage bool) {
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	var buf []byte
	for sent, done := int64(0), false; !done; {
		var tokens int64
		var err error
		if tokens, done, err = s.next(r.Context(), st, sent); err != nil {
			return
		}
		for sent < tokens {
			buf = buf[:0]
			for ; sent < tokens && len(buf) < 16<<10; sent++ {
				buf = append(buf, c.token(sent)...)
			}
			if done && sent == tokens {
				buf = c.appendEnd(buf, usage)
			}
			// Not every writer has deadlines; those of net/http have.
			_ = out.SetWriteDeadline(time.Now().Add(writeLimit))
			if _, err := w.Write(buf); err != nil {
				return
			}
			if err := out.Flush(); err != nil {
				return
			}
		}
	}
	_ = out.SetWriteDeadline(time.Time{})
}
