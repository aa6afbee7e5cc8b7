package page

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func TestHost(t *testing.T) {
	p := newPage(t, Config{AllowedHosts: []string{"Keel.example.com", "10.0.0.7", "fd00::7"}})
	for host, ok := range map[string]bool{
		"localhost": true, "localhost:8080": true, "LOCALHOST.": true, "127.0.0.1:1": true, "127.8.8.8": true, "[::1]:80": true, "[::1]": true,
		"keel.example.com": true, "keel.example.com:443": true, "10.0.0.7:9": true, "[fd00::7]:9": true, "[FD00:0::7]": true, "[::ffff:127.0.0.1]:80": true,
		"": false, "evil.example": false, "evil.example:8080": false, "localhost.evil.example": false, "keel.example.com.evil.example": false,
		"10.0.0.8": false, "127.0.0.1.nip.io": false, "localhost@evil.example": false, "[::1": true, "evil.example#localhost": false,
	} {
		for _, path := range []string{"/", "/state.json", "/history.json", "/journal", "/explain", "/main.js", ""} {
			r := httptest.NewRequest("GET", "/", nil)
			r.URL.Path, r.Host = path, host
			w := httptest.NewRecorder()
			p.ServeHTTP(w, r)
			if refused := w.Code == http.StatusMisdirectedRequest; refused == ok {
				t.Errorf("host %q, path %q: status %d", host, path, w.Code)
			}
		}
	}
}

func TestAllowedHostsAreChecked(t *testing.T) {
	for _, bad := range []string{"", "https://a.example", "a.example:80", "*.example.com", "a b", "a/b", "[::1]"} {
		if _, err := New(Config{AllowedHosts: []string{"ok.example", bad}}); err == nil || !strings.Contains(err.Error(), "AllowedHosts") {
			t.Errorf("%q: error %v, want one that names AllowedHosts", bad, err)
		}
	}
}

func TestMethods(t *testing.T) {
	p := newPage(t, Config{Explain: func(string) (string, bool) { return "stays at 2", true }})
	if err := p.Update(full()); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/state.json", "/history.json?pool=chat", "/explain?pool=chat", "/page.css", "/nothing"} {
		for _, m := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get"} {
			if w := get(p, m, path); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: status %d, Allow %q", m, path, w.Code, w.Header().Get("Allow"))
			}
		}
		if g, h := get(p, "GET", path), get(p, "HEAD", path); g.Code != h.Code || g.Header().Get("Content-Length") != h.Header().Get("Content-Length") {
			t.Errorf("HEAD %s differs from GET: %d %d", path, h.Code, g.Code)
		}
	}
}

func TestEveryAnswerIsProtected(t *testing.T) {
	p := newPage(t, Config{})
	answers := map[string]*httptest.ResponseRecorder{"post": get(p, "POST", "/")}
	for _, path := range []string{"/", "/state.json", "/history.json", "/history.json?since=x", "/journal", "/explain", "/main.js", "/../page.go", "/nothing"} {
		answers[path] = get(p, "GET", path)
	}
	foreign := httptest.NewRecorder()
	p.ServeHTTP(foreign, httptest.NewRequest("GET", "http://evil.example/", nil))
	answers["foreign host"] = foreign
	for name, w := range answers {
		h := w.Header()
		csp := h.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} {
			if !strings.Contains(csp+";", part+";") {
				t.Errorf("%s: policy lacks %s: %s", name, part, csp)
			}
		}
		if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") || strings.Contains(csp, "http") {
			t.Errorf("%s: loose policy: %s", name, csp)
		}
		for k, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
			"Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Access-Control-Allow-Origin": "",
		} {
			if h.Get(k) != want {
				t.Errorf("%s: %s is %q, want %q", name, k, h.Get(k), want)
			}
		}
		if cc := h.Get("Cache-Control"); cc != "no-store" && cc != "no-cache" {
			t.Errorf("%s: Cache-Control %q", name, cc)
		}
	}
}

// The files keep to the policy: nothing inline, nothing from elsewhere, no markup
// made from strings.
func TestAssetsKeepToThePolicy(t *testing.T) {
	assets, err := loadAssets()
	if err != nil {
		t.Fatal(err)
	}
	banned := map[string]*regexp.Regexp{
		".html": regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script[^>]*>[^<]|https?:|//[a-z]`),
		".css":  regexp.MustCompile(`(?i)@import|url\(|https?:`),
		".js":   regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|createContextualFragment|setAttribute\("style|https?://(?:[^w]|w[^w])`),
	}
	for name, a := range assets {
		ext := name[strings.LastIndexByte(name, '.')+1:]
		if name == "/" {
			ext = "html"
		}
		if a.mime == "" {
			t.Errorf("%s has no content type", name)
		}
		if re := banned["."+ext]; re != nil {
			if m := re.FindString(string(a.body)); m != "" {
				t.Errorf("%s has %q", name, m)
			}
		}
	}
	// Everything the page refers to is there.
	for _, m := range regexp.MustCompile(`(?:src|href)="([a-z]+\.(?:js|css|svg))"|from "\./([a-z]+\.js)"`).FindAllStringSubmatch(joined(assets), -1) {
		if _, ok := assets["/"+m[1]+m[2]]; !ok {
			t.Errorf("%s is referred to and missing", m[1]+m[2])
		}
	}
}

func joined(assets map[string]asset) string {
	var b strings.Builder
	for _, a := range assets {
		b.Write(a.body)
	}
	return b.String()
}

func TestAssetsAreFetchedOnce(t *testing.T) {
	p := newPage(t, Config{})
	tag := get(p, "GET", "/main.js").Header().Get("ETag")
	r := httptest.NewRequest("GET", "/main.js", nil)
	r.Host = "localhost"
	r.Header.Set("If-None-Match", tag)
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	if tag == "" || w.Code != http.StatusNotModified || w.Body.Len() != 0 {
		t.Errorf("tag %q: status %d, %d bytes", tag, w.Code, w.Body.Len())
	}
}

func TestMountedWithoutSlash(t *testing.T) {
	srv := httptest.NewServer(http.StripPrefix("/ops/keel", newPage(t, Config{})))
	defer srv.Close()
	res, err := srv.Client().Get(srv.URL + "/ops/keel")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Request.URL.Path; res.StatusCode != 200 || got != "/ops/keel/" {
		t.Errorf("status %d at %s, want 200 at /ops/keel/", res.StatusCode, got)
	}
}

func TestHistoryArguments(t *testing.T) {
	p := newPage(t, Config{})
	if err := p.Update(full()); err != nil {
		t.Fatal(err)
	}
	for target, code := range map[string]int{
		"/history.json?pool=chat": 200, "/history.json?pool=chat&since=0": 200, "/history.json?pool=chat&since=-5": 200,
		"/history.json?pool=chat&since=x": 400, "/history.json?pool=chat&since=1e3": 400, "/history.json?pool=chat&since=99999999999999999999": 400,
		"/history.json": 404, "/history.json?pool=other": 404,
	} {
		if w := get(p, "GET", target); w.Code != code {
			t.Errorf("%s: status %d, want %d", target, w.Code, code)
		}
	}
}
