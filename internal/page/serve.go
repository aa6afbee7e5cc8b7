package page

import (
	"io"
	"net/http"
	"path"
	"strconv"
)

// ServeHTTP implements [http.Handler].
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protect(w.Header())
	if !p.answers(r.Host) {
		http.Error(w, "This page is not served under that host name. Add it to the allowed hosts if it should be.", http.StatusMisdirectedRequest)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "This page can only be read.", http.StatusMethodNotAllowed)
		return
	}
	switch r.URL.Path {
	case "":
		// Mounted under a path and asked for without its last slash: relative links
		// would miss. The answer stays relative, so it cannot lead elsewhere.
		w.Header().Set("Location", "./"+path.Base(r.RequestURI)+"/")
		w.WriteHeader(http.StatusPermanentRedirect)
	case "/state.json":
		p.mu.Lock()
		b := p.state
		p.mu.Unlock()
		writeJSON(w, b)
	case "/history.json":
		p.serveHistory(w, r)
	case "/journal":
		p.serveJournal(w, r)
	case "/explain":
		p.serveExplain(w, r)
	default:
		if a, ok := p.assets[r.URL.Path]; ok {
			a.serve(w, r)
			return
		}
		http.NotFound(w, r)
	}
}

func (p *Page) serveHistory(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var since int64
	if s := q.Get("since"); s != "" {
		var err error
		if since, err = strconv.ParseInt(s, 10, 64); err != nil {
			http.Error(w, "since must be a whole number of milliseconds since 1970.", http.StatusBadRequest)
			return
		}
	}
	p.mu.Lock()
	h := p.history[q.Get("pool")]
	p.mu.Unlock()
	if h == nil {
		http.Error(w, "There is no such pool.", http.StatusNotFound)
		return
	}
	writeJSON(w, h.AppendJSON(nil, since))
}

func (p *Page) serveJournal(w http.ResponseWriter, r *http.Request) {
	if p.cfg.Journal == nil {
		http.Error(w, "No journal is kept.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if r.Method == http.MethodHead {
		return
	}
	c := &counter{w: w}
	if err := p.cfg.Journal(r.Context(), c); err != nil && r.Context().Err() == nil {
		p.cfg.Log.Warn("page: the journal could not be shown to its end", "error", err)
		if c.n == 0 {
			http.Error(w, "The journal could not be read.", http.StatusInternalServerError)
			return
		}
		// The status is long sent: a last line says that something is missing.
		_, _ = io.WriteString(w, "{\"incomplete\":true}\n") // the client may be gone
	}
}

func (p *Page) serveExplain(w http.ResponseWriter, r *http.Request) {
	if p.cfg.Explain == nil {
		http.Error(w, "No decision is explained here.", http.StatusNotFound)
		return
	}
	text, ok := p.cfg.Explain(r.URL.Query().Get("pool"))
	if !ok {
		http.Error(w, "There is no such pool, or nothing was decided for it by this process.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = io.WriteString(w, text) // the client may be gone
}

// A counter knows how much has gone through it.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

func writeJSON(w http.ResponseWriter, b []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	// net/http leaves the body out for HEAD; the client may be gone.
	_, _ = w.Write(b)
}
