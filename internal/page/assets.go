package page

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
)

//go:embed assets
var embedded embed.FS

var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// An asset is one file of the page, with its fingerprint.
type asset struct {
	body []byte
	mime string
	etag string
}

// loadAssets returns the page's files by URL path.
func loadAssets() (map[string]asset, error) {
	files, err := fs.ReadDir(embedded, "assets")
	if err != nil {
		return nil, fmt.Errorf("evenkeel: page: %w", err)
	}
	out := make(map[string]asset, len(files))
	for _, f := range files {
		b, err := embedded.ReadFile("assets/" + f.Name())
		if err != nil {
			return nil, fmt.Errorf("evenkeel: page: %w", err)
		}
		sum := sha256.Sum256(b)
		url := "/" + f.Name()
		if f.Name() == "index.html" {
			url = "/"
		}
		out[url] = asset{b, contentTypes[path.Ext(f.Name())], `"` + hex.EncodeToString(sum[:12]) + `"`}
	}
	return out, nil
}

func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.mime)
	h.Set("Cache-Control", "no-cache") // keep it, but ask whether it is still the same
	h.Set("ETag", a.etag)
	if r.Header.Get("If-None-Match") == a.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	_, _ = w.Write(a.body) // the client may be gone
}
