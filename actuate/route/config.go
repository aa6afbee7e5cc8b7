package route

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Config describes a [Router]. The zero Config is usable.
type Config struct {
	// Health says how instances are checked.
	Health Health
	// Transport carries requests and health checks to the instances. Nil means
	// one of the Router's own: no environment proxy, a dial timeout of 2 s, and
	// idle connections closed after 4 s, before common servers close theirs
	// (uvicorn after 5 s), because a request that meets a closing connection
	// fails. Set it for TLS or h2c towards the instances.
	Transport http.RoundTripper
	// Scheme of the instances' addresses: "http" (default) or "https".
	Scheme string
	// TrustForwarded keeps the X-Forwarded-Host and -Proto of the incoming request
	// and adds to its X-Forwarded-For. Only for a Router behind a proxy that can be
	// trusted; by default what the client claims there is replaced.
	TrustForwarded bool
	// ExposeInstance names the chosen instance in the response header
	// Evenkeel-Instance.
	ExposeInstance bool
	// Logger for changes of health and failed requests; nil discards.
	Logger *slog.Logger
}

// Health describes the checks that [Router.Run] makes.
type Health struct {
	// Off turns the checks off. An instance whose connection was refused or
	// broken is then tried again after Interval.
	Off bool
	// Path to GET; default "/health". A status from 200 to 399 is a good answer.
	Path string
	// Interval between the beginnings of two checks of an instance; default 1 s.
	Interval time.Duration
	// Timeout of one check; default 1 s.
	Timeout time.Duration
	// Failures in a row after which an instance is taken out; default 2.
	Failures int
	// Concurrency is the most checks at a time over all instances; default 64.
	// Instances that hang hold their place for Timeout each.
	Concurrency int
}

// InstanceHeader is the response header that names the chosen instance, if
// Config.ExposeInstance is set.
const InstanceHeader = "Evenkeel-Instance"

// withDefaults returns c with every zero field filled in, or all that is wrong
// with it.
func (c Config) withDefaults() (Config, error) {
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("evenkeel: route: %s %s", field, fmt.Sprintf(format, args...)))
	}
	h := &c.Health
	if h.Path == "" {
		h.Path = "/health"
	} else if !strings.HasPrefix(h.Path, "/") {
		bad("Health.Path", "is %q: begin it with a slash", h.Path)
	}
	for _, d := range []struct {
		name string
		v    *time.Duration
	}{{"Health.Interval", &h.Interval}, {"Health.Timeout", &h.Timeout}} {
		if *d.v < 0 {
			bad(d.name, "is %v: use a positive duration, or 0 for 1s", *d.v)
		} else if *d.v == 0 {
			*d.v = time.Second
		}
	}
	for _, n := range []struct {
		name string
		v    *int
		def  int
	}{{"Health.Failures", &h.Failures, 2}, {"Health.Concurrency", &h.Concurrency, 64}} {
		if *n.v < 0 {
			bad(n.name, "is %d: use a positive number, or 0 for %d", *n.v, n.def)
		} else if *n.v == 0 {
			*n.v = n.def
		}
	}
	switch c.Scheme {
	case "":
		c.Scheme = "http"
	case "http", "https":
	default:
		bad("Scheme", "is %q: use http or https", c.Scheme)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, errors.Join(errs...)
}
