package page

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// policy lets the page use its own files and nothing else: no inline script or
// style, no eval, no markup made from strings, no frame, no form.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

func protect(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Cache-Control", "no-store")
}

// answers reports whether requests for the Host header h are answered: those to
// this machine itself, and to the configured names.
func (p *Page) answers(h string) bool {
	name := hostOf(h)
	a, err := netip.ParseAddr(name)
	return err == nil && a.IsLoopback() || p.hosts[name]
}

// allowed returns the set of host names that are answered.
func allowed(names []string) (map[string]bool, error) {
	hosts := map[string]bool{"localhost": true}
	var errs []error
	for _, n := range names {
		if _, err := netip.ParseAddr(n); err != nil && (n == "" || strings.ContainsAny(n, "*/:@ []")) {
			errs = append(errs, fmt.Errorf("evenkeel: page: AllowedHosts has %q: give a host name or address alone, without scheme, port or wildcard", n))
			continue
		}
		hosts[hostOf(n)] = true
	}
	return hosts, errors.Join(errs...)
}

// hostOf returns the name in a Host header: lower case, without port, brackets
// or last dot.
func hostOf(h string) string {
	if name, _, err := net.SplitHostPort(h); err == nil {
		h = name
	}
	h = strings.TrimSuffix(strings.TrimPrefix(h, "["), "]")
	h = strings.ToLower(strings.TrimSuffix(h, "."))
	if a, err := netip.ParseAddr(h); err == nil {
		return a.String()
	}
	return h
}
