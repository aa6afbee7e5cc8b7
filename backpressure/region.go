package backpressure

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
)

const (
	// RouteHeader of an answer names the [Route] that the request was served by.
	RouteHeader = "Evenkeel-Route"
	// HopsHeader of a request says how often it was passed on to another region.
	HopsHeader = "Evenkeel-Hops"
	// maxHops bounds what is read from the header.
	maxHops = 100
)

// HopsFrom reads [HopsHeader], 0 where there is none or nonsense. The gate does not
// look at it by itself: put it into [Caller].Hops in HandlerConfig.Caller, for
// requests that come from another region's gate.
func HopsFrom(r *http.Request) int {
	n, err := strconv.Atoi(r.Header.Get(HopsHeader))
	if err != nil || n < 0 {
		return 0
	}
	return min(n, maxHops)
}

// A RegionConfig configures [NewRegion].
type RegionConfig struct {
	// URL of the other region: scheme and host, and a path that goes before the
	// request's own.
	URL string
	// Transport passes requests on. Default [http.DefaultTransport].
	Transport http.RoundTripper
}

// NewRegion returns a handler for a [Route] with OtherRegion: it passes the request
// on to another region, with [HopsHeader] one higher, and the answer back as it
// comes, streams bit by bit. All headers of the request go along, credentials too.
//
// A request that was passed on before is answered with 503, whether its
// [Caller].Hops or its header says so. The header is anybody's to set, but all that
// it brings about is that this request stays here; so two regions do not pass a
// request to and fro even where no function reads the hops.
func NewRegion(cfg RegionConfig) (http.Handler, error) {
	to, err := url.Parse(cfg.URL)
	if err == nil && (to.Scheme != "http" && to.Scheme != "https" || to.Host == "") {
		err = errors.New("it must have a scheme, http or https, and a host")
	}
	if err != nil {
		return nil, fmt.Errorf("backpressure: region: URL %q: %w", cfg.URL, err)
	}
	proxy := &httputil.ReverseProxy{
		Transport: cfg.Transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.SetXForwarded()
			r.Out.Header.Set(HopsHeader, "1")
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			refuseRegion(w, "the other region cannot be reached")
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if callerOf(r.Context()).Hops > 0 || HopsFrom(r) > 0 {
			refuseRegion(w, "no region has room")
			return
		}
		proxy.ServeHTTP(w, r)
	}), nil
}

func refuseRegion(w http.ResponseWriter, why string) {
	w.Header().Set(ReasonHeader, Saturated.String())
	w.Header().Set("Retry-After", strconv.Itoa(unknownRetry))
	writeError(w, http.StatusServiceUnavailable, "server_error", Saturated.String(), why)
}
